"""Photoroom's answers that the played API does not give, and what leaves for it."""

import json
import traceback
from dataclasses import dataclass, field

import httpx
import pytest

from packshot.facts.errors import (
    BadOption,
    ImageRefused,
    KeyRejected,
    OutOfCredits,
    PackshotError,
    TryTomorrow,
    Uncertain,
    Unreachable,
)
from packshot.facts.paid_options import PaidOptions
from packshot.facts.purchase import PurchaseClass
from packshot.providers.photoroom import Photoroom
from packshot.providers.photoroom_refusals import REMEDIES
from tests.providers.playing import KEY, encoded, sent

PLAIN = PaidOptions()


@dataclass
class Played:
    """Plays both hosts: hands out the answer of a path, and keeps what it was sent."""

    answers: dict[str, httpx.Response | Exception] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)

    def client(self, key: str = KEY, wire: str = "png", **settings: str) -> Photoroom:
        """An account there."""
        transport = httpx.MockTransport(self._reply)
        return Photoroom(key, wire_format=wire, settings=settings, transport=transport)

    def _reply(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.get(request.url.path, httpx.Response(200, content=encoded()))
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def urls(self) -> list[str]:
        """What was called, in order."""
        return [str(request.url) for request in self.requests]


@pytest.fixture
def played() -> Played:
    """Hosts that answer with a picture, and with nothing where they are not told to."""
    return Played()


def refused(played: Played, status: int, told: object = None, **settings: str) -> PackshotError:
    """The error of one call that is answered so."""
    body = told if isinstance(told, str) else json.dumps(told or {})
    answer = httpx.Response(status, text=body)
    played.answers |= {"/v1/segment": answer, "/v2/edit": answer}
    with pytest.raises(PackshotError) as caught:
        played.client(**settings).submit(sent(), PLAIN)
    return caught.value


def test_the_hosts_differ_and_the_key_is_in_a_header(played: Played) -> None:
    """Accounts and edits lie at the host that is not that of cutouts."""
    told = {"images": {"available": 83, "subscription": 100}, "plan": "basic"}
    played.answers["/v2/account"] = httpx.Response(200, json=told)
    played.client().submit(sent(), PLAIN)
    played.client(endpoint="edit").submit(sent(), PLAIN)
    assert played.client().account().total == 83
    assert played.urls == [
        "https://sdk.photoroom.com/v1/segment",
        "https://image-api.photoroom.com/v2/edit",
        "https://image-api.photoroom.com/v2/account",
    ]
    assert {request.headers["x-api-key"] for request in played.requests} == {KEY}
    assert all(KEY.encode() not in request.read() for request in played.requests)


@pytest.mark.parametrize(("wire", "accept"), [("png", "*/*"), ("json", "application/json")])
def test_json_is_asked_for_plainly_or_not_at_all(played: Played, wire: str, accept: str) -> None:
    """And never of edit, which knows no JSON."""
    played.client(wire=wire).submit(sent(), PLAIN)
    played.client(wire=wire, endpoint="edit").submit(sent(), PLAIN)
    assert [request.headers["accept"] for request in played.requests] == [accept, "*/*"]


def test_a_real_answer_is_paid_and_a_small_one_degraded(played: Played) -> None:
    """A cropped one says nothing by its size, a sandbox key buys tests whatever comes."""
    photoroom = played.client()
    assert photoroom.submit(sent(40, 30), PLAIN).purchase_class is PurchaseClass.PAID
    assert photoroom.submit(sent(80, 60), PLAIN).purchase_class is PurchaseClass.DEGRADED
    cropped = photoroom.submit(sent(80, 60), PaidOptions(crop=True))
    assert cropped.purchase_class is PurchaseClass.PAID
    tested = played.client(f"sandbox_{KEY}").submit(sent(40, 30), PLAIN)
    assert tested.purchase_class is PurchaseClass.TEST


def test_the_accounts_class_is_paid_where_it_is_real(played: Played) -> None:
    """Credits of the first version count like images, and none are fewer than none."""
    played.answers["/v2/account"] = httpx.Response(403)
    played.answers["/v1/account"] = httpx.Response(200, json={"credits": {"available": -2}})
    account = played.client().account()
    assert (account.total, account.purchase_class) == (0, PurchaseClass.PAID)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(400, json={"error": {"message": "apiKey: Required"}}), KeyRejected),
        (httpx.Response(401), KeyRejected),
        (httpx.Response(404), BadOption),
        (httpx.Response(301, headers={"location": "/"}), BadOption),
        (httpx.Response(418), Unreachable),
        (httpx.Response(502), Unreachable),
        (httpx.Response(200, text="<html>"), Unreachable),
        (httpx.Response(200, json={"images": {}}), Unreachable),
        (httpx.Response(200, json={}), Unreachable),
        (httpx.ReadTimeout("slow"), Unreachable),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_an_account_that_is_not_told_is_an_error(
    played: Played, answer: httpx.Response | Exception, error: type[PackshotError]
) -> None:
    """No run has begun, and nothing can have been charged."""
    played.answers |= {"/v2/account": answer, "/v1/account": answer}
    with pytest.raises(error):
        played.client().account()


