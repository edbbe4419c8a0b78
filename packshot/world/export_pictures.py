"""The pictures that a record of an export names: whose they are, and where they stand in it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from packshot.exports.described import ExportFormat, Images, Key, Where, columns_of
from packshot.facts.item import NO_PICTURE, NOT_CHOSEN, NOT_READ, Fault
from packshot.world.export_heading import JUNK
from packshot.world.manifest_cells import whole_urls

_ABSOLUTE: Final = re.compile(r"(?:https?:)?//", re.IGNORECASE)
# An address may hold another, which a service for resizing fetches: behind `=` or `/`.
_BEFORE_URL: Final = re.compile(r"(?<![=/])(?=https?://)", re.IGNORECASE)
_HOST: Final = re.compile(r"(?:https?:)?//[\w.-]+[:/]", re.IGNORECASE)
_ENDING: Final = r"\.(?:jpe?g|png|webp|gif|avif|tiff?|bmp|svg|heic)"
# A URL may hold commas; what stands behind one that has ended is another address.
_ENDED: Final = re.compile(rf"{_ENDING}(?:\?\S*)?$", re.IGNORECASE)
_PATH: Final = re.compile(rf"[^,;|?]+{_ENDING}(?:[?#].*)?", re.IGNORECASE | re.DOTALL)
_BETWEEN: Final = " \t\r\n,;|\xa0"
_GUARD: Final = re.compile(r'^="(.*)"$', re.DOTALL)
_ENTITY: Final = re.compile(r"&amp;|&#0*38;|&#x0*26;", re.IGNORECASE)
BLANK: Final = JUNK
WHOLE_URLS: Final = "whole URLs"
"""The separator of a plain table's cells, which nobody has declared."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a record."""

    key: str
    """What names its SKU, or its product."""
    url: str
    """As it will be fetched."""
    position: int | None
    """What the export says."""
    number: int
    """Place among those of its product or row, from 1: as the export says, else as they come."""


@dataclass(slots=True)
class _Column:
    images: Images
    places: tuple[int, ...]
    order: int | None


