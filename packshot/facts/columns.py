"""Which header names mean what, and what a given header means."""

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from packshot.facts.errors import BadManifest

_SKU = (
    "sku variantsku itemsku productsku contributionsku customlabelsku customlabel articlenumber "
    "articleno article artikelnummer artikel productnumber productcode reference itemnumber "
    "itemcode itemid productid id asin gtin ean mpn handle"
)
_IMAGE = (
    "imageurl imagelink mainimageurl mainimagelink mainimage productimageurl primaryimageurl "
    "primaryimage imagesrc baseimage imageurls imagelinks image images img imgurl pictureurl "
    "picture pictures picurl photourl photo photos itemphotourl hostedimageurls covermediaurl "
    "media url"
)
_FURTHER = (
    "additionalimagelink additionalimageurl additionalimage additionalimages otherimageurl "
    "otherimage otherimages gallery galleryimages"
)
MEANINGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sku": tuple(_SKU.split()),
        "image": tuple(_IMAGE.split()),
        "further": tuple(_FURTHER.split()),
        "position": ("imageposition", "position", "imagesortorder", "sortorder", "sort", "order"),
        "image_id": ("imageid", "assetid", "mediaid"),
        "foreground_type": ("foregroundtype",),
        "resolution": ("resolution",),
        "skip": ("skip",),
    }
)
"""Names as compared, without case, spaces, `_`, `-` and `#`; the first one present wins."""

FAILED_KEY = "packshot_key"
SAID_OF_FAILED = (FAILED_KEY, "packshot_outcome", "packshot_reason_code", "packshot_reason")
"""Columns by which a `failed.csv` is known; such a manifest is some of the items, not all."""

_NUMBERED = re.compile(r"(?P<stem>[a-z]+)\[?(?P<number>\d{1,3})\]?(?P<tail>[a-z]*)")
_IGNORED = re.compile(r"[\s_#-]+")
_FEW = 3


class ColumnNames(BaseModel):
    """Columns as the user names them; what is left open is found by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sku: Annotated[str | None, Field(description="Column that holds the SKU.")] = None
    image: Annotated[
        list[str], Field(description="Columns that hold image addresses, main image first.")
    ] = []
    position: Annotated[
        str | None, Field(description="Column that numbers the images of a SKU.")
    ] = None
    image_id: Annotated[
        str | None, Field(description="Column that holds the catalog's own id of an image.")
    ] = None


Sure = Literal["sure", "likely", "as asked"]
"""How much there is to be said for what a manifest is taken for."""


class Understanding(BaseModel):
    """What each column of a manifest is taken for."""

    model_config = ConfigDict(frozen=True)

    header: tuple[str, ...]
    sku: str
    images: tuple[str, ...]
    numbered: tuple[str, ...] = ()
    """Those of `images` that were found by their number."""
    position: str | None = None
    image_id: str | None = None
    foreground_type: str | None = None
    resolution: str | None = None
    skip: str | None = None
    export: str | None = None
    """The shop's export that the manifest is, in words."""
    sure: Sure = "sure"
    because: str = ""
    """What it was told by."""
    rivals: tuple[str, ...] = ()
    """The names of export formats that fit equally well, where it is not only one."""
    laid_out: str = ""
    """Delimiter and encoding of a text, in words."""
    header_row: int | None = None
    """Where the header stands, as a spreadsheet counts."""
    selection: bool = False
    """Whether this is the `failed.csv` of a run: what it does not list is not gone."""
    carried: tuple[str, ...] = ()
    passed_over: tuple[tuple[str, str], ...] = ()
    """Columns that could have been meant, each with what it could have been."""
    left_out: tuple[str, ...] = ()
    """Fields of JSON Lines that first came up far behind the first line."""

    def sentences(self) -> list[str]:
        """What was understood, for people."""
        if self.export:
            return [self.export, *self._told_carried()]
        told = [f"SKU from column `{self.sku}`", f"image from {self._told_images()}"]
        if self.image_id:
            told.append(f"key of each image from `{self.image_id}`")
        if self.position:
            only = ", for rows with one image" if len(self.images) > 1 else ""
            told.append(f"position from `{self.position}`{only}")
        if own := [c for c in (self.foreground_type, self.resolution, self.skip) if c]:
            told.append(f"options of single rows from {_quoted(own)}")
        if self.selection:
            told.append("what an earlier run left in failed.csv; nothing else counts as gone")
        told += [
            f"could hold the {what} as well: {names}; choose with `--{what.lower()}-column`"
            for what in ("SKU", "image")
            if (names := _quoted(name for name, role in self.passed_over if role == what.lower()))
        ]
        return told + self._told_carried()

    def _told_carried(self) -> list[str]:
        told = []
        if self.carried:
            told.append(f"carried to the report: {', '.join(self.carried)}")
        if self.left_out:
            told.append(f"not carried, first seen too late: {', '.join(self.left_out)}")
        return told

    def _told_images(self) -> str:
        named = [name for name in self.images if name not in self.numbered]
        if len(self.numbered) <= _FEW and not named:
            return _quoted(self.numbered)
        numbered = f"{len(self.numbered)} numbered column{'s' * (len(self.numbered) > 1)}"
        return ", ".join([f"`{name}`" for name in named] + [numbered] * bool(self.numbered))


