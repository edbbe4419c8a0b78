"""One night, stage by stage, as the command line does it: `python -m bench.one_night JOB`.

Says how far it has come, so that it can be killed anywhere on its way.
"""

import sys

from packshot.facts.job import Job
from packshot.run import session

KEY = "test"


def main() -> None:
    """Work through one job."""
    shop, _ = session.begin(Job.model_validate_json(sys.argv[1]), KEY)
    print(f"run {shop.run_id}", flush=True)
    try:
        session.read_manifest(shop)
        session.detect_changes(shop)
        session.check_credits(shop)
        print("on record", flush=True)
        session.run_in_threads(shop)
        print("worked", flush=True)
        session.publish_report(shop)
        print("published", flush=True)
    finally:
        shop.close()


if __name__ == "__main__":
    main()
