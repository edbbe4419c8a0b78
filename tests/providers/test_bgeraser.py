"""bgeraser by way of either of its APIs: the played one, and answers that it does not play."""

import json
import math
import traceback
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from packshot.facts.errors import (
    BadOption,
    ImageRefused,
    KeyRejected,
    OutOfCredits,
    PackshotError,
    Throttled,
    TryTomorrow,
    Uncertain,
    Unreachable,
)
from packshot.facts.paid_options import PaidOptions, content_hash
from packshot.facts.purchase import Price, PurchaseClass
from packshot.providers.bgeraser import Bgeraser, BgeraserDropIn, bgeraser
from packshot.providers.face import Result, Source, Ticket
from packshot.sandbox.bgeraser_api import BgeraserSettings
from packshot.sandbox.played import PlayedAccount
from packshot.sandbox.server import Sandbox
from packshot.sandbox.state import Fault, SandboxState, Settings
from tests.providers.playing import KEY, encoded, good, sent
from tests.sandbox.calling import picture

PLAIN = PaidOptions()
PHOTO = picture()
SHOT = Source(PHOTO, content_hash(PHOTO), "JPEG", 400, 300)
ADDRESS = "https://results.example/a.png?sig=abc"
DROP_IN = {"surface": "removebg"}
SHAPES = ("nested", "flat", "success_false", "text")


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """One sandbox for all tests here."""
    with Sandbox(SandboxState(Settings(cutouts="canned"))) as sandbox:
        yield sandbox


@pytest.fixture
def books(running: Sandbox) -> PlayedAccount[BgeraserSettings]:
    """A full account without faults."""
    account = running.state.played["bgeraser"]
    assert isinstance(account, PlayedAccount)
    account.settings = BgeraserSettings()
    running.state.reset()
    return account


def client(sandbox: Sandbox, **settings: str) -> Bgeraser | BgeraserDropIn:
    """An account at the sandbox, by its own surface."""
    return bgeraser(KEY, base_url=sandbox.url, settings=settings)


def cut(asked: Bgeraser | BgeraserDropIn, source: Source = SHOT) -> Result:
    """One picture, whether it comes at once or lies behind an address."""
    answer = asked.submit(source, PLAIN)
    return asked.collect(answer) if isinstance(answer, Ticket) else answer


def told(
    answer: httpx.Response | Exception,
    download: httpx.Response | None = None,
    **more: Any,  # noqa: ANN401 - whatever bgeraser takes
) -> Bgeraser | BgeraserDropIn:
    """An API that answers like this."""

    def reply(request: httpx.Request) -> httpx.Response:
        if request.url.host == "results.example":
            return download or httpx.Response(200, content=encoded())
        if isinstance(answer, Exception):
            raise answer
        return answer

    return bgeraser(KEY, transport=httpx.MockTransport(reply), **more)


def failure(asked: Bgeraser | BgeraserDropIn, options: PaidOptions = PLAIN) -> PackshotError:
    """The error of one call."""
    with pytest.raises(PackshotError) as caught:
        asked.submit(sent(), options)
    return caught.value


@pytest.mark.parametrize("answer", ["json", "binary"])
def test_a_picture_is_cut_out(
    answer: str, running: Sandbox, books: PlayedAccount[BgeraserSettings]
) -> None:
    """The published texts disagree on whether the answer is an address or the picture."""
    books.change({"answer": answer})
    result = cut(client(running))
    assert (result.format, result.width, result.height) == ("png", 400, 300)
    assert (result.charged, result.unit, result.charge_stated) == (1.0, "credits", False)
    assert result.purchase_class == PurchaseClass.TEST
    assert (result.foreground_type, result.box, books.charged_calls) == (None, None, 1)


@pytest.mark.parametrize("field", ["image", "file"])
def test_the_field_of_the_picture_is_a_setting(
    field: str, running: Sandbox, books: PlayedAccount[BgeraserSettings]
) -> None:
    """Its name was lost in the published text; the wrong one is refused for nothing."""
    books.change({"upload_field": field})
    assert cut(client(running, upload_field=field)).width == 400
    other = {"image": "file", "file": "image"}[field]
    with pytest.raises(TryTomorrow, match=r"No image file provided.*set `upload_field`"):
        cut(client(running, upload_field=other))
    assert books.charged_calls == 1


