"""Leonardo.Ai played by a function: what is sent, what is not, and answers of any shape."""

import base64
import json
import time
import traceback
from collections.abc import Callable
from typing import Any

import httpx
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
from packshot.facts.paid_options import PaidOptions
from packshot.facts.purchase import Price, PurchaseClass
from packshot.providers.face import Source, Ticket
from packshot.providers.leonardo import Leonardo
from packshot.providers.registry import Access, build
from tests.providers.playing import KEY, encoded, sent

PLAIN = PaidOptions()
ADDRESS = "https://cdn.example/x/result.png?sig=abc"
UUID = "00000000-0000-4000-8000-00000000000a"
SOLD = {"id": "j1", "blockedCount": 0, "results": [{"url": ADDRESS, "contentType": "image/png"}]}
SLOT = {
    "uploadInitImage": {
        "id": "u1",
        "url": "https://bucket.example/",
        "fields": json.dumps({"key": "users/u/i.png", "Policy": "x"}),
    }
}
Answer = httpx.Response | Exception
Reply = Callable[[httpx.Request], Answer]


class Api:
    """Answers orders and everything else as it is told, and keeps what it was asked."""

    def __init__(self, ordered: Answer | None = None, other: Reply | None = None) -> None:
        self.requests: list[httpx.Request] = []
        self._ordered = ordered or httpx.Response(200, json=SOLD)
        self._other = other

    def client(self, key: str = KEY, wire_format: str = "png", **own: str) -> Leonardo:
        """An account of it."""
        transport = httpx.MockTransport(self._reply)
        return Leonardo(key, transport=transport, wire_format=wire_format, settings=own)

    def _reply(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answer(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _answer(self, request: httpx.Request) -> Answer:
        if "/v2/" in request.url.path:
            return self._ordered
        if self._other:
            return self._other(request)
        if request.url.path.endswith("/init-image"):
            return httpx.Response(200, json=SLOT)
        if request.url.host == "bucket.example":
            return httpx.Response(204)
        return httpx.Response(200, content=encoded())

    @property
    def asked(self) -> dict[str, Any]:
        """The last order."""
        orders = [each for each in self.requests if "/v2/" in each.url.path]
        told: dict[str, Any] = json.loads(orders[-1].read())
        return told


def failure(
    ordered: Answer | None = None, key: str = KEY, source: Source | None = None, **own: str
) -> PackshotError:
    """The error of one order."""
    with pytest.raises(PackshotError) as caught:
        Api(ordered).client(key, **own).submit(source or sent(), PLAIN)
    return caught.value


def polled(answer: Answer, **facts: str) -> PackshotError:
    """The error of looking for a job once."""
    api = Api(other=lambda _: answer)
    known = {"address": "", "charged": "0.1", "unit": "USD", **facts}
    with pytest.raises(PackshotError) as caught:
        api.client(mode="async").collect(Ticket("leonardo", "j/1", known))
    assert [each.url.raw_path.rpartition(b"/")[2] for each in api.requests] == [b"j%2F1"]
    return caught.value


def errors(message: str = "No", **extensions: object) -> httpx.Response:
    """The documented shape, under a good status."""
    return httpx.Response(200, json={"errors": [{"message": message, "extensions": extensions}]})


def listed(message: str = "No", **extensions: object) -> httpx.Response:
    """The shape that programs have met."""
    return httpx.Response(200, json=[{"message": message, "extensions": extensions}])


def v1(message: str, status: int = 200, code: str = "unexpected") -> httpx.Response:
    """The older API's shape."""
    return httpx.Response(status, json={"error": message, "path": "$", "code": code})


@pytest.mark.parametrize(("mode", "path"), [("sync", "generationssync"), ("async", "generations")])
def test_only_what_is_wanted_is_said(mode: str, path: str) -> None:
    """Size, format and type are always said; jobs know nothing of `ephemeral`."""
    api = Api()
    api.client(mode=mode).submit(sent(content=b"the very bytes"), PLAIN)
    (request,) = api.requests
    assert str(request.url) == f"https://cloud.leonardo.ai/api/rest/v2/{path}"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["content-type"] == request.headers["accept"] == "application/json"
    image = {"type": "BASE64", "data": base64.b64encode(b"the very bytes").decode()}
    assert api.asked == {
        "model": "remove-bg",
        "public": False,
        "parameters": {
            "size": "full",
            "format": "png",
            "type": "auto",
            "type_level": "latest",
            "guidances": {"image_reference": [{"image": image}]},
        },
    }


def test_every_option_reaches_the_api() -> None:
    """In JSON's own types, and no option is dropped."""
    ours = {
        "resolution": "hd",
        "foreground_type": "car",
        "type_level": "2",
        "region": "10% 20% 90% 80.5%",
        "crop": True,
        "semitransparency": False,
        "shadow_type": "3D",
        "shadow_opacity": 40,
        "background_color": "#f57f",
    }
    api = Api()
    api.client(ephemeral="true").submit(sent(), PaidOptions.model_validate(ours))
    api.asked["parameters"].pop("guidances")
    told = {
        "size": "full",
        "type": "car",
        "type_level": "2",
        "roi": "10% 20% 90% 80.5%",
        "crop": True,
        "semitransparency": False,
        "shadow_type": "3d",
        "shadow_opacity": 40,
        "bg_color": "ff5577",
    }
    assert api.asked["ephemeral"] is True
    assert api.asked["parameters"].items() >= told.items()


@pytest.mark.parametrize(
    ("resolution", "size"),
    [
        ("preview", "preview"),
        ("small", "preview"),
        ("medium", "full"),
        ("hd", "full"),
        ("4k", "full"),
        ("auto", "auto"),
        ("50MP", "50MP"),
    ],
)
def test_sizes_are_the_apis_own(resolution: str, size: str) -> None:
    """It has none between a preview and 25 megapixels."""
    api = Api()
    api.client().submit(sent(), PaidOptions.model_validate({"resolution": resolution}))
    assert api.asked["parameters"]["size"] == size


@pytest.mark.parametrize(
    ("wire_format", "source", "resolution", "asked"),
    [
        ("zip", sent(4000, 2500), "full", "png"),
        ("json", sent(4000, 2501), "full", "webp"),
        ("png", sent(4000, 3000), "full", "webp"),
        ("png", sent(4000, 3000), "hd", "png"),
        ("webp", sent(), "full", "webp"),
    ],
)
def test_a_large_picture_is_no_png(
    wire_format: str, source: Source, resolution: str, asked: str
) -> None:
    """The API ends a PNG at ten megapixels."""
    api = Api()
    options = PaidOptions.model_validate({"resolution": resolution})
    api.client(wire_format=wire_format).submit(source, options)
    assert api.asked["parameters"]["format"] == asked


@pytest.mark.parametrize(
    ("source", "options", "wire_format", "code"),
    [
        (sent(kind="GIF"), {}, "png", "invalid_file_type"),
        (sent(content=bytes(20_000_001)), {}, "png", "file_too_large"),
        (sent(8000, 6251), {}, "png", "resolution_too_high"),
        (sent(), {"shadow_type": "auto"}, "png", "option_not_supported"),
        (sent(), {"background_color": "ffffff80"}, "png", "option_not_supported"),
        (sent(), {}, "jpg", "option_not_supported"),
    ],
)
def test_what_the_api_would_refuse_is_not_sent(
    source: Source, options: dict[str, str], wire_format: str, code: str
) -> None:
    """A call that cannot succeed costs nobody anything."""
    api = Api()
    with pytest.raises(ImageRefused) as caught:
        api.client(wire_format=wire_format).submit(source, PaidOptions.model_validate(options))
    assert (caught.value.code, api.requests) == (code, [])


def test_an_upload_goes_without_the_key() -> None:
    """To the store's own address, with every field, the file last; the order names its id."""
    api = Api()
    api.client(inline_megabytes="0").submit(sent(content=b"the very bytes", kind="PNG"), PLAIN)
    place, upload, _ = api.requests
    assert json.loads(place.read()) == {"extension": "png"}
    assert "authorization" in place.headers
    assert KEY not in str(upload.headers)
    body = upload.read()
    assert body.index(b'name="key"') < body.index(b'name="Policy"') < body.index(b'name="file"')
    assert b'filename="source.png"\r\nContent-Type: image/png\r\n\r\nthe very bytes' in body
    (reference,) = api.asked["parameters"]["guidances"]["image_reference"]
    assert reference == {"image": {"type": "UPLOADED", "id": "u1"}}


@pytest.mark.parametrize(
    ("slot", "store", "meaning"),
    [
        (v1("Service Error"), None, Unreachable),
        (v1("invalid file extension", 400), None, TryTomorrow),
        (httpx.Response(200, json={"uploadInitImage": {"id": "u1"}}), None, Unreachable),
        (httpx.Response(200, json={"uploadInitImage": {"fields": "no JSON"}}), None, Unreachable),
        (httpx.Response(200, text="<html>"), None, Unreachable),
        (httpx.ReadTimeout("silence"), None, Unreachable),
        (v1("Authentication hook unauthorized this request", 401), None, KeyRejected),
        (None, httpx.Response(403), Unreachable),
        (None, httpx.Response(307, headers={"Location": "https://elsewhere/"}), Unreachable),
        (None, httpx.ReadTimeout("silence"), Unreachable),
        (None, httpx.InvalidURL("odd"), Unreachable),
    ],
)
def test_an_upload_is_never_uncertain(
    slot: Answer | None, store: Answer | None, meaning: type[PackshotError]
) -> None:
    """It costs nothing, and no order leaves after it."""

    def other(request: httpx.Request) -> Answer:
        at_store = request.url.host == "bucket.example"
        return store or httpx.Response(204) if at_store else slot or httpx.Response(200, json=SLOT)

    api = Api(other=other)
    with pytest.raises(PackshotError) as caught:
        api.client(inline_megabytes="0").submit(sent(), PLAIN)
    assert type(caught.value) is meaning
    assert not [each for each in api.requests if "/v2/" in each.url.path]


REFUSALS: list[tuple[str, httpx.Response, type[PackshotError], str]] = [
    ("documented", errors(code="BAD_REQUEST", statusCode=400), TryTomorrow, "refused_400"),
    ("by code alone", errors(code="validation-failed"), TryTomorrow, "refused_400"),
    ("list", listed(code="VALIDATION_ERROR"), TryTomorrow, "refused_400"),
    ("details", listed("", details={"message": "size"}), TryTomorrow, "refused_400"),
    ("too large", errors(statusCode=413), TryTomorrow, "file_too_large"),
    ("bad request", v1("Unexpected variable x", code="bad-request"), TryTomorrow, "refused_400"),
    ("400, odd code", v1("invalid file extension", 400), TryTomorrow, "refused_400"),
    ("key, 200", v1("x", code="access-denied"), KeyRejected, "key_rejected"),
    ("key, 401", errors(statusCode=401), KeyRejected, "key_rejected"),
    ("key, code", listed(code="FORBIDDEN"), KeyRejected, "key_rejected"),
    ("no UUID", v1("Invalid response from authorization hook", 500), KeyRejected, "key_rejected"),
    ("tokens, 200", listed("not enough api tokens userId: 7"), OutOfCredits, "no_credits"),
    ("tokens, 500", v1("Not enough API tokens userId: 7", 500), OutOfCredits, "no_credits"),
    ("tokens, 402", errors(statusCode=402), OutOfCredits, "no_credits"),
    ("haste", errors(code="TOO_MANY_REQUESTS"), Throttled, "throttled"),
    ("haste, 429", httpx.Response(429), Throttled, "throttled"),
    ("moderation", v1("content moderation filter: x", 403), ImageRefused, "blocked"),
    ("upload", v1("invalid init image id"), Unreachable, "upload_gone"),
    ("upload, 400", v1("couldn't access image", 400), Unreachable, "upload_gone"),
    ("service", v1("Service Error"), Unreachable, "unreachable"),
    ("service, 500", v1("Service Error", 500), Unreachable, "unreachable"),
    ("timeout, told", errors(code="GATEWAY_TIMEOUT"), Uncertain, "gateway_504"),
    ("timeout, 504", httpx.Response(504, text="<html>"), Uncertain, "gateway_504"),
    ("unclear", errors("something else"), Uncertain, "unclear_answer"),
    ("unclear code", errors(code="ODD"), Uncertain, "unclear_answer"),
    ("odd number", errors(statusCode=True), Uncertain, "unclear_answer"),
    ("nothing", httpx.Response(200, json={}), Uncertain, "unclear_answer"),
    ("no errors", httpx.Response(200, json={"errors": []}), Uncertain, "unclear_answer"),
    ("HTML", httpx.Response(200, text="<html>"), Uncertain, "unclear_answer"),
    ("half", httpx.Response(200, text='{"generateSync": {'), Uncertain, "unclear_answer"),
    ("a null job", httpx.Response(200, json={"generate": None}), Uncertain, "unclear_answer"),
    ("no address", httpx.Response(200, json={"results": [{}]}), Uncertain, "broken_answer"),
    ("inline", httpx.Response(200, json={"results": ["x"]}), Uncertain, "broken_answer"),
    ("empty", httpx.Response(200, json={"results": []}), Uncertain, "broken_answer"),
    (
        "blocked",
        httpx.Response(200, json={"results": [], "blockedCount": 1}),
        ImageRefused,
        "blocked",
    ),
    ("elsewhere", httpx.Response(404), KeyRejected, "wrong_provider_url"),
    (
        "redirect",
        httpx.Response(301, headers={"Location": "/x"}),
        KeyRejected,
        "wrong_provider_url",
    ),
]


@pytest.mark.parametrize(
    ("answer", "meaning", "code"),
    [refusal[1:] for refusal in REFUSALS],
    ids=[refusal[0] for refusal in REFUSALS],
)
def test_whatever_is_answered_has_its_remedy(
    answer: httpx.Response, meaning: type[PackshotError], code: str
) -> None:
    """Free where it was refused before any work, in doubt where that cannot be known."""
    error = failure(answer)
    assert (type(error), error.code) == (meaning, code)
    assert error.http_status == answer.status_code


def test_a_sound_key_that_is_not_looked_up_is_not_to_blame() -> None:
    """The text is that of a malformed key; this one is not."""
    error = failure(v1("Invalid response from authorization hook", 500), key=UUID)
    assert type(error) is Unreachable


def test_every_message_of_a_validation_is_quoted() -> None:
    """The outermost says least."""
    found = {"message": "Validation failed", "errors": [{"message": "size: no such value"}]}
    error = failure(listed("Bad", details=found))
    assert "says: Bad; Validation failed; size: no such value" in error.message


@pytest.mark.parametrize(
    ("happened", "meaning"),
    [
        (httpx.ConnectError("no route"), Unreachable),
        (httpx.WriteTimeout("stuck"), Unreachable),
        (httpx.ReadTimeout("silence"), Uncertain),
        (httpx.RemoteProtocolError("disconnected"), Uncertain),
    ],
)
@pytest.mark.parametrize("mode", ["sync", "async"])
def test_an_order_that_was_sent_and_not_answered_is_uncertain(
    mode: str, happened: Answer, meaning: type[PackshotError]
) -> None:
    """Before the request has left, nothing can have been charged."""
    assert type(failure(happened, mode=mode)) is meaning


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_either_call_may_answer_either_way(mode: str) -> None:
    """With a result, or with a job."""
    at_once = Api().client(mode=mode).submit(sent(), PLAIN)
    assert at_once.facts["address"] == ADDRESS
    job = httpx.Response(200, json={"generationId": "g1", "apiCreditCost": 3})
    later = Api(job).client(mode=mode).submit(sent(), PLAIN)
    assert (later.job_id, later.facts["address"], later.facts["charge_stated"]) == (
        "g1",
        "",
        "False",
    )
    counted = Api(job).client(mode=mode, unit="credits").submit(sent(), PLAIN)
    assert (counted.facts["charged"], counted.facts["charge_stated"]) == ("3.0", "True")


def test_a_real_result_is_paid() -> None:
    """Or degraded, where it is clearly smaller than asked; its price is an estimate if untold."""
    client = Api().client()
    result = client.collect(client.submit(sent(), PLAIN))
    assert (result.purchase_class, result.charge_stated) == (PurchaseClass.PAID, False)
    assert result.charged == 0.1047
    small = client.collect(client.submit(sent(80, 60), PLAIN))
    assert small.purchase_class == PurchaseClass.DEGRADED


def rows(status: str, *images: object) -> httpx.Response:
    """What a poll tells."""
    row = {"id": "j1", "status": status, "generated_images": list(images)}
    return httpx.Response(200, json={"generations_by_pk": row})


POLLS: list[tuple[str, Answer, type[PackshotError], str]] = [
    ("pending", rows("PENDING"), NotYet, "not_yet"),
    ("odd status", rows("QUEUED"), NotYet, "not_yet"),
    ("failed", rows("FAILED"), Uncertain, "job_failed"),
    ("nothing made", rows("COMPLETE"), ImageRefused, "blocked"),
    ("no address", rows("COMPLETE", {"url": None}), ImageRefused, "blocked"),
    ("moderation", v1("content moderation filter: x", 403), ImageRefused, "blocked"),
    ("unknown", httpx.Response(200, json={"generations_by_pk": None}), Uncertain, "unknown_job"),
    ("wrong id", v1("invalid id", 400), Uncertain, "unknown_job"),
    ("list", listed(code="VALIDATION_ERROR"), Uncertain, "unknown_job"),
    ("no path", httpx.Response(404), Unreachable, "unreachable"),
    ("HTML", httpx.Response(200, text="<html>"), Unreachable, "broken_answer"),
    ("gateway", httpx.Response(502), Unreachable, "unreachable"),
    ("silence", httpx.ReadTimeout("silence"), Unreachable, "unreachable"),
    ("haste", httpx.Response(429, headers={"Retry-After": "7"}), Throttled, "throttled"),
    ("key", v1("Authentication hook unauthorized this request", 401), KeyRejected, "key_rejected"),
]


@pytest.mark.parametrize(
    ("answer", "meaning", "code"), [poll[1:] for poll in POLLS], ids=[poll[0] for poll in POLLS]
)
def test_asking_for_a_job_costs_nothing(
    answer: Answer, meaning: type[PackshotError], code: str
) -> None:
    """So only what is known to be lost is given up."""
    error = polled(answer)
    assert (type(error), error.code) == (meaning, code)


@pytest.mark.parametrize("answer", [rows("COMPLETE"), v1("invalid id", 400)])
def test_what_is_missing_at_first_is_not_there_yet(answer: httpx.Response) -> None:
    """The row of a young job may lag behind."""
    assert type(polled(answer, submitted_at=str(time.time()))) is NotYet


@pytest.mark.parametrize(
    "told",
    [
        {},
        [],
        {"user_details": []},
        {"user_details": [None]},
    ],
)
def test_what_is_no_account_is_no_account(told: object) -> None:
    """Nothing is made of it."""
    with pytest.raises(Unreachable):
        Api(other=lambda _: httpx.Response(200, json=told)).client().account()


@pytest.mark.parametrize(
    ("row", "total"),
    [
        ({"apiPaidTokens": 1000, "apiSubscriptionTokens": 500}, 2.25),
        ({"apiPaidTokens": None, "apiSubscriptionTokens": 500}, 0.75),
        ({"apiPaidTokens": 0, "apiSubscriptionTokens": 0}, 0),
        ({"apiPaidTokens": None, "apiSubscriptionTokens": 0}, float("inf")),
        ({}, float("inf")),
    ],
)
def test_a_balance_that_is_not_told_is_no_empty_one(row: dict[str, Any], total: float) -> None:
    """The schema lets it be null, and an account paid in dollars may have it so."""
    api = Api(other=lambda _: httpx.Response(200, json={"user_details": [row]}))
    account = api.client().account()
    assert account.total == pytest.approx(total)
    assert account.purchase_class == PurchaseClass.PAID


def test_a_price_is_an_estimate_by_setting() -> None:
    """One for all sizes: none is documented by size."""
    for own, price in (({}, 0.1047), ({"unit": "credits"}, 70), ({"price": "0.2"}, 0.2)):
        assert Api().client(**own).price(PLAIN, 1.0) == Price(price, price)


def test_the_pace_counts_orders() -> None:
    """A hundred a minute, ten at once."""
    pace = Api().client(calls_per_minute="30").pace
    assert (pace.per_window, pace.window_seconds, pace.weighs_megapixels) == (30, 60, False)
    assert Leonardo(KEY, calls_at_once=32).pace.calls_at_once == 10
    assert Leonardo(KEY, calls_at_once=4).pace.calls_at_once == 4


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"speed": "9"}, "no setting `speed`; there are mode, unit, price"),
        ({"mode": "later"}, "`mode` of Leonardo.Ai cannot be `later`"),
        ({"price": "-1"}, "`price`"),
        ({"ephemeral": "true", "mode": "async"}, "leave `ephemeral` or `mode` out"),
    ],
)
def test_a_wrong_setting_is_refused_at_once(own: dict[str, str], words: str) -> None:
    """The sentence names what there is; it comes through the registry, too."""
    with pytest.raises(BadOption, match=words):
        build(
            "leonardo",
            Access(
                api_key=KEY,
                base_url=None,
                wire_format="zip",
                calls_at_once=1,
                provider_settings=own,
            ),
        )
    with pytest.raises(BadOption, match="`wire_format`"):
        Leonardo(KEY, wire_format="gif")


