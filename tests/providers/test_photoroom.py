"""Photoroom's client against the played API over HTTP: what is bought, refused and told."""

import io
from collections.abc import Iterator

import pytest
from PIL import Image

from packshot.facts.errors import (
    BadOption,
    ImageRefused,
    KeyRejected,
    OutOfCredits,
    PackshotError,
    Throttled,
    Uncertain,
    Unreachable,
)
from packshot.facts.paid_options import PaidOptions, content_hash
from packshot.facts.purchase import Price, PurchaseClass
from packshot.providers.face import Source, Ticket
from packshot.providers.photoroom import Photoroom
from packshot.sandbox.photoroom_api import PhotoroomSettings
from packshot.sandbox.server import Sandbox
from packshot.sandbox.state import Fault, SandboxState, Settings
from tests.providers.playing import KEY, sent

PLAIN = PaidOptions()
EDIT = {"endpoint": "edit"}


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """One server for all tests."""
    with Sandbox(SandboxState(Settings(cutouts="canned"))) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """A server as if nothing had happened."""
    running.state.change({"photoroom": PhotoroomSettings().model_dump()})
    running.state.reset()
    return running


def source(width: int = 400, height: int = 300, kind: str = "JPEG") -> Source:
    """A picture that can be read."""
    body = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(body, kind)
    return Source(body.getvalue(), content_hash(body.getvalue()), kind, width, height)


def client(sandbox: Sandbox, wire: str = "zip", key: str = KEY, **settings: str) -> Photoroom:
    """An account at the sandbox."""
    return Photoroom(key, base_url=sandbox.url, wire_format=wire, settings=settings)


def failure(photoroom: Photoroom, picture: Source | None = None) -> PackshotError:
    """The error of one call."""
    with pytest.raises(PackshotError) as caught:
        photoroom.submit(picture or source(), PLAIN)
    return caught.value


@pytest.mark.parametrize(
    ("wire", "format_"), [("zip", "png"), ("png", "png"), ("webp", "webp"), ("json", "png")]
)
@pytest.mark.parametrize("endpoint", ["segment", "edit"])
def test_a_picture_comes_in_every_form(
    sandbox: Sandbox, wire: str, format_: str, endpoint: str
) -> None:
    """Its size, what it cost by our estimate, and that it is a test."""
    result = client(sandbox, wire, endpoint=endpoint).submit(source(), PLAIN)
    assert (result.format, result.width, result.height) == (format_, 400, 300)
    assert (result.charged, result.unit) == (5 if endpoint == "edit" else 1, "images")
    assert not result.charge_stated
    assert result.charged == sandbox.state.played["photoroom"].snapshot()["charged"]
    assert result.purchase_class is PurchaseClass.TEST
    assert (result.foreground_type, result.box, result.doubt) == (None, None, None)
    with Image.open(io.BytesIO(result.content)) as picture:
        assert picture.getchannel("A").getextrema() == (0, 255)
        assert picture.getpixel((200, 0))[3] == 0  # neither moved nor enlarged


@pytest.mark.parametrize("name", ["base64img", "result_b64"])
def test_json_is_read_under_either_name(sandbox: Sandbox, name: str) -> None:
    """The description has one, a client in use the other."""
    sandbox.state.change({"photoroom": {"json_name": name}})
    assert client(sandbox, "json").submit(source(), PLAIN).width == 400


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("endpoint", ["segment", "edit"])
def test_three_kinds_of_files_are_taken(sandbox: Sandbox, kind: str, endpoint: str) -> None:
    """By both endpoints."""
    assert client(sandbox, endpoint=endpoint).submit(source(kind=kind), PLAIN).width == 400


@pytest.mark.parametrize("endpoint", ["segment", "edit"])
@pytest.mark.parametrize(
    ("options", "largest"),
    [
        (PaidOptions(resolution="preview"), 250_000),
        (PaidOptions(resolution="medium"), 1_500_000),
        (PaidOptions(resolution="hd"), 4_000_000),
        (PaidOptions(resolution="full"), 4_800_000),
        (PaidOptions(resolution="auto"), 4_800_000),
    ],
    ids=lambda value: getattr(value, "resolution", ""),
)
def test_the_resolution_is_kept_to(
    sandbox: Sandbox, endpoint: str, options: PaidOptions, largest: int
) -> None:
    """At both endpoints, and nothing is enlarged."""
    result = client(sandbox, endpoint=endpoint).submit(source(2400, 2000), options)
    assert result.width * result.height == pytest.approx(largest, rel=0.01)


@pytest.mark.parametrize("endpoint", ["segment", "edit"])
def test_ground_and_crop_are_honoured(sandbox: Sandbox, endpoint: str) -> None:
    """A JPEG is fine then."""
    photoroom = client(sandbox, "jpg", endpoint=endpoint)
    options = PaidOptions(background_color="ff0000", crop=True)
    result = photoroom.submit(source(), options)
    assert result.format == "jpeg"
    assert (result.width, result.height) == pytest.approx((320, 242), abs=2)
    with Image.open(io.BytesIO(result.content)) as picture:
        red, green, _ = picture.getpixel((0, 0))
    assert (red > 240, green < 15) == (True, True)


