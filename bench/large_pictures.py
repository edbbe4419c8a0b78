"""How much memory a night of large pictures takes with the default limits.

    python -m bench.large_pictures [--images 200] [--megapixels 25]

The pictures differ in a trailing comment only, so that drawing them costs little; to the
product they are different bytes, each fetched, called for, composed and encoded on its own.
"""

import argparse
import math
import tempfile
from pathlib import Path
from typing import Any

from bench.machine import table, write_result
from bench.processes import answer_of, prefect_server, sandbox
from bench.shop import draw_copies, write_manifest
from bench.throughput import KEY, job_for

AIM_MEGABYTES = 1500


def measured(folder: Path, images: int, side: int) -> dict[str, Any]:
    """One night over all of them, in a process of its own."""
    size = draw_copies(folder / "shop", images, side)
    with sandbox(folder / "shop") as host, prefect_server(folder / "prefect") as environment:
        write_manifest(folder / "catalog.csv", host, images)
        asked = {"job": job_for(folder / "night", host), "runs": 1}
        answer = answer_of("bench.flow_run", asked, environment | KEY)
    (run,) = answer["runs"]
    if run["state"] != "Completed" or len(run["changed_pictures"]) < images:
        raise SystemExit(f"the run ended in {run['state']}: {run['message']}")
    return {"run": run, "megabytes": answer["megabytes"], "bytes": size}


def main() -> None:
    """Measure and keep the result; fails where the aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--megapixels", type=int, default=25)
    asked = parser.parse_args()
    side = math.isqrt(asked.megapixels * 1_000_000)
    with tempfile.TemporaryDirectory(prefix="packshot-bench-") as folder:
        found = measured(Path(folder), asked.images, side)
    run = found["run"]
    text = "\n".join(
        [
            (
                f"{asked.images} JPEGs of {side} x {side} pixels ({found['bytes'] / 1e6:.1f} MB "
                "each), all new, through the sandbox with canned answers; default limits, state "
                "and pictures on local disk, a Prefect server beside it."
            ),
            "",
            table(
                ["", "figure"],
                [
                    ["peak memory of the flow's process", f"{found['megabytes']:.0f} MB"],
                    ["aim", f"{AIM_MEGABYTES} MB"],
                    ["seconds", f"{run['seconds']:.0f}"],
                    ["megapixels/s", f"{asked.images * asked.megapixels / run['seconds']:.1f}"],
                    ["processor seconds", f"{run['processor_seconds']:.0f}"],
                ],
            ),
        ]
    )
    print(text)
    write_result(
        "large_pictures",
        "Large pictures",
        f"python -m bench.large_pictures --images {asked.images} --megapixels {asked.megapixels}",
        text,
    )
    if found["megabytes"] > AIM_MEGABYTES:
        raise SystemExit("the aim is missed")


if __name__ == "__main__":
    main()
