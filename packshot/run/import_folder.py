"""The folder of an import. Its files are made aside and have their names once all are whole."""

import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Self

from packshot.facts.errors import BadOption
from packshot.world.asides import force_to_disk
from packshot.world.machine import left_by_the_dead
from packshot.world.scratch import prefix

SIDE_TABLE: Final = "pictures.csv"
SECOND_SIDE_TABLE: Final = "pictures.outcomes.csv"
"""Where a manifest has the name of the first."""
_PACKED: Final = re.compile(r"\.(?:gz|zst|zstd)$", re.IGNORECASE)
_ASIDE: Final = ".packshot-"


class ImportFolder:
    """Files in the making, for one folder; what is not finished leaves nothing behind."""

    def __init__(self, folder: Path, manifest: Iterable[str]) -> None:
        self._folder = folder
        self._targets: dict[Path, Path] = {}
        self._sources: set[Path] = set()
        names = {unpacked(name).casefold() for name in manifest}
        self._side_name = SECOND_SIDE_TABLE if SIDE_TABLE in names else SIDE_TABLE

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        for left in self._folder.glob(f"{_ASIDE}*-*-*"):
            if left_by_the_dead(left.name.removeprefix(_ASIDE)):
                shutil.rmtree(left, ignore_errors=True)
        self._aside = Path(tempfile.mkdtemp(prefix=f".{prefix()}", dir=self._folder))
        self.side_table = self.file(self._side_name)
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._aside, ignore_errors=True)

    def source(self, path: Path) -> None:
        """Never write over this file."""
        self._sources.add(path.resolve())

    def file(self, name: str) -> Path:
        """Where a file is made that will have this name. Raises `BadOption`."""
        aside, target = self._aside / name, self._folder / name
        if str(target).casefold() in {str(other).casefold() for other in self._targets.values()}:
            raise BadOption(
                f"two files would be written as `{target}`; write the manifest's files back one "
                "by one, each to a folder of its own"
            )
        self._targets[aside] = target
        self._check()
        aside.parent.mkdir(parents=True, exist_ok=True)
        return aside

    def drop(self, made: Path) -> None:
        """A file that is not to be written after all."""
        del self._targets[made]
        made.unlink()

    def finish(self) -> list[Path]:
        """Give the files their names, the side table last; they are answered."""
        self._check()
        made = [*self._targets.items()]
        for aside, target in [*made[1:], made[0]]:
            target.parent.mkdir(parents=True, exist_ok=True)
            force_to_disk(aside)
            aside.replace(target)
            force_to_disk(target.parent)
        return [target for _, target in [*made[1:], made[0]]]

    def _check(self) -> None:
        for target in self._targets.values():
            if target.resolve() in self._sources:
                raise BadOption(
                    f"`{target}` is the manifest itself; give another folder to write to"
                )


def unpacked(name: str) -> str:
    """The name of a file of the manifest, without the ending that says how it is packed."""
    return _PACKED.sub("", name) or "export"  # an address may end in a slash
