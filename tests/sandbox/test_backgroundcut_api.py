"""The played BackgroundCut: both generations, prices, files that go, refusals in its words."""

import time
from typing import Any

import httpx
import pytest

from packshot.sandbox.backgroundcut_api import BackgroundCutAccount, BackgroundCutSettings
from tests.sandbox.calling import Caller, opened, picture

BEARER = {"Authorization": "Bearer key"}
TOKEN = {"Authorization": "Token key"}


@pytest.fixture
def books(api: Caller) -> BackgroundCutAccount:
    """Its account as it was at first."""
    account = api.state.played["backgroundcut"]
    assert isinstance(account, BackgroundCutAccount)
    account.settings = BackgroundCutSettings()
    account.reset()
    return account


def uploaded(api: Caller, content: bytes | None = None) -> httpx.Response:
    """An upload of the basic generation."""
    files = {"image": ("x.txt", picture() if content is None else content)}
    return api.http.post("/v3/remove-bg/upload-image/", files=files, headers=BEARER)


def processed(api: Caller, *variants: dict[str, Any], name: str = "") -> httpx.Response:
    """An order of the basic generation, for a new upload where none is named."""
    order = {
        "unique_filename": name or uploaded(api).json()["unique_filename"],
        "output_variants": list(variants),
    }
    return api.http.post("/v3/remove-bg/process-image/", json=order, headers=BEARER)


def stored(api: Caller, key: str = "shop/a.jpg") -> httpx.Response:
    """An upload of the production generation."""
    files = {"file": ("x.jpg", picture())}
    told = {"key": key} if key else {}
    return api.http.post("/v3/file-ops/upload/", files=files, data=told, headers=TOKEN)


def cut(api: Caller, key: str = "shop/a.jpg", out: str = "shop/b.png") -> httpx.Response:
    """An order of the production generation."""
    order = {"input_key": key, "output_variants": [{"output_key": out}]}
    return api.http.post("/v3/tools/ai/remove-bg/process/", json=order, headers=TOKEN)


def minted(api: Caller, key: str = "shop/b.png") -> httpx.Response:
    """An address for a key."""
    return api.http.post("/v3/file-ops/get-public-url/", json={"key": key}, headers=TOKEN)


def test_the_two_steps_of_the_basic_example(api: Caller, books: BackgroundCutAccount) -> None:
    """Only a name is needed; the result lies at an address that asks for no key."""
    told = processed(api, {"variant_name": "result"}).json()
    assert list(told) == ["unique_filename", "input_url", "output_urls"]
    result = httpx.get(told["output_urls"]["result"])
    assert (opened(result).format, opened(result).size) == ("PNG", (400, 300))
    assert result.headers["x-packshot-class"] == "test"
    assert httpx.get(told["input_url"]).content == picture()
    assert (books.charged_calls, books.charged, books.fetched_results) == (1, 0.5, 1)


def test_several_variants_of_one_upload(api: Caller, books: BackgroundCutAccount) -> None:
    """The first by resolution, a quarter for each further one, half for each crop."""
    variants = (
        {"variant_name": "full", "max_resolution": 12_000_000, "quality": "high"},
        {"variant_name": "thumb", "max_resolution": 10_000, "format": "webp", "autocrop": True},
        {"variant_name": "white", "format": "jpg", "background_color": "#ffffff"},
    )
    urls = processed(api, *variants).json()["output_urls"]
    pictures = {name: opened(httpx.get(url)) for name, url in urls.items()}
    kinds = {name: image.format for name, image in pictures.items()}
    assert kinds == {"full": "PNG", "thumb": "WEBP", "white": "JPEG"}
    assert pictures["thumb"].width < 115
    assert books.charged == pytest.approx(0.5 + 2 * 0.25 + 0.5)


def test_an_upload_may_be_processed_again(api: Caller, books: BackgroundCutAccount) -> None:
    """A second purchase of the same shows, one of another kind is another."""
    name = uploaded(api).json()["unique_filename"]
    for variant in ({"format": "png"}, {"format": "webp"}, {"autocrop": True}):
        processed(api, {"variant_name": "v", **variant}, name=name)
    assert (books.uploads, sorted(books.sold.values())) == (1, [1, 2])


def test_price_goes_by_resolution(api: Caller, books: BackgroundCutAccount) -> None:
    """From a megapixel on it is the full one."""
    name = uploaded(api, picture(1200, 1000)).json()["unique_filename"]
    processed(api, {"variant_name": "v"}, name=name)
    processed(api, {"variant_name": "v", "max_resolution": 999_999}, name=name)
    assert books.charged == pytest.approx(1.1 + 0.5)


