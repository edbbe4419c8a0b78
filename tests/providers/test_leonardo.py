"""Leonardo.Ai against the played API: what is bought, what it costs, and what is lost."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from packshot.facts.errors import (
    BadOption,
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
from packshot.facts.paid_options import PaidOptions, content_hash
from packshot.facts.purchase import PurchaseClass
from packshot.facts.removebg_options import RemoveBgOptions
from packshot.providers import leonardo_refusals
from packshot.providers.face import Result, Source, Ticket
from packshot.providers.leonardo import Leonardo
from packshot.providers.leonardo_wire import LeonardoSettings as LeonardoOwn
from packshot.providers.leonardo_wire import check_options, order
from packshot.sandbox.leonardo_books import LeonardoAccount, LeonardoSettings
from packshot.sandbox.server import Sandbox
from packshot.sandbox.state import Endpoint, Fault, SandboxState, Settings
from tests.providers.playing import KEY
from tests.sandbox.calling import picture

PLAIN = PaidOptions()
PHOTO = picture()
SHOT = Source(PHOTO, content_hash(PHOTO), "JPEG", 400, 300)
MODES = ("sync", "async")


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """One sandbox for all tests here."""
    with Sandbox(SandboxState(Settings(cutouts="canned"))) as sandbox:
        yield sandbox


@pytest.fixture
def books(running: Sandbox) -> LeonardoAccount:
    """A full account, no faults and no switch turned."""
    account = running.state.played["leonardo"]
    assert isinstance(account, LeonardoAccount)
    account.settings = LeonardoSettings(calls_per_window=None, pending_polls=0)
    running.state.reset()
    return account


def client(
    sandbox: Sandbox, mode: str = "sync", key: str = KEY, wire_format: str = "zip", **own: str
) -> Leonardo:
    """An account at the sandbox."""
    return Leonardo(
        key,
        base_url=f"{sandbox.url}/api/rest",
        settings={"mode": mode, **own},
        wire_format=wire_format,
    )


def bought(asked: Leonardo, options: PaidOptions = PLAIN, source: Source = SHOT) -> Result:
    """A whole purchase."""
    return asked.collect(asked.submit(source, options))


def failure(asked: Leonardo, source: Source = SHOT) -> PackshotError:
    """The error of a purchase that comes to nothing; it shows no key."""
    with pytest.raises(PackshotError) as caught:
        bought(asked, source=source)
    assert KEY not in repr(caught.value) + str(caught.value.body_excerpt)
    return caught.value


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("envelope", ["wrapped", "flat"])
@pytest.mark.parametrize("absent", ["null", "left_out"])
def test_a_picture_is_cut_out(
    mode: str, envelope: str, absent: str, running: Sandbox, books: LeonardoAccount
) -> None:
    """At once or by a job, whatever shape the answers have."""
    books.change({"envelope": envelope, "absent": absent})
    result = bought(client(running, mode))
    assert (result.format, result.width, result.height) == ("png", 400, 300)
    assert (result.charged, result.unit, result.charge_stated) == (0.1047, "USD", True)
    assert (result.purchase_class, result.status) == (PurchaseClass.TEST, 200)
    assert (result.foreground_type, result.box) == (None, None)
    assert (books.charged_calls, books.charged, books.uploads) == (1, 0.1047, 0)


@pytest.mark.parametrize(
    ("cost", "own", "charged", "stated"),
    [
        ("absent", {}, 0.1047, False),
        ("absent", {"price": "0.2"}, 0.2, False),
        ("CREDITS", {}, 0.1047, False),
        ("CREDITS", {"unit": "credits"}, 69.8, True),
        ("DOLLARS", {"unit": "credits"}, 70, False),
    ],
)
def test_an_amount_in_another_unit_is_not_taken_for_ours(
    cost: str,
    own: dict[str, str],
    charged: float,
    stated: bool,  # noqa: FBT001
    running: Sandbox,
    books: LeonardoAccount,
) -> None:
    """Then, and where none is told, it is an estimate and says so."""
    books.change({"cost": cost})
    for mode in MODES:
        asked = client(running, mode, **own)
        result = bought(asked)
        assert (result.charged, result.charge_stated, result.unit) == (charged, stated, asked.unit)


@pytest.mark.parametrize("mode", MODES)
def test_what_is_too_large_to_travel_along_is_uploaded(
    mode: str, running: Sandbox, books: LeonardoAccount
) -> None:
    """The limit is a setting, because the documents contradict themselves."""
    assert bought(client(running, mode, inline_megabytes="0.001")).width == 400
    assert (books.uploads, books.charged_calls) == (1, 1)
    seven = Source(PHOTO + bytes(7_000_000 - len(PHOTO)), "7" * 64, "JPEG", 400, 300)
    bought(client(running, mode), source=seven)
    assert books.uploads == 1
    more = Source(seven.content + b"0", "8" * 64, "JPEG", 400, 300)
    bought(client(running, mode), source=more)
    assert books.uploads == 2


def test_an_upload_that_fails_is_made_again(running: Sandbox, books: LeonardoAccount) -> None:
    """It costs nothing, and the next try has a place of its own."""
    books.change({"init_image_seconds": 0.000001})
    error = failure(client(running, inline_megabytes="0"))
    assert (type(error), error.code, error.http_status) == (Unreachable, "upload_failed", 403)
    assert books.charged_calls == 0


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_every_format_is_taken(kind: str, running: Sandbox, books: LeonardoAccount) -> None:
    """Inline and uploaded."""
    content = picture(kind=kind)
    source = Source(content, content_hash(content), kind, 400, 300)
    for megabytes in ("0", "7"):
        assert bought(client(running, inline_megabytes=megabytes), source=source).width == 400
    assert books.uploads == 1


@pytest.mark.parametrize("mode", MODES)
def test_another_client_collects_the_ticket(
    mode: str, running: Sandbox, books: LeonardoAccount
) -> None:
    """A run that died has paid; the next one has nothing but the ticket, and it holds no key."""
    given = client(running, mode).submit(SHOT, PLAIN)
    kept = json.dumps([given.provider, given.job_id, dict(given.facts)])
    assert KEY not in kept
    later = client(running, "sync" if mode == "async" else "async")
    results = [later.collect(Ticket(*json.loads(kept))) for _ in range(2)]
    assert {(each.charged, each.charge_stated) for each in results} == {(0.1047, True)}
    assert results[0].purchase_class == PurchaseClass.TEST
    assert books.charged_calls == 1


def test_a_job_is_not_there_yet(running: Sandbox, books: LeonardoAccount) -> None:
    """Asked again and again, for nothing."""
    books.change({"pending_polls": 2})
    asked = client(running, "async")
    given = asked.submit(SHOT, PLAIN)
    for _ in range(2):
        with pytest.raises(NotYet):
            asked.collect(given)
    assert asked.collect(given).width == 400
    assert books.charged_calls == 1


@pytest.mark.parametrize("charged", [True, False])
def test_a_job_that_failed_is_in_doubt(
    charged: bool,  # noqa: FBT001
    running: Sandbox,
    books: LeonardoAccount,
) -> None:
    """Nobody says why, nor whether it was charged."""
    books.change({"job_ends": "FAILED", "failed_is_charged": charged})
    error = failure(client(running, "async"))
    assert (type(error), error.code) == (Uncertain, "job_failed")


def test_a_job_that_is_forgotten_is_lost(running: Sandbox, books: LeonardoAccount) -> None:
    """A young one may only not be known yet."""
    asked = client(running, "async")
    given = asked.submit(SHOT, PLAIN)
    books.jobs.clear()
    with pytest.raises(NotYet):
        asked.collect(given)
    old = Ticket(given.provider, given.job_id, {**given.facts, "submitted_at": "1"})
    with pytest.raises(Uncertain) as caught:
        asked.collect(old)
    assert caught.value.code == "unknown_job"
    with pytest.raises(Uncertain):
        asked.collect(Ticket("leonardo", "7"))


@pytest.mark.parametrize("charged", [True, False])
def test_a_result_that_moderation_withholds_is_a_refusal(
    charged: bool,  # noqa: FBT001
    running: Sandbox,
    books: LeonardoAccount,
) -> None:
    """The picture will not get through tomorrow either; an amount that is told is told on."""
    books.change({"blocked": True, "blocked_is_charged": charged})
    error = failure(client(running))
    assert (type(error), error.code) == (ImageRefused, "blocked")
    assert ("charged 0.1047 USD" in error.message) == charged
    asked = client(running, "async")
    given = asked.submit(SHOT, PLAIN)
    with pytest.raises(NotYet):
        asked.collect(given)
    with pytest.raises(ImageRefused):
        asked.collect(Ticket(given.provider, given.job_id, {**given.facts, "submitted_at": "1"}))


def test_an_ephemeral_result_is_fetched_while_it_lives(
    running: Sandbox, books: LeonardoAccount
) -> None:
    """By its signed address, which is used as it came; afterwards it is lost."""
    asked = client(running, ephemeral="true")
    given = asked.submit(SHOT, PLAIN)
    assert "X-Amz-Signature" in given.facts["address"]
    assert asked.collect(given).width == 400
    books.signed = {token: (0.0, query) for token, (_, query) in books.signed.items()}
    with pytest.raises(Uncertain) as caught:
        asked.collect(given)
    assert (caught.value.code, caught.value.http_status) == ("result_gone", 403)
    assert "X-Amz" not in str(caught.value)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["truncated_body", "reset_after_read"])
def test_an_order_whose_answer_is_lost_is_uncertain(
    mode: str, kind: str, running: Sandbox, books: LeonardoAccount
) -> None:
    """It has been charged, or the job is under way."""
    running.state.add_fault(Fault(kind=kind, on="leonardo"))
    assert isinstance(failure(client(running, mode)), Uncertain)
    assert books.charged_calls == 1


@pytest.mark.parametrize(
    ("mode", "on"),
    [("sync", "leonardo_result"), ("async", "leonardo_poll"), ("async", "leonardo_result")],
)
@pytest.mark.parametrize(
    "kind", ["truncated_body", "truncated_zip", "status_503", "status_429", "reset_after_read"]
)
def test_fetching_that_fails_is_tried_again(
    mode: str, on: Endpoint, kind: str, running: Sandbox, books: LeonardoAccount
) -> None:
    """The poll and the download, never the order."""
    asked = client(running, mode)
    given = asked.submit(SHOT, PLAIN)
    running.state.add_fault(Fault(kind=kind, on=on))
    with pytest.raises(Throttled if kind == "status_429" else Unreachable):
        asked.collect(given)
    assert asked.collect(given).width == 400
    assert books.charged_calls == 1


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("kind", "meaning"),
    [
        ("status_402", OutOfCredits),
        ("status_403", KeyRejected),
        ("status_429", Throttled),
        ("status_500", Unreachable),
        ("status_502", Uncertain),
        ("status_503", Unreachable),
        ("reset_before_read", Uncertain),
    ],
)
def test_each_fault_has_its_remedy(
    mode: str, kind: str, meaning: type[PackshotError], running: Sandbox, books: LeonardoAccount
) -> None:
    """Whatever mode."""
    running.state.add_fault(Fault(kind=kind, on="leonardo", retry_after=7))
    error = failure(client(running, mode))
    assert type(error) is meaning
    if isinstance(error, Throttled):
        assert error.wait_seconds == 7
    assert books.charged_calls == 0


@pytest.mark.parametrize("style", ["errors", "list", "v1"])
def test_a_refused_order_blames_no_picture_before_one_was_taken(
    style: str, running: Sandbox, books: LeonardoAccount
) -> None:
    """In all three shapes; once an order like it was taken, it is the picture."""
    asked = client(running)
    books.change({"errors": style, "base64_bytes": 10})
    error = failure(asked)
    assert (type(error), error.code) == (TryTomorrow, "refused_400")
    assert "image exceeds the maximum size" in error.message
    books.change({"base64_bytes": 7_500_000})
    bought(asked)
    books.change({"base64_bytes": 10})
    error = failure(asked)
    assert (type(error), error.code) == (ImageRefused, "refused_400")
    assert books.charged_calls == 1


@pytest.mark.parametrize("style", ["list", "v1"])
def test_an_empty_account_ends_the_run(
    style: str, running: Sandbox, books: LeonardoAccount
) -> None:
    """By its words: the status is 200 or 400."""
    books.change({"balance": 0.1, "no_balance": style})
    for mode in MODES:
        assert isinstance(failure(client(running, mode)), OutOfCredits)
    assert books.charged_calls == 0


def test_a_bad_key_ends_the_run(running: Sandbox, books: LeonardoAccount) -> None:
    """When ordering and when asking for the balance; one of another shape, too."""
    for mode in MODES:
        assert isinstance(failure(client(running, mode, "invalid")), KeyRejected)
    books.change({"keys_are_uuids": True})
    for key in ("invalid", KEY):
        with pytest.raises(KeyRejected):
            client(running, key=key).account()


@pytest.mark.parametrize("how", ["504", "error"])
@pytest.mark.parametrize("charged", [True, False])
def test_a_call_that_ran_out_of_time_is_uncertain(
    how: str,
    charged: bool,  # noqa: FBT001
    running: Sandbox,
    books: LeonardoAccount,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither its status nor its charge is known; jobs have no such limit."""
    monkeypatch.setattr(leonardo_refusals, "LATE_SECONDS", 0.2)
    late: dict[str, Any] = {"work_seconds": 1, "time_limit_seconds": 0.3}
    books.change({**late, "at_limit": how, "late_is_charged": charged})
    error = failure(client(running))
    assert (type(error), error.code) == (Uncertain, "timed_out")
    assert "`provider_settings.leonardo.mode` to async" in error.message
    assert bought(client(running, "async")).width == 400
    assert books.charged_calls == 1 + charged


