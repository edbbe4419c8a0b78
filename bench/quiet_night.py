"""A night in which nothing has changed, of a million pictures: after one night, and thirty more.

    python -m bench.quiet_night [--rows 1000000] [--nights 30] [--rounds 3]

Manifest and ledger are made once for each; every round plans, and then runs, each in a process of
its own. No Prefect: its share does not grow with the rows.
"""

import argparse
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from bench.known_catalog import job_in, make_known_catalog
from bench.machine import table, write_result
from bench.processes import answer_of

CHANGES = 1000
STAGES = {
    "begin": "begin: lease, probe",
    "read_manifest": "read the manifest",
    "detect_changes": "detect changes",
    "check_credits": "check credits",
    "run_in_threads": "cut out (nothing)",
    "publish_report": "publish the report",
}
AIMS = {"plan": {"seconds": 10, "megabytes": 1000}, "run": {"seconds": 30}}


def measured(folder: Path, rows: int, nights: int, rounds: int) -> dict[str, Any]:
    """Make a catalog with its past, then plan and run it some times."""
    folder.mkdir()
    head = make_known_catalog(folder, rows, nights=nights, changes=CHANGES)
    plans, runs = [], []
    for _ in range(rounds):
        plans.append(answer_of("bench.plan_once", {"folder": str(folder)}))
        job = job_in(folder).model_dump(mode="json", exclude_defaults=True)
        runs.append(answer_of("bench.stages_run", {"job": job, "key": None}))
        if runs[-1]["outcomes"] != {"unchanged": rows}:
            raise SystemExit(f"the night was not quiet: {runs[-1]['outcomes']}")
        print(nights, [round(one[-1]["seconds"], 1) for one in (plans, runs)], flush=True)
    files = (head.state_file is not None) + len(head.unfolded)
    return {"nights": nights, "files": files, "plan": plans, "run": runs}


def report(pasts: list[dict[str, Any]], rows: int, rounds: int) -> str:
    """The figures, and where the time and the memory went."""
    whole = [
        [f"{what} after {_nights(past)}", *_spread(past[what], AIMS[what])]
        for past in pasts
        for what in ("plan", "run")
    ]
    middles = [_middle(past["run"]) for past in pasts]
    stages = [
        [label, *(cell for one in middles for cell in _stage(one["stages"][name]))]
        for name, label in STAGES.items()
    ]
    publishing = [
        [label, *(f"{one['publishing'][label]:.2f}" for one in middles)]
        for label in middles[0]["publishing"]
    ]
    names = [_nights(past) for past in pasts]
    return "\n".join(
        [
            (
                f"{rows:,} unchanged CSV rows, provider `local`, state on local disk, no Prefect; "
                f"{rounds} rounds, each plan and each run (from `begin` to the published report) "
                "in a fresh process. Starting Python and importing are not counted. The ledger "
                f"was taught by its own functions: a first night, and {CHANGES:,} changed "
                "pictures in each later one; it then lies in "
                + " and ".join(f"{past['files']} file(s) after {_nights(past)}" for past in pasts)
                + ". Its rows lie as 48 batches side by side leave them, not as the manifest does."
            ),
            "",
            table(
                ["", "seconds", "range", "aim", "processor seconds", "peak memory, MB", "aim, MB"],
                whole,
            ),
            "",
            "Where the median run spent its time, and the most memory up to each stage's end:",
            "",
            table(
                ["stage", *(f"{name}, {unit}" for name in names for unit in ("s", "MB"))], stages
            ),
            "",
            "Publishing, in seconds:",
            "",
            table(["", *names], publishing),
        ]
    )


def _nights(past: dict[str, Any]) -> str:
    return f"{past['nights']} more nights" if past["nights"] else "the first night"


def _middle(runs: list[dict[str, Any]]) -> dict[str, Any]:
    return sorted(runs, key=lambda one: float(one["seconds"]))[len(runs) // 2]


def _spread(runs: list[dict[str, Any]], aim: dict[str, int]) -> list[str]:
    walls = [one["seconds"] for one in runs]
    return [
        f"{median(walls):.1f}",
        f"{min(walls):.1f} to {max(walls):.1f}",
        f"{aim['seconds']}",
        f"{median(one['processor_seconds'] for one in runs):.1f}",
        f"{max(one['megabytes'] for one in runs):.0f}",
        f"{aim.get('megabytes', '-')}",
    ]


def _stage(spent: dict[str, float]) -> list[str]:
    return [f"{spent['seconds']:.2f}", f"{spent['megabytes']:.0f}"]


def main() -> None:
    """Measure both pasts and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="packshot-bench-") as place:
        pasts = [
            measured(Path(place) / f"after-{nights}", asked.rows, nights, asked.rounds)
            for nights in (0, asked.nights)
        ]
    text = report(pasts, asked.rows, asked.rounds)
    print(text)
    repeat = f"--rows {asked.rows} --nights {asked.nights} --rounds {asked.rounds}"
    write_result("quiet_night", "A quiet night", f"python -m bench.quiet_night {repeat}", text)


if __name__ == "__main__":
    main()
