"""What the played Photoroom takes, refuses and remembers."""

import base64
import io
import json
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from PIL import Image

from packshot.sandbox.photoroom_api import EXHAUSTED, PhotoroomApi, PhotoroomSettings
from packshot.sandbox.played import PlayedAccount
from packshot.sandbox.server import Sandbox
from packshot.sandbox.state import Fault, Settings
from tests.sandbox.calling import Caller, opened, picture


class Photoroom(Caller):
    """A client of both of Photoroom's hosts."""

    @property
    def account(self) -> PlayedAccount:
        """The account that is played."""
        return self.state.played[PhotoroomApi.name]

    def segment(self, content: bytes | None = None, **fields: str) -> httpx.Response:
        """Send one picture as multipart."""
        upload = picture() if content is None else content
        return self.http.post("/v1/segment", data=fields, files={"image_file": ("x", upload)})

    def edit(self, content: bytes | None = None, **fields: str) -> httpx.Response:
        """Send one picture to be edited; underscores in names stand for dots."""
        upload = picture() if content is None else content
        form = {name.replace("_", "."): value for name, value in fields.items()}
        return self.http.post("/v2/edit", data=form, files={"imageFile": ("x", upload)})


@pytest.fixture
def photoroom(sandbox: Sandbox) -> Iterator[Photoroom]:
    """A caller who finds canned cutouts and the settings as they come."""
    sandbox.state.settings = Settings(cutouts="canned")
    sandbox.state.change({PhotoroomApi.name: PhotoroomSettings().model_dump()})
    sandbox.state.reset()
    caller = Photoroom(sandbox)
    with caller.http:
        yield caller


def test_a_cutout_is_full_size_png_and_scored(photoroom: Photoroom) -> None:
    """One image of the account, and the class of a test."""
    answer = photoroom.segment()
    assert (opened(answer).size, answer.headers["content-type"]) == ((400, 300), "image/png")
    assert answer.headers["x-uncertainty-score"] == "0.1"
    assert answer.headers["x-packshot-class"] == "test"
    assert photoroom.account.balance == 999


@pytest.mark.parametrize(
    ("fields", "size", "kind"),
    [
        ({"size": "preview"}, (577, 433), "PNG"),
        ({"size": "medium"}, (1000, 750), "PNG"),
        ({"format": "webp"}, (1000, 750), "WEBP"),
        ({"format": "jpg", "bg_color": "red"}, (1000, 750), "JPEG"),
        ({"channels": "alpha"}, (1000, 750), "PNG"),
        ({"crop": "true"}, (800, 602), "PNG"),
    ],
)
def test_segment_shapes_the_picture(
    photoroom: Photoroom, fields: dict[str, str], size: tuple[int, int], kind: str
) -> None:
    """Size, format, channels, colour and crop."""
    image = opened(photoroom.segment(picture(1000, 750), **fields))
    assert image.format == kind
    assert np.allclose(image.size, size, atol=3)


def test_a_ground_is_a_hex_code_or_a_name(photoroom: Photoroom) -> None:
    """Both paint the corner."""
    for colour in ("#ff0000", "red"):
        image = opened(photoroom.segment(bg_color=colour)).convert("RGBA")
        assert image.getpixel((0, 0)) == (255, 0, 0, 255)


def test_json_carries_base64_of_many_megabytes(photoroom: Photoroom) -> None:
    """No framework's cap stands in the way."""
    noise = np.random.default_rng(1).integers(0, 255, (1800, 1800, 3), np.uint8)
    body = io.BytesIO()
    Image.fromarray(noise).save(body, "PNG")
    encoded = base64.b64encode(body.getvalue()).decode()
    assert len(encoded) > 10_000_000
    told = photoroom.http.post("/v1/segment", json={"image_file_b64": encoded})
    assert opened(told).size == (1800, 1800)


