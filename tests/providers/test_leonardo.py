"""Leonardo's client against the played API: both envelopes, every way an error comes, uploads."""

import math
from collections.abc import Iterator

import httpx
import pytest

from packshot.facts.errors import (
    BadOption,
    ImageRefused,
    KeyRejected,
    NotYet,
    OutOfCredits,
    PackshotError,
    TryTomorrow,
    Uncertain,
    Unreachable,
)
from packshot.facts.paid_options import PaidOptions
from packshot.facts.purchase import PurchaseClass
from packshot.providers.face import Source, Ticket
from packshot.providers.leonardo import Leonardo
from packshot.providers.leonardo_wire import request
from packshot.sandbox.leonardo_api import LeonardoSettings
from packshot.sandbox.server import Sandbox
from packshot.sandbox.state import Fault, SandboxState, Settings
from tests.providers.contract import KEY, obtained, picture

PLAIN = PaidOptions()


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """One server for all tests."""
    with Sandbox(SandboxState(Settings(cutouts="canned"))) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """A server as if nothing had happened."""
    running.state.change({"leonardo": LeonardoSettings(balance=100).model_dump()})
    running.state.reset()
    return running


def client(sandbox: Sandbox, wire_format: str = "zip", key: str = KEY, **own: str) -> Leonardo:
    """An account at the sandbox."""
    return Leonardo(key, base_url=f"{sandbox.url}/api/rest", wire_format=wire_format, settings=own)


def answering(*answers: httpx.Response, **own: str) -> Leonardo:
    """An account whose next answers are known."""
    left = list(answers)
    transport = httpx.MockTransport(lambda _: left.pop(0))
    return Leonardo(KEY, settings=own, transport=transport)


def failure(leonardo: Leonardo, source: Source | None = None) -> PackshotError:
    """The error of one purchase."""
    with pytest.raises(PackshotError) as caught:
        obtained(leonardo, leonardo.submit(source or picture(), PLAIN))
    assert KEY not in f"{caught.value}{caught.value!r}{caught.value.body_excerpt}"
    return caught.value


def charged(sandbox: Sandbox) -> int:
    """Calls that the provider has charged."""
    return int(sandbox.state.snapshot()["providers"]["leonardo"]["charged_calls"])


@pytest.mark.parametrize("envelope", ["wrapped", "flat"])
@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize(
    ("cost", "amount", "stated"),
    [("dollars", 0.1047, True), ("credits", 0.1047, False), ("absent", 0.1047, False)],
)
def test_every_shape_of_an_answer_is_read(
    sandbox: Sandbox, envelope: str, mode: str, cost: str, amount: float, *, stated: bool
) -> None:
    """With the provider's own word on the charge, or our estimate marked so."""
    sandbox.state.change({"leonardo": {"envelope": envelope, "cost": cost}})
    leonardo = client(sandbox, mode=mode)
    result = obtained(leonardo, leonardo.submit(picture(), PLAIN))
    assert (result.width, result.height, result.format) == (800, 600, "png")
    assert (result.charged, result.unit, result.charge_stated) == (amount, "USD", stated)
    assert result.purchase_class is PurchaseClass.TEST


@pytest.mark.parametrize("style", ["errors", "list", "v1"])
@pytest.mark.parametrize("mode", ["sync", "async"])
def test_an_error_is_found_however_it_comes(sandbox: Sandbox, style: str, mode: str) -> None:
    """Under 200 or not: an empty account, and a picture that is declined."""
    sandbox.state.change({"leonardo": {"error_style": style, "balance": 0}})
    assert isinstance(failure(client(sandbox, mode=mode)), OutOfCredits)
    sandbox.state.change({"leonardo": {"balance": 100}})
    sandbox.state.add_fault(Fault(kind="error_code:unknown_foreground", on="leonardo"))
    error = failure(client(sandbox, mode=mode))
    assert isinstance(error, ImageRefused)
    assert "Could not identify foreground" in str(error)
    assert charged(sandbox) == 0


@pytest.mark.parametrize(
    ("options", "wire_format", "sent"),
    [
        (PaidOptions(), "zip", {"size": "full", "format": "png", "type_level": "latest"}),
        (PaidOptions(resolution="hd"), "webp", {"size": "full", "format": "webp"}),
        (PaidOptions(resolution="preview"), "png", {"size": "preview"}),
        (PaidOptions(foreground_type="product"), "png", {"type": "product"}),
        (PaidOptions(crop=True), "png", {"crop": True}),
        (PaidOptions(semitransparency=False), "png", {"semitransparency": False}),
        (PaidOptions(shadow_type="3D", shadow_opacity=40), "png", {"shadow_type": "3d"}),
        (PaidOptions(shadow_type="drop", shadow_opacity=40), "png", {"shadow_opacity": 40}),
        (PaidOptions(region="9% 9% 91% 91%"), "png", {"roi": "9% 9% 91% 91%"}),
        (PaidOptions(background_color="ff5733"), "jpg", {"bg_color": "ff5733", "format": "jpg"}),
    ],
)
def test_options_are_sent_in_its_own_words(
    sandbox: Sandbox, options: PaidOptions, wire_format: str, sent: dict[str, object]
) -> None:
    """Numbers and booleans as such, names that it does not know as those it does."""
    source = picture()
    body = request(source, options, {}, wire_format=wire_format)
    assert sent.items() <= body["parameters"].items()
    leonardo = client(sandbox, wire_format)
    assert obtained(leonardo, leonardo.submit(source, options)).charged > 0


