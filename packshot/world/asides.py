"""Files in the making: written aside and renamed, and swept up after processes that died."""

import errno
import os
import shutil
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from packshot.world.machine import process_exists, this_machine

SUFFIX = ".partial"
ABANDONED_SECONDS = 86_400
"""After so long nobody is still writing a file, on whatever machine."""


class Asides:
    """One folder for all files of a place that are not whole yet."""

    def __init__(self, root: Path) -> None:
        self._folder = root / SUFFIX

    def write(self, target: Path, write: Callable[[Path], object]) -> None:
        """Let `write` make a file aside, then give it its name."""
        aside = self._folder / f"{_this_process()}-{uuid.uuid4().hex}{SUFFIX}"
        for folder in (target.parent, self._folder):
            folder.mkdir(parents=True, exist_ok=True)
        try:
            write(aside)
            _rename(aside, target)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise

    def sweep(self) -> None:
        """Remove what processes that died were writing."""
        with suppress(FileNotFoundError, PermissionError):
            for aside in self._folder.iterdir():
                if _abandoned(aside):
                    aside.unlink(missing_ok=True)


def _this_process() -> str:
    """Machine and process, for a file's name."""
    machine = blake2b(this_machine().encode(), digest_size=6).hexdigest()
    return f"{machine}-{os.getpid()}"


def _abandoned(aside: Path) -> bool:
    """Whether nobody will finish this file; of another machine's process only its age tells."""
    machine, _, pid = aside.name.rpartition("-")[0].partition("-")
    if pid.isdecimal() and machine == _this_process().partition("-")[0]:
        return not process_exists(int(pid))
    return time.time() - aside.stat().st_mtime > ABANDONED_SECONDS


def _rename(aside: Path, target: Path) -> None:
    """Move; where a part of the place lies on another disk, copy beside the target first."""
    try:
        aside.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = target.with_name(f".{aside.name}")
        try:
            shutil.copyfile(aside, beside)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
        aside.unlink()
