"""One contract for all providers: whoever cuts out, the rest of the program sees the same."""

from collections.abc import Iterator

import pytest

from packshot.facts.errors import (
    ImageRefused,
    KeyRejected,
    NotYet,
    OutOfCredits,
    PackshotError,
    Throttled,
    TryTomorrow,
    Uncertain,
    Unreachable,
)
from packshot.facts.paid_options import PaidOptions
from packshot.facts.purchase import PurchaseClass
from packshot.providers.face import Provider, Source, Ticket
from packshot.sandbox.server import Sandbox
from packshot.sandbox.state import Fault, SandboxState, Settings
from packshot.world.cutouts import LARGEST_RESULT_PIXELS, read_cutout
from tests.providers.contract import (
    BY_ADDRESS,
    FETCHED,
    JOBS,
    KEY,
    PROVIDERS,
    Played,
    obtained,
    picture,
)

PLAIN = PaidOptions()
HAVE_SHADOWS_AND_REGIONS = {"removebg", "leonardo"}


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """All providers on one server."""
    with Sandbox(SandboxState(Settings(cutouts="canned"))) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """A server as if nothing had happened, with full accounts."""
    running.state.reset()
    for played in PROVIDERS:
        played.refill(running, 1000)
    return running


@pytest.fixture(params=PROVIDERS, ids=lambda played: played.label)
def played(request: pytest.FixtureRequest) -> Played:
    """Each provider in turn."""
    found: Played = request.param
    return found


@pytest.fixture
def provider(played: Played, sandbox: Sandbox) -> Iterator[Provider]:
    """Its client."""
    client = played.client(sandbox)
    yield client
    client.close()


def fail_next(sandbox: Sandbox, played: Played, kind: str, **more: object) -> None:
    """Let the next call that costs go wrong."""
    fault = {"kind": kind, "on": played.name, **more}
    sandbox.state.add_fault(Fault.model_validate(fault))


def refusal(provider: Provider, source: Source | None = None) -> PackshotError:
    """The error of one purchase."""
    with pytest.raises(PackshotError) as caught:
        obtained(provider, provider.submit(source or picture(), PLAIN))
    assert KEY not in str(caught.value) + repr(caught.value) + str(caught.value.body_excerpt)
    return caught.value


def test_a_purchase_is_whole(played: Played, provider: Provider, sandbox: Sandbox) -> None:
    """Size, format, price, unit and class; the bytes are a cutout; charged once."""
    source = picture()
    result = obtained(provider, provider.submit(source, PLAIN))
    cutout = read_cutout(result.content, result.format, max_pixels=LARGEST_RESULT_PIXELS)
    assert cutout.picture.size == (result.width, result.height) == (source.width, source.height)
    assert cutout.picture.getchannel("A").getextrema() == (0, 255)
    assert (result.unit, provider.unit) == (played.unit, played.unit)
    assert result.charged == pytest.approx(played.price)
    assert result.purchase_class is PurchaseClass.TEST
    assert played.charged(sandbox) == (1, pytest.approx(played.price))
    assert provider.price(PLAIN, source.megapixels).at_most >= result.charged


def test_a_ticket_outlives_its_client(played: Played, sandbox: Sandbox) -> None:
    """What one process has paid for, another one collects, again and again, for nothing."""
    first = played.client(sandbox)
    answer = first.submit(picture(), PLAIN)
    first.close()
    assert isinstance(answer, Ticket) == first.hands_out_tickets
    if not isinstance(answer, Ticket):
        return
    assert answer.provider == played.name
    assert KEY not in repr(answer)
    kept = Ticket(answer.provider, answer.job_id, dict(answer.facts))
    later = played.client(sandbox)
    contents = {obtained(later, kept).content for _ in range(2)}
    later.close()
    assert len(contents) == 1
    assert played.charged(sandbox)[0] == 1


def test_the_account_tells_what_it_holds(played: Played, provider: Provider) -> None:
    """In the provider's unit, and lower by the price after a purchase."""
    before = provider.account()
    assert (before.unit, before.purchase_class) == (played.unit, PurchaseClass.TEST)
    obtained(provider, provider.submit(picture(), PLAIN))
    if played.has_balance:
        spent = before.total - provider.account().total
        assert spent == pytest.approx(played.price, abs=played.balance_step)


def test_a_wrong_key_stops_the_run(played: Played, sandbox: Sandbox) -> None:
    """No other picture can succeed either; asked for the balance, it says the same."""
    wrong = played.client(sandbox, "invalid")
    with pytest.raises(KeyRejected):
        wrong.submit(picture(), PLAIN)
    if played.has_balance:
        with pytest.raises(KeyRejected):
            wrong.account()
    wrong.close()
    assert played.charged(sandbox) == (0, 0)


def test_an_empty_account_stops_the_run(
    played: Played, provider: Provider, sandbox: Sandbox
) -> None:
    """In good time or not: nothing is charged."""
    played.refill(sandbox, 0)
    assert isinstance(refusal(provider), OutOfCredits)
    assert played.charged(sandbox) == (0, 0)


def test_haste_is_answered_with_a_pause(
    played: Played, provider: Provider, sandbox: Sandbox
) -> None:
    """As long as the provider says."""
    fail_next(sandbox, played, "status_429", retry_after=7)
    error = refusal(provider)
    assert isinstance(error, Throttled)
    assert error.wait_seconds == 7


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_error_is_tried_again(
    played: Played, provider: Provider, sandbox: Sandbox, status: int
) -> None:
    """It cost nothing, and the same call may succeed in a moment."""
    fail_next(sandbox, played, f"status_{status}")
    assert isinstance(refusal(provider), Unreachable)
    result = obtained(provider, provider.submit(picture(), PLAIN))
    assert result.charged == pytest.approx(played.price)


