"""The same night again: nothing has changed.

python -m bench.unchanged [--images 1000] [--rounds 3]
"""

import argparse
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from bench.machine import table, write_result
from bench.processes import answer_of, prefect_server, sandbox
from bench.shop import draw_shop, write_manifest
from bench.throughput import KEY, job_for


def measured(folder: Path, images: int, rounds: int) -> dict[str, Any]:
    """One night with all pictures new, then as many unchanged nights as asked for."""
    draw_shop(folder / "shop", images)
    with sandbox(folder / "shop") as host, prefect_server(folder / "prefect") as environment:
        write_manifest(folder / "catalog.csv", host, images)
        job = job_for(folder / "night", host)
        answer_of("bench.flow_run", {"job": job, "runs": 1}, environment | KEY)
        before = _counted(host)
        again = answer_of("bench.flow_run", {"job": job, "runs": rounds}, environment | KEY)
        after = _counted(host)
    requests = {name: after[name] - before[name] for name in after}
    return {"runs": again["runs"], "requests": requests, "megabytes": again["megabytes"]}


def _counted(host: str) -> dict[str, int]:
    """What the sandbox was asked so far."""
    seen = httpx.get(f"{host}/_sandbox/state").json()
    return {
        "calls to cut": seen["posts"],
        "pictures fetched": sum(seen["cdn_gets"].values()),
        "balance asked": seen["account_calls"],
    }


def report(found: dict[str, Any], images: int) -> str:
    """The figures, and every file that was written."""
    runs = found["runs"]
    middle = sorted(runs, key=lambda one: float(one["seconds"]))[len(runs) // 2]
    walls = [one["seconds"] for one in runs]
    rest = middle["seconds"] - sum(middle["stages"].values())
    state = [name for name in middle["changed_state"] if "/runs/" not in name]
    lines = [
        (
            f"A catalog of {images:,} pictures was cut; the same flow then ran {len(runs)} times "
            "more on an unchanged catalog. Seconds are those inside the flow, from taking the "
            "catalog to giving it back; importing and Prefect's start of the run are not in them."
        ),
        "",
        table(
            ["", "median", "least", "most"],
            [
                ["seconds", *(f"{x:.2f}" for x in (median(walls), min(walls), max(walls)))],
                ["processor seconds", *_spread([one["processor_seconds"] for one in runs])],
            ],
        ),
        "",
        "Where the median run spent its seconds:",
        "",
        table(
            ["stage", "seconds"],
            [
                *([name, f"{spent:.2f}"] for name, spent in middle["stages"].items()),
                ["Prefect's word for all of that", f"{rest:.2f}"],
            ],
        ),
        "",
        f"Over all {len(runs)} runs the sandbox saw: {_told(found['requests'])}.",
        "",
        (
            f"Files changed at the destination: {', '.join(middle['changed_pictures']) or 'none'}. "
            f"In the state, outside the run's own folder: {', '.join(state) or 'none'}; in the "
            f"run's own folder: {len(middle['changed_state']) - len(state)} files."
        ),
    ]
    return "\n".join(lines)


def _told(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _spread(values: list[float]) -> list[str]:
    return [f"{value:.2f}" for value in (median(values), min(values), max(values))]


def main() -> None:
    """Measure and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="packshot-bench-") as folder:
        text = report(measured(Path(folder), asked.images, asked.rounds), asked.images)
    print(text)
    write_result(
        "unchanged",
        "An unchanged night",
        f"python -m bench.unchanged --images {asked.images} --rounds {asked.rounds}",
        text,
    )


if __name__ == "__main__":
    main()
