"""remove.bg's refusals and the network's, in our own words."""

import json
import traceback
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
from packshot.facts.paid_options import PaidOptions
from packshot.providers.face import Source
from packshot.providers.removebg import RemoveBg
from packshot.providers.removebg_refusals import REMEDIES
from tests.providers.playing import KEY, Stage, Torn, encoded, sent, zipped

ONCE = PaidOptions()


def refused(status: int, title: str = "No", **more: str) -> httpx.Response:
    """A refusal in remove.bg's own shape."""
    return httpx.Response(status, json={"errors": [{"title": title, **more}]})


def failure(client: RemoveBg, source: Source | None = None) -> PackshotError:
    """The error of one call."""
    with pytest.raises(PackshotError) as caught:
        client.submit(source or sent(), ONCE)
    return caught.value


def test_every_documented_code_has_a_remedy() -> None:
    """The API knows 24 codes."""
    assert len(REMEDIES) == 24


@pytest.mark.parametrize("code", REMEDIES)
def test_a_refused_picture_keeps_the_apis_code(code: str, stage: Stage) -> None:
    """The code is the API's, the sentence names the remedy; another host's fault passes."""
    error = failure(stage.client(refused(400, code=code)))
    elsewhere = code in {"failed_image_download", "failed_bg_download"}
    assert (type(error), error.code) == (TryTomorrow if elsewhere else ImageRefused, code)
    assert REMEDIES[code] in str(error)
    assert len(stage.requests) == 1


@pytest.mark.parametrize(
    ("code", "option"),
    [
        ("invalid_size", "resolution"),
        ("invalid_roi", "region"),
        ("roi_exceeds_bounds", "region"),
        ("roi_region_empty", "region"),
        ("invalid_bg_color", "background_color"),
        ("invalid_semitransparency", "semitransparency"),
        ("invalid_format", "wire_format"),
    ],
)
def test_a_refused_option_is_named_as_ours(code: str, option: str) -> None:
    """Whoever reads the report knows our words, not the API's."""
    assert f"`{option}`" in REMEDIES[code]


def test_the_apis_detail_is_quoted(stage: Stage) -> None:
    """It knows the limit of the day."""
    answer = refused(400, code="file_too_large", detail="File exceeds limit of 12MB")
    assert "File exceeds limit of 12MB" in str(failure(stage.client(answer)))


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (refused(400, "Failed to download"), "refused_400"),
        (refused(400, code="A sentence, no code"), "refused_400"),
        (refused(400, code="brand_new_code"), "brand_new_code"),
        (httpx.Response(400, text="<html>Bad request</html>"), "refused_400"),
        (httpx.Response(400, json={"errors": {"title": "a dict"}}), "refused_400"),
        (httpx.Response(400, json=["odd"]), "refused_400"),
        (httpx.Response(413, text="<html>Too large</html>"), "file_too_large"),
        (httpx.Response(422), "refused_422"),
    ],
)
def test_a_refusal_in_another_shape_is_still_one(
    answer: httpx.Response, code: str, stage: Stage
) -> None:
    """Codes are missing, new or unreadable; the status suffices."""
    error = failure(stage.client(answer))
    assert (type(error), error.code) == (ImageRefused, code)


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (refused(402, "Insufficient credits"), OutOfCredits),
        (refused(401), KeyRejected),
        (refused(403, "API Key invalid", code="auth_failed"), KeyRejected),
        (refused(429, "Rate limit exceeded"), Throttled),
        (httpx.Response(500, text="<html>Internal server error</html>"), Unreachable),
        (httpx.Response(503), Unreachable),
        (httpx.Response(408), Unreachable),
        (httpx.Response(451), TryTomorrow),
        (httpx.Response(304), TryTomorrow),
    ],
)
def test_each_status_has_its_remedy(
    answer: httpx.Response, meaning: type[PackshotError], stage: Stage
) -> None:
    """Nothing is assumed about the body, and nothing is followed or tried again."""
    assert type(failure(stage.client(answer))) is meaning
    assert len(stage.requests) == 1


