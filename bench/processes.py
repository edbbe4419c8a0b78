"""Processes that a benchmark starts: each is bounded in time and ends with its parent."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx

ROOT: Final = Path(__file__).parents[1]
LONGEST_SECONDS: Final = 3600
STARTING_SECONDS: Final = 180.0
QUIET: Final = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def bounded(command: list[str]) -> list[str]:
    """The command, ended by itself should its parent be gone."""
    return ["timeout", "--kill-after=10", str(LONGEST_SECONDS), *command]


def answer_of(
    module: str, asked: Mapping[str, object], environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Run `python -m module` with a JSON argument; its last line is its answer, in JSON."""
    command = bounded([sys.executable, "-m", module, json.dumps(asked)])
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **QUIET, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        raise SystemExit(f"{module} ended with {done.returncode}:\n{done.stderr[-4000:]}")
    answer: dict[str, Any] = json.loads(lines[-1])
    return answer


@contextmanager
def serving(
    command: list[str], ready: str, environment: Mapping[str, str] | None = None
) -> Iterator[None]:
    """A server that runs while the block lasts; `ready` is a URL that answers once it is up."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            bounded(command),
            cwd=ROOT,
            env={**os.environ, **QUIET, **(environment or {})},
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait(process, ready)
            yield
        finally:
            _end(process)


def _wait(process: "subprocess.Popen[bytes]", ready: str) -> None:
    end = time.monotonic() + STARTING_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(ready, timeout=2.0).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.25)
    raise SystemExit(f"nothing answered at {ready}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, number)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            continue


@contextmanager
def sandbox(pictures: Path) -> Iterator[str]:
    """The sandbox with canned answers and no felt limit; yields its address."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "bench.sandbox_process", str(port), str(pictures)]
    with serving(command, f"{address}/_sandbox/state"):
        yield address


@contextmanager
def prefect_server(home: Path) -> Iterator[dict[str, str]]:
    """A Prefect server of its own; yields the environment its clients need."""
    port = free_port()
    environment = {"PREFECT_HOME": str(home)}
    prefect = str(Path(sys.executable).with_name("prefect"))
    command = [prefect, "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    address = f"http://127.0.0.1:{port}/api"
    with serving(command, f"{address}/health", environment):
        yield environment | {"PREFECT_API_URL": address}
