"""What the played Leonardo.Ai takes, refuses and remembers."""

import base64
import io
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import pytest
from PIL import Image

from packshot.sandbox.leonardo_books import LeonardoAccount, LeonardoSettings
from tests.flows.served import soon
from tests.sandbox.calling import Caller, picture

KEY = "00000000-0000-4000-8000-00000000000a"
BEARER = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture
def books(api: Caller) -> Iterator[LeonardoAccount]:
    """A full account and no switch turned."""
    account = api.state.played["leonardo"]
    assert isinstance(account, LeonardoAccount)
    account.settings = LeonardoSettings()
    account.reset()
    return account


def source(content: bytes | None = None) -> dict[str, Any]:
    """A picture that travels within the call."""
    return {"type": "BASE64", "data": base64.b64encode(content or picture()).decode()}


def order(image: dict[str, Any] | None = None, **parameters: object) -> dict[str, Any]:
    """A request's body."""
    guidances = {"image_reference": [{"image": image or source()}]}
    asked = {"size": "full", "format": "png", "guidances": guidances, **parameters}
    return {"model": "remove-bg", "public": False, "parameters": asked}


def post(api: Caller, path: str, body: object, **headers: str) -> httpx.Response:
    """One call with a good key."""
    return api.http.post(f"/api/rest{path}", json=body, headers=BEARER | headers)


def get(api: Caller, path: str) -> Any:  # noqa: ANN401  any JSON
    """What an endpoint tells."""
    return api.http.get(f"/api/rest{path}", headers=BEARER).json()


def cut(api: Caller, body: object | None = None, path: str = "/v2/generationssync") -> Any:  # noqa: ANN401  any JSON
    """What a good call tells."""
    answer = post(api, path, body or order())
    assert answer.status_code == 200, answer.text
    return answer.json()


def fetched(url: str) -> Image.Image:
    """The picture at an address, which needs no key."""
    return Image.open(io.BytesIO(httpx.get(url).content))


def test_the_answer_is_wrapped_and_says_null(api: Caller, books: LeonardoAccount) -> None:
    """As programs have met it: a price in dollars, and an address."""
    told = cut(api)["generateSync"]
    assert (told["blockedCount"], told["cost"]) == (0, {"amount": "0.1047", "unit": "DOLLARS"})
    (result,) = told["results"]
    assert result["dataB64"] is None
    assert (result["contentType"], result["width"], result["height"]) == ("image/png", 400, 300)
    assert fetched(result["url"]).size == (400, 300)
    assert httpx.get(result["url"]).headers["content-type"] == "application/octet-stream"
    assert (books.charged_calls, books.charged) == (1, 0.1047)


def test_the_answer_may_be_flat_and_short(api: Caller, books: LeonardoAccount) -> None:
    """As the documents have it."""
    books.change({"envelope": "flat", "absent": "left_out", "cost": "absent"})
    told = cut(api)
    assert set(told) == {"id", "blockedCount", "results"}
    assert "dataB64" not in told["results"][0]
    assert set(cut(api, path="/v2/generations")) == {"generationId"}


def test_the_price_may_be_in_credits_and_is_less_for_a_preview(
    api: Caller, books: LeonardoAccount
) -> None:
    """By size, as one sample suggests."""
    told = cut(api, order(size="preview"))["generateSync"]
    assert told["cost"]["amount"] == "0.0269"
    books.change({"cost": "CREDITS"})
    assert cut(api)["generateSync"]["cost"] == {"amount": "69.8", "unit": "CREDITS"}


def test_a_result_may_come_inline(api: Caller, books: LeonardoAccount) -> None:
    """In place of the address, up to a size."""
    (result,) = cut(api, order() | {"base64": True})["generateSync"]["results"]
    assert base64.b64decode(result["dataB64"]).startswith(b"\x89PNG")
    assert result["url"] is None
    books.change({"data_b64_bytes": 10})
    assert "errors" in cut(api, order() | {"base64": True})
    assert books.charged_calls == 1