@pytest.mark.parametrize("status", [502, 504, 520, 522, 524])
def test_a_gateway_may_hide_a_call_that_was_charged(status: int, stage: Stage) -> None:
    """So it counts as sent and never answered; asking for the balance still costs nothing."""
    client = stage.client(httpx.Response(status, text="<html>Bad gateway</html>"))
    error = failure(client)
    assert (type(error), error.code) == (Uncertain, f"gateway_{status}")
    with pytest.raises(Unreachable):
        client.account()


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404),
        httpx.Response(405),
        httpx.Response(301, headers={"Location": "https://elsewhere/"}),
    ],
)
def test_what_is_not_the_api_ends_the_run(answer: httpx.Response, stage: Stage) -> None:
    """Every picture would meet the same; before a run it is an option that is wrong."""
    client = stage.client(answer)
    error = failure(client)
    assert (type(error), error.code) == (KeyRejected, "wrong_provider_url")
    assert "`--provider-url`" in str(error)
    with pytest.raises(BadOption, match=r"`--provider-url`.*https://api\.remove\.bg/v1\.0"):
        client.account()


def test_a_refusal_keeps_how_its_body_begins(stage: Stage) -> None:
    """The books can show it: redacted, short, and beside the status."""
    page = f"<h1>Bad\ngateway</h1> {KEY} https://me:pw@a.example/b?sig=abc {'x' * 500}"
    client = stage.client(httpx.Response(502, text=page))
    error = failure(client)
    with pytest.raises(Unreachable) as caught:
        client.account()
    for each in (error, caught.value):
        assert each.http_status == 502
        assert each.body_excerpt is not None
        assert each.body_excerpt.startswith("<h1>Bad gateway</h1> *** https://a.example/b xxx")
        assert len(each.body_excerpt) == 200


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "59"}, 59.0),
        ({"Retry-After": "Mon, 01 Jun 2020 15:48:43 GMT"}, 7.0),
        ({"Retry-After": "Mon, 01 Jun 2020 15:48:00 GMT"}, 0.0),
        ({"Retry-After": "1e300"}, 86_400.0),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, 86_400.0),
        ({"X-RateLimit-Reset": "1591026546"}, 30.0),
        ({"Retry-After": "later", "X-RateLimit-Reset": "1591026546"}, 30.0),
        ({"X-RateLimit-Reset": "1"}, 1.0),
        ({"X-RateLimit-Reset": "1591026000"}, None),
        ({}, None),
    ],
)
def test_a_throttled_call_says_how_long(
    headers: dict[str, str], seconds: float | None, stage: Stage
) -> None:
    """Seconds, a date, the end of the window, or nothing at all."""
    always = {"Date": "Mon, 01 Jun 2020 15:48:36 GMT", "X-RateLimit-Limit": "500"}
    answer = httpx.Response(429, headers=always | {"X-RateLimit-Remaining": "0"} | headers)
    error = failure(stage.client(answer))
    assert isinstance(error, Throttled)
    assert error.wait_seconds == seconds


@pytest.mark.parametrize(
    ("happened", "meaning", "code"),
    [
        (httpx.ConnectError("no route"), Unreachable, "unreachable"),
        (httpx.ConnectTimeout("slow"), Unreachable, "unreachable"),
        (httpx.PoolTimeout("full"), Unreachable, "unreachable"),
        (httpx.WriteTimeout("stuck"), Unreachable, "unreachable"),
        (httpx.ReadTimeout("silence"), Uncertain, "uncertain"),
        (httpx.ReadError("reset"), Uncertain, "uncertain"),
        (httpx.RemoteProtocolError("disconnected"), Uncertain, "uncertain"),
    ],
)
def test_what_was_sent_and_never_answered_is_uncertain(
    happened: Exception, meaning: type[PackshotError], code: str, stage: Stage
) -> None:
    """Before the request has left, nothing can have been charged; afterwards it may have been."""
    error = failure(stage.client(happened))
    assert (type(error), error.code) == (meaning, code)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Welcome to our network</html>",
        b'{"data": {}}',
        b'{"data": {"result_b64": "no base64!"}}',
        b'{"data": ',
        b"PK\x03\x04 no archive",
    ],
)
def test_a_good_status_with_a_bad_body_is_uncertain(body: bytes, stage: Stage) -> None:
    """Whoever said 200 has probably charged."""
    error = failure(stage.client(httpx.Response(200, content=body)))
    assert (type(error), error.code) == (Uncertain, "broken_answer")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "ZIP"])
