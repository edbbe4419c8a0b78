"""Cells of a record with new addresses in place of old ones; all else stays as it was."""

from collections.abc import Iterator, Mapping, Sequence

from packshot.exports.described import Images, numbered_columns
from packshot.world.export_pictures import BLANK, RecordReader


def swapped(reader: RecordReader, cells: Sequence[str], new: Mapping[str, str]) -> dict[int, str]:
    """Places of the cells that change, and what they will hold; `new` by the fetched address."""
    changed: dict[int, str] = {}
    for images, cell, target in _targets(reader, cells):
        own = _cell(reader, images, cell, new)
        if target is not None and own != cell:
            changed[target] = own
    return changed


def without_target(reader: RecordReader, cells: Sequence[str]) -> set[str]:
    """Addresses for whose successors there is no column that an import reads."""
    found: dict[bool, set[str]] = {True: set(), False: set()}
    for images, cell, target in _targets(reader, cells):
        found[target is None] |= {url for _, url in reader.addresses(images, cell)}
    return found[True] - found[False]


def _targets(
    reader: RecordReader, cells: Sequence[str]
) -> Iterator[tuple[Images, str, int | None]]:
    """The cells of pictures, each with the place where a new address goes."""
    for images, places in reader.columns:
        target = dict(numbered_columns(images.written_to, reader.names))
        numbers = {at: number for number, at in numbered_columns(images.columns, reader.names)}
        for place in places:
            if place < len(cells):
                own = None if place not in numbers else target.get(numbers[place])
                yield images, cells[place], own if images.written_to else place


def _cell(reader: RecordReader, images: Images, cell: str, new: Mapping[str, str]) -> str:
    text, done = "", 0
    for piece, url in reader.addresses(images, cell):
        at = cell.find(piece, done)
        instead = new.get(url)
        if at < 0 or instead is None:
            continue
        written = piece.partition(images.cut)[0] if images.cut else piece
        bare = written.strip(BLANK)
        begin = at + written.index(bare)
        text += cell[done:begin] + instead
        done = begin + len(bare)
    return text + cell[done:]
