"""A process that has nothing more to do ends, whatever hangs in it."""

import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from flows.endings import is_a_runs_own, stop_own_server
from tests.flows.served import ROOT

HANGS = """
import threading, time
from flows.endings import end_within
threading.Thread(target=time.sleep, args=(20,)).start()
end_within(0.5, code=7)
print("the last word")
"""
HANGS_ON_LEAVING = """
import atexit, time
from flows.endings import end_within
atexit.register(time.sleep, 20)
end_within(0.5, code=7)
print("the last word")
"""


@pytest.mark.parametrize("code", [HANGS, HANGS_ON_LEAVING])
def test_a_process_ends_though_something_hangs(code: str) -> None:
    """Neither a thread nor what is done on leaving holds it; what it said is heard."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=15, check=False
    )
    assert (done.returncode, done.stdout) == (7, b"the last word\n")


def test_a_process_of_its_own_is_known_by_its_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker names the run to the process that it starts; nobody else's process is ended."""
    monkeypatch.delenv("PREFECT__FLOW_RUN_ID", raising=False)
    assert not is_a_runs_own()
    monkeypatch.setitem(os.environ, "PREFECT__FLOW_RUN_ID", "0198")
    assert is_a_runs_own()


def test_the_temporary_server_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """It hears no Ctrl-C of its own, so whoever ends at once sees to it."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(20)"]) as process:
        server = SimpleNamespace(server_process=process)
        module = SimpleNamespace(SubprocessASGIServer=lambda: server)
        monkeypatch.setitem(sys.modules, "prefect.server.api.server", module)
        stop_own_server()
        assert process.wait(10) == -signal.SIGTERM
