"""Rows of products as a condition sees them: what a product's first row says counts for all."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from packshot.exports.described import columns_of
from packshot.world.export_heading import JUNK, Heading


class ProductRows:
    """Fills blank cells from the product's first row, where a format's pictures are products'."""

    def __init__(self, heading: Heading, places: Collection[int]) -> None:
        export = heading.export
        self._places = tuple(places)
        """Of the columns that the condition speaks of; no others are kept or filled."""
        words = export.begins.column if export.begins else export.product
        self._at = next(iter(columns_of(words, heading.names)), None)
        self._begins = export.begins.values if export.begins else None
        self._scattered = export.scattered
        self._told_by = ""
        self._first: tuple[str, ...] | None = None
        self._met: dict[str, tuple[str, ...]] = {}
        """The first rows so far, where the rows of a product may stand apart."""

    @staticmethod
    def needed(heading: Heading) -> bool:
        """Whether pictures stand in rows that leave the product's cells blank."""
        return any(images.of == "product" for images in heading.export.images)

    def filled(self, rows: Iterable[Sequence[str]]) -> Iterator[list[str]]:
        """The rows that come next in the file."""
        for cells in rows:
            own = [*cells]
            for at, above in zip(self._places, self._first_of(cells), strict=True):
                own[at] = own[at] if own[at].strip(JUNK) else above
            yield own

    def _first_of(self, cells: Sequence[str]) -> tuple[str, ...]:
        """What the first row of a row's product says, which may be itself."""
        cell = "" if self._at is None else cells[self._at].strip(JUNK)
        if self._begins is not None:
            new = cell.lower() in self._begins
        else:
            new = bool(cell) and cell != self._told_by
            self._told_by = cell or self._told_by
        if new or self._first is None:
            own = tuple(cells[at] for at in self._places)
            self._first = self._met.setdefault(cell, own) if self._scattered else own
        return self._first
