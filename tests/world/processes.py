"""Other processes that work on the same place, and some that die at it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
OPENING = """\
import sys, time
from packshot.facts.job import Storage
from packshot.world.claims import claimed
from packshot.world.holders import Holder
from packshot.world.lease import Lease
from packshot.world.store import open_store
place = open_store(sys.argv[1], Storage())
"""


@contextmanager
def at_work(place_url: str, code: str) -> Iterator[subprocess.Popen[str]]:
    """A process that runs `code` with `place` open; begun once it has printed a line."""
    command = [sys.executable, "-c", OPENING + code, place_url]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def killed_at(place_url: str, code: str) -> None:
    """Let a process begin, then take it away without a chance to tidy up."""
    with at_work(place_url, code) as process:
        process.kill()
        process.wait()