def test_a_cut_body_is_noticed_without_a_declared_length(kind: str, stage: Stage) -> None:
    """Every format says where it ends."""
    mode = "RGB" if kind == "JPEG" else "RGBA"
    whole = zipped() if kind == "ZIP" else encoded(kind=kind, mode=mode)
    error = failure(stage.client(httpx.Response(200, content=whole[:-9])))
    assert error.code == "broken_answer"


@pytest.mark.parametrize("end", [None, httpx.ReadError("reset"), httpx.ReadTimeout("silence")])
def test_a_body_that_breaks_off_is_uncertain(end: Exception | None, stage: Stage) -> None:
    """With an error or without one, the declared length gives it away."""
    whole = zipped()
    headers = {"Content-Length": str(len(whole) + 1)}
    answer = httpx.Response(200, stream=Torn(whole, end), headers=headers)
    assert failure(stage.client(answer)).code == "broken_answer"


@pytest.mark.parametrize(
    ("settings", "code"),
    [({"max_answer_bytes": 100}, "answer_too_large"), ({"timeout_seconds": 0.0}, "broken_answer")],
)
def test_an_answer_without_end_is_cut_off(
    settings: dict[str, Any], code: str, stage: Stage
) -> None:
    """Neither memory nor patience is unlimited."""
    answer = httpx.Response(200, stream=Torn(zipped(), None))
    error = failure(stage.client(answer, **settings))
    assert error.code == code


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (refused(403, "API Key invalid", code="auth_failed"), KeyRejected),
        (refused(429), Throttled),
        (refused(400, code="missing_source"), Unreachable),
        (httpx.Response(200, text="<html>"), Unreachable),
        (httpx.Response(200, json={"data": {"attributes": {}}}), Unreachable),
        (httpx.Response(503), Unreachable),
        (httpx.ReadTimeout("silence"), Unreachable),
        (httpx.ConnectError("no route"), Unreachable),
    ],
)
def test_asking_for_the_balance_is_never_uncertain(
    answer: httpx.Response | Exception, meaning: type[PackshotError], stage: Stage
) -> None:
    """It costs nothing, so it can be asked again."""
    with pytest.raises(PackshotError) as caught:
        stage.client(answer).account()
    assert type(caught.value) is meaning


def test_no_message_shows_the_key_or_a_query(stage: Stage) -> None:
    """Not even when the provider itself quotes them, in any text or any cause."""
    title = f"key {KEY} may not fetch https://me:pw@cdn.example/a.jpg?X-Amz-Signature=abc"
    answers: list[httpx.Response | Exception] = [
        *(refused(status, title) for status in (400, 402, 403, 429, 500)),
        refused(400, code=KEY),
        refused(400, title, code="new", detail=title),
        httpx.ReadTimeout("silence"),
        httpx.Response(200, text=title),
    ]
    for answer in answers:
        client = stage.client(answer)
        error = failure(client)
        shown = "".join(traceback.format_exception(error)) + repr(error) + repr(client)
        shown += json.dumps([error.message, error.code, error.body_excerpt])
        for secret in (KEY, "Signature", "me:pw"):
            assert secret not in shown


def test_a_quoted_title_is_one_short_line(stage: Stage) -> None:
    """A report has rows."""
    error = failure(stage.client(refused(400, "word\n" * 500)))
    assert "\n" not in error.message
    assert len(error.message) < 400