def test_the_balance_is_worth_what_a_token_is(running: Sandbox, books: LeonardoAccount) -> None:
    """In money it is an estimate by a setting, and may be left out."""
    books.change({"balance": 15})
    account = client(running).account()
    assert (account.unit, account.total) == ("USD", pytest.approx(15))
    assert account.kinds == {"apiPaidTokens": pytest.approx(15), "apiSubscriptionTokens": 0}
    assert account.purchase_class == PurchaseClass.TEST
    assert client(running, usd_per_token="0.003").account().total == pytest.approx(30)
    assert client(running, usd_per_token="0").account().total == float("inf")
    assert client(running, unit="credits").account().total == 10_000


def test_asking_for_the_balance_is_never_uncertain(
    running: Sandbox, books: LeonardoAccount
) -> None:
    """It costs nothing, so it can be asked again."""
    for kind in ("status_500", "status_502", "truncated_body", "reset_after_read"):
        running.state.add_fault(Fault(kind=kind, on="leonardo_account"))
        with pytest.raises(Unreachable):
            client(running).account()
    running.state.add_fault(Fault(kind="status_429", on="leonardo_account", retry_after=3))
    with pytest.raises(Throttled):
        client(running).account()
    elsewhere = Leonardo(KEY, base_url=f"{running.url}/api")
    with pytest.raises(BadOption, match="`--provider-url`"):
        elsewhere.account()
    with pytest.raises(KeyRejected) as caught:
        elsewhere.submit(SHOT, PLAIN)
    assert caught.value.code == "wrong_provider_url"
    assert books.charged_calls == 0