def test_a_large_result_is_no_png() -> None:
    """Which would end at ten megapixels."""
    source = Source(b"", "0" * 64, "JPEG", 5000, 4000)
    assert request(source, PLAIN, {}, wire_format="png")["parameters"]["format"] == "webp"


def test_a_large_source_is_uploaded_first(sandbox: Sandbox) -> None:
    """To an address that is never shown the key; the upload alone costs nothing."""
    small = picture()
    padded = small.content + b"\0" * 7_500_000
    large = Source(padded, small.content_hash, "JPEG", small.width, small.height)
    leonardo = client(sandbox)
    assert obtained(leonardo, leonardo.submit(large, PLAIN)).width == 800
    assert charged(sandbox) == 1
    sandbox.state.change({"leonardo": {"upload_seconds": 1e-9}})
    assert isinstance(failure(leonardo, large), Unreachable)
    assert charged(sandbox) == 1


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_what_moderation_keeps_back_is_refused(sandbox: Sandbox, mode: str) -> None:
    """Another provider may do it."""
    sandbox.state.change({"leonardo": {"blocked": True}})
    error = failure(client(sandbox, mode=mode))
    assert (type(error), error.code) == (ImageRefused, "moderated")


def test_a_job_is_pending_and_then_done_or_not(sandbox: Sandbox) -> None:
    """Asked again and again, by whichever client."""
    sandbox.state.change({"leonardo": {"pending_polls": 2}})
    ticket = client(sandbox, mode="async").submit(picture(), PLAIN)
    assert isinstance(ticket, Ticket)
    other = client(sandbox)
    for _ in range(2):
        with pytest.raises(NotYet):
            other.collect(ticket)
    assert other.collect(ticket).width == 800
    sandbox.state.change({"leonardo": {"pending_polls": 0, "job_fails": True}})
    error = failure(client(sandbox, mode="async"))
    assert (type(error), error.code) == (ImageRefused, "job_failed")


def test_a_job_that_is_not_found_may_turn_up_for_a_while(sandbox: Sandbox) -> None:
    """After that it is lost, and said so."""
    ticket = client(sandbox, mode="async").submit(picture(), PLAIN)
    assert isinstance(ticket, Ticket)
    unknown = Ticket("leonardo", "nobody", ticket.facts)
    with pytest.raises(NotYet):
        client(sandbox).collect(unknown)
    old = Ticket("leonardo", "nobody", {**ticket.facts, "kept_until": "1.0"})
    with pytest.raises(Uncertain) as caught:
        client(sandbox).collect(old)
    assert caught.value.code == "result_gone"


@pytest.mark.parametrize("octet_stream", [True, False])
def test_a_result_is_known_by_its_bytes(sandbox: Sandbox, *, octet_stream: bool) -> None:
    """Its store may not say what it is."""
    sandbox.state.change({"leonardo": {"octet_stream": octet_stream}})
    leonardo = client(sandbox, "webp")
    assert obtained(leonardo, leonardo.submit(picture(), PLAIN)).format == "webp"


def test_a_result_that_has_expired_is_lost(sandbox: Sandbox) -> None:
    """It was paid for."""
    sandbox.state.change({"leonardo": {"result_seconds": 1e-9}})
    error = failure(client(sandbox))
    assert (type(error), error.code, charged(sandbox)) == (Uncertain, "result_gone", 1)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"errors": [{"message": "Request timed out"}]}, Uncertain),
        ({"errors": [{"message": "x", "extensions": {"statusCode": 500}}]}, Unreachable),
        ([{"message": "content moderation filter: no"}], ImageRefused),
        ({"error": "Invalid response from authorization hook", "code": "unexpected"}, KeyRejected),
        ({"something": "else"}, TryTomorrow),
        (["deep", ["deeper"]], ImageRefused),
        ({"generateSync": {"results": [{"url": "file:///etc/passwd"}]}}, TryTomorrow),
    ],
)
def test_what_is_no_result_is_sorted_by_remedy(body: object, kind: type[PackshotError]) -> None:
    """Under a good status, too."""
    assert type(failure(answering(httpx.Response(200, json=body)))) is kind


def test_the_balance_is_in_tokens_and_told_in_money_where_it_can_be(sandbox: Sandbox) -> None:
    """Nothing left is nothing, whatever a token is worth."""
    unknown = client(sandbox).account()
    assert (unknown.total, unknown.kinds["tokens"]) == (math.inf, 66667)
    assert client(sandbox, usd_per_token="0.0015").account().total == pytest.approx(100, abs=0.01)
    sandbox.state.change({"leonardo": {"balance": 0}})
    assert client(sandbox).account().total == 0


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"mode": "later"}, "setting `mode`"),
        ({"speed": "9"}, "there are mode, ephemeral, calls_per_minute, usd_per_token"),
    ],
)
def test_a_wrong_setting_is_named(own: dict[str, str], said: str) -> None:
    """Before anything is asked."""
    with pytest.raises(BadOption, match=said):
        Leonardo(KEY, settings=own)
