"""Local space to work in: gone when its process ends well, and swept up when it was killed.

It holds staged manifests and plans, so whole URLs; what a killed run left must not lie about.
"""

import shutil
import tempfile
from pathlib import Path

from packshot.world.machine import left_by_the_dead, process_mark

_PREFIX = "packshot-"


def new_scratch() -> Path:
    """A folder of this process."""
    return Path(tempfile.mkdtemp(prefix=prefix()))


def prefix() -> str:
    """How the names of this process's folders begin."""
    return f"{_PREFIX}{process_mark()}-"


def sweep_scratch() -> None:
    """Remove the folders of this machine's processes that are gone."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*-*"):
        if left_by_the_dead(folder.name.removeprefix(_PREFIX)):
            shutil.rmtree(folder, ignore_errors=True)
