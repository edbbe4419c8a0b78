"""How much of a provider's allowance is used, and how often it is exceeded: `python -m bench.pace`.

A sandbox holds remove.bg's limit of 500 megapixels a minute. Each case has three whole windows or
more, and all of them take half an hour; with `--window-seconds` windows are shorter and allow as
much less.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import httpx

from bench.machine import write_result
from bench.processes import answer_of, free_port, prefect_server, serving

LIMIT: Final = 500.0
MINUTE: Final = 60.0
ROUNDED_SECONDS: Final = 1.0
"""Windows end at whole seconds."""


@dataclass(frozen=True)
class Case:
    """One way of sending, by so many processes."""

    way: str
    processes: int = 1
    idle: int = 0
    """So many of them have nothing more to send after half of the time."""
    windows: int = 4
    """The last one is cut off by the end."""
    window_seconds: float = MINUTE

    @property
    def limit(self) -> int:
        """Megapixels that a window allows: as many a second as the documented ones."""
        return round(LIMIT * self.window_seconds / MINUTE)

    @property
    def longest_window(self) -> float:
        """Seconds from the first call to the end, as it is told."""
        return self.window_seconds + ROUNDED_SECONDS

    @property
    def seconds(self) -> float:
        """How long pictures are sent: whole windows, and a little of the next."""
        return self.windows * self.longest_window + 1

    @property
    def named(self) -> str:
        """In words."""
        processes = "1 process" if self.processes == 1 else f"{self.processes} processes"
        idle = f", {self.idle} idle after half" if self.idle else ""
        return f"{self.way}, {processes}{idle}"


@dataclass(frozen=True)
class Seen:
    """What the sandbox saw of a case."""

    shares: list[float]
    """Of each whole window: used over allowed."""
    of_the_clock: float
    """Used over what the clock allows: time between windows counts as lost."""
    refusals: int
    refused: list[int]
    """Refusals of each whole window."""
    done: int
    given_up: int


CASES: Final = (
    Case("packshot"),
    Case("packshot", processes=4),
    Case("packshot", processes=4, idle=3, windows=6),
    Case("semaphore of 5"),
    Case("semaphore of 8"),
    Case("lockstep of 5"),
)


def seen(case: Case, environment: Mapping[str, str]) -> Seen:
    """Play one case against a sandbox of its own."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    window = (str(case.window_seconds), str(case.limit))
    command = [sys.executable, "-m", "bench.metered_sandbox", str(port), *window]
    with serving(command, f"{url}/_sandbox/state"):
        began = time.time()
        with ThreadPoolExecutor(case.processes) as pool:
            clients = range(case.processes)
            answers = list(
                pool.map(lambda number: _client(case, url, number, environment), clients)
            )
        state = httpx.get(f"{url}/_sandbox/state").json()
    return _read(case, state, answers, began)


def _client(case: Case, url: str, number: int, environment: Mapping[str, str]) -> dict[str, Any]:
    seconds = case.seconds / 2 if number < case.idle else case.seconds
    asked = {
        "url": url,
        "way": case.way,
        "seconds": seconds,
        "seed": number,
        "window_seconds": case.window_seconds,
        "limit": case.limit,
    }
    return answer_of("bench.pace_client", asked, environment)


def _read(
    case: Case, state: dict[str, Any], answers: Sequence[dict[str, Any]], began: float
) -> Seen:
    whole = state["windows"][:-1]  # the last one was cut off
    if not whole:
        raise SystemExit(f"{case.named}: not one whole window")
    first_call = whole[0]["ends"] - case.longest_window
    clock = (whole[-1]["ends"] - max(began, first_call)) / case.window_seconds
    used = sum(window["used"] for window in whole)
    return Seen(
        shares=[window["used"] / case.limit for window in whole],
        of_the_clock=used / case.limit / clock,
        refusals=state["throttled_429"],
        refused=[int(window.get("refused", 0)) for window in whole],
        done=sum(each["done"] for each in answers),
        given_up=sum(each["given_up"] for each in answers),
    )


def _line(case: Case, found: Seen) -> str:
    both = zip(found.shares, found.refused, strict=True)
    shares = ", ".join(f"{share:.1%} ({refused})" for share, refused in both)
    rate = 100 * found.refusals / max(1, found.done)
    return (
        f"| {case.named} | {min(found.shares):.1%} | "
        f"{statistics.mean(found.shares):.1%} | {found.of_the_clock:.0%} | {found.refusals} "
        f"({rate:.0f} per 100) | {found.given_up} | {shares} |"
    )


HEAD = (
    "| way | least used of a window | mean | of the clock | 429s | given up | each "
    "window (429s) |\n|---|---|---|---|---|---|---|"
)


def main() -> None:
    """Play the cases and write the table down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", type=int, nargs="*", help="numbers of cases; writes nothing down")
    parser.add_argument("--window-seconds", type=float, default=MINUTE)
    asked = parser.parse_args()
    chosen, short = asked.only, asked.window_seconds < MINUTE
    lines = []
    print(HEAD)
    with tempfile.TemporaryDirectory() as home, prefect_server(Path(home)) as environment:
        for number, each in enumerate(CASES):
            case = replace(each, window_seconds=asked.window_seconds)
            if chosen is None or number in chosen:
                lines.append(_line(case, seen(case, environment)))
                print(lines[-1], flush=True)
    if chosen is None:
        body = "\n".join([HEAD, *lines])
        more = f" --window-seconds {asked.window_seconds:g}" if short else ""
        name, repeat = "pace_short" if short else "pace", f"python -m bench.pace{more}"
        print(write_result(name, "The provider's allowance", repeat, body))


if __name__ == "__main__":
    main()
