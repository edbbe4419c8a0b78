"""Guessing what the columns of an unknown table hold, by their cells."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

SAMPLED: Final = 200
PICTURE: Final = re.compile(
    r"\s*(?:(?:https?:)?//\S+|[\w~./-]+/[\w~./-]+|[\w~-]+)\.(?:jpe?g|png|webp|gif|avif|tiff?)\b",
    re.IGNORECASE,
)
ADDRESS: Final = re.compile(r"\s*(?:https?:)?//\S", re.IGNORECASE)
LONGEST_KEY: Final = 80


class Guess(NamedTuple):
    """Columns by name; either may be missing."""

    sku: str | None
    images: tuple[str, ...]


def guess(header: Sequence[str], columns: Sequence[Sequence[object]]) -> Guess:
    """The columns of pictures by their cells, and as key the most various of the others.

    A key's cells are filled in and short.
    """
    texts = [[str(cell) for cell in column[:SAMPLED]] for column in columns]
    images = [name for name, cells in zip(header, texts, strict=True) if holds_pictures(cells)]
    others = [
        (len({*cells}), -at, name)
        for at, (name, cells) in enumerate(zip(header, texts, strict=True))
        if name not in images and cells and all(0 < len(cell) <= LONGEST_KEY for cell in cells)
    ]
    return Guess(max(others)[2] if others else None, tuple(images))


def holds_pictures(cells: Sequence[str]) -> bool:
    """Whether more than half of the filled cells begin like the address of a picture."""
    filled = [cell for cell in cells if cell.strip()]
    return bool(filled) and sum(bool(PICTURE.match(cell)) for cell in filled) * 2 > len(filled)