def test_a_picture_is_to_blame_once_another_has_arrived(
    running: Sandbox, books: PlayedAccount[BgeraserSettings]
) -> None:
    """A wrong name of the field must not reject a whole catalog for good."""
    asked = client(running)
    broken = sent(content=b"no picture")
    with pytest.raises(TryTomorrow) as first:
        cut(asked, broken)
    cut(asked)
    with pytest.raises(ImageRefused) as second:
        cut(asked, broken)
    assert first.value.code == second.value.code == "refused_400"
    assert first.value.http_status == second.value.http_status == 400
    assert books.charged_calls == 1


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("status", [402, 400, 403, 200])
def test_an_empty_account_is_found_in_any_shape(
    shape: str, status: int, running: Sandbox, books: PlayedAccount[BgeraserSettings]
) -> None:
    """The one published word counts wherever it stands, under whatever status."""
    books.change({"error_shape": shape, "empty_status": status, "balance": 0.5})
    with pytest.raises(OutOfCredits) as caught:
        cut(client(running))
    assert (caught.value.http_status, books.charged_calls) == (status, 0)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("kind", "meaning"),
    [
        ("status_402", OutOfCredits),
        ("status_403", KeyRejected),
        ("status_429", Throttled),
        ("status_500", Unreachable),
        ("status_502", Uncertain),
        ("status_503", Unreachable),
        ("status_400_without_code", TryTomorrow),
    ],
)
def test_each_status_has_its_remedy(
    kind: str,
    meaning: type[PackshotError],
    shape: str,
    running: Sandbox,
    books: PlayedAccount[BgeraserSettings],
) -> None:
    """Whatever the body looks like."""
    books.change({"error_shape": shape})
    running.state.add_fault(Fault(kind=kind, on="bgeraser", retry_after=7))
    with pytest.raises(PackshotError) as caught:
        cut(client(running))
    assert type(caught.value) is meaning
    if isinstance(caught.value, Throttled):
        assert caught.value.wait_seconds == 7
    assert books.charged_calls == 0


@pytest.mark.parametrize(
    ("shape", "total"),
    [
        ("credits", 1000.0),
        ("data", 1000.0),
        ("nested", 1000.0),
        ("silent", math.inf),
        ("missing", math.inf),
    ],
)
def test_the_balance_is_found_in_any_shape(
    shape: str, total: float, running: Sandbox, books: PlayedAccount[BgeraserSettings]
) -> None:
    """Where no number looks like one, none is known, and none is made up."""
    books.change({"account_shape": shape})
    account = client(running).account()
    assert (account.unit, account.total) == ("credits", total)
    assert account.purchase_class == PurchaseClass.TEST


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (httpx.Response(401), KeyRejected),
        (httpx.Response(429), Throttled),
        (httpx.Response(502), Unreachable),
        (httpx.ReadTimeout("silence"), Unreachable),
    ],
)
@pytest.mark.parametrize("surface", ["tools", "removebg"])
def test_asking_for_the_balance_is_never_uncertain(
    answer: httpx.Response | Exception, meaning: type[PackshotError], surface: str
) -> None:
    """It costs nothing, so it can be asked again."""
    with pytest.raises(PackshotError) as caught:
        told(answer, settings={"surface": surface}).account()
    assert type(caught.value) is meaning


@pytest.mark.parametrize("surface", ["tools", "removebg"])
def test_the_account_need_not_be_asked(surface: str) -> None:
    """Should what is guessed of it be wrong."""
    own = {"surface": surface, "account": "skip"}
    assert told(httpx.ConnectError("no route"), settings=own).account().total == math.inf


def test_no_odd_number_passes_for_a_balance() -> None:
    """Truth values, text, what is owed, and what is named otherwise."""
    odd = {"credits": True, "balance": "12", "remaining": -1, "creditsUsed": 3, "limit": 15}
    assert told(httpx.Response(200, json=odd)).account().total == math.inf
    better = {"credits": 15, "data": {"credits_remaining": 4}}
    assert told(httpx.Response(200, json=better)).account().total == 4


def test_another_client_collects_the_ticket(
    running: Sandbox, books: PlayedAccount[BgeraserSettings]
) -> None:
    """A run that died has paid; the next one has nothing but the ticket, and it holds no key."""
    given = client(running).submit(SHOT, PLAIN)
    assert isinstance(given, Ticket)
    kept = json.dumps([given.provider, given.job_id, dict(given.facts)])
    assert KEY not in kept
    result = client(running).collect(Ticket(*json.loads(kept)))
    assert (result.width, result.charged, books.charged_calls) == (400, 1.0, 1)


def test_a_result_that_has_expired_is_lost(
    running: Sandbox, books: PlayedAccount[BgeraserSettings]
) -> None:
    """It was paid for: the books say so, and the address is asked no more."""
    books.change({"result_seconds": 0.001})
    with pytest.raises(Uncertain) as caught:
        cut(client(running))
    assert (caught.value.code, books.charged_calls) == ("result_gone", 1)


