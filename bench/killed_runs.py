"""Runs as processes that are killed, and what the sandbox had open at that moment."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import numpy as np

from bench.processes import ROOT
from packshot.facts.job import Job

LONGEST_RUN_SECONDS: Final = 120.0
MOMENTS: Final = (
    # after what the run has said, within so many seconds, of a hundred kills
    (None, 1.8, 18),
    ("on record", 0.6, 64),
    ("worked", 0.3, 14),
    ("published", 0.05, 4),
)


class Moment(NamedTuple):
    """When a run is killed: so many seconds after it has come so far."""

    after: str | None
    calls: int
    seconds: float

    @classmethod
    def drawn(cls, chance: np.random.Generator, left: int) -> "Moment":
        """Anywhere from start-up to after publishing; in the midst of what is left to buy."""
        weights = np.array([weight for *_, weight in MOMENTS], float)
        after, within, _ = MOMENTS[chance.choice(len(MOMENTS), p=weights / weights.sum())]
        calls = int(chance.integers(0, max(left, 1))) if after == "on record" else 0
        return cls(after, calls, float(chance.uniform(0, within)))


@dataclass
class Night:
    """One process of a run: how far it came, and what the sandbox saw of it."""

    killed: bool = False
    run_id: str | None = None
    said: list[str] = field(default_factory=list)
    charged: float = 0.0
    """Credits that left the account between its start and its end."""
    open: int = 0
    """Calls the sandbox had not answered when it was killed."""


class Watcher:
    """Asks the sandbox what it has seen."""

    def __init__(self, host: str) -> None:
        self._client = httpx.Client(base_url=f"{host}/_sandbox", timeout=30.0)

    def reset(self) -> None:
        """Forget everything."""
        self._client.post("/reset").raise_for_status()

    def await_calls(self, number: int, process: "subprocess.Popen[str]") -> None:
        """Until so many calls have come since the last reset, or the process has ended."""
        while process.poll() is None and self._client.get("/state").json()["came"] < number:
            time.sleep(0.02)

    def quiet(self) -> dict[str, Any]:
        """The counters once no call is open any more: nobody listens, but they are finished."""
        silent = 0
        while True:
            seen: dict[str, Any] = self._client.get("/state").json()
            silent = 0 if seen["open_calls"] else silent + 1
            if silent == 3:  # what lay in a socket of the dead has been read by now
                return seen
            time.sleep(0.05)


def night(
    job: Job, watcher: Watcher, scratch: Path, kill: Moment | None = None, *, words: Path
) -> Night:
    """One run, killed at a moment or left alone."""
    before = watcher.quiet()
    answered, charged = len(before["answered_at"]), before["credits_charged"]
    ended, killed_at = Night(), None
    with _process(job, scratch, words) as process:
        lines = _lines_of(process)
        if kill is None:
            _listen(lines, ended, None, LONGEST_RUN_SECONDS)
        elif _listen(lines, ended, kill.after, LONGEST_RUN_SECONDS) or kill.after is None:
            watcher.await_calls(before["came"] + kill.calls, process)
            time.sleep(kill.seconds)
            killed_at = time.time()
            process.send_signal(signal.SIGKILL)
        code = process.wait(LONGEST_RUN_SECONDS)
        _listen(lines, ended, None, 5.0)
    ended.killed = code == -signal.SIGKILL
    if code and not ended.killed:
        raise SystemExit(f"a run ended with {code}:\n{words.read_text()[-3000:]}")
    after = watcher.quiet()
    ended.charged = after["credits_charged"] - charged
    if killed_at is not None and ended.killed:
        in_time = sum(moment <= killed_at for moment in after["answered_at"][answered:])
        ended.open = after["came"] - before["came"] - in_time
    return ended


@contextmanager
def _process(job: Job, scratch: Path, words: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "bench.one_night", job.model_dump_json()]
    with words.open("a") as errors:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(scratch)},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def _lines_of(process: "subprocess.Popen[str]") -> "queue.Queue[str | None]":
    """What a process says, as it says it; None when it has said everything."""
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in process.stdout or ():
            lines.put(line.strip())
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    return lines


def _listen(
    lines: "queue.Queue[str | None]", ended: Night, until: str | None, seconds: float
) -> bool:
    """Listen until this has been said, or to the end; answers whether it was said."""
    if ended.said[-1:] == ["(end)"]:
        return False
    while (line := lines.get(timeout=seconds)) is not None:
        ended.said.append(line)
        if line.startswith("run "):
            ended.run_id = line.removeprefix("run ")
        if line == until:
            return True
    ended.said.append("(end)")
    return False
