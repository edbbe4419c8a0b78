"""BackgroundCut against the played API, and against answers that it does not play."""

import json
import math
import time
import traceback
from collections.abc import Callable, Iterator
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
from packshot.providers.backgroundcut import BackgroundCut
from packshot.providers.face import Source, Ticket
from packshot.sandbox.backgroundcut_api import BackgroundCutAccount
from packshot.sandbox.server import Sandbox
from packshot.sandbox.state import Fault, SandboxState, Settings
from tests.providers.playing import KEY, Torn, encoded, full_backgroundcut, sent
from tests.sandbox.calling import picture

PLAIN = PaidOptions()
PHOTO = picture()
SHOT = Source(PHOTO, content_hash(PHOTO), "JPEG", 400, 300)
ADDRESS = "https://cdn.example/x/result.png?sig=abc"
GENERATIONS = ("basic", "production")


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """One sandbox for all tests here."""
    with Sandbox(SandboxState(Settings(cutouts="canned"))) as sandbox:
        yield sandbox


@pytest.fixture
def books(running: Sandbox) -> BackgroundCutAccount:
    """A full account, an empty space and no faults."""
    return full_backgroundcut(running)


def client(sandbox: Sandbox, generation: str = "basic", wire_format: str = "png") -> BackgroundCut:
    """An account at the sandbox."""
    own = {"generation": generation}
    return BackgroundCut(KEY, base_url=sandbox.url, settings=own, wire_format=wire_format)


def ticket(asked: BackgroundCut, options: PaidOptions = PLAIN, source: Source = SHOT) -> Ticket:
    """What one call hands out."""
    return asked.submit(source, options)


Reply = Callable[[httpx.Request], httpx.Response]


