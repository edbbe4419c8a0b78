"""Processes that use one account know of each other through a real Prefect server."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_hex

import httpx
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows import sharing
from flows.sharing import limit_name, shared_account
from packshot.providers.face import Pace
from packshot.run.governor import Governor
from tests.flows.served import Prefect, free_port, soon

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("deployments")]

PACE = Pace(per_window=500, window_seconds=60, calls_at_once=40, weighs_megapixels=True)
LOGGER = logging.getLogger("packshot.tests.sharing")


@pytest.fixture
def name() -> str:
    """An account that no other test uses."""
    return limit_name("removebg", token_hex(8), None)


@dataclass
class Process:
    """As much of a process as counts: a governor, and somebody who may call."""

    governor: Governor

    def calling(self) -> AbstractContextManager[object]:
        """One call that lasts as long as the block."""
        return self.governor.slot(1, deadline=time.monotonic() + 30, stopped=lambda: None)

    @property
    def parts(self) -> int:
        """Among how many it believes that the account is shared."""
        return self.governor._parts


@contextmanager
def process(name: str, url: str) -> Iterator[Process]:
    """One that shares an account by the server at this address."""
    one = Process(Governor(PACE))
    here = temporary_settings({PREFECT_API_URL: url})
    with here, shared_account(one.governor, name, None, LOGGER):
        yield one


@pytest.fixture(autouse=True)
def _address(prefect: Prefect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads do not inherit settings of a context."""
    monkeypatch.setenv("PREFECT_API_URL", prefect.url)


SOON = 0.3


def slots(prefect: Prefect, name: str) -> int:
    """Slots in use, as Prefect's page shows them."""
    return int(httpx.get(f"{prefect.url}/v2/concurrency_limits/{name}").json()["active_slots"])


def test_processes_share_while_they_call_and_give_back_when_idle(
    prefect: Prefect, name: str
) -> None:
    """Alone, then two, then alone again within twenty seconds; nothing is held afterwards."""
    with process(name, prefect.url) as first, first.calling():
        assert first.parts == 1
        with process(name, prefect.url) as second:
            assert second.parts == 0  # who has nothing to send takes no slot
            assert slots(prefect, name) == 1
            with second.calling():
                assert first.parts == second.parts == 2  # all know before a newcomer's first call
                assert slots(prefect, name) == 2
            idle = time.monotonic()
            soon(lambda: first.parts == 1 or None, 20, "the idle one's part")
            assert time.monotonic() - idle >= sharing.IDLE_SECONDS - 1
            assert second.parts == 0
            assert slots(prefect, name) == 1
            with second.calling():
                assert second.parts == 2
        assert slots(prefect, name) == 1
    assert slots(prefect, name) == 0


def test_a_slot_is_waited_for(
    prefect: Prefect, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A limit that somebody made smaller holds."""
    caplog.set_level(logging.INFO, LOGGER.name)
    limit = {"name": name, "limit": 1}
    httpx.post(f"{prefect.url}/v2/concurrency_limits/", json=limit).raise_for_status()
    with process(name, prefect.url) as second:
        left = threading.Event()
        with process(name, prefect.url) as first, first.calling():
            calling = threading.Thread(target=lambda: _call(second, left), daemon=True)
            calling.start()
            soon(lambda: "every slot" in caplog.text or None, 15, "word of the full limit")
            assert not left.is_set()
        assert left.wait(15)
        calling.join()


class _Busy(BaseHTTPRequestHandler):
    """A server that is there and refuses."""

    def do_GET(self) -> None:
        """Say so."""
        self.send_error(503)

    do_POST = do_GET  # noqa: N815  the names are http.server's

    def log_message(self, *_: object) -> None:
        """Nobody listens."""


class _Slow(_Busy):
    """A server that is there and takes its time."""

    def do_GET(self) -> None:
        """Say nothing while anybody listens."""
        time.sleep(3 * SOON)

    do_POST = do_GET  # noqa: N815  as above


class _Odd(_Busy):
    """Something between us and the server that answers in its place."""

    def do_GET(self) -> None:
        """Be friendly."""
        body = b"<html>Welcome</html>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815  as above


@pytest.mark.parametrize("kind", [_Busy, _Slow])
def test_a_server_that_is_busy_is_asked_again_before_it_is_done_without(
    name: str,
    kind: type[_Busy],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two processes that each took themselves for the only one would go beyond the limit."""
    caplog.set_level(logging.INFO, LOGGER.name)
    monkeypatch.setattr(sharing, "ANSWER_SECONDS", SOON)
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as busy:
        threading.Thread(target=busy.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{busy.server_port}/api"
        monkeypatch.setenv("PREFECT_API_URL", url)
        asked = time.monotonic()
        with process(name, url) as alone, alone.calling():
            assert alone.parts == 1
            assert time.monotonic() - asked > sharing.BUSY_TRIES * sharing.BUSY_SECONDS
        busy.shutdown()
    assert "taken for the only process" in caplog.text


def test_whatever_answers_in_the_servers_place_holds_up_nothing(
    name: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page instead of numbers is no reason to wait for ever."""
    caplog.set_level(logging.INFO, LOGGER.name)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Odd) as odd:
        threading.Thread(target=odd.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{odd.server_port}/api"
        monkeypatch.setenv("PREFECT_API_URL", url)
        with process(name, url) as alone, alone.calling():
            assert alone.parts == 1
        odd.shutdown()
    assert "taken for the only process" in caplog.text


def _call(one: Process, left: threading.Event) -> None:
    with one.calling():
        left.set()


def test_a_server_that_is_away_leaves_one_process(
    name: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said, and pictures go on."""
    caplog.set_level(logging.INFO, LOGGER.name)
    url = f"http://127.0.0.1:{free_port()}/api"
    monkeypatch.setenv("PREFECT_API_URL", url)
    with process(name, url) as alone, alone.calling():
        assert alone.parts == 1
    assert "taken for the only process" in caplog.text


def test_without_a_lasting_server_one_process_is_assumed(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A command that starts a server of its own has nobody to share with, and says so."""
    caplog.set_level(logging.INFO, LOGGER.name)
    governor = Governor(PACE)
    nowhere = temporary_settings(restore_defaults={PREFECT_API_URL})
    with nowhere, shared_account(governor, name, None, LOGGER):
        assert governor._parts == 1
    assert "only process of its account" in caplog.text


def test_accounts_have_limits_of_their_own() -> None:
    """Another key or another address is another account; the key is not in the name."""
    names = {limit_name("removebg", *each) for each in [("a" * 24, None), ("b" * 24, None)]}
    names.add(limit_name("removebg", "a" * 24, "http://127.0.0.1:1/v1.0"))
    assert len(names) == 3
    assert limit_name("removebg", "a" * 24 + "\n", "http://127.0.0.1:1/v1.0/") in names
    assert all(len(name) == len("packshot-removebg-") + 8 for name in names)
