"""Plan a catalog of a million pictures of which none has changed.

    python -m bench.plan_million [--rows 1000000] [--rounds 3]

Ledger and manifest are made once; each round plans in a process of its own.
"""

import argparse
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from bench.known_catalog import make_known_catalog
from bench.machine import table, write_result
from bench.processes import answer_of


def report(rows: int, rounds: list[dict[str, Any]]) -> str:
    """The figures, and where the time went."""
    middle = sorted(rounds, key=lambda one: float(one["seconds"]))[len(rounds) // 2]
    walls = [one["seconds"] for one in rounds]
    lines = [
        (
            f"`plan` of {rows:,} unchanged CSV rows against a ledger of as many, provider "
            f"`local`, state on local disk; {len(rounds)} rounds, each a fresh process. "
            "Starting Python and importing are not counted."
        ),
        "",
        table(
            ["", "median", "least", "most"],
            [
                _row("seconds on the wall", walls),
                _row("processor seconds", [one["processor_seconds"] for one in rounds]),
                _row("peak memory, MB", [one["megabytes"] for one in rounds]),
            ],
        ),
        "",
        "Where the time of the median round went:",
        "",
        table(
            ["stage", "seconds"],
            [[name, f"{spent:.2f}"] for name, spent in middle["stages"].items()],
        ),
        "",
        f"States: {middle['states']}. Size of the plan: {middle['plan_bytes'] / 1e6:.1f} MB.",
    ]
    return "\n".join(lines)


def _row(name: str, values: list[float]) -> list[str]:
    return [name, *(f"{value:.1f}" for value in (median(values), min(values), max(values)))]


def main() -> None:
    """Make the catalog, plan it some times, and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="packshot-bench-") as folder:
        make_known_catalog(Path(folder), asked.rows)
        rounds = [
            answer_of("bench.plan_once", {"folder": folder}) for _ in range(max(1, asked.rounds))
        ]
    text = report(asked.rows, rounds)
    print(text)
    write_result(
        "plan_million",
        "Plan a million",
        f"python -m bench.plan_million --rows {asked.rows} --rounds {asked.rounds}",
        text,
    )


if __name__ == "__main__":
    main()