def test_an_ephemeral_address_is_signed_and_dies(api: Caller, books: LeonardoAccount) -> None:
    """Its query is kept byte for byte, and not for long."""
    (result,) = cut(api, order() | {"ephemeral": True})["generateSync"]["results"]
    url = result["url"]
    assert fetched(url).size == (400, 300)
    changed = httpx.get(url + "0")
    assert (changed.status_code, "SignatureDoesNotMatch" in changed.text) == (403, True)
    books.change({"ephemeral_seconds": 0.01})
    (result,) = cut(api, order() | {"ephemeral": True})["generateSync"]["results"]
    time.sleep(0.05)
    assert httpx.get(result["url"]).status_code == 403


def test_a_job_is_pending_and_then_complete(api: Caller, books: LeonardoAccount) -> None:
    """For as many looks as were set; an unknown one is null."""
    job = cut(api, path="/v2/generations")["generate"]
    assert job["cost"] == {"amount": "0.1047", "unit": "DOLLARS"}
    rows = [get(api, f"/v1/generations/{job['generationId']}") for _ in range(2)]
    pending, done = (row["generations_by_pk"] for row in rows)
    assert (pending["status"], pending["generated_images"]) == ("PENDING", [])
    assert done["status"] == "COMPLETE"
    assert fetched(done["generated_images"][0]["url"]).size == (400, 300)
    assert get(api, "/v1/generations/none") == {"generations_by_pk": None}
    again = order({"type": "GENERATED", "id": done["generated_images"][0]["id"]})
    assert "generateSync" in cut(api, again)
    api.http.delete(f"/api/rest/v1/generations/{job['generationId']}", headers=BEARER)
    assert get(api, f"/v1/generations/{job['generationId']}") == {"generations_by_pk": None}
    assert books.charged_calls == 2


@pytest.mark.parametrize("charged", [True, False])
def test_a_job_may_fail(api: Caller, books: LeonardoAccount, charged: bool) -> None:  # noqa: FBT001
    """Charged or not: nobody has said."""
    books.change({"job_ends": "FAILED", "failed_is_charged": charged, "pending_polls": 0})
    job = cut(api, path="/v2/generations")["generate"]
    row = get(api, f"/v1/generations/{job['generationId']}")["generations_by_pk"]
    assert (row["status"], row["generated_images"]) == ("FAILED", [])
    assert books.charged_calls == int(charged)


def slot(api: Caller, extension: str = "png") -> dict[str, Any]:
    """Where a picture may be uploaded to."""
    told = post(api, "/v1/init-image", {"extension": extension}).json()["uploadInitImage"]
    return {**told, "fields": json.loads(told["fields"])}


def test_an_upload_goes_to_the_store_without_the_key(api: Caller, books: LeonardoAccount) -> None:
    """All fields and the file, within two minutes; then it may be cut out."""
    place = slot(api)
    files = {"file": ("x.png", picture(kind="PNG"))}
    assert (
        httpx.post(place["url"], data=place["fields"], files=files, headers=BEARER).status_code
        == 403
    )
    assert httpx.post(place["url"], data={}, files=files).status_code == 403
    taken = httpx.post(place["url"], data=place["fields"], files=files)
    assert (taken.status_code, taken.content, books.uploads) == (204, b"", 1)
    assert "generateSync" in cut(api, order({"type": "UPLOADED", "id": place["id"]}))
    api.http.delete(f"/api/rest/v1/init-image/{place['id']}", headers=BEARER)
    gone = post(api, "/v2/generationssync", order({"type": "UPLOADED", "id": place["id"]}))
    assert gone.json()["error"] == "invalid init image id"
    books.change({"init_image_seconds": 0.01})
    late = slot(api)
    time.sleep(0.05)
    assert httpx.post(late["url"], data=late["fields"], files=files).status_code == 403
    bad = post(api, "/v1/init-image", {"extension": "gif"})
    told = {"error": "invalid file extension", "path": "$", "code": "unexpected"}
    assert (bad.status_code, bad.json()) == (400, told)


