"""One night as a process of its own, so that tests can take it away: a job as JSON, a key."""

import sys
from pathlib import Path

from packshot.facts.job import Job
from packshot.run import session


def main(job_file: Path, key: str) -> None:
    """Live the night, and say when it is on record and when it is over."""
    job = Job.model_validate_json(job_file.read_text())
    shop, _ = session.begin(job, key)
    try:
        session.read_manifest(shop)
        session.detect_changes(shop)
        session.check_credits(shop)
        print("on record", flush=True)
        session.run_in_threads(shop)
        session.publish_report(shop)
        print("published", flush=True)
    finally:
        shop.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
