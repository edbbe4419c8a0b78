"""What goes wrong on purpose."""

import io
import time
import zipfile

import httpx
import pytest

from packshot.sandbox.state import ERRORS, PLAIN_FAULTS, Fault
from tests.flows.served import soon
from tests.sandbox.calling import Caller, picture


def fail(api: Caller, kind: str, **more: float | str) -> httpx.Response:
    """One call under a fault, with the fault put in over HTTP."""
    told = api.http.post("/_sandbox/faults", json={"kind": kind, **more})
    assert told.status_code == 200, told.text
    return api.cut(picture(1000, 1000), size="full", format="zip")


@pytest.mark.parametrize("status", [400, 402, 403, 429, 500, 502, 503])
def test_a_status_can_be_ordered(api: Caller, status: int) -> None:
    """Once only, uncharged; server errors are HTML, a bare 400 has no code."""
    kind = "status_400_without_code" if status == 400 else f"status_{status}"
    answer = fail(api, kind)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html") == (status >= 500)
    if status in {400, 402, 429}:
        assert list(answer.json()["errors"][0]) == ["title"]
    assert (api.state.charged_calls, api.cut().status_code) == (0, 200)


@pytest.mark.parametrize("code", ERRORS)
def test_any_documented_error_can_be_ordered(api: Caller, code: str) -> None:
    """All 24 codes."""
    assert fail(api, f"error_code:{code}").json()["errors"][0]["code"] == code


def test_retry_after_comes_as_seconds_as_a_date_or_not_at_all(api: Caller) -> None:
    """Clients have to live with all three."""
    assert fail(api, "status_429", retry_after=7).headers["retry-after"] == "7"
    assert fail(api, "status_429", retry_after="date").headers["retry-after"].endswith("GMT")
    assert "retry-after" not in fail(api, "status_429").headers


@pytest.mark.parametrize("kind", ["reset_after_read", "truncated_body"])
def test_an_answer_can_be_lost_after_it_was_charged(api: Caller, kind: str) -> None:
    """The connection closes with nothing or half of the answer sent; the account has paid."""
    with pytest.raises(httpx.RemoteProtocolError):
        fail(api, kind)
    assert (api.state.charged_calls, api.state.credits) == (1, 9_999)
    assert api.cut().status_code == 200


def test_a_connection_can_close_before_anything_is_read(api: Caller) -> None:
    """Nothing is charged, and the log shows a call without a status."""
    with pytest.raises(httpx.TransportError):
        fail(api, "reset_before_read")
    soon(lambda: bool(api.state.calls), 5, "the call's line in the log")
    assert (api.state.charged_calls, api.state.calls[-1].status) == (0, 0)


def test_answers_can_be_spoiled(api: Caller) -> None:
    """Charged, answered with 200, and not what was promised."""
    assert fail(api, "wrong_content_type").headers["content-type"] == "text/html"
    assert "x-credits-charged" not in fail(api, "missing_charge_header").headers
    assert not zipfile.is_zipfile(io.BytesIO(fail(api, "truncated_zip").content))
    renamed = zipfile.ZipFile(io.BytesIO(fail(api, "zip_other_names").content))
    assert renamed.namelist() == ["picture.jpg", "matte.png"]
    degraded = fail(api, "degraded").headers
    assert (degraded["x-width"], degraded["x-credits-charged"]) == ("500", "0.25")
    assert api.state.charged_calls == 5


def test_a_body_can_dribble(api: Caller) -> None:
    """It takes its time and is whole in the end."""
    started = time.monotonic()
    answer = fail(api, "slow_body", seconds=0.4)
    assert time.monotonic() - started >= 0.4
    assert zipfile.is_zipfile(io.BytesIO(answer.content))


def test_faults_wait_in_line_for_their_endpoint(api: Caller) -> None:
    """A fault happens as often as asked, in order, where it was meant to."""
    faults = [{"kind": "status_503", "times": 2}, {"kind": "status_502", "on": "account"}]
    api.http.post("/_sandbox/faults", json=faults)
    assert [api.cut().status_code for _ in range(3)] == [503, 503, 200]
    assert [api.http.get("/v1.0/account").status_code for _ in range(2)] == [502, 200]


def test_an_unknown_fault_is_refused(api: Caller) -> None:
    """A misspelt fault must not pass for a calm night."""
    for kind in ("staus_402", "error_code:nothing"):
        assert api.http.post("/_sandbox/faults", json={"kind": kind}).status_code == 400
    assert all(Fault(kind=kind) for kind in PLAIN_FAULTS)