WRONG: dict[str, dict[str, Any]] = {
    "an unknown parameter": order(bg_image_url="https://example.com/bg.jpg"),
    "quantity": order(quantity=2),
    "a boolean in a string": order(crop="true"),
    "a size of remove.bg": order(size="medium"),
    "format auto": order(format="auto"),
    "format zip": order(format="zip"),
    "two pictures": order(guidances={"image_reference": [{"image": source()}] * 2}),
    "strength": order(guidances={"image_reference": [{"image": source(), "strength": "MID"}]}),
    "another model": order() | {"model": "other"},
    "a data prefix": order({"type": "BASE64", "data": "data:image/png;base64,AAAA"}),
    "no picture": order(source(b"no picture")),
    "a wrong region": order(roi="1 2 3"),
}


@pytest.mark.parametrize("style", ["errors", "list", "v1"])
@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_order_is_refused_and_costs_nothing(
    api: Caller, books: LeonardoAccount, what: str, style: str
) -> None:
    """In any of three shapes, two of them under a good status."""
    books.change({"errors": style})
    answer = post(api, "/v2/generationssync", WRONG[what])
    told = answer.json()
    match style:
        case "errors":
            assert told["errors"][0]["extensions"] == {"code": "BAD_REQUEST", "statusCode": 400}
        case "list":
            assert told[0]["extensions"]["details"]["errors"][0]["message"]
        case _:
            assert told["code"] == "validation-failed"
    assert answer.status_code == (400 if style == "v1" else 200)
    assert books.charged_calls == 0


def test_a_job_is_not_ephemeral_and_nothing_is_multipart(
    api: Caller, books: LeonardoAccount
) -> None:
    """Nor are addresses fetched: the sandbox goes nowhere."""
    assert "errors" in cut(api, order() | {"ephemeral": True}, "/v2/generations")
    files = {"image_file": ("a.jpg", picture())}
    path = "/api/rest/v2/generationssync"
    assert "errors" in api.http.post(path, files=files, headers=BEARER).json()
    address = {"type": "URL", "url": "http://example.com/a.jpg"}
    answer = post(api, "/v2/generationssync", order(address))
    assert answer.json()["error"] == "couldn't access image"
    encoded = base64.b64encode(picture()).decode()
    data = {"type": "URL", "url": f"data:image/jpeg;base64,{encoded}"}
    assert "generateSync" in cut(api, order(data))
    books.change({"base64_bytes": 10})
    assert "errors" in cut(api)
    assert books.charged_calls == 1


def test_keys_are_told_apart(api: Caller, books: LeonardoAccount) -> None:
    """Unknown, missing, and no UUID at all."""
    path = "/api/rest/v1/me"
    for headers in ({}, {"Authorization": "Bearer invalid"}, {"X-Api-Key": KEY}):
        answer = api.http.get(path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "access-denied")
    books.change({"keys_are_uuids": True})
    odd = api.http.get(path, headers={"Authorization": "Bearer odd"})
    assert (odd.status_code, odd.json()["error"][:16]) == (500, "Invalid response")
    assert "user_details" in get(api, "/v1/me")


@pytest.mark.parametrize(("style", "status"), [("list", 200), ("v1", 400)])
def test_an_empty_account_buys_nothing(
    api: Caller, books: LeonardoAccount, style: str, status: int
) -> None:
    """The words are known, the status is not."""
    books.change({"balance": 0.1, "no_balance": style})
    answer = post(api, "/v2/generationssync", order())
    assert (answer.status_code, "not enough api tokens" in answer.text) == (status, True)


def test_the_balance_is_in_tokens_and_may_lag(api: Caller, books: LeonardoAccount) -> None:
    """Whole ones."""

    def tokens() -> int:
        row: dict[str, int] = get(api, "/v1/me")["user_details"][0]
        return row["apiPaidTokens"]

    before = tokens()
    cut(api)
    assert before - tokens() == 70
    books.change({"account_lag_seconds": 60})
    now = tokens()
    cut(api)
    assert tokens() == now