def test_only_a_plain_wish_for_json_brings_json(photoroom: Photoroom) -> None:
    """A list of types in which JSON is named gets the picture itself."""
    for accept in ("*/*", "image/png, application/json"):
        photoroom.http.headers["Accept"] = accept
        assert photoroom.segment().headers["content-type"] == "image/png"
    photoroom.http.headers["Accept"] = "application/json"
    for name in ("base64img", "result_b64"):
        photoroom.state.change({"photoroom": {"json_name": name}})
        told = photoroom.segment().json()
        assert [*told] == [name]
        assert base64.b64decode(told[name]).startswith(b"\x89PNG")
    photoroom.state.change({"photoroom": {"json_name": "both"}})
    assert [*photoroom.segment().json()] == ["base64img", "result_b64"]


def corner(image: Image.Image) -> int:
    """How opaque the middle of the upper edge is."""
    return image.convert("RGBA").getpixel((image.width // 2, 0))[3]


def test_an_edit_fills_the_frame_unless_the_original_is_asked_for(photoroom: Photoroom) -> None:
    """Whoever forgets `referenceBox` gets a subject that was moved and enlarged."""
    enlarged = opened(photoroom.edit(outputSize="originalImage"))
    kept = opened(photoroom.edit(outputSize="originalImage", referenceBox="originalImage"))
    assert enlarged.size == kept.size == (400, 300)
    assert corner(enlarged) > corner(kept) == 0
    padded = opened(photoroom.edit(padding="10%"))
    assert corner(padded) == 0


@pytest.mark.parametrize(
    ("fields", "size", "kind"),
    [
        ({}, (400, 300), "PNG"),
        ({"outputSize": "200x400", "padding": "0.1"}, (200, 400), "PNG"),
        ({"outputSize": "croppedSubject"}, (320, 242), "PNG"),
        ({"outputSize": "croppedSubject", "maxWidth": "160"}, (160, 121), "PNG"),
        ({"outputSize": "originalImage", "maxWidth": "200"}, (200, 150), "PNG"),
        ({"referenceBox": "originalImage", "maxHeight": "150"}, (200, 150), "PNG"),
        ({"export.format": "jpeg", "background.color": "FF0000"}, (400, 300), "JPEG"),
        ({"export.format": "jpg"}, (400, 300), "JPEG"),
        ({"export.format": "webp", "scaling": "fill", "padding": "20px"}, (400, 300), "WEBP"),
    ],
)
def test_edit_shapes_the_picture(
    photoroom: Photoroom, fields: dict[str, str], size: tuple[int, int], kind: str
) -> None:
    """Output size, largest sides, padding, format, colour."""
    answer = photoroom.edit(**fields)
    assert opened(answer).format == kind
    assert np.allclose(opened(answer).size, size, atol=2)
    assert "pr-unsupported-attributes" not in answer.headers


def test_an_edit_costs_five_and_a_preview_a_quarter(photoroom: Photoroom) -> None:
    """On the other plan the account counts edits, and a cutout is a fifth of one."""
    photoroom.segment(size="preview")
    photoroom.edit()
    assert photoroom.account.balance == 1_000 - 5.25
    photoroom.state.change({"photoroom": {"plan": "plus", "balance": 10}})
    photoroom.segment()
    photoroom.edit()
    assert photoroom.account.balance == pytest.approx(10 - 1.2)


def test_a_picture_may_lie_at_an_address_of_the_sandbox(photoroom: Photoroom) -> None:
    """Every other address fails, and so does a picture that is not there."""
    url = f"{photoroom.url}/cdn/mug.jpg"
    answer = photoroom.http.get("/v2/edit", params={"imageUrl": url, "padding": "0.1"})
    assert opened(answer).size == (400, 300)
    assert photoroom.state.cdn_gets["mug.jpg"] == 1
    for url in ("http://example.com/a.jpg", f"{photoroom.url}/cdn/none.jpg", "http://[", ""):
        assert photoroom.http.get("/v2/edit", params={"imageUrl": url}).status_code == 400


def test_what_edit_does_not_know_is_named(photoroom: Photoroom) -> None:
    """The picture comes all the same, without it."""
    answer = photoroom.edit(shadow_mode="ai.soft", lighting_mode="ai.auto")
    assert answer.headers["pr-unsupported-attributes"] == "Unsupported attributes: lighting.mode"


def test_both_accounts_tell_the_balance(photoroom: Photoroom) -> None:
    """As images with a plan, and as credits."""
    photoroom.segment(size="preview")
    told = {"available": 999.75, "subscription": 1000}
    assert photoroom.http.get("/v2/account").json() == {"images": told, "plan": "basic"}
    assert photoroom.http.get("/v1/account").json() == {"credits": told}
    photoroom.state.change({"photoroom": {"account_has_v2": False}})
    assert photoroom.http.get("/v2/account").status_code == 404


def test_a_key_for_tests_costs_nothing_and_has_no_account(photoroom: Photoroom) -> None:
    """Unless it is told to have one."""
    photoroom.http.headers["x-api-key"] = "sandbox_key"
    assert photoroom.segment().status_code == photoroom.edit().status_code == 200
    assert photoroom.account.balance == 1_000
    assert photoroom.http.get("/v2/account").status_code == 403
    photoroom.state.change({"photoroom": {"account_takes_test_keys": True}})
    assert photoroom.http.get("/v2/account").status_code == 200


def test_a_missing_and_a_wrong_key_are_refused(photoroom: Photoroom) -> None:
    """Nested, as the documentation shows; the account alone says what is missing."""
    assert httpx.post(f"{photoroom.url}/v1/segment").status_code == 403
    missing = httpx.get(f"{photoroom.url}/v2/account")
    assert (missing.status_code, missing.json()) == (
        400,
        {"error": {"message": "apiKey: Required"}},
    )
    photoroom.http.headers["x-api-key"] = "invalid"
    for answer in (photoroom.segment(), photoroom.edit(), photoroom.http.get("/v1/account")):
        assert (answer.status_code, answer.json()) == (403, {"error": {"message": "Unauthorized"}})
    photoroom.state.change({"photoroom": {"api_key": "right"}})
    for key, status in (("right", 200), ("sandbox_right", 200), ("wrong", 403)):
        photoroom.http.headers["x-api-key"] = key
        assert photoroom.segment().status_code == status


def test_refusals_are_flat_at_one_host_and_nested_at_the_other(photoroom: Photoroom) -> None:
    """As documented for each, and as seen with 402."""
    empty = photoroom.http.post("/v1/segment", data={"size": "full"})
    flat = {"detail": "Please provide an image.", "status_code": 400, "type": "missing_image"}
    assert (empty.status_code, empty.json()) == (400, flat)
    nested = {"error": {"message": "removeBackground must be boolean"}}
    assert photoroom.edit(removeBackground="yes").json() == nested
    photoroom.state.change({"photoroom": {"balance": 0}})
    seen = {"detail": EXHAUSTED, "status_code": 402, "type": "unknown_error"}
    assert (photoroom.segment().status_code, photoroom.segment().json()) == (402, seen)
    assert photoroom.edit().json() == {"error": {"detail": EXHAUSTED}}
    photoroom.state.change({"photoroom": {"empty_is_403": True}})
    assert photoroom.segment().status_code == 403


@pytest.mark.parametrize(
    "fields",
    [
        {"size": "huge"},
        {"format": "gif"},
        {"channels": "cmyk"},
        {"crop": "yes"},
        {"bg_color": "#1"},
    ],
)
def test_a_wrong_field_of_segment_costs_nothing(
    photoroom: Photoroom, fields: dict[str, str]
) -> None:
    """It is named in `type`."""
    answer = photoroom.segment(**fields)
    assert (answer.status_code, answer.json()["type"]) == (400, f"invalid_{next(iter(fields))}")
    assert photoroom.account.balance == 1_000


@pytest.mark.parametrize(
    "fields",
    [
        {"outputSize": "big"},
        {"padding": "0.5"},
        {"padding": "wide"},
        {"maxWidth": "0"},
        {"maxWidth": "wide"},
        {"export.format": "gif"},
        {"background.color": "#1"},
        {"removeBackground": "false"},
    ],
)
def test_a_wrong_field_of_edit_costs_nothing(photoroom: Photoroom, fields: dict[str, str]) -> None:
    """It is told in words."""
    answer = photoroom.edit(**fields)
    assert (answer.status_code, list(answer.json()["error"])) == (400, ["message"])
    assert photoroom.account.balance == 1_000


def test_pictures_that_cannot_be_taken_are_refused(photoroom: Photoroom) -> None:
    """Wrong kind, no picture, too many bytes, too long a side, base64 that is none."""
    wide = io.BytesIO()
    Image.new("L", (6_001, 10)).save(wide, "PNG")
    kinds = [
        photoroom.segment(content).json()["type"]
        for content in (picture(kind="GIF"), b"torn", wide.getvalue())
    ]
    assert kinds == ["invalid_file_type", "invalid_image", "resolution_too_high"]
    assert photoroom.segment(picture() + bytes(50_000_000)).status_code == 413
    torn = photoroom.http.post("/v1/segment", json={"image_file_b64": "a"})
    assert torn.json()["type"] == "invalid_image"
    assert photoroom.http.post("/v2/edit", data={"padding": "0"}).status_code == 400


def test_webp_is_taken(photoroom: Photoroom) -> None:
    """Unlike at remove.bg."""
    assert opened(photoroom.segment(picture(kind="WEBP"))).size == (400, 300)


def test_the_pace_is_sixty_calls_a_minute(photoroom: Photoroom) -> None:
    """Of whatever kind; a 429 says how long to wait where it is told to."""
    photoroom.state.change({"photoroom": {"calls_per_window": 2}})
    answers = [photoroom.segment(), photoroom.edit(), photoroom.segment()]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 61
    photoroom.state.change({"photoroom": {"retry_after": False}})
    assert "retry-after" not in photoroom.edit().headers
    assert PhotoroomSettings().calls_per_window == 60


def test_purchases_are_told_apart_by_picture_options_and_endpoint(photoroom: Photoroom) -> None:
    """Another wire format is the same purchase."""
    photoroom.segment(format="png")
    photoroom.segment(format="webp", crop="")
    photoroom.segment(crop="true")
    photoroom.segment(picture(401, 300))
    photoroom.edit()
    assert sorted(photoroom.account.sold.values()) == [1, 1, 1, 2]


@pytest.mark.parametrize(
    ("kind", "status"), [("status_402", 402), ("status_429", 429), ("status_500", 500)]
)
def test_faults_are_worded_by_the_host_that_is_called(
    photoroom: Photoroom, kind: str, status: int
) -> None:
    """Flat for `segment`, nested for `edit`."""
    photoroom.state.add_fault(Fault(kind=kind, on="photoroom", times=2, retry_after=7))
    flat, nested = photoroom.segment(), photoroom.edit()
    assert flat.status_code == nested.status_code == status
    assert flat.json()["status_code"] == status
    assert list(nested.json()) == ["error"]
    assert "x-ratelimit-limit" not in flat.headers


def test_a_gateway_answers_in_html_and_faults_may_spoil_an_answer(photoroom: Photoroom) -> None:
    """A smaller picture than asked, for the same money."""
    for kind in ("status_502", "degraded", "degraded"):
        photoroom.state.add_fault(Fault(kind=kind, on="photoroom"))
    assert photoroom.segment().headers["content-type"].startswith("text/html")
    assert opened(photoroom.segment(picture(1000, 1000))).size == (500, 500)
    assert opened(photoroom.edit(picture(1000, 1000))).size == (500, 500)
    photoroom.state.add_fault(Fault(kind="status_503", on="photoroom_account"))
    assert photoroom.http.get("/v2/account").status_code == 503


def test_the_state_shows_the_account(photoroom: Photoroom) -> None:
    """Under the provider's name."""
    photoroom.segment()
    shown = photoroom.http.get("/_sandbox/state").json()["providers"]["photoroom"]
    assert (shown["balance"], shown["charged_calls"], shown["posts"]) == (999, 1, 1)
    assert json.dumps(shown["settings"])


def test_a_studio_picture_is_cut_out_for_real(photoroom: Photoroom) -> None:
    """Both endpoints, with the box where it was."""
    photoroom.state.change({"cutouts": "studio"})
    kept = {"outputSize": "originalImage", "referenceBox": "originalImage"}
    for answer in (photoroom.segment(), photoroom.edit(**kept)):
        box = opened(answer).getchannel("A").point(lambda a: 255 * (a > 127)).getbbox()
        assert box is not None
        assert np.allclose(box, (100, 75, 300, 225), atol=2)
