"""The words in which an export format is described."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

_INDEX: Final = re.compile(r"\[(\d+)\]")
# Who names a field of their own like one of the platform's does not mean that one.
_ASIDES: Final = re.compile(r"\[[^\]]*\]|\((?!product\.metafields)[^)]*\)|#\d+")
_DROPPED: Final = re.compile(r"[^\w]|_")
_DIGITS: Final = re.compile(r"\d+")
_GOOGLE: Final = re.compile(r"^\s*g:", re.IGNORECASE)


def named(header: str) -> str:
    """A column's name as formats are compared by: letters and digits, what is in brackets dropped.

    `*Action(SiteID=US)` is `action`, `image[0].url` is `image0url`; a metafield keeps its path.
    """
    bare = _ASIDES.sub("", _INDEX.sub(r"\1", _GOOGLE.sub("", header)))
    return _DROPPED.sub("", bare).casefold()


@dataclass(frozen=True, slots=True)
class Where:
    """Rows whose cell in a column is one of these, in lower case."""

    column: str
    values: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """Columns with image addresses, by their name as compared.

    Alternatives are parted by `|`, the first that a file has counts; `#` stands for a number, and
    `*` alone for any column.
    """

    columns: str
    like: str = ""
    """Only cells that are wholly like this regular expression; none: all."""
    of: Literal["row", "product"] = "row"
    """Whose picture it is."""
    separator: str = ""
    """Between the addresses of one cell, where they are no whole URLs; none: one address."""
    cut: str = ""
    """An address ends where this begins."""
    order: str | None = None
    """Column that numbers the pictures of a product."""
    first: int = 1
    """The number of the main picture there."""
    main: Where | None = None
    """Rows whose picture is the main one; one with another value there is not."""
    when: Where | None = None
    """Only in such rows."""
    written_to: str = ""
    """Column that an import reads instead, where it is another one."""
    most: int = 0
    """How many of a row an import takes; 0 for any number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlimFile:
    """A file that changes pictures only. Rows above the header stay as they were."""

    columns: tuple[str, ...]
    """Those that it has, numbered ones all; alternatives parted by `|`."""
    sets: tuple[tuple[str, str], ...] = ()
    """Columns that say what the import does, and what is written there; all must be there."""
    adds: tuple[tuple[str, str], ...] = ()
    """Columns behind all others, whether the export has them or not, and what is written there."""
    in_name: str = ""
    """What the file's name must hold."""
    whole_width: bool = False
    """Whether the other columns stay where they are, empty."""
    changed_only: bool = False
    """Whether rows all of whose pictures are old ones stay out."""
    rows: Where | None = None
    """Only such rows, where some with pictures belong elsewhere."""
    above: Where | None = None
    """Rows that pictures belong to go with them."""


class Harmless(NamedTuple):
    """Values of a column by which an import would delete, in lower case, and one by which not."""

    column: str
    values: frozenset[str]
    instead: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WayBack:
    """What an import of the same platform takes, and does."""

    told: str = ""
    """What an import will do, for people; `unverified` where nobody has shown it."""
    slim: SlimFile | None = None
    harmless: tuple[Harmless, ...] = ()
    """What is written in place of commands that delete, in every row of the whole file."""
    endings: frozenset[str] = frozenset()
    """How names of pictures may end; empty for any."""
    longest_url: int = 0
    """Characters; 0 for any."""
    https: bool = False
    all_or_none: bool = False
    """Whether old and new pictures may not stand in one listing together."""
    parts: str = ""
    """Column that is filled in where a row is part of the listing above. Listings with pictures in
    their parts are not in the slim file, for these can only be changed by the whole one."""
    most_of_part: int = 0
    """Pictures of such a row; 0 for any number."""
    taken: Literal["addresses", "paths where below the base", "paths only", "files"] = "addresses"
    """What is written: paths are those below what the old ones hang on, files those of an archive.
    """


class SecondSheet(NamedTuple):
    """A sheet of the same workbook whose rows belong to products of the first, names as compared.

    Its rows are read below those of the first; its columns go by its own name and theirs.
    """

    sheet: str
    by: str
    """Column that names the product in both."""


