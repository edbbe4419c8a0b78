"""What the played remove.bg takes, refuses and remembers."""

import base64
import io
import json
import re

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.flows.served import soon
from tests.sandbox.calling import Caller, opened, picture


def test_multipart_is_sniffed_not_named(api: Caller) -> None:
    """A file called x.mp4 that holds a JPEG is a JPEG."""
    assert opened(api.cut()).format == "PNG"


def test_forms_and_json_carry_base64_of_many_megabytes(api: Caller) -> None:
    """No framework's cap on form fields stands in the way."""
    noise = np.random.default_rng(1).integers(0, 255, (1800, 1800, 3), np.uint8)
    body = io.BytesIO()
    Image.fromarray(noise).save(body, "PNG")
    encoded = base64.b64encode(body.getvalue()).decode()
    assert len(encoded) > 10_000_000
    assert opened(api.form(image_file_b64=encoded)).size == (500, 500)
    told = api.http.post("/v1.0/removebg", json={"image_file_b64": encoded, "crop": True})
    assert opened(told).format == "PNG"
    parts = api.http.post("/v1.0/removebg", files={"image_file_b64": (None, encoded)})
    assert opened(parts).size == (500, 500)


def test_a_chunked_body_is_read(api: Caller) -> None:
    """A client that does not know the length beforehand is served too."""
    encoded = json.dumps({"image_file_b64": base64.b64encode(picture()).decode()}).encode()
    chunks = (encoded[at : at + 1000] for at in range(0, len(encoded), 1000))
    kind = {"Content-Type": "application/json"}
    answer = api.http.post("/v1.0/removebg", content=chunks, headers=kind)
    assert answer.status_code == 200


def test_empty_fields_are_absent_fields(api: Caller) -> None:
    """Clients send an empty string for what their user left open."""
    empty = dict.fromkeys(("image_url", "image_file_b64", "size", "roi", "bg_color", "format"), "")
    assert opened(api.cut(**empty)).format == "PNG"


@pytest.mark.parametrize("name", ["X-Api-Key", "X-API-Key", "x-api-key"])
def test_the_key_comes_in_any_case(api: Caller, name: str) -> None:
    """Header names have no case."""
    assert httpx.get(f"{api.url}/v1.0/account", headers={name: "k"}).status_code == 200


def test_a_bearer_token_will_do(api: Caller) -> None:
    """OAuth callers have no API key."""
    answer = httpx.get(f"{api.url}/v1.0/account", headers={"Authorization": "Bearer abc"})
    assert answer.status_code == 200


def test_a_missing_and_a_wrong_key_are_told_apart(api: Caller) -> None:
    """Only a wrong key has a code; neither answer speaks of the window."""
    missing = httpx.post(f"{api.url}/v1.0/removebg", data={"size": "auto"})
    wrong = httpx.get(f"{api.url}/v1.0/account", headers={"X-Api-Key": "invalid"})
    assert (missing.status_code, wrong.status_code) == (403, 403)
    assert missing.json() == {"errors": [{"title": "Missing API Key"}]}
    assert wrong.json() == {"errors": [{"title": "API Key invalid", "code": "auth_failed"}]}
    assert "x-ratelimit-limit" not in {*missing.headers, *wrong.headers}


def test_one_key_may_be_the_only_good_one(api: Caller) -> None:
    """A named key refuses all others."""
    api.state.change({"api_key": "right"})
    assert api.cut().status_code == 403
    assert api.http.get("/v1.0/account", headers={"X-Api-Key": "right"}).status_code == 200


def test_only_a_plain_wish_for_json_brings_json(api: Caller) -> None:
    """`*/*` and lists of types get the picture itself."""
    for accept in ("*/*", "image/png, application/json"):
        api.http.headers["Accept"] = accept
        assert api.cut().headers["content-type"] == "image/png"
    api.http.headers["Accept"] = "application/json"
    data = api.cut().json()["data"]
    assert base64.b64decode(data["result_b64"]).startswith(b"\x89PNG")
    assert set(data) == {
        "result_b64",
        *(f"foreground_{s}" for s in ("top", "left", "width", "height")),
    }


REFUSED = {
    "invalid_size": {"size": "huge"},
    "invalid_format": {"format": "gif"},
    "invalid_channels": {"channels": "cmyk"},
    "invalid_roi": {"roi": "1 2 3"},
    "roi_exceeds_bounds": {"roi": "0px 0px 401px 10px"},
    "roi_region_empty": {"roi": "10% 10% 10% 90%"},
    "invalid_crop_margin": {"crop": "true", "crop_margin": "wide"},
    "invalid_scale": {"scale": "5%"},
    "invalid_position": {"position": "left"},
    "invalid_semitransparency": {"semitransparency": "maybe"},
    "invalid_bg_color": {"bg_color": "#12"},
    "invalid_bg_image_url": {"bg_image_url": "nowhere"},
    "failed_bg_download": {"bg_image_url": "http://example.com/bg.jpg"},
    "multiple_bg_sources": {"bg_color": "fff", "bg_image_url": "http://example.com/bg.jpg"},
    "multiple_sources": {"image_url": "http://example.com/a.jpg"},
}


@pytest.mark.parametrize("code", REFUSED)
def test_a_wrong_parameter_is_named_and_costs_nothing(api: Caller, code: str) -> None:
    """Each parameter has its code, and a refusal neither charges nor counts."""
    answer = api.cut(**REFUSED[code])
    error = answer.json()["errors"][0]
    assert (answer.status_code, error["code"]) == (400, code)
    assert list(error)[:2] == ["title", "code"]
    assert "x-ratelimit-remaining" not in answer.headers
    assert api.state.credits == 10_000
    assert api.cut().headers["x-ratelimit-remaining"] == "499"


