"""Cells of a record with new addresses in place of old ones; all else stays as it was."""

from collections.abc import Mapping, Sequence

from packshot.exports.described import Images, columns_of
from packshot.world.export_pictures import BLANK, RecordReader


def swapped(reader: RecordReader, cells: Sequence[str], new: Mapping[str, str]) -> dict[int, str]:
    """Places of the cells that change, and what they will hold; `new` by the fetched address."""
    changed: dict[int, str] = {}
    for images, places in reader.columns:
        targets = columns_of(images.written_to, reader.names) if images.written_to else places
        for number, place in enumerate(places):
            if place >= len(cells):
                continue
            cell = cells[place]
            own = _cell(reader, images, cell, new)
            target = targets[number] if number < len(targets) else None
            if target is None or own == cell:
                continue
            changed[target] = own
    return changed


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
