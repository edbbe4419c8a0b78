"""Files in the making: written aside and renamed, and swept up after processes that died.

A file has its name only once its content lies on the disk, and its folder is told to keep the
name: what was paid for, and what says so, outlives a power cut.
"""

import errno
import os
import shutil
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from packshot.world.machine import left_by_the_dead, process_mark

SUFFIX = ".partial"
ABANDONED_SECONDS = 86_400
"""After so long nobody is still writing a file, on whatever machine."""

_NO_SUCH_ORDER = frozenset({errno.EINVAL, errno.ENOTSUP})
"""What network file systems answer that cannot force a folder to the disk."""


class Asides:
    """One folder for all files of a place that are not whole yet."""

    def __init__(self, root: Path) -> None:
        self._folder = root / SUFFIX

    def write(self, target: Path, write: Callable[[Path], object]) -> None:
        """Let `write` make a file aside, then give it its name."""
        aside = self._folder / f"{process_mark()}-{uuid.uuid4().hex}{SUFFIX}"
        for folder in (target.parent, self._folder):
            folder.mkdir(parents=True, exist_ok=True)
        try:
            write(aside)
            force_to_disk(aside)
            _rename(aside, target)
            force_to_disk(target.parent)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise

    def sweep(self) -> None:
        """Remove what processes that died were writing."""
        with suppress(FileNotFoundError, PermissionError):
            for aside in self._folder.iterdir():
                if abandoned(aside):
                    aside.unlink(missing_ok=True)


def force_to_disk(path: Path) -> None:
    """Return once a file's content, or the names in a folder, would outlive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SUCH_ORDER:
            raise
    finally:
        os.close(descriptor)


def abandoned(file: Path, after_seconds: float = ABANDONED_SECONDS) -> bool:
    """Whether nobody will finish this file; of another machine's process only its age tells."""
    of_the_dead = left_by_the_dead(file.name)
    if of_the_dead is None:
        return time.time() - file.stat().st_mtime > after_seconds
    return of_the_dead


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
            force_to_disk(beside)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
        aside.unlink()
