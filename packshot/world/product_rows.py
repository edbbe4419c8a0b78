"""Rows of products as a condition sees them: what a product's first row says counts for all."""

from collections.abc import Iterable, Iterator, Sequence

from packshot.exports.described import columns_of
from packshot.world.export_heading import JUNK, Heading


class ProductRows:
    """Fills blank cells from the product's first row, where a format's pictures are products'."""

    def __init__(self, heading: Heading) -> None:
        export = heading.export
        words = export.begins.column if export.begins else export.product
        self._at = next(iter(columns_of(words, heading.names)), None)
        self._begins = export.begins.values if export.begins else None
        self._scattered = export.scattered
        self._told_by = ""
        self._first: Sequence[str] = ()
        self._met: dict[str, Sequence[str]] = {}
        """The first rows so far, where the rows of a product may stand apart."""

    @staticmethod
    def needed(heading: Heading) -> bool:
        """Whether pictures stand in rows that leave the product's cells blank."""
        return any(images.of == "product" for images in heading.export.images)

    def filled(self, rows: Iterable[Sequence[str]]) -> Iterator[Sequence[str]]:
        """The rows that come next in the file."""
        for cells in rows:
            first = self._first_of(cells)
            if first is cells:
                yield cells
            else:
                pairs = zip(cells, first, strict=True)
                yield [cell if cell.strip(JUNK) else above for cell, above in pairs]

    def _first_of(self, cells: Sequence[str]) -> Sequence[str]:
        """The first row of the product that a row belongs to, itself perhaps."""
        cell = "" if self._at is None else cells[self._at].strip(JUNK)
        if self._begins is not None:
            new = cell.lower() in self._begins
        else:
            new = bool(cell) and cell != self._told_by
            self._told_by = cell or self._told_by
        if new or not self._first:
            self._first = self._met.setdefault(cell, cells) if self._scattered else cells
        return self._first
