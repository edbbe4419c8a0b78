"""A night as a process of its own, which may be taken away at any moment."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from packshot.facts.job import Job
from packshot.world.lease import LEASE_SECONDS

ROOT = Path(__file__).parents[2]
NIGHT = """\
import sys
from packshot.facts.errors import PackshotError
from packshot.facts.job import Job
from packshot.run import session
from packshot.world import lease

if sys.argv[3:]:
    lease.LEASE_SECONDS = float(sys.argv[3])
lease.RENEW_SECONDS = lease.LEASE_SECONDS / 4
shop, _ = session.begin(Job.model_validate_json(sys.argv[1]), sys.argv[2])
try:
    session.read_manifest(shop)
    session.detect_changes(shop)
    session.check_credits(shop)
    print("on record", flush=True)
    session.run_in_threads(shop)
    print("worked", flush=True)
    session.publish_report(shop)
    print("published", flush=True)
except PackshotError as error:
    print(type(error).__name__, flush=True)
finally:
    shop.close()
"""

DIE_BEFORE_KEEPING = """\
import os
from packshot.world.masters import Masters

Masters.keep_packed = lambda *_: os._exit(9)
"""

DEATH = """\
import os, sys
from pathlib import Path
from packshot.world.store import LocalStore

Path.write_bytes = lambda path, content: (path.touch(), os._exit(9))
LocalStore(sys.argv[1]).write("a", b"content")
"""


@contextmanager
def night(
    job: Job, key: str, scratch: Path, *, lease_seconds: float = LEASE_SECONDS
) -> Iterator[subprocess.Popen[str]]:
    """A run that says how far it has come: `on record`, `worked`, `published`.

    One that an error of ours ends says the error's name instead.
    """
    scratch.mkdir(exist_ok=True)
    with subprocess.Popen(
        [sys.executable, "-c", NIGHT, job.model_dump_json(), key, str(lease_seconds)],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def take_away(process: subprocess.Popen[str]) -> None:
    """No signal handler, no tidying up: `kill -9`."""
    process.send_signal(signal.SIGKILL)
    process.wait()


def wait_for(process: subprocess.Popen[str], said: str) -> None:
    """Read on until the run says this."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == said:
            return
    raise AssertionError(f"the run ended without having said `{said}`")


def die_before_keeping(job: Job, key: str) -> None:
    """A run that dies when its first answer has come and is not stored yet."""
    words = [sys.executable, "-c", DIE_BEFORE_KEEPING + NIGHT, job.model_dump_json(), key]
    done = subprocess.run(words, check=False, cwd=ROOT)
    assert done.returncode == 9


def die_writing(place: Path) -> None:
    """A process that dies in the middle of a write."""
    subprocess.run([sys.executable, "-c", DEATH, str(place)], check=False, cwd=ROOT)