def test_the_production_sites_three_steps(api: Caller, books: BackgroundCutAccount) -> None:
    """Files lie under the caller's keys, and addresses are asked for."""
    assert stored(api).json() == {"success": True}
    assert cut(api).json() == {"output_keys": ["shop/b.png"]}
    told = minted(api).json()
    assert list(told) == ["url"]
    assert opened(httpx.get(told["url"])).size == (400, 300)
    assert books.charged == 0.5
    assert stored(api, "").status_code == 400


def test_files_and_addresses_come_to_their_end(api: Caller, books: BackgroundCutAccount) -> None:
    """404 at the address; 404 with a detail where a file is needed."""
    url = processed(api, {"variant_name": "v"}).json()["output_urls"]["v"]
    stored(api)
    cut(api)
    address = minted(api).json()["url"]
    books.change({"result_seconds": 0.01, "upload_seconds": 0.01})
    time.sleep(0.02)
    assert [httpx.get(each).status_code for each in (url, address)] == [404, 404]
    for answer in (cut(api), minted(api), processed(api, {"variant_name": "v"}, name="gone")):
        assert (answer.status_code, answer.json()) == (404, {"detail": "File not found."})


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), ({"Authorization": "Bearer invalid"}, 401), (TOKEN, 401), (BEARER, 200)],
)
def test_the_key_has_its_scheme(
    headers: dict[str, str], status: int, api: Caller, books: BackgroundCutAccount
) -> None:
    """Bearer in the one generation; the other's `Token` does not do."""
    books.change({"api_key": "key"})
    files = {"image": ("x", picture())}
    answer = api.http.post("/v3/remove-bg/upload-image/", files=files, headers=headers)
    assert answer.status_code == status
    if status == 401:
        assert list(answer.json()) == ["detail"]


def test_a_generation_can_be_absent(api: Caller, books: BackgroundCutAccount) -> None:
    """Nobody has published which one a new key gets."""
    books.change({"generations": ["production"]})
    assert (uploaded(api).status_code, stored(api).status_code) == (404, 200)


@pytest.mark.parametrize(
    "variant",
    [
        {},
        {"variant_name": "v", "format": "gif"},
        {"variant_name": "v", "max_resolution": 12_000_001},
        {"variant_name": "v", "background_color": "#ggg"},
        {"variant_name": "v", "surprise": 1},
    ],
)
def test_an_order_that_makes_no_sense_is_refused(
    variant: dict[str, Any], api: Caller, books: BackgroundCutAccount
) -> None:
    """400 with a detail, and nothing is charged."""
    answer = processed(api, variant)
    assert (answer.status_code, list(answer.json())) == (400, ["detail"])
    assert books.charged_calls == 0


def test_what_is_no_picture_is_refused(api: Caller, books: BackgroundCutAccount) -> None:
    """In the documented words; WebP is one, twelve megabytes are the most."""
    assert uploaded(api, picture(kind="WEBP")).status_code == 200
    answer = uploaded(api, picture(kind="GIF"))
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        "Invalid image format. Supported: PNG, JPG, JPEG, WebP",
    )
    assert uploaded(api, b"").status_code == 400
    assert uploaded(api, bytes(12_000_001)).status_code == 413
    assert books.uploads == 1


def test_no_credits_and_too_many_calls(api: Caller, books: BackgroundCutAccount) -> None:
    """402 before anything is made; 429 with and without a word on how long."""
    books.change({"balance": 0.4})
    assert processed(api, {"variant_name": "v"}).status_code == 402
    books.change({"calls_per_window": 2})
    throttled = uploaded(api)
    assert (throttled.status_code, int(throttled.headers["retry-after"]) > 0) == (429, True)
    books.change({"retry_after": False})
    assert "retry-after" not in uploaded(api).headers
    assert api.http.get("/_sandbox/state").json()["providers"]["backgroundcut"]["uploads"] == 1


def test_a_result_can_come_back_smaller(api: Caller, books: BackgroundCutAccount) -> None:
    """And faults are worded as its own, a gateway's in HTML."""
    name = uploaded(api, picture(1200, 1000)).json()["unique_filename"]
    faults = [
        {"kind": kind, "on": "backgroundcut"} for kind in ("degraded", "status_402", "status_502")
    ]
    api.http.post("/_sandbox/faults", json=faults)
    small = processed(api, {"variant_name": "v"}, name=name).json()["output_urls"]["v"]
    assert opened(httpx.get(small)).width < 600
    assert list(processed(api, {"variant_name": "v"}, name=name).json()) == ["detail"]
    assert "html" in processed(api, {"variant_name": "v"}, name=name).headers["content-type"]
    assert books.charged_calls == 1