def told(
    process: httpx.Response | Exception | None = None,
    download: Reply | None = None,
    upload: httpx.Response | None = None,
    wire_format: str = "png",
) -> tuple[BackgroundCut, list[httpx.Request]]:
    """An API of the basic generation that answers like this, and what it is asked."""
    requests: list[httpx.Request] = []
    good = httpx.Response(200, json={"output_urls": {"result": ADDRESS}})

    def reply(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        path = request.url.path
        if path.endswith("/upload-image/"):
            return upload or httpx.Response(200, json={"unique_filename": "u1"})
        if path.endswith("/process-image/"):
            if isinstance(process, Exception):
                raise process
            return process or good
        return download(request) if download else httpx.Response(200, content=encoded())

    return BackgroundCut(
        KEY, transport=httpx.MockTransport(reply), wire_format=wire_format
    ), requests


def order_in(request: httpx.Request) -> dict[str, Any]:
    """The one variant that a request asks for."""
    return json.loads(request.read())["output_variants"][0]


def failure(asked: BackgroundCut, options: PaidOptions = PLAIN) -> PackshotError:
    """The error of one call."""
    with pytest.raises(PackshotError) as caught:
        asked.submit(sent(), options)
    return caught.value


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_picture_is_cut_out(
    generation: str, running: Sandbox, books: BackgroundCutAccount
) -> None:
    """Uploaded, processed, and fetched from its address, by either generation."""
    asked = client(running, generation)
    result = asked.collect(ticket(asked))
    assert (result.format, result.width, result.height) == ("png", 400, 300)
    assert (result.charged, result.unit, result.charge_stated) == (0.5, "credits", False)
    assert result.purchase_class == PurchaseClass.TEST
    assert (result.foreground_type, result.box) == (None, None)
    assert (books.charged_calls, books.charged) == (1, 0.5)


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize(
    ("wire_format", "comes"),
    [("zip", "png"), ("json", "png"), ("webp", "webp"), ("jpg", "jpeg")],
)
def test_every_form_is_read(
    generation: str, wire_format: str, comes: str, running: Sandbox, books: BackgroundCutAccount
) -> None:
    """What the API does not know comes as a PNG."""
    asked = client(running, generation, wire_format=wire_format)
    white = PaidOptions(background_color="ffffff")
    assert asked.collect(ticket(asked, white)).format == comes
    assert books.charged_calls == 1


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_further_purchase_of_a_picture_does_not_upload_it_again(
    generation: str, running: Sandbox, books: BackgroundCutAccount
) -> None:
    """Other options, the same upload; the same picture shrunk is another one."""
    asked = client(running, generation)
    small = picture(200, 150)
    shrunk = Source(small, SHOT.content_hash, "JPEG", 200, 150)
    for options in (PLAIN, PaidOptions(crop=True), PaidOptions(resolution="preview")):
        ticket(asked, options)
    assert (books.uploads, books.charged_calls) == (1, 3)
    assert asked.collect(ticket(asked, source=shrunk)).width == 200
    assert books.uploads == 2


@pytest.mark.parametrize("generation", GENERATIONS)
def test_an_upload_that_is_gone_is_made_anew(
    generation: str, running: Sandbox, books: BackgroundCutAccount
) -> None:
    """Nothing was charged, so it may be tried again; the second try uploads."""
    asked = client(running, generation)
    ticket(asked)
    books.reset()
    with pytest.raises(Unreachable) as caught:
        ticket(asked)
    assert (caught.value.code, caught.value.http_status) == ("upload_gone", 404)
    asked.collect(ticket(asked))
    assert (books.uploads, books.charged_calls) == (1, 1)


def test_an_old_upload_is_not_relied_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have been deleted."""
    monkeypatch.setattr("packshot.providers.backgroundcut_uploads.UPLOAD_SECONDS", 0.0)
    asked, requests = told()
    ticket(asked)
    ticket(asked)
    assert [request.url.path.split("/")[-2] for request in requests] == [
        "upload-image",
        "process-image",
    ] * 2


@pytest.mark.parametrize("generation", GENERATIONS)
def test_another_client_collects_the_ticket(
    generation: str, running: Sandbox, books: BackgroundCutAccount
) -> None:
    """A run that died has paid; the next one has nothing but the ticket, and it holds no key."""
    given = ticket(client(running, generation))
    kept = json.dumps([given.provider, given.job_id, dict(given.facts)])
    assert KEY not in kept
    result = client(running, generation).collect(Ticket(*json.loads(kept)))
    assert (result.width, result.charged, books.charged_calls) == (400, 0.5, 1)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_result_that_has_expired_is_lost(
    generation: str, running: Sandbox, books: BackgroundCutAccount
) -> None:
    """It was paid for: the books say so, and the address is asked no more."""
    asked = client(running, generation)
    given = ticket(asked)
    books.reset()
    late = Ticket(given.provider, given.job_id, {**given.facts, "kept_until": "0"})
    with pytest.raises(Uncertain) as caught:
        asked.collect(late)
    assert (caught.value.code, caught.value.http_status) == ("result_gone", 404)


def test_a_result_that_regional_storage_mislaid_is_looked_for_again(
    running: Sandbox, books: BackgroundCutAccount
) -> None:
    """The production site promises it for two hours, though not from everywhere."""
    asked = client(running, "production")
    given = ticket(asked)
    assert 7_100 < float(given.facts["kept_until"]) - time.time() <= 7_200
    books.reset()
    with pytest.raises(Unreachable) as caught:
        asked.collect(given)
    assert caught.value.code == "result_mislaid"


@pytest.mark.parametrize("kind", ["truncated_body", "truncated_zip", "status_503", "status_429"])
def test_a_download_that_fails_is_tried_again(
    kind: str, running: Sandbox, books: BackgroundCutAccount
) -> None:
    """The download, never the call."""
    asked = client(running)
    given = ticket(asked)
    running.state.add_fault(Fault(kind=kind, on="backgroundcut_result"))
    with pytest.raises(Throttled if kind == "status_429" else Unreachable):
        asked.collect(given)
    assert asked.collect(given).width == 400
    assert books.charged_calls == 1


@pytest.mark.parametrize("kind", ["truncated_body", "reset_after_read", "truncated_zip"])
def test_an_answer_that_is_lost_is_uncertain(
    kind: str, running: Sandbox, books: BackgroundCutAccount
) -> None:
    """The credits have gone, and nobody knows where the result is."""
    running.state.add_fault(Fault(kind=kind, on="backgroundcut"))
    with pytest.raises(Uncertain):
        ticket(client(running))
    assert books.charged_calls == 1


@pytest.mark.parametrize(
    ("kind", "meaning"),
    [
        ("status_402", OutOfCredits),
        ("status_403", KeyRejected),
        ("status_429", Throttled),
        ("status_500", Unreachable),
        ("status_502", Uncertain),
        ("status_503", Unreachable),
        ("status_400_without_code", ImageRefused),
    ],
)
def test_each_status_has_its_remedy(
    kind: str, meaning: type[PackshotError], running: Sandbox, books: BackgroundCutAccount
) -> None:
    """In words of our own; what the API says is kept beside it."""
    asked = client(running)
    ticket(asked)  # before one was taken, no picture is to blame
    books.reset()
    running.state.add_fault(Fault(kind=kind, on="backgroundcut", retry_after=7))
    with pytest.raises(PackshotError) as caught:
        ticket(asked, source=Source(PHOTO, "other", "JPEG", 400, 300))
    assert type(caught.value) is meaning
    assert caught.value.body_excerpt
    if isinstance(caught.value, Throttled):
        assert caught.value.wait_seconds == 7
    assert books.charged_calls == 0


def test_an_empty_account_and_a_bad_key_end_the_run(
    running: Sandbox, books: BackgroundCutAccount
) -> None:
    """The played API says so itself, with 402 and 401."""
    books.change({"balance": 0.4})
    with pytest.raises(OutOfCredits):
        ticket(client(running))
    with pytest.raises(KeyRejected):
        BackgroundCut("invalid", base_url=running.url).submit(SHOT, PLAIN)


def test_another_generation_ends_the_run(running: Sandbox, books: BackgroundCutAccount) -> None:
    """A key of the one finds nothing at the paths of the other; the setting is named."""
    books.change({"generations": ["production"]})
    with pytest.raises(KeyRejected, match=r"`generation`") as caught:
        ticket(client(running))
    assert caught.value.code == "wrong_provider_url"


def test_the_account_says_what_is_known(running: Sandbox, books: BackgroundCutAccount) -> None:
    """No balance, so no end; whether it is the sandbox; and nothing is ever raised."""
    account = client(running).account()
    assert (account.unit, account.total) == ("credits", math.inf)
    assert account.purchase_class == PurchaseClass.TEST
    assert books.charged_calls == 0


@pytest.mark.parametrize(
    "answer", [httpx.Response(401), httpx.Response(500), httpx.ConnectError("no route")]
)
def test_whatever_the_host_answers_there_is_an_account(answer: httpx.Response | Exception) -> None:
    """The API has nothing to ask, so nothing that goes wrong says anything of the account."""

    def reply(_: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    account = BackgroundCut(KEY, transport=httpx.MockTransport(reply)).account()
    assert (account.total, account.purchase_class) == (math.inf, PurchaseClass.PAID)


@pytest.mark.parametrize(
    ("options", "megapixels", "price"),
    [
        (PLAIN, 0.9, (0.5, 0.5)),
        (PLAIN, 1.0, (1.1, 1.1)),
        (PLAIN, None, (1.1, 1.1)),
        (PaidOptions(crop=True), 4.0, (1.6, 1.6)),
        (PaidOptions(resolution="preview"), 4.0, (1.1, 0.5)),
        (PaidOptions(resolution="preview"), None, (1.1, 0.5)),
    ],
)
def test_prices(options: PaidOptions, megapixels: float | None, price: tuple[float, float]) -> None:
    """By resolution, half a credit more for a crop; a small result is likely to be cheap."""
    asked, _ = told()
    assert asked.price(options, megapixels) == Price(*map(pytest.approx, price))


def test_the_pace_counts_requests() -> None:
    """Every picture takes two, or three where addresses are asked for."""
    for generation, each in (("basic", 2), ("production", 3)):
        own = {"generation": generation, "calls_per_minute": "60"}
        pace = BackgroundCut(KEY, settings=own, calls_at_once=4).pace
        assert (pace.per_window, pace.window_seconds, pace.calls_at_once) == (60 / each, 60, 4)
        assert not pace.weighs_megapixels


def test_every_option_reaches_the_api() -> None:
    """What has several documented defaults is always said."""
    asked, requests = told(wire_format="webp")
    ticket(asked)
    assert order_in(requests[-1]) == {
        "variant_name": "result",
        "max_resolution": 12_000_000,
        "format": "webp",
        "quality": "high",
        "autocrop": False,
    }
    ticket(asked, PaidOptions(resolution="hd", crop=True, background_color="#F57"))
    changed = {"max_resolution": 4_000_000, "autocrop": True, "background_color": "#ff5577"}
    assert order_in(requests[-1]).items() >= changed.items()


def test_each_generation_has_its_own_words(running: Sandbox, books: BackgroundCutAccount) -> None:
    """Bearer and an address, or Token and a key that no other purchase has."""
    asked, requests = told()
    ticket(asked)
    assert {request.headers["authorization"] for request in requests} == {f"Bearer {KEY}"}
    assert b'name="image"; filename="source.jpg"' in requests[0].read()
    production = client(running, "production")
    keys = {ticket(production, options).facts["address"] for options in (PLAIN, PLAIN)}
    assert len(keys) == 2
    assert all(key.startswith("packshot/") and key.endswith(".png") for key in keys)
    assert sorted(books.sold.values()) == [2]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"foreground_type": "car"}, "foreground_type"),
        ({"type_level": "2"}, "type_level"),
        ({"region": "0% 0% 50% 50%"}, "region"),
        ({"semitransparency": False}, "semitransparency"),
        ({"shadow_type": "drop"}, "shadow_type"),
        ({"background_color": "ffffff80"}, "background_color"),
    ],
)
def test_an_option_that_the_api_lacks_is_refused(options: dict[str, Any], word: str) -> None:
    """By name, before anything is sent."""
    asked, requests = told()
    error = failure(asked, PaidOptions.model_validate(options))
    assert (type(error), error.code) == (ImageRefused, "option_not_supported")
    assert word in error.message
    assert not requests


@pytest.mark.parametrize(
    ("source", "options", "code"),
    [
        (sent(kind="GIF"), PLAIN, "invalid_file_type"),
        (sent(content=bytes(12_000_001)), PLAIN, "file_too_large"),
        (sent(8000, 6251), PLAIN, "resolution_too_high"),
        (sent(4001, 3000), PLAIN, "resolution_too_high"),
    ],
)
def test_what_the_api_would_refuse_or_shrink_is_not_sent(
    source: Source, options: PaidOptions, code: str
) -> None:
    """A call that cannot bring what was asked for costs nobody anything."""
    asked, requests = told()
    with pytest.raises(ImageRefused) as caught:
        asked.submit(source, options)
    assert (caught.value.code, requests) == (code, [])


def test_a_large_picture_goes_where_a_smaller_result_will_do() -> None:
    """Twelve megapixels limit what comes back, not what is sent."""
    asked, requests = told()
    for resolution in ("auto", "hd", "preview"):
        asked.submit(sent(6000, 4000), PaidOptions.model_validate({"resolution": resolution}))
    assert [order_in(each)["max_resolution"] for each in requests[1:]] == [
        12_000_000,
        4_000_000,
        250_000,
    ]


def test_a_jpeg_is_not_transparent() -> None:
    """It would come back white without a word."""
    asked, _ = told(wire_format="jpg")
    assert "wire_format" in failure(asked).message
    assert ticket(asked, PaidOptions(background_color="fff"))


def test_a_smaller_result_is_degraded() -> None:
    """Clearly smaller than asked; a crop says nothing by its size."""
    asked, _ = told()  # its results have 40 by 30 pixels
    large = sent(4000, 2500)
    worth = [
        asked.collect(asked.submit(source, options)).purchase_class
        for source, options in (
            (sent(), PLAIN),
            (large, PLAIN),
            (large, PaidOptions(crop=True)),
        )
    ]
    assert worth == [PurchaseClass.PAID, PurchaseClass.DEGRADED, PurchaseClass.PAID]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"{}",
        b"[]",
        b'{"output_urls": {}}',
        b'{"output_urls": {"result": null}}',
        b'{"output_urls": {"result": "file:///etc/passwd"}}',
    ],
)
def test_a_good_status_without_a_result_is_uncertain(body: bytes) -> None:
    """Whoever said 200 has probably charged."""
    error = failure(told(httpx.Response(200, content=body))[0])
    assert (type(error), error.code) == (Uncertain, "broken_answer")


@pytest.mark.parametrize(
    ("upload", "meaning"),
    [
        (httpx.Response(400, json={"detail": "Invalid image format."}), ImageRefused),
        (httpx.Response(413, text="<html>"), ImageRefused),
        (httpx.Response(401, json={"detail": "No"}), KeyRejected),
        (httpx.Response(404), KeyRejected),
        (httpx.Response(301, headers={"Location": "https://elsewhere/"}), KeyRejected),
        (httpx.Response(429), Throttled),
        (httpx.Response(502), Unreachable),
        (httpx.Response(451), TryTomorrow),
        (httpx.Response(200, json={"id": 1}), Unreachable),
    ],
)
def test_an_upload_that_fails_has_cost_nothing(
    upload: httpx.Response, meaning: type[PackshotError]
) -> None:
    """Not even behind a gateway."""
    asked, requests = told(upload=upload)
    assert type(failure(asked)) is meaning
    assert len(requests) == 1


@pytest.mark.parametrize(
    ("happened", "meaning"),
    [(httpx.ConnectError("no route"), Unreachable), (httpx.ReadTimeout("silence"), Uncertain)],
)
def test_what_was_sent_and_never_answered_is_uncertain(
    happened: Exception, meaning: type[PackshotError]
) -> None:
    """Before the order has left, nothing can have been charged."""
    assert type(failure(told(happened)[0])) is meaning


@pytest.mark.parametrize(
    ("download", "meaning", "code"),
    [
        (httpx.Response(403), Uncertain, "result_gone"),
        (httpx.Response(410), Uncertain, "result_gone"),
        (httpx.Response(408), Unreachable, "unreachable"),
        (httpx.Response(200, content=b"<html>"), Unreachable, "broken_download"),
        (httpx.Response(200, content=encoded()[:-9]), Unreachable, "broken_download"),
        (
            httpx.Response(200, stream=Torn(encoded(), httpx.ReadError("reset"))),
            Unreachable,
            "broken_download",
        ),
        (httpx.Response(302, headers={"Location": ADDRESS}), Uncertain, "result_gone"),
    ],
    ids=["403", "410", "408", "html", "cut", "torn", "in a circle"],
)
def test_what_becomes_of_a_result(
    download: httpx.Response, meaning: type[PackshotError], code: str
) -> None:
    """Gone is gone; whatever else it is may be there the next time."""
    asked, _ = told(download=lambda _: download)
    with pytest.raises(PackshotError) as caught:
        asked.collect(ticket(asked))
    assert (type(caught.value), caught.value.code) == (meaning, code)


def test_a_result_that_has_moved_is_followed() -> None:
    """To a relative address, too, and without the key."""

    def reply(request: httpx.Request) -> httpx.Response:
        assert "authorization" not in request.headers
        if request.url.path == "/new.png":
            return httpx.Response(200, content=encoded())
        return httpx.Response(302, headers={"Location": "/new.png"})

    asked, requests = told(download=reply)
    assert asked.collect(ticket(asked)).width == 40
    assert str(requests[-1].url) == "https://cdn.example/new.png"


def test_results_are_fetched_under_the_guard(running: Sandbox) -> None:
    """An address inside a private network is not fetched from, whoever names it."""
    facts = {"charged": "0.5", "unit": "credits", "address": "http://127.0.0.1:1/x.png"}
    with pytest.raises(Uncertain) as caught:
        client(running).collect(Ticket("backgroundcut", "1", facts))
    assert caught.value.code == "broken_answer"


@pytest.mark.parametrize(
    ("answer", "meaning", "code"),
    [
        (httpx.Response(404), Uncertain, "result_gone"),
        (httpx.Response(400, json={"detail": ["Unknown key."]}), Uncertain, "result_gone"),
        (httpx.Response(429), Throttled, "throttled"),
        (httpx.Response(502), Unreachable, "unreachable"),
        (httpx.Response(401), KeyRejected, "key_rejected"),
        (httpx.Response(200, json={"url": "x"}), Unreachable, "broken_download"),
        (httpx.Response(200, json=[]), Unreachable, "broken_download"),
    ],
)
def test_what_becomes_of_asking_for_an_address(
    answer: httpx.Response, meaning: type[PackshotError], code: str
) -> None:
    """It costs nothing, and a picture that was made cannot be declined any more."""
    facts = {"charged": "0.5", "unit": "credits", "address": "packshot/a.png"}
    stage = httpx.MockTransport(lambda _: answer)
    asked = BackgroundCut(KEY, settings={"generation": "production"}, transport=stage)
    with pytest.raises(PackshotError) as caught:
        asked.collect(Ticket("backgroundcut", "1", facts))
    assert (type(caught.value), caught.value.code) == (meaning, code)
    asked.close()


def test_memory_of_uploads_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest is forgotten, and uploaded again when it is needed."""
    monkeypatch.setattr("packshot.providers.backgroundcut_uploads.KEPT_UPLOADS", 1)
    asked, requests = told()
    for content in (b"one", b"two", b"one"):
        asked.submit(sent(content=content), PLAIN)
    uploads = [each for each in requests if each.url.path.endswith("/upload-image/")]
    assert len(uploads) == 3


def test_a_ticket_of_unknown_origin_is_no_job() -> None:
    """It may stand for a call that was charged."""
    with pytest.raises(Uncertain, match="knows no job 7"):
        told()[0].collect(Ticket("backgroundcut", "7"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"speed": "9"}, r"no setting `speed`; there are generation, calls_per_minute"),
        ({"generation": "beta"}, r"`generation`.*`beta`"),
        ({"calls_per_minute": "0"}, r"`calls_per_minute`"),
    ],
)
def test_a_wrong_setting_is_answered_with_what_would_do(
    settings: dict[str, str], said: str
) -> None:
    """No setting is dropped in silence."""
    with pytest.raises(BadOption, match=said):
        BackgroundCut(KEY, settings=settings)
    with pytest.raises(BadOption):
        BackgroundCut(KEY, wire_format="gif")


def test_no_message_shows_the_key_or_a_query() -> None:
    """Not even when the provider itself quotes them, in any text or any cause."""
    words = f"key {KEY} may not fetch https://me:pw@cdn.example/a.jpg?sig=abc"
    for status in (200, 400, 401, 402, 404, 418, 429, 500, 502):
        answer = httpx.Response(status, json={"detail": words, "url": words})
        asked, _ = told(answer)
        assert shows_nothing(failure(asked), asked)
    for status in (200, 400, 404, 429, 500):
        asked, _ = told(download=lambda _, code=status: httpx.Response(code, text=words))
        with pytest.raises(PackshotError) as caught:
            asked.collect(ticket(asked))
        assert shows_nothing(caught.value, asked)


def shows_nothing(error: PackshotError, asked: BackgroundCut) -> bool:
    """Whether an error, however it is shown, is fit for a report."""
    shown = "".join(traceback.format_exception(error)) + repr(error) + repr(asked)
    shown += json.dumps([error.message, error.code, error.body_excerpt])
    return not any(secret in shown for secret in (KEY, "sig=", "me:pw"))