@pytest.mark.parametrize("how", ["504", "error"])
@pytest.mark.parametrize("charged", [True, False])
def test_time_may_run_out(api: Caller, books: LeonardoAccount, how: str, charged: bool) -> None:  # noqa: FBT001
    """Under 504, or as an error under 200; charged or not."""
    books.change(
        {"work_seconds": 5, "time_limit_seconds": 0.05, "at_limit": how, "late_is_charged": charged}
    )
    answer = post(api, "/v2/generationssync", order())
    assert answer.status_code == (504 if how == "504" else 200)
    assert how == "504" or answer.json()["errors"][0]["message"] == "Service Error"
    assert books.charged_calls == int(charged)


@pytest.mark.parametrize("charged", [True, False])
def test_moderation_may_withhold_the_result(
    api: Caller,
    books: LeonardoAccount,
    charged: bool,  # noqa: FBT001
) -> None:
    """An empty list and a count."""
    books.change({"blocked": True, "blocked_is_charged": charged})
    told = cut(api)["generateSync"]
    assert (told["results"], told["blockedCount"], bool(told["cost"])) == ([], 1, charged)
    assert books.charged_calls == int(charged)


def test_a_png_ends_at_ten_megapixels(api: Caller, books: LeonardoAccount) -> None:
    """Whatever size was asked for; a WebP does not."""
    books.change({"png_megapixels": 0.05})
    sizes = {}
    for kind in ("png", "webp"):
        (result,) = cut(api, order(format=kind))["generateSync"]["results"]
        sizes[kind] = (result["width"], result["height"])
    assert sizes == {"png": (258, 194), "webp": (400, 300)}


def test_haste_is_answered_with_429(api: Caller, books: LeonardoAccount) -> None:
    """With and without a word on how long."""
    books.change({"calls_per_window": 1})
    cut(api)
    assert "retry-after" in post(api, "/v2/generationssync", order()).headers
    books.change({"retry_after": False})
    late = post(api, "/v2/generationssync", order())
    assert (late.status_code, "retry-after" in late.headers) == (429, False)


def test_purchases_are_told_apart_by_picture_and_options(
    api: Caller, books: LeonardoAccount
) -> None:
    """Paying twice for the same shows; another format is the same purchase."""
    cut(api)
    cut(api, order(format="webp"), "/v2/generations")
    cut(api, order(crop=True))
    cut(api, order(source(picture(401, 300))))
    assert sorted(books.sold.values()) == [1, 1, 2]


def test_a_background_picture_is_put_behind(api: Caller, books: LeonardoAccount) -> None:
    """It takes the place of remove.bg's parameter."""
    guidances = {
        "image_reference": [{"image": source()}],
        "background_image_reference": [{"image": source(picture(kind="PNG"))}],
    }
    (result,) = cut(api, order(guidances=guidances))["generateSync"]["results"]
    assert fetched(result["url"]).getchannel("A").getextrema() == (255, 255)
    assert books.charged_calls == 1


def test_a_webhook_is_told_as_often_as_was_set(api: Caller, books: LeonardoAccount) -> None:
    """With a bearer and the keys in clear; nobody else's machine is called."""
    heard: list[tuple[str | None, Any]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            heard.append((self.headers["authorization"], json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:  # type: ignore[override]
            pass

    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/hook"
        books.change({"webhook_url": url, "webhook_times": 2})
        job = cut(api, path="/v2/generations")["generate"]["generationId"]
        soon(lambda: len(heard) == 2, 5, "the webhook is not called twice")
        server.shutdown()
    bearer, body = heard[0]
    assert bearer == "Bearer callback-key"
    assert (body["type"], body["data"]["object"]["id"]) == ("image_generation.complete", job)
    with pytest.raises(ValueError, match="nobody but this machine"):
        books.change({"webhook_url": "https://example.com/hook"})


def test_whatever_it_sells_is_marked_as_a_test(api: Caller, books: LeonardoAccount) -> None:
    """Orders, polls, the balance and results."""
    told = post(api, "/v2/generationssync", order())
    url = told.json()["generateSync"]["results"][0]["url"]
    me = api.http.get("/api/rest/v1/me", headers=BEARER)
    answers = [told, me, httpx.get(url)]
    assert {each.headers["x-packshot-class"] for each in answers} == {"test"}
    assert (
        api.state.snapshot()["providers"]["leonardo"]["charged_calls"] == books.charged_calls == 1
    )