@pytest.mark.parametrize(
    ("status", "told", "error", "code"),
    [
        (400, {"detail": "No", "type": "missing_image"}, ImageRefused, "missing_image"),
        (400, {"detail": "No", "type": "unknown_error"}, ImageRefused, "refused_400"),
        (400, {"error": {"message": "No"}}, ImageRefused, "refused_400"),
        (400, {"error": "No"}, ImageRefused, "refused_400"),
        (400, [], ImageRefused, "refused_400"),
        (413, "<html>", ImageRefused, "file_too_large"),
        (415, {}, ImageRefused, "invalid_file_type"),
        (422, {"detail": [{"loc": ["size"]}]}, ImageRefused, "refused_422"),
        (401, {"detail": "API credits exhausted. Visit"}, OutOfCredits, "no_credits"),
        (403, {"error": {"detail": "API credits exhausted."}}, OutOfCredits, "no_credits"),
        (404, "<html>", KeyRejected, "wrong_provider_url"),
        (408, {}, Unreachable, "unreachable"),
        (418, {}, TryTomorrow, "refused_418"),
        (524, "<html>", Uncertain, "gateway_524"),
    ],
)
@pytest.mark.parametrize("endpoint", ["segment", "edit"])
def test_a_refusal_is_understood_in_either_shape(
    played: Played,
    endpoint: str,
    status: int,
    told: object,
    error: type[PackshotError],
    code: str,
) -> None:
    """Flat, nested, a bare word, a list, HTML."""
    caught = refused(played, status, told, endpoint=endpoint)
    assert (type(caught), caught.code, caught.http_status) == (error, code, status)
    if told and "No" in str(told):
        assert "Photoroom says: No" in str(caught)


def test_every_remedy_of_ours_is_said(played: Played) -> None:
    """Where the API's code is one we know."""
    for code, remedy in REMEDIES.items():
        assert remedy in str(refused(played, 400, {"detail": "x", "type": code}))


@pytest.mark.parametrize(
    "body",
    [b"no picture", encoded()[:-20], b"{}", b"{", b'{"base64img": 7}', b'{"result_b64": "a"}'],
)
def test_a_good_status_without_a_picture_was_probably_charged(played: Played, body: bytes) -> None:
    """Neither lost nor counted as nothing."""
    played.answers["/v1/segment"] = httpx.Response(200, content=body)
    with pytest.raises(Uncertain) as caught:
        played.client().submit(sent(), PLAIN)
    assert caught.value.code == "broken_answer"


def test_what_was_not_done_is_a_doubt(played: Played) -> None:
    """The API leaves out what it does not know, says so in a header, and charges."""
    headers = {"pr-unsupported-attributes": f"Unsupported attributes: {KEY}"}
    played.answers["/v2/edit"] = httpx.Response(200, content=encoded(), headers=headers)
    doubt = played.client(endpoint="edit").submit(sent(40, 30), PLAIN).doubt
    assert doubt == "Photoroom did not do all that was asked: Unsupported attributes: ***"


def test_a_score_that_is_none_is_no_doubt(played: Played) -> None:
    """Nor does it break the answer."""
    for score in ("nan", "high", ""):
        headers = {"x-uncertainty-score": score}
        played.answers["/v1/segment"] = httpx.Response(200, content=encoded(), headers=headers)
        assert played.client().submit(sent(40, 30), PLAIN).doubt is None


@pytest.mark.parametrize(
    ("error", "remedy"),
    [(httpx.ConnectError("no"), Unreachable), (httpx.ReadTimeout("slow"), Uncertain)],
)
def test_a_call_that_did_not_leave_is_not_one_that_was_not_answered(
    played: Played, error: Exception, remedy: type[PackshotError]
) -> None:
    """Only the latter can have cost something."""
    played.answers["/v1/segment"] = error
    with pytest.raises(remedy):
        played.client().submit(sent(), PLAIN)


def test_the_key_is_nowhere_to_be_read(played: Played) -> None:
    """Even if the API repeats it."""
    photoroom = played.client()
    assert KEY not in repr(photoroom) + repr(vars(photoroom))
    for status in (400, 403, 500):
        told = {"detail": f"{KEY} is wrong", "type": KEY}
        error = refused(played, status, told)
        shown = "".join(traceback.format_exception(error)) + repr(vars(error))
        assert KEY not in shown
        assert "***" in (error.body_excerpt or "")


@pytest.mark.parametrize("wishes", [{"wire": "tiff"}, {"key": "two words"}, {"key": "sandbox_ü"}])
def test_a_wish_that_cannot_be_met_is_refused(played: Played, wishes: dict[str, str]) -> None:
    """Before anything is sent."""
    with pytest.raises(BadOption):
        played.client(**wishes)
