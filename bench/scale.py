"""Whether the size of a catalog is felt: tiny pictures, more and more of them.

    python -m bench.scale [--images 1000 10000 100000] [--rounds 3 1 0]

For each size the flow runs with a Prefect server beside it, and the same batches in a plain pool
of threads without Prefect, in turns. Without a round of its own for the pool (`0`) only the flow
runs, once.
"""

import argparse
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from bench.machine import table, write_result
from bench.processes import answer_of, prefect_server, sandbox
from bench.shop import draw_copies, write_manifest
from bench.throughput import KEY, job_for
from packshot.facts.job import Job
from packshot.run.workshop import Place

SIDE = 32


def one_size(
    folder: Path, host: str, environment: dict[str, str], images: int, rounds: int
) -> dict[str, Any]:
    """Flow and pool in turns, each in a process, a state and a destination of its own."""
    flows, pools = [], []
    write_manifest(folder / "catalog.csv", host, images)
    for number in range(max(1, rounds)):
        sides = ("flow", "pool") if number % 2 == 0 else ("pool", "flow")
        for side in sides if rounds else ("flow",):
            own = folder / f"{side}-{images}-{number}"
            if side == "flow":
                flows.append(_flow(job_for(own, host), environment, images))
            else:
                pools.append(_pool(job_for(own, host), images))
            print(side, images, flows[-1] if side == "flow" else pools[-1], flush=True)
    return {"images": images, "flows": flows, "pools": pools}


def _flow(job: dict[str, Any], environment: dict[str, str], images: int) -> dict[str, Any]:
    before = _task_runs(environment)
    answer = answer_of("bench.flow_run", {"job": job, "runs": 1}, environment | KEY)
    (run,) = answer["runs"]
    if run["state"] != "Completed" or len(run["changed_pictures"]) < images:
        raise SystemExit(f"the run ended in {run['state']}: {run['message']}")
    place = Place.of(Job.model_validate(job))
    head = place.ledger.head()
    names = [f"{place.job.catalog}/ledger/{head.state_file}", *head.unfolded]
    return {
        "seconds": run["with_prefect"],
        "processor_seconds": run["processor_seconds"],
        "publish_seconds": run["stages"]["publish the report"],
        "megabytes": answer["megabytes"],
        "task_runs": _task_runs(environment) - before,
        "ledger_bytes": sum(Path(place.state.address(name)).stat().st_size for name in names),
    }


def _task_runs(environment: dict[str, str]) -> int:
    api = environment["PREFECT_API_URL"]
    return int(httpx.post(f"{api}/task_runs/count", json={}).raise_for_status().json())


def _pool(job: dict[str, Any], images: int) -> dict[str, Any]:
    answer = answer_of("bench.stages_run", {"job": job, "key": KEY["REMOVEBG_API_KEY"]})
    if answer["outcomes"] != {"cut": images}:
        raise SystemExit(f"the pool's run ended as {answer['outcomes']}")
    return {name: answer[name] for name in ("seconds", "processor_seconds", "megabytes")}


def report(sizes: list[dict[str, Any]]) -> str:
    """The figures."""
    rows = [
        [
            f"{size['images']:,}",
            f"{size['images'] / median(_all(size['flows'], 'seconds')):.1f}",
            f"{median(_all(size['flows'], 'processor_seconds')) / size['images'] * 1000:.1f}",
            f"{max(_all(size['flows'], 'megabytes')):.0f}",
            f"{median(_all(size['flows'], 'publish_seconds')):.1f}",
            f"{max(_all(size['flows'], 'task_runs')):.0f}",
            f"{max(_all(size['flows'], 'ledger_bytes')) / 1e6:.2f}",
        ]
        for size in sizes
    ]
    header = ["pictures", "images/s", "processor ms per image", "peak memory, MB"]
    header += ["publishing, s", "task runs", "ledger, MB"]
    beside = [_orchestration(size) for size in sizes if size["pools"]]
    return "\n".join(
        [
            (
                f"JPEGs of {SIDE} x {SIDE} pixels that differ in a comment only: to the product "
                "each is fetched, called for, kept, composed and written on its own. Sandbox "
                "with canned answers and no felt limit in a process of its own, state and "
                "pictures on local disk, default limits. The flow has a Prefect server beside "
                "it; memory and processor time are those of the flow's process."
            ),
            "",
            table(header, rows),
            "",
            (
                "Orchestration: the flow's seconds (the call of the flow, its process started "
                "and Prefect imported before) less those of the same stages and batches in a "
                "plain pool of threads in a process without Prefect, in turns; share of the "
                "pool's seconds, pair by pair."
            ),
            "",
            table(["pictures", "flow, s", "pool, s", "orchestration", "pool, MB"], beside),
        ]
    )


def _all(runs: list[dict[str, Any]], what: str) -> list[float]:
    return [float(run[what]) for run in runs]


def _orchestration(size: dict[str, Any]) -> list[str]:
    flows, pools = _all(size["flows"], "seconds"), _all(size["pools"], "seconds")
    shares = [flow / pool - 1 for flow, pool in zip(flows, pools, strict=True)]
    spread = ", ".join(f"{share:+.1%}" for share in sorted(shares))
    return [
        f"{size['images']:,}",
        f"{median(flows):.1f}",
        f"{median(pools):.1f}",
        f"**{median(shares):+.1%}** ({spread})",
        f"{max(_all(size['pools'], 'megabytes')):.0f}",
    ]


def main() -> None:
    """Draw, serve, take turns, keep the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--rounds", type=int, nargs="+", default=[3, 1, 0])
    asked = parser.parse_args()
    if len(asked.images) != len(asked.rounds):
        parser.error("each size needs its number of rounds")
    with tempfile.TemporaryDirectory(prefix="packshot-bench-") as place:
        folder = Path(place)
        draw_copies(folder / "shop", max(asked.images), SIDE)
        with sandbox(folder / "shop") as host, prefect_server(folder / "prefect") as environment:
            sizes = [
                one_size(folder, host, environment, images, rounds)
                for images, rounds in zip(asked.images, asked.rounds, strict=True)
            ]
    text = report(sizes)
    print(text)
    images, rounds = (" ".join(map(str, numbers)) for numbers in (asked.images, asked.rounds))
    repeat = f"python -m bench.scale --images {images} --rounds {rounds}"
    write_result("scale", "Scale", repeat, text)


if __name__ == "__main__":
    main()