@pytest.mark.parametrize("kind", ["truncated_body", "reset_after_read"])
def test_an_answer_that_is_lost_is_uncertain(
    played: Played, provider: Provider, sandbox: Sandbox, kind: str
) -> None:
    """It has been charged, so nobody calls it a failure that cost nothing."""
    fail_next(sandbox, played, kind)
    assert isinstance(refusal(provider), Uncertain)
    assert played.charged(sandbox)[0] == 1


@pytest.mark.parametrize("kind", ["truncated_body", "truncated_zip"])
@pytest.mark.parametrize("played", FETCHED, ids=lambda played: played.label)
def test_a_result_that_is_cut_short_is_fetched_again(
    played: Played, provider: Provider, sandbox: Sandbox, kind: str
) -> None:
    """It breaks off, or arrives as if it were whole; the job is paid for once."""
    given = provider.submit(picture(), PLAIN)
    assert isinstance(given, Ticket)
    fail_next(sandbox, played, kind, on=f"{played.name}_result")
    with pytest.raises(Unreachable) as caught:
        obtained(provider, given)
    assert caught.value.code == "broken_download"
    result = obtained(provider, given)
    cutout = read_cutout(result.content, result.format, max_pixels=LARGEST_RESULT_PIXELS)
    assert cutout.picture.size == (result.width, result.height) == (800, 600)
    assert played.charged(sandbox) == (1, pytest.approx(played.price))


@pytest.mark.parametrize("status", [403, 404, 410])
@pytest.mark.parametrize("played", BY_ADDRESS, ids=lambda played: played.label)
def test_a_result_that_has_expired_is_lost_and_charged(
    played: Played, provider: Provider, sandbox: Sandbox, status: int
) -> None:
    """Nobody fetches it again, and the sentence says what it has cost and what to compare."""
    given = provider.submit(picture(), PLAIN)
    assert isinstance(given, Ticket)
    sandbox.state.change({played.name: {"result_seconds": 1e-9, "gone_status": status}})
    try:
        with pytest.raises(Uncertain) as caught:
            obtained(provider, given)
    finally:
        sandbox.state.change({played.name: {"result_seconds": None, "gone_status": 404}})
    assert (caught.value.code, caught.value.http_status) == ("result_gone", status)
    assert "has been charged and is lost. Compare" in str(caught.value)
    assert played.charged(sandbox)[0] == 1


def test_a_picture_that_is_declined_is_left_to_people(
    played: Played, provider: Provider, sandbox: Sandbox
) -> None:
    """By the wire, and once another picture has been taken; the next one is."""
    obtained(provider, provider.submit(picture(), PLAIN))
    fail_next(sandbox, played, "error_code:unknown_foreground")
    error = refusal(provider, picture(1))
    assert (type(error), error.charged) == (ImageRefused, None)
    obtained(provider, provider.submit(picture(2), PLAIN))
    assert played.charged(sandbox)[0] == 2


def test_a_refusal_that_nobody_documents_waits_for_a_later_night(
    played: Played, provider: Provider, sandbox: Sandbox
) -> None:
    """It is held against no picture, and costs no second call tonight."""
    fail_next(sandbox, played, "status_409")
    error = refusal(provider)
    assert type(error) is TryTomorrow
    assert played.charged(sandbox) == (0, 0)


@pytest.mark.parametrize("played", JOBS, ids=lambda played: played.label)
def test_a_job_that_is_not_done_is_asked_for_again(
    played: Played, provider: Provider, sandbox: Sandbox
) -> None:
    """As often as need be; asking costs nothing, and the result is the one that was ordered."""
    given = provider.submit(picture(), PLAIN)
    assert isinstance(given, Ticket)
    with pytest.raises(NotYet):
        provider.collect(given)
    assert obtained(provider, given).charged == pytest.approx(played.price)
    assert played.charged(sandbox)[0] == 1


def test_a_call_that_never_left_may_be_made_again(played: Played) -> None:
    """Nobody listens there."""
    with Sandbox(SandboxState()) as gone:
        nowhere = played.client(gone)
    with pytest.raises(Unreachable):
        nowhere.submit(picture(), PLAIN)
    nowhere.close()


def test_what_is_too_large_never_leaves(
    played: Played, provider: Provider, sandbox: Sandbox
) -> None:
    """The limits are the provider's own; the sentence names the remedy."""
    accepts = provider.accepts
    sound = picture()
    for source in (
        Source(b"x" * (accepts.max_bytes + 1), "0" * 64, "JPEG", 800, 600),
        Source(sound.content, sound.content_hash, "JPEG", accepts.max_pixels, 2),
        Source(sound.content, sound.content_hash, "TIFF", 800, 600),
    ):
        assert isinstance(refusal(provider, source), ImageRefused)
    assert played.charged(sandbox) == (0, 0)


def test_an_option_that_it_does_not_have_is_refused(
    played: Played, provider: Provider, sandbox: Sandbox
) -> None:
    """Or honoured; never passed over in silence and charged all the same."""
    asked = PaidOptions(shadow_type="car", region="10% 10% 90% 90%")
    if played.name in HAVE_SHADOWS_AND_REGIONS:
        obtained(provider, provider.submit(picture(), asked))
        return
    with pytest.raises(ImageRefused) as caught:
        provider.submit(picture(), asked)
    assert caught.value.code == "option_not_supported"
    assert played.charged(sandbox) == (0, 0)