@pytest.mark.parametrize("kind", ["truncated_body", "truncated_zip", "status_503"])
def test_a_download_that_fails_is_tried_again(
    kind: str, running: Sandbox, books: PlayedAccount[BgeraserSettings]
) -> None:
    """The download, never the call."""
    asked = client(running)
    given = asked.submit(SHOT, PLAIN)
    assert isinstance(given, Ticket)
    running.state.add_fault(Fault(kind=kind, on="bgeraser_result"))
    with pytest.raises(Unreachable):
        asked.collect(given)
    assert (asked.collect(given).width, books.charged_calls) == (400, 1)


@pytest.mark.parametrize("kind", ["truncated_body", "reset_after_read", "truncated_zip"])
@pytest.mark.parametrize("answer", ["json", "binary"])
def test_an_answer_that_is_lost_is_uncertain(
    kind: str, answer: str, running: Sandbox, books: PlayedAccount[BgeraserSettings]
) -> None:
    """The credit has gone, and nobody knows where the result is."""
    books.change({"answer": answer})
    running.state.add_fault(Fault(kind=kind, on="bgeraser"))
    with pytest.raises(Uncertain):
        cut(client(running))
    assert books.charged_calls == 1


@pytest.mark.parametrize("surface", ["tools", "removebg"])
def test_every_call_is_a_credit(surface: str) -> None:
    """Whatever is asked for; ten calls at once are the most that its guide speaks of."""
    asked = bgeraser(KEY, settings={"surface": surface, "calls_per_minute": "90"}, calls_at_once=32)
    assert asked.price(PaidOptions(resolution="preview"), 0.1) == Price(1.0, 1.0)
    assert (asked.pace.per_window, asked.pace.calls_at_once) == (90, 10)
    assert bgeraser(KEY, settings={"surface": surface}, calls_at_once=2).pace.calls_at_once == 2


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"resolution": "preview"}, "resolution"),
        ({"foreground_type": "car"}, "foreground_type"),
        ({"type_level": "2"}, "type_level"),
        ({"region": "0% 0% 50% 50%"}, "region"),
        ({"crop": True}, "crop"),
        ({"semitransparency": False}, "semitransparency"),
        ({"shadow_type": "drop"}, "shadow_type"),
        ({"background_color": "ffffff"}, "background_color"),
    ],
)
def test_an_option_that_the_api_lacks_is_refused(options: dict[str, Any], word: str) -> None:
    """By name, before anything is sent; the other surface may have it."""
    error = failure(told(httpx.Response(500)), PaidOptions.model_validate(options))
    assert (type(error), error.code) == (ImageRefused, "option_not_supported")
    assert word in error.message


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (sent(kind="WEBP"), "invalid_file_type"),
        (sent(content=bytes(22_000_001)), "file_too_large"),
        (sent(8000, 6251), "resolution_too_high"),
    ],
)
def test_what_the_api_would_refuse_is_not_sent(source: Source, code: str) -> None:
    """The limits are those of the API that it copies."""
    with pytest.raises(ImageRefused) as caught:
        told(httpx.Response(500)).submit(source, PLAIN)
    assert caught.value.code == code


def test_a_smaller_result_is_degraded() -> None:
    """Unless the size was left to the API."""
    asked = told(httpx.Response(200, content=encoded()))  # 40 by 30 pixels
    large = sent(4000, 2500)
    assert cut(asked, sent()).purchase_class == PurchaseClass.PAID
    assert cut(asked, large).purchase_class == PurchaseClass.DEGRADED
    left_to_it = asked.submit(large, PaidOptions(resolution="auto"))
    assert isinstance(left_to_it, Result)
    assert left_to_it.purchase_class == PurchaseClass.PAID


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"{}",
        b"[]",
        b'{"success": true, "data": {}}',
        b'{"success": true, "data": {"imageUrl": "a.png"}}',
    ],
)
def test_a_good_status_without_a_result_is_uncertain(body: bytes) -> None:
    """Whoever said 200 has probably charged."""
    error = failure(told(httpx.Response(200, content=body)))
    assert (type(error), error.code) == (Uncertain, "broken_answer")


def test_a_refusal_under_a_good_status_is_left_for_another_night() -> None:
    """It says that it failed, and not why the picture should never succeed."""
    answer = httpx.Response(200, json={"success": False, "error": "model is warming up"})
    error = failure(told(answer))
    assert (type(error), error.code) == (TryTomorrow, "refused_200")
    assert "model is warming up" in error.message