@dataclass(slots=True)
class RecordReader:
    """Reads records one after the other, in the order of the file."""

    export: ExportFormat
    names: Sequence[str]
    base: str = ""
    why: Fault | None = None
    """Why the last record came to nothing."""
    keys_used: dict[str, int] = field(default_factory=dict)
    """How many pictures were named by which columns."""
    _columns: list[_Column] = field(default_factory=list)
    _product: str = ""
    _told_by: str = ""
    """The cell that tells the product at hand from others."""
    _named_by: str = ""
    _numbers: dict[str, int] = field(default_factory=dict)
    _met: dict[str, tuple[str, str]] = field(default_factory=dict)
    """What named the products so far, where their rows stand apart."""

    def __post_init__(self) -> None:
        for images in self.export.images:
            self._columns.append(
                _Column(
                    images,
                    columns_of(images.columns, self.names),
                    self._place(images.order or ""),
                )
            )
        self.base = self.base or self.export.base

    @property
    def image_columns(self) -> tuple[int, ...]:
        """Places of all columns that may hold pictures."""
        return tuple(dict.fromkeys(at for column in self._columns for at in column.places))

    def pictures(self, cells: Sequence[str]) -> list[Picture]:
        """The pictures of one record, each address once."""
        if self.export.only is not None and not self._holds(cells, self.export.only):
            self.why = NOT_READ
            return []
        self._follow(cells)
        found: list[Picture] = []
        seen: set[str] = set()
        for column in self._columns:
            if column.images.when is not None and not self._holds(cells, column.images.when):
                continue
            for picture in self._of_column(cells, column):
                if picture.url not in seen:
                    seen.add(picture.url)
                    found.append(picture)
        self.why = None if found else NO_PICTURE
        return found

    def pass_over(self, cells: Sequence[str]) -> None:
        """A record that is not wanted may still begin a product."""
        self._follow(cells)
        self.why = NOT_CHOSEN

    @property
    def columns(self) -> list[tuple[Images, tuple[int, ...]]]:
        """The image columns that there are, each with its places."""
        return [(column.images, column.places) for column in self._columns]

    def addresses(self, images: Images, cell: str) -> list[tuple[str, str]]:
        """The addresses of a cell: each piece as written, and as it will be fetched."""
        if not _holds_addresses(images, cell):
            return []
        return [(piece, self._address(piece, images)) for piece in self._pieces(cell, images)]

    def address(self, written: str) -> str:
        """What an address of the first column is fetched as."""
        return self._address(written, self.export.images[0])

    def _pieces(self, cell: str, images: Images) -> list[str]:
        paths = bool(self.export.base or self.export.base_hint)
        return pieces(cell, images.separator, paths=paths)

    def _of_column(self, cells: Sequence[str], column: _Column) -> list[Picture]:
        of_product = column.images.of == "product"
        found = []
        for place in column.places:
            if place >= len(cells) or not _holds_addresses(column.images, cells[place]):
                continue
            several = self._pieces(cells[place], column.images)
            # A position counts where it can mean only one picture.
            position = self._position(cells, column) if len(several) == 1 else None
            for written in several:
                url = self._address(written, column.images)
                if not url or url.lower() in self.export.no_image:
                    continue
                key, by = (
                    (self._product, self._named_by)
                    if of_product
                    else self._key(cells, self.export.keys)
                )
                self.keys_used[by] = self.keys_used.get(by, 0) + 1
                number = self._number(key)
                if position is not None:
                    number = position - column.images.first + 1
                main = self._is_main(cells, column.images)
                if main is not None:
                    number = 1 if main else max(number, 2)
                found.append(Picture(key, url, position, number))
        return found

    def _follow(self, cells: Sequence[str]) -> None:
        """Notice where a product begins."""
        export = self.export
        if export.begins is not None:
            new = self._holds(cells, export.begins)
        else:
            cell = self._cell(cells, export.product)
            new = bool(cell) and cell != self._told_by
            self._told_by = cell or self._told_by
        if export.scattered:
            met = self._met.get(self._told_by) or self._key(cells, export.product_keys)
            self._product, self._named_by = self._met[self._told_by] = met
            return
        if new or not (export.begins or export.product):
            self._numbers.clear()
        if new:
            self._product, self._named_by = self._key(cells, export.product_keys)

    def _key(self, cells: Sequence[str], keys: Sequence[Key]) -> tuple[str, str]:
        """What names a record, and by which columns; nothing where none is filled in."""
        for key in keys:
            parts = [self._cell(cells, words) for words in key]
            if all(parts):
                told = (self.names[at] for words in key for at in columns_of(words, self.names)[:1])
                return "/".join(parts), " + ".join(told)
        return "", ""

    def _number(self, key: str) -> int:
        number = self._numbers[key] = self._numbers.get(key, 0) + 1
        return number

    def _position(self, cells: Sequence[str], column: _Column) -> int | None:
        if column.order is None or column.order >= len(cells):
            return None
        text = cells[column.order].strip(BLANK).removesuffix(".0")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None

    def _is_main(self, cells: Sequence[str], images: Images) -> bool | None:
        """Whether the export calls a record's picture the main one; nothing where it is silent."""
        cell = "" if images.main is None else self._cell(cells, images.main.column)
        return cell.lower() in images.main.values if images.main and cell else None

    def _address(self, written: str, images: Images) -> str:
        url = written.partition(images.cut)[0] if images.cut else written
        url = _ENTITY.sub("&", url.strip(BLANK)).replace("\\,", ",")
        for pattern, instead in self.export.rewrites:
            url = re.sub(pattern, instead, url)
        if url.startswith("//"):
            url = f"https:{url}"
        if "://" not in url and self.base and url and url.lower() not in self.export.no_image:
            url = f"{self.base.rstrip('/')}/{url.lstrip('/')}"
        return url.replace(" ", "%20") if _ABSOLUTE.match(url) else url

    def _cell(self, cells: Sequence[str], words: str) -> str:
        at = self._place(words)
        if at is None or at >= len(cells):
            return ""
        cell = cells[at].strip(BLANK)
        if guarded := _GUARD.match(cell):
            return guarded[1].strip(BLANK)
        return cell.removeprefix("'")

    def _place(self, words: str) -> int | None:
        places = columns_of(words, self.names) if words else ()
        return places[0] if places else None

    def _holds(self, cells: Sequence[str], where: Where) -> bool:
        if self._place(where.column) is None:
            return True
        return self._cell(cells, where.column).lower() in where.values


def _holds_addresses(images: Images, cell: str) -> bool:
    bare = cell.strip(BLANK)
    return bool(bare) and (not images.like or re.fullmatch(images.like, bare) is not None)


def pieces(cell: str, separator: str, *, paths: bool = False) -> list[str]:
    """The addresses of a cell as written; `paths` says that some may be paths or ids.

    Whole URLs are parted where the next one begins, so that a comma in one does no harm; anything
    else at the separator of the format, unless a backslash stands before it.
    """
    if not separator:
        return [cell]
    if separator == WHOLE_URLS:
        return whole_urls(cell)
    if separator == "\n":
        return [line for line in cell.split("\n") if line.strip(BLANK)]
    found: list[str] = []
    for part in re.split(rf"(?<!\\){re.escape(separator)}", cell):
        if found and not _begins(part, found[-1], paths=paths):
            found[-1] += separator + part
        else:
            found.append(part)
    several = (_parted(piece) if _is_url(piece) else [piece] for piece in found)
    return [part for parts in several for part in parts if part.strip(BLANK)]


def _begins(part: str, before: str, *, paths: bool) -> bool:
    """Whether a part of a list is an address of its own, and not the rest of a URL."""
    if not _is_url(before) or _HOST.match(part.strip(_BETWEEN + '"')):
        return True
    return paths and bool(_ENDED.search(before.strip(BLANK)) and _PATH.fullmatch(part.strip(BLANK)))


def _is_url(text: str) -> bool:
    return _ABSOLUTE.match(text.strip(_BETWEEN + '"')) is not None


def _parted(urls: str) -> list[str]:
    return [part.strip(_BETWEEN + '"') for part in _BEFORE_URL.split(urls)]