def understand(header: Sequence[str], wanted: ColumnNames) -> Understanding:
    """Give every column its meaning: what the user named first, then by `MEANINGS`.

    Precedence is fixed: roles in the order of `MEANINGS`, names in the order listed
    there, then the header's own order. A column has one role. Names that also fitted
    are told as `passed_over`. Raises `BadManifest` without a SKU or an image column.
    """
    search = _Search(header)
    search.reserve(wanted)
    sku = search.one("sku", wanted.sku)
    main, numbered = search.images(wanted.image)
    if sku is None or not (main or numbered):
        raise BadManifest(_missing("SKU" if sku is None else "image", header))
    optional = {
        "position": search.one("position", wanted.position),
        "image_id": search.one("image_id", wanted.image_id),
        **{role: search.one(role) for role in ("foreground_type", "resolution", "skip")},
    }
    selection = set(SAID_OF_FAILED) <= set(header)
    search.taken.update([FAILED_KEY] * selection)
    return Understanding(
        header=tuple(header),
        sku=sku,
        images=(*main, *numbered),
        numbered=numbered,
        sure=_how_sure(wanted, search.passed_over),
        because=f"the header has {_quoted([sku, *main[:1], *numbered[: 1 - len(main[:1])]])}",
        selection=selection,
        carried=tuple(name for name in header if name not in search.taken),
        passed_over=tuple(item for item in search.passed_over if item[0] not in search.taken),
        **optional,
    )


def _how_sure(wanted: ColumnNames, passed_over: Sequence[tuple[str, str]]) -> Sure:
    if wanted.sku or wanted.image:
        return "as asked"
    return "likely" if passed_over else "sure"


class _Search:
    """The columns of one header, given away one role at a time."""

    def __init__(self, header: Sequence[str]) -> None:
        self.header = header
        self.taken: set[str] = set()
        self.passed_over: list[tuple[str, str]] = []

    def reserve(self, wanted: ColumnNames) -> None:
        """Keep what the user named from being taken for something else."""
        for role, names in wanted.model_dump().items():
            for name in names if isinstance(names, list) else [names] * (names is not None):
                self._named(name, role)

    def one(self, role: str, wanted: str | None = None) -> str | None:
        """The column for a role, if there is one."""
        if wanted is not None:
            return self._named(wanted, role)
        fitting = self._fitting(MEANINGS[role])
        self.taken.update(fitting[:1])
        if role in ("sku", "image"):
            self.passed_over += [(name, role) for name in fitting[1:]]
        return fitting[0] if fitting else None

    def images(self, wanted: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The image columns: those found by name, and those found by number, in order."""
        if wanted:
            return tuple(self._named(name, "image") for name in wanted), ()
        main = self.one("image")
        further = self._fitting(MEANINGS["further"])
        stems = {*MEANINGS["image"], *MEANINGS["further"]} - {"media", "url"}
        if main is not None and plain(main) == "url":
            stems.add("url")  # else `url2` may be anything's
        counted = [
            (stem in MEANINGS["further"], int(found["number"]), name)
            for name in self.header
            if name not in self.taken
            and (found := _NUMBERED.fullmatch(plain(name)))
            and (stem := f"{found['stem']}{found['tail']}") in stems
        ]
        if not (main or further or counted):
            counted = self._numbered_urls()
        numbered = tuple(name for _, _, name in sorted(counted, key=lambda item: item[:2]))
        self.taken.update(further, numbered)
        return (*([main] if main else []), *further), numbered

    def _numbered_urls(self) -> list[tuple[bool, int, str]]:
        """`url1`, `url2` …, where nothing else can be an image."""
        found = [(_NUMBERED.fullmatch(plain(name)), name) for name in self.header]
        return [
            (False, int(match["number"]), name)
            for match, name in found
            if match and (match["stem"], match["tail"]) == ("url", "") and name not in self.taken
        ]

    def _named(self, wanted: str, role: str) -> str:
        name = named_by_user(wanted, role, self.header)
        self.taken.add(name)
        return name

    def _fitting(self, meanings: Iterable[str]) -> list[str]:
        """Columns not yet given away, best name first."""
        return [
            name
            for meaning in meanings
            for name in self.header
            if plain(name) == meaning and name not in self.taken
        ]


def named_by_user(wanted: str, role: str, header: Sequence[str]) -> str:
    """A column the user named, exactly or but for case, spaces, `_` and `-`."""
    alike = [name for name in header if plain(name) == plain(wanted)]
    if wanted not in header and len(alike) != 1:
        raise BadManifest(
            f"The manifest has no column `{wanted}`, named for the {role.replace('_', ' ')}; "
            f"choose one of {_quoted(header)}."
        )
    return wanted if wanted in header else alike[0]


def plain(name: str) -> str:
    """A column's name as it is compared."""
    return _IGNORED.sub("", name).casefold()


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _missing(what: str, header: Sequence[str]) -> str:
    return (
        f"No column of the manifest is known to hold the {what}; its columns are "
        f"{_quoted(header)}. Name it with `--{what.lower()}-column`."
    )