def test_a_call_without_a_picture_says_so(api: Caller) -> None:
    """No source, an unreadable body and an unknown body type come to the same."""
    codes = {api.form(size="auto").json()["errors"][0]["code"]}
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
        sent = {"content": b"{", "headers": {"Content-Type": kind}}
        codes.add(api.http.post("/v1.0/removebg", **sent).json()["errors"][0]["code"])
    assert codes == {"missing_source"}


def test_pictures_that_cannot_be_taken_are_refused_by_kind(api: Caller) -> None:
    """Wrong type, broken head, too many pixels and too many bytes each have their code."""
    large = io.BytesIO()
    Image.new("L", (10_000, 5_100)).save(large, "PNG")
    assert api.error(b"no picture")["code"] == "invalid_file_type"
    assert api.error(picture(kind="GIF"))["detail"] == "Expected jpg/png, received gif"
    assert api.error(b"\xff\xd8\xff\xe0 torn")["code"] == "invalid_dimensions"
    assert api.error(large.getvalue())["detail"].startswith("Input image has 51 megapixels")
    assert api.error(picture() + bytes(22_000_000))["code"] == "file_too_large"


def test_a_torn_picture_is_refused_and_paid_back(api: Caller) -> None:
    """What fails while it is decoded costs neither credits nor window."""
    api.state.change({"cutouts": "studio"})
    assert api.error(picture(kind="PNG")[:300])["code"] == "failed_to_read_image"
    assert api.state.credits == 10_000
    assert api.cut().headers["x-ratelimit-remaining"] == "499"


def test_an_empty_picture_has_no_foreground(api: Caller) -> None:
    """Plain paper cannot be cut out, and costs nothing."""
    api.state.change({"cutouts": "studio"})
    paper = io.BytesIO()
    Image.new("RGB", (300, 300), (245, 245, 243)).save(paper, "JPEG")
    assert api.error(paper.getvalue())["code"] == "unknown_foreground"
    assert api.state.charged_calls == 0


def test_a_url_is_fetched_only_from_the_sandbox_itself(api: Caller) -> None:
    """Its own picture host works, every other address fails as recorded."""
    assert api.form(image_url=f"{api.url}/cdn/mug.jpg").status_code == 200
    assert api.state.cdn_gets["mug.jpg"] == 1
    for url in ("http://example.com/404.png", f"{api.url}/cdn/none.jpg"):
        error = api.form(image_url=url).json()["errors"][0]
        assert error["title"].endswith("given image_url: HTTP Status 404")
        assert error["code"] == "failed_image_download"
    gone = api.form(image_url=f"{api.url}/cdn/_status/410").json()["errors"][0]
    assert gone["title"].endswith("HTTP Status 410")
    assert api.form(image_url="mug").json()["errors"][0]["code"] == "invalid_image_url"


def test_every_answer_says_it_is_a_test(api: Caller) -> None:
    """Nothing that comes from here passes for a purchase."""
    api.http.post("/_sandbox/faults", json={"kind": "status_502"})
    answers = [api.cut(), api.cut(), api.cut(size="huge"), api.http.get("/v1.0/account")]
    answers += [api.http.get(path) for path in ("/nowhere", "/cdn/mug.jpg", "/_sandbox/state")]
    assert {answer.headers["x-packshot-class"] for answer in answers} == {"test"}
    assert all("server" not in answer.headers for answer in answers)


def test_purchases_are_told_apart_by_picture_and_options(api: Caller) -> None:
    """Paying twice for the same shows; another wire format is the same purchase."""
    api.cut(size="full")
    api.cut(size="4k", format="zip", type_level="2", crop="false")
    api.cut(size="full", crop="true")
    api.cut(picture(401, 300), size="full")
    assert sorted(api.state.identities.values()) == [1, 1, 2]


def test_the_state_is_shown_changed_and_reset_over_http(api: Caller) -> None:
    """Settings survive a reset; counters, faults and the balance start over."""
    api.cut(size="full")
    patch = {"payg": 5, "latency_seconds": 0.01}
    shown = api.http.put("/_sandbox/state", json=patch).json()
    assert shown["settings"]["latency_seconds"] == [0.01, 0.01]
    assert (shown["balance"]["payg"], shown["balance"]["subscription"]) == (5, 9_999)
    assert (shown["posts"], shown["charged_calls"], shown["credits_charged"]) == (1, 1, 1)
    assert shown["calls"][0]["megapixels"] == 0.12
    clean = api.http.post("/_sandbox/reset").json()
    assert (clean["posts"], clean["calls"], clean["balance"]["subscription"]) == (0, [], 10_000)
    assert clean["settings"]["payg"] == 5


def test_a_misspelt_setting_is_refused(api: Caller) -> None:
    """A typing error must not leave the sandbox as it was in silence."""
    assert api.http.put("/_sandbox/state", json={"credits": 3}).status_code == 400


def test_calls_in_flight_are_counted(api: Caller) -> None:
    """The widest moment is remembered, and the call that waits is one of them."""
    api.state.change({"latency_seconds": 0.1})
    api.cut()
    assert api.state.max_open == 1
    soon(lambda: api.state.open_calls == 0, 5, "the call is no longer open")


def test_improve_takes_a_picture_and_gives_an_id(api: Caller) -> None:
    """A hundred files a day."""
    files = {"image_file": ("a", picture())}
    answer = api.http.post("/v1.0/improve", files=files)
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", answer.json()["id"])
    api.state.improve_calls = 100
    assert api.http.post("/v1.0/improve", files=files).status_code == 429
