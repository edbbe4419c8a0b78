"""One night without Prefect: `python -m bench.stages_run '{"job": …, "key": …}'`.

The batches are worked through by a plain pool of threads. Prints a line of JSON: seconds by stage
and, within publishing, by part; the most memory up to each stage's end; what the night left.
"""

import json
import sys
import time
from typing import Any

from bench.stopwatch import Stopwatch, peak_megabytes, processor_seconds
from packshot.facts.job import Job
from packshot.run import publishing, session

STAGES = (
    session.read_manifest,
    session.detect_changes,
    session.check_credits,
    session.run_in_threads,
    session.publish_report,
)
PUBLISHING = {
    "load_events": "read the run's events",
    "report_table": "write report.parquet",
    "summarise": "count the report",
    "write_report": "write the other tables",
    "page": "write the page",
    "ledger_changes": "what the ledger learns",
}


def main() -> None:
    """Run the night, and say what each stage took."""
    asked = json.loads(sys.argv[1])
    watch = Stopwatch()
    for name, label in PUBLISHING.items():
        watch.watch(publishing, name, label)
    used, started = processor_seconds(), time.perf_counter()
    shop, _ = session.begin(Job.model_validate(asked["job"]), asked["key"])
    stages = {"begin": _since(started)}
    try:
        for stage in STAGES:
            began = time.perf_counter()
            stage(shop)
            stages[stage.__name__] = _since(began)
        if shop.summary is None:
            raise SystemExit("the night left no summary")
        outcomes = shop.summary.outcomes
    finally:
        shop.close()
    answer: dict[str, Any] = {
        "seconds": time.perf_counter() - started,
        "processor_seconds": processor_seconds() - used,
        "megabytes": peak_megabytes(),
        "stages": stages,
        "publishing": watch.seconds,
        "outcomes": outcomes,
    }
    print(json.dumps(answer))


def _since(began: float) -> dict[str, float]:
    return {"seconds": time.perf_counter() - began, "megabytes": peak_megabytes()}


if __name__ == "__main__":
    main()
