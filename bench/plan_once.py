"""Plan once and say what it took: `python -m bench.plan_once '{"folder": …}'`."""

import json
import sys
import time
from pathlib import Path

from bench.known_catalog import job_in
from bench.stopwatch import Stopwatch, peak_megabytes, processor_seconds
from packshot.run import looking, planning
from packshot.world.ledger import Ledger


def main() -> None:
    """Watch the stages, plan, and print a line of JSON."""
    job = job_in(Path(json.loads(sys.argv[1])["folder"]))
    watch = Stopwatch()
    watch.watch(looking, "stage", "stage the manifest")
    watch.watch(Ledger, "attach", "attach the ledger")
    for name, label in (
        ("_load_staged", "canonical options"),
        ("_find_repeats", "find repeats"),
        ("_find_due", "find what is due"),
        ("_gather_facts", "join with the ledger"),
        ("_decide", "decide"),
        ("_number", "number the work"),
        ("_write", "write plan and work"),
    ):
        watch.watch(planning, name, label)
    used, started = processor_seconds(), time.perf_counter()
    with looking.scratch_folder() as scratch:
        planned = looking.plan_only(job, None, scratch)
        seconds = time.perf_counter() - started
        size = planned.files.plan.stat().st_size
    counted = sum(watch.seconds.values())
    answer = {
        "seconds": seconds,
        "processor_seconds": processor_seconds() - used,
        "megabytes": peak_megabytes(),
        "stages": watch.seconds | {"count and price": seconds - counted},
        "states": planned.plan.states,
        "plan_bytes": size,
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
