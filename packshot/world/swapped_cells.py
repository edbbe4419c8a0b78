"""Cells of a record with new addresses in place of old ones; all else stays as it was."""

from collections.abc import Iterator, Mapping, Sequence

from packshot.exports.described import Images, numbered_columns
from packshot.world.export_pictures import BLANK, RecordReader


class CellSwap:
    """Where the new addresses of one table go."""

    def __init__(self, reader: RecordReader) -> None:
        self._reader = reader
        self._targets = [*_targets(reader)]

    def swapped(
        self, cells: Sequence[str], new: Mapping[str, str]
    ) -> tuple[dict[int, str], set[str]]:
        """Places of the cells that change with what they will hold, and the addresses replaced.

        `new` is by the old addresses.
        """
        changed: dict[int, str] = {}
        replaced: set[str] = set()
        for images, place, target in self._targets:
            if target is not None and place < len(cells):
                own, found = _cell(self._reader, images, cells[place], new)
                replaced |= found
                if own != cells[place]:
                    changed[target] = own
        return changed, replaced

    def named(self, cells: Sequence[str]) -> list[tuple[Images, list[str]]]:
        """All addresses that stand in a record, by those columns that a rule asks about."""
        whole = self._reader.export.way_back.all_or_none
        return [
            (images, [url for at in there for _, url in self._reader.addresses(images, cells[at])])
            for images, columns in self._reader.columns
            if (images.most or whole) and (there := [at for at in columns if at < len(cells)])
        ]

    def places(self, cells: Sequence[str]) -> dict[str, bool]:
        """The addresses of a record, and whether an import reads a column for their successors."""
        found: dict[str, bool] = {}
        for images, place, target in self._targets:
            if place < len(cells):
                for _, url in self._reader.addresses(images, cells[place]):
                    found[url] = found.get(url, False) or target is not None
        return found


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


def _cell(
    reader: RecordReader, images: Images, cell: str, new: Mapping[str, str]
) -> tuple[str, set[str]]:
    """The cell again, and the addresses that were replaced."""
    text, done, after = "", 0, 0
    replaced: set[str] = set()
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
        replaced.add(url)
    return text + cell[done:], replaced