def test_no_message_shows_the_key_or_a_query() -> None:
    """Not even when the provider itself quotes them, in any text or any cause."""
    words = f"key {KEY} may not fetch https://me:pw@cdn.example/a.jpg?X-Amz-Signature=abc"
    answers: list[Answer] = [
        *(v1(words, status) for status in (200, 400, 402, 403, 429, 500)),
        errors(words, code=KEY),
        errors(words, statusCode=400),
        listed(words, details={"message": words}),
        httpx.ReadTimeout("silence"),
        httpx.Response(200, text=words),
    ]
    for answer in answers:
        for error in (failure(answer), polled(answer)):
            shown = "".join(traceback.format_exception(error)) + repr(error)
            shown += json.dumps([error.message, error.code, error.body_excerpt])
            for secret in (KEY, "Signature", "me:pw"):
                assert secret not in shown
    assert KEY not in repr(Api().client())


def test_a_result_may_move_once_more() -> None:
    """The address is fetched without the key, wherever it leads; one that is gone is lost."""

    def other(request: httpx.Request) -> Answer:
        assert "authorization" not in request.headers
        if request.url.path.endswith("moved.png"):
            return httpx.Response(200, content=encoded())
        return httpx.Response(302, headers={"Location": "/moved.png"})

    client = Api(other=other).client()
    assert client.collect(client.submit(sent(), PLAIN)).width == 40
    for status in (403, 404, 410):
        gone = Api(other=lambda _, status=status: httpx.Response(status)).client()  # type: ignore[misc]
        with pytest.raises(Uncertain) as caught:
            gone.collect(gone.submit(sent(), PLAIN))
        assert caught.value.code == "result_gone"