def test_a_shadow_is_asked_of_edit(sandbox: Sandbox) -> None:
    """The sandbox would name a parameter it does not know."""
    shaded = PaidOptions(shadow_type="auto", shadow_opacity=40)
    photoroom = client(sandbox, **EDIT, shadow_mode="ai.auto-with-overrides")
    assert photoroom.submit(source(), shaded).doubt is None


UNSUPPORTED = {
    "50MP": ("segment", {"resolution": "50MP"}),
    "type": ("segment", {"foreground_type": "product"}),
    "level": ("edit", {"type_level": "2"}),
    "region": ("edit", {"region": "0% 0% 50% 50%"}),
    "glass": ("segment", {"semitransparency": False}),
    "shadow at segment": ("segment", {"shadow_type": "auto"}),
    "another shadow at edit": ("edit", {"shadow_type": "car"}),
    "a shadow's strength": ("edit", {"shadow_type": "auto", "shadow_opacity": 20}),
    "half transparent ground": ("segment", {"background_color": "ff000080"}),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_an_option_without_a_parameter_is_refused_by_name(sandbox: Sandbox, name: str) -> None:
    """None is dropped, and nothing is sent."""
    endpoint, options = UNSUPPORTED[name]
    option = [*options][-1]
    with pytest.raises(ImageRefused, match=f"`{option}: ") as caught:
        client(sandbox, endpoint=endpoint).submit(source(), PaidOptions.model_validate(options))
    assert caught.value.code == "option_not_supported"
    assert sandbox.state.played["photoroom"].snapshot()["posts"] == 0


@pytest.mark.parametrize(
    ("picture", "wire", "code"),
    [
        (sent(kind="TIFF"), "png", "invalid_file_type"),
        (sent(content=bytes(50_000_001)), "png", "file_too_large"),
        (sent(6_001, 10), "png", "resolution_too_high"),
        (sent(5_999, 6_002), "png", "resolution_too_high"),
        (sent(), "jpg", "option_not_supported"),
    ],
    ids=["format", "bytes", "side", "pixels", "transparent JPEG"],
)
def test_what_the_api_would_refuse_is_not_sent(
    sandbox: Sandbox, picture: Source, wire: str, code: str
) -> None:
    """A call that cannot succeed costs nobody anything."""
    assert failure(client(sandbox, wire), picture).code == code
    assert sandbox.state.played["photoroom"].snapshot()["posts"] == 0


def test_a_high_uncertainty_is_a_doubt_and_people_are_none(sandbox: Sandbox) -> None:
    """From 0.6 on, as the API counts it; -1 stands for people."""
    told = {}
    for score in (-1, 0, 0.59, 0.6, 1):
        sandbox.state.change({"photoroom": {"uncertainty": score}})
        told[score] = client(sandbox).submit(source(), PLAIN).doubt
    assert [score for score, doubt in told.items() if doubt] == [0.6, 1]
    assert "uncertainty 0.6 of 1" in str(told[0.6])
    assert str(told[0.6]).endswith("compare it with the source.")


@pytest.mark.parametrize(
    ("settings", "resolution", "price"),
    [
        ({}, "full", Price(1, 1)),
        ({}, "preview", Price(1, 0.25)),
        (EDIT, "full", Price(5, 5)),
        (EDIT, "preview", Price(5, 5)),
        ({"plan": "plus"}, "full", Price(0.2, 0.2)),
        (EDIT | {"plan": "plus"}, "full", Price(1, 1)),
    ],
)
def test_the_price_goes_by_endpoint_and_plan(
    sandbox: Sandbox, settings: dict[str, str], resolution: str, price: Price
) -> None:
    """What the sandbox charges is what was likely."""
    sandbox.state.change({"photoroom": {"plan": settings.get("plan", "basic")}})
    photoroom = client(sandbox, **settings)
    options = PaidOptions.model_validate({"resolution": resolution})
    assert photoroom.price(options, None) == price
    charged = photoroom.submit(source(), options).charged
    assert charged == price.likely == sandbox.state.played["photoroom"].snapshot()["charged"]


def test_the_account_tells_the_images_left(sandbox: Sandbox) -> None:
    """In the words of either version."""
    photoroom = client(sandbox)
    photoroom.submit(source(), PLAIN)
    for has_v2 in (True, False):
        sandbox.state.change({"photoroom": {"account_has_v2": has_v2}})
        account = photoroom.account()
        assert (account.total, account.unit) == (999, "images")
        assert account.purchase_class is PurchaseClass.TEST


def test_a_sandbox_key_buys_free_tests_without_an_account(sandbox: Sandbox) -> None:
    """Whether the API knows an account for it or not."""
    photoroom = client(sandbox, key=f"sandbox_{KEY}")
    assert photoroom.account().model_dump() == photoroom.account().model_dump() | {
        "total": 0,
        "purchase_class": "test",
    }
    assert photoroom.price(PLAIN, None) == (0, 0)
    assert photoroom.submit(source(), PLAIN).charged == 0
    sandbox.state.change({"photoroom": {"account_takes_test_keys": True}})
    assert photoroom.account().total == 1_000
    sandbox.state.add_fault(Fault(kind="status_503", on="photoroom_account"))
    with pytest.raises(Unreachable):
        photoroom.account()


@pytest.mark.parametrize("endpoint", ["segment", "edit"])
def test_an_empty_account_ends_the_run_whichever_way_it_is_told(
    sandbox: Sandbox, endpoint: str
) -> None:
    """402, or a 403 that could be a bad key: the account knows."""
    for as_403 in (False, True):
        sandbox.state.change({"photoroom": {"balance": 0.5, "empty_is_403": as_403}})
        error = failure(client(sandbox, endpoint=endpoint))
        assert (type(error), error.http_status) == (OutOfCredits, 403 if as_403 else 402)


def test_a_bad_key_is_told_from_an_empty_account(sandbox: Sandbox) -> None:
    """And so is a good one that is refused while images are left."""
    photoroom = client(sandbox, key="invalid")
    assert isinstance(failure(photoroom), KeyRejected)
    with pytest.raises(KeyRejected):
        photoroom.account()
    sandbox.state.add_fault(Fault(kind="status_403", on="photoroom"))
    assert isinstance(failure(client(sandbox)), KeyRejected)
    sandbox.state.add_fault(Fault(kind="status_403", on="photoroom"))
    sandbox.state.add_fault(Fault(kind="status_503", on="photoroom_account"))
    assert isinstance(failure(client(sandbox)), KeyRejected)


@pytest.mark.parametrize("endpoint", ["segment", "edit"])
@pytest.mark.parametrize(
    ("kind", "error", "code"),
    [
        ("status_402", OutOfCredits, "no_credits"),
        ("status_429", Throttled, "throttled"),
        ("status_500", Unreachable, "unreachable"),
        ("status_502", Uncertain, "gateway_502"),
        ("status_503", Unreachable, "unreachable"),
        ("error_code:unknown_foreground", ImageRefused, None),
        ("status_400_without_code", ImageRefused, "refused_400"),
        ("truncated_body", Uncertain, "broken_answer"),
        ("truncated_zip", Uncertain, "broken_answer"),
        ("reset_after_read", Uncertain, "uncertain"),
        ("reset_before_read", PackshotError, None),
    ],
)
def test_every_fault_becomes_its_remedy(
    sandbox: Sandbox, endpoint: str, kind: str, error: type[PackshotError], code: str | None
) -> None:
    """In both shapes of refusals."""
    sandbox.state.add_fault(Fault(kind=kind, on="photoroom", retry_after=7))
    told = failure(client(sandbox, endpoint=endpoint))
    assert isinstance(told, error)
    assert code in {None, told.code}
    if isinstance(told, Throttled):
        assert told.wait_seconds == 7
    if kind == "error_code:unknown_foreground":
        assert told.code == ("unknown_foreground" if endpoint == "segment" else "refused_400")
        assert "Could not identify foreground" in str(told)


def test_too_many_calls_wait_as_long_as_the_api_says(sandbox: Sandbox) -> None:
    """Or for as long as seems right, where it says nothing."""
    sandbox.state.change({"photoroom": {"calls_per_window": 1}})
    photoroom = client(sandbox)
    photoroom.submit(source(), PLAIN)
    waits = [failure(photoroom)]
    sandbox.state.change({"photoroom": {"retry_after": False}})
    waits.append(failure(photoroom))
    assert [isinstance(each, Throttled) for each in waits] == [True, True]
    assert [getattr(each, "wait_seconds", 0) is None for each in waits] == [False, True]


def test_the_pace_counts_calls_and_is_a_setting(sandbox: Sandbox) -> None:
    """Sixty a minute, as the newer answer has it."""
    paces = [client(sandbox).pace, client(sandbox, calls_per_minute="500").pace]
    assert [pace.per_window for pace in paces] == [60, 500]
    assert (paces[0].window_seconds, paces[0].weighs_megapixels) == (60, False)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"endpint": "edit"}, "no setting `endpint`; there are endpoint, plan, calls_per_minute"),
        ({"endpoint": "render"}, "`endpoint` .* cannot be `render`.*'segment' or 'edit'"),
        ({"calls_per_minute": "0"}, "`calls_per_minute` .* cannot be `0`"),
        ({"longest_side": "wide"}, "`longest_side` .* cannot be `wide`"),
    ],
)
def test_a_setting_that_is_not_known_is_answered_with_those_that_are(
    sandbox: Sandbox, settings: dict[str, str], said: str
) -> None:
    """A typing error costs one look."""
    with pytest.raises(BadOption, match=said):
        client(sandbox, **settings)


def test_there_is_nothing_to_collect(sandbox: Sandbox) -> None:
    """Photoroom answers at once."""
    photoroom = client(sandbox)
    assert not photoroom.hands_out_tickets
    with pytest.raises(Uncertain):
        photoroom.collect(Ticket("photoroom", "job"))
    photoroom.close()