@pytest.mark.parametrize("mode", MODES)
def test_every_option_is_taken(mode: str, running: Sandbox, books: LeonardoAccount) -> None:
    """The API refuses names and types that it does not know."""
    ours = {
        "resolution": "hd",
        "foreground_type": "car",
        "type_level": "2",
        "region": "10% 20% 90% 80.5%",
        "crop": True,
        "semitransparency": False,
        "shadow_type": "3D",
        "shadow_opacity": 40,
        "background_color": "#fff",
    }
    asked = client(running, mode, wire_format="jpg")
    assert bought(asked, PaidOptions.model_validate(ours)).format == "jpeg"
    assert books.charged_calls == 1


def test_what_comes_back_small_is_degraded(running: Sandbox, books: LeonardoAccount) -> None:
    """A test remains a test; the ticket keeps what was asked for."""
    large = picture(1000, 800)
    source = Source(large, content_hash(large), "JPEG", 1000, 800)
    running.state.add_fault(Fault(kind="degraded", on="leonardo"))
    asked = client(running)
    given = asked.submit(source, PLAIN)
    assert float(given.facts["wanted_megapixels"]) == 0.8
    assert asked.collect(given).width < 600
    for options in (PaidOptions(crop=True), PaidOptions(resolution="auto")):
        assert float(asked.submit(source, options).facts["wanted_megapixels"]) == 0
    assert books.charged_calls == 3


