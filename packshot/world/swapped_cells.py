"""Cells of a record with new addresses in place of old ones; all else stays as it was."""

from collections.abc import Iterator, Mapping, Sequence

from packshot.exports.described import Images, numbered_columns
from packshot.world.export_pictures import BLANK, RecordReader


class CellSwap:
    """Where the new addresses of one table go."""

    def __init__(self, reader: RecordReader) -> None:
        self._reader = reader
        self._targets = [*_targets(reader)]

    def swapped(self, cells: Sequence[str], new: Mapping[str, str]) -> dict[int, str]:
        """Places of the cells that change, and what they will hold; `new` by the old addresses."""
        changed: dict[int, str] = {}
        for images, place, target in self._targets:
            if target is not None and place < len(cells):
                own = _cell(self._reader, images, cells[place], new)
                if own != cells[place]:
                    changed[target] = own
        return changed

    def without_target(self, cells: Sequence[str]) -> set[str]:
        """Addresses for whose successors there is no column that an import reads."""
        if all(target is not None for _, _, target in self._targets):
            return set()
        found: dict[bool, set[str]] = {True: set(), False: set()}
        for images, place, target in self._targets:
            if place < len(cells):
                addresses = self._reader.addresses(images, cells[place])
                found[target is None] |= {url for _, url in addresses}
        return found[True] - found[False]


def _targets(reader: RecordReader) -> Iterator[tuple[Images, int, int | None]]:
    """The columns of pictures, each with the one where a new address goes."""
    for images, places in reader.columns:
        if not images.written_to:
            yield from ((images, place, place) for place in places)
            continue
        target = dict(numbered_columns(images.written_to, reader.names))
        numbers = {at: number for number, at in numbered_columns(images.columns, reader.names)}
        for place in places:
            yield images, place, target.get(numbers[place]) if place in numbers else None


def _cell(reader: RecordReader, images: Images, cell: str, new: Mapping[str, str]) -> str:
    text, done, after = "", 0, 0
    for piece, url in reader.addresses(images, cell):
        at = cell.find(piece, after)
        if at < 0:
            continue
        after = at + len(piece)  # one that stays may hold a later, shorter one
        instead = new.get(url)
        if instead is None:
            continue
        written = piece.partition(images.cut)[0] if images.cut else piece
        bare = written.strip(BLANK)
        begin = at + written.index(bare)
        text += cell[done:begin] + instead
        done = begin + len(bare)
    return text + cell[done:]