@pytest.mark.parametrize("status", [404, 405])
def test_what_is_not_the_api_ends_the_run(status: int) -> None:
    """The setting that may be wrong is named."""
    error = failure(told(httpx.Response(status)))
    assert (type(error), error.code) == (KeyRejected, "wrong_provider_url")
    assert "`--provider-url`" in error.message
    assert "`surface`" in error.message


@pytest.mark.parametrize(
    ("settings", "wire_format", "said"),
    [
        ({"speed": "9"}, "png", r"no setting `speed`; there are surface, upload_field"),
        ({"surface": "beta"}, "png", r"`surface`.*`beta`"),
        ({"upload_field": "photo"}, "png", r"`upload_field`"),
        ({}, "webp", r"`wire_format`"),
        (DROP_IN, "gif", r"`wire_format`"),
    ],
)
def test_a_wrong_setting_is_answered_with_what_would_do(
    settings: dict[str, str], wire_format: str, said: str
) -> None:
    """No setting is dropped in silence."""
    with pytest.raises(BadOption, match=said):
        bgeraser(KEY, settings=settings, wire_format=wire_format)


def test_the_drop_in_speaks_removebgs_format(running: Sandbox) -> None:
    """All its options, at another address, under bgeraser's own name."""
    running.state.reset()
    asked = bgeraser(KEY, base_url=f"{running.url}/v1.0", settings=DROP_IN, wire_format="zip")
    assert (asked.name, asked.hands_out_tickets) == ("bgeraser", False)
    result = asked.submit(SHOT, PaidOptions(crop=True))
    assert isinstance(result, Result)
    assert (result.format, result.charge_stated, result.charged) == ("zip", True, 1.0)
    assert asked.account().total == 9_999
    with pytest.raises(Uncertain, match="bgeraser knows no job 7"):
        asked.collect(Ticket("bgeraser", "7"))
    asked.close()


def test_the_drop_in_is_signed_and_addressed_as_documented() -> None:
    """`X-Api-Key`, at a host of its own; what is not stated is estimated by the call."""
    requests = []

    def reply(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return good()

    asked = bgeraser(KEY, settings=DROP_IN, transport=httpx.MockTransport(reply))
    result = asked.submit(sent(), PaidOptions(resolution="preview"))
    assert isinstance(result, Result)
    assert (result.charged, result.charge_stated) == (1.0, False)
    assert str(requests[0].url) == "https://api.bgeraser.ink/v1/removebg"
    assert requests[0].headers["x-api-key"] == KEY


@pytest.mark.parametrize("status", [402, 403, 404, 429, 500, 502])
def test_the_drop_ins_sentences_name_bgeraser(status: int) -> None:
    """Nobody who called it is sent to remove.bg."""
    error = failure(told(httpx.Response(status), settings=DROP_IN))
    assert "bgeraser" in error.message
    assert "remove.bg" not in repr(error)


@pytest.mark.parametrize("answer", [httpx.Response(404), httpx.Response(200, text="<html>")])
def test_the_drop_in_may_have_no_account(answer: httpx.Response) -> None:
    """Its pages name none; a run goes on without a balance."""
    assert told(answer, settings=DROP_IN).account().total == math.inf


def test_no_message_shows_the_key_or_a_query() -> None:
    """Not even when the provider itself quotes them, in any text or any cause."""
    words = f"key {KEY} may not fetch https://me:pw@cdn.example/a.jpg?sig=abc"
    for surface in ("tools", "removebg"):
        for status in (200, 400, 401, 402, 404, 418, 429, 500, 502):
            answer = httpx.Response(status, json={"success": False, "message": words})
            asked = told(answer, settings={"surface": surface})
            assert shows_nothing(failure(asked), asked)
    good_answer = httpx.Response(200, json={"success": True, "data": {"imageUrl": ADDRESS}})
    for status in (200, 400, 404, 429, 500):
        asked = told(good_answer, httpx.Response(status, text=words))
        with pytest.raises(PackshotError) as caught:
            cut(asked)
        assert shows_nothing(caught.value, asked)


def shows_nothing(error: PackshotError, asked: Bgeraser | BgeraserDropIn) -> bool:
    """Whether an error, however it is shown, is fit for a report."""
    shown = "".join(traceback.format_exception(error)) + repr(error) + repr(asked)
    shown += json.dumps([error.message, error.code, error.body_excerpt])
    return not any(secret in shown for secret in (KEY, "sig=", "me:pw"))