@pytest.mark.parametrize("mode", MODES)
def test_margin_scale_and_place_are_said(
    mode: str, running: Sandbox, books: LeonardoAccount
) -> None:
    """As remove.bg's words: Leonardo's schema has the same ones."""
    asked = client(running, mode)
    tight = bought(asked, PaidOptions(crop=True))
    own = RemoveBgOptions(crop_margin="10px")
    wide = bought(asked, PaidOptions(crop=True, removebg=own))
    assert (wide.width, wide.height) == (tight.width + 20, tight.height + 20)
    assert books.charged_calls == 2
    moved = PaidOptions(removebg=RemoveBgOptions(scale="50%", position="10% 90%"))
    said = order({}, moved, "png", LeonardoOwn())["parameters"]
    assert (said["scale"], said["position"]) == ("50%", "10% 90%")


def test_a_picture_behind_is_named_by_its_address() -> None:
    """As a second reference beside the product's; only https is fetched."""
    behind = RemoveBgOptions(background_image_url="https://shop.example/wood.jpg")
    asked = order({}, PaidOptions(removebg=behind), "png", LeonardoOwn())["parameters"]
    assert asked["guidances"]["background_image_reference"] == [
        {"image": {"type": "URL", "url": "https://shop.example/wood.jpg"}}
    ]
    assert "bg_color" not in asked
    plain = RemoveBgOptions(background_image_url="http://shop.example/wood.jpg")
    with pytest.raises(ImageRefused, match="https://"):
        check_options(PaidOptions(removebg=plain), "png")
