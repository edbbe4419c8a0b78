"""How much of a bare loop's speed is left when the loop is a product.

    python -m bench.throughput [--images 1000] [--rounds 5] [--threads 16] [--megapixels 1 4]

Of larger pictures there are as many fewer. Both sides fetch from and call the same sandbox, in
turns, and write to local disk.
"""

import argparse
import shutil
import tempfile
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.machine import table, write_result
from bench.processes import answer_of, prefect_server, sandbox
from bench.shop import draw_shop, write_manifest

KEY = {"REMOVEBG_API_KEY": "test"}


SIDES = {
    "pillow": "bare loop",
    "opencv": "bare loop with the product's PNG encoder",
    "flow": "flow `packshot`",
}


def job_for(folder: Path, host: str) -> dict[str, Any]:
    """The flow's parameters for a shop served by the sandbox."""
    return {
        "manifest": str(folder.parent / "catalog.csv"),
        "destination": str(folder / "pictures"),
        "state": str(folder / "state"),
        "provider": "removebg",
        "options": {"provider_url": f"{host}/v1.0", "allow_hosts": ["127.0.0.1"]},
    }


def one_round(
    folder: Path, host: str, environment: dict[str, str], *, images: int, threads: int
) -> dict[str, Any]:
    """The bare loop, then the flow, each in a process and a folder of its own."""
    bare = {
        encoder: answer_of(
            "bench.bare_loop",
            {
                "host": host,
                "folder": str(folder / encoder),
                "pictures": images,
                "threads": threads,
                "encoder": encoder,
            },
        )
        for encoder in ("pillow", "opencv")
    }
    asked = {"job": job_for(folder, host), "runs": 1}
    flow = answer_of("bench.flow_run", asked, environment | KEY)
    (run,) = flow["runs"]
    if run["state"] != "Completed" or len(run["changed_pictures"]) < images:
        raise SystemExit(f"the run ended in {run['state']}: {run['message']}")
    return bare | {"flow": run | {"megabytes": flow["megabytes"]}}


def report(rounds: list[dict[str, Any]], images: int, threads: int, megapixels: int) -> str:
    """The figures of one size."""
    rows = []
    for side, name in SIDES.items():
        walls = [one[side]["seconds"] for one in rounds]
        used = [one[side]["processor_seconds"] for one in rounds]
        rows.append(
            [
                name,
                f"{images / median(walls):.1f}",
                f"{images / max(walls):.1f} to {images / min(walls):.1f}",
                f"{1000 * median(used) / images:.1f}",
            ]
        )
    middle = sorted(rounds, key=lambda one: float(one["flow"]["seconds"]))[len(rounds) // 2]["flow"]
    lines = [
        f"## {megapixels} megapixel{'s' if megapixels > 1 else ''}",
        "",
        f"{images:,} pictures, {len(rounds)} rounds, {threads} threads of the bare loop.",
        "",
        table(["", "images/s", "range", "client CPU, ms per image"], rows),
        "",
        "Flow over bare loop, pair by pair:",
        "",
        table(
            ["", "images/s", "images per second of client CPU"],
            [
                [
                    f"against the {SIDES[side]}",
                    _ratio(rounds, side, "seconds"),
                    _ratio(rounds, side, "processor_seconds"),
                ]
                for side in ("pillow", "opencv")
            ],
        ),
        "",
        "Where the processor time of the median run of the flow went:",
        "",
        table(["part", "ms per image", "share"], _parts(middle, images)),
        "",
        f"Peak memory of the flow's process: {middle['megabytes']:.0f} MB.",
        "",
    ]
    return "\n".join(lines)


def _parts(run: dict[str, Any], images: int) -> list[list[str]]:
    """Processor milliseconds of each part, the dearest first; what nobody counted is Prefect's."""
    whole = run["processor_seconds"]
    rest = whole - sum(run["parts"].values())
    dearest = sorted(run["parts"].items(), key=lambda part: -part[1])
    return [
        [name, f"{1000 * used / images:.2f}", f"{used / whole:.0%}"]
        for name, used in [*dearest, ("everything else: Prefect's client, threads, planning", rest)]
    ]


def _ratio(rounds: list[dict[str, Any]], side: str, what: str) -> str:
    """How fast the flow is where the bare loop is 1: median, least, most."""
    ratios = [one[side][what] / one["flow"][what] for one in rounds]
    return f"**{median(ratios):.2f}** ({min(ratios):.2f} to {max(ratios):.2f})"


HOW: Final = (
    "JPEGs of each size, all different, from the sandbox's CDN and through its API (canned "
    "answers, no felt limit, a process of its own); state and pictures on local disk; rounds in "
    "turns, medians. The bare loop does nothing but fetch, call, compose a PNG and write the same "
    "two objects: once with Pillow at level 1, once with the PNG settings of "
    "`packshot.world.derive`. The flow has a Prefect server beside it; its processor time is that "
    "of its own process, Prefect's client included.\n\n"
)


def measured(megapixels: int, images: int, rounds: int, threads: int) -> str:
    """All rounds of one size."""
    with tempfile.TemporaryDirectory(prefix="packshot-bench-") as place:
        folder = Path(place)
        draw_shop(folder / "shop", images, round((megapixels * 1e6) ** 0.5))
        with sandbox(folder / "shop") as host, prefect_server(folder / "prefect") as environment:
            write_manifest(folder / "catalog.csv", host, images)
            found = []
            for number in range(rounds):
                own = folder / f"round-{number}"
                found.append(one_round(own, host, environment, images=images, threads=threads))
                print({side: round(one["seconds"], 2) for side, one in found[-1].items()})
                shutil.rmtree(own)
    return report(found, images, threads, megapixels)


def main() -> None:
    """Draw, serve, take turns, keep the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=16, help="of the bare loop")
    parser.add_argument("--megapixels", type=int, nargs="+", default=[1, 4])
    asked = parser.parse_args()
    text = HOW + "\n".join(
        measured(size, asked.images // size, asked.rounds, asked.threads)
        for size in asked.megapixels
    )
    print(text)
    write_result(
        "throughput",
        "Throughput beside a bare loop",
        f"python -m bench.throughput --images {asked.images} --rounds {asked.rounds} "
        f"--megapixels {' '.join(map(str, asked.megapixels))}",
        text,
    )


if __name__ == "__main__":
    main()