Key = tuple[str, ...]
"""Columns that name something together; alternatives parted by `|`, `#` stands for a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFormat:
    """How to recognise one format, and how to read it."""

    name: str
    title: str
    signatures: tuple[frozenset[str], ...]
    """Sets of column names; a file that has all of one set is of this format."""
    images: tuple[Images, ...]
    keys: tuple[Key, ...]
    """What names a row, best first: the first whose columns are all filled in."""
    product: str = ""
    """Column that tells products apart; an empty cell belongs to the product above."""
    product_keys: tuple[Key, ...] = ()
    """What names a product, from its first row."""
    scattered: bool = False
    """Whether the rows of a product may stand apart."""
    second_sheet: SecondSheet | None = None
    begins: Where | None = None
    """Rows that begin a product; those below belong to it."""
    only: Where | None = None
    """No other rows are read."""
    no_image: frozenset[str] = frozenset()
    """Values that say that there is none, in lower case."""
    base: str = ""
    """What addresses without a host hang on, where the platform fixes it."""
    base_hint: str = ""
    """What they hang on, in words, where the file does not say it."""
    rewrites: tuple[tuple[str, str], ...] = ()
    """Regular expressions over addresses, and what they become."""
    carried: tuple[str, ...] = ("title", "name", "status")
    """Columns that go into the report, beside those of the keys."""
    way_back: WayBack = WayBack()
    by_content: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    """Where names are translated: a column is one most of whose cells are among these values."""
    by_place: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))
    """Where names are translated: the names of columns by their place, from 0."""

    @property
    def names(self) -> frozenset[str]:
        """Every column name that this description speaks of."""
        spoken = [image.columns for image in self.images]
        spoken += [column for key in (*self.keys, *self.product_keys) for column in key]
        spoken += [self.product, *self.carried]
        found = {alternative for words in spoken for alternative in words.split("|")}
        return frozenset(found.union(*self.signatures)) - {""}


def columns_of(words: str, header: Sequence[str]) -> tuple[int, ...]:
    """Places of the columns that some words mean, numbered ones in order of their number.

    `header` holds names as compared.
    """
    if words == "*":
        return tuple(range(len(header)))
    for word in words.split("|"):
        if "#" in word:
            pattern = re.compile(re.escape(word).replace(r"\#", r"(\d{1,3})"))
            matches = ((pattern.fullmatch(name), at) for at, name in enumerate(header))
            found = sorted((int(match[1]), at) for match, at in matches if match)
            if found:
                return tuple(at for _, at in found)
        elif word in header:
            return (header.index(word),)
    return ()


def numbered_columns(words: str, header: Sequence[str]) -> list[tuple[int, int]]:
    """Number and place of the columns that some words mean; where one comes twice, the first.

    Columns without a number in their words count from 1.
    """
    places = columns_of(words, header)
    found: dict[int, int] = {}
    for nth, at in enumerate(places, 1):
        digits = re.findall(r"\d+", header[at]) if "#" in words else []
        found.setdefault(int(digits[-1]) if digits else nth, at)
    return list(found.items())


def any_of(*names: str) -> frozenset[str]:
    """A set of names, for short."""
    return frozenset(names)


def fitting(formats: Iterable[ExportFormat], header: Sequence[str]) -> ExportFormat | None:
    """The first format one of whose signatures a header, as compared, holds."""
    return next((one for one in formats if told_by(one, header)), None)


def told_by(export: ExportFormat, header: Sequence[str]) -> list[int]:
    """Places of the columns that tell a format; none where it does not fit."""
    bare = [_DIGITS.sub("#", name) for name in header]
    there = {*header, *bare}
    found = next((one for one in export.signatures if one <= there), frozenset())
    places = (header if name in header else bare for name in found)
    return sorted(names.index(name) for names, name in zip(places, found, strict=True))


def hits(export: ExportFormat, header: Sequence[str]) -> int:
    """How many of a header's names a format knows."""
    known = export.names
    return sum(_DIGITS.sub("#", name) in known or name in known for name in header)
