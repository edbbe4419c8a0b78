"""Exports in XML as a table of pictures: one row for each.

Elements are matched by their local name: feeds in the wild have `g:` before it, or nothing, or a
namespace of their own.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final
from xml.etree.ElementTree import Element, ParseError, iterparse

from packshot.exports.described import columns_of, named
from packshot.exports.markup import PREFIX, Markup
from packshot.facts.columns import ColumnNames, plain
from packshot.facts.errors import BadManifest, BadOption
from packshot.facts.export_choice import ExportChoice
from packshot.world.export_pictures import RecordReader
from packshot.world.export_records import (
    IMAGE,
    POSITION,
    SKU,
    ask_for_base,
    pictures_of,
    understood,
)
from packshot.world.manifest_files import ManifestFile, markup_of
from packshot.world.manifest_records import Chunk
from packshot.world.row_filter import RowFilter, columns_asked_for
from packshot.world.xml_faults import Forgiving

AT_ONCE: Final = 2_000
PROLOGUE_BYTES: Final = 65_536
MOST_NAMES: Final = 40
"""That an error tells."""
NONE_NAMED: Final = ColumnNames()


class FeedTable:
    """The pictures of an export in XML; rows count its items from 1."""

    def __init__(
        self, file: ManifestFile, choice: ExportChoice, columns: ColumnNames = NONE_NAMED
    ) -> None:
        check_prologue(file)
        self.left_out: list[str] = []
        self.markup, self._further = _with_further(columns, choice.where, markup_in(file))
        export, names = self.markup.export, self.markup.names
        told = reader_of(file, choice)
        self.reader = RecordReader(export, [named(name) for name in names], told.base)
        self._file = file
        self._numbers = choice.numbers
        self._filter = RowFilter(choice.where, names) if choice.where else None
        words = [column for key in export.keys for column in key]
        spoken = [*words, *export.carried]
        places = {at for word in spoken for at in columns_of(word, self.reader.names)[:1]}
        self._carried = sorted(places)
        carried = tuple(names[at] for at in self._carried)
        self.header: tuple[str, ...] = (SKU, IMAGE, POSITION, *carried)
        title = export.title if "XML" in export.title else f"{export.title}, XML"
        because = f"the root is `{self.markup.root.replace('|', '` or `')}`"
        because += f" of `{self.markup.namespace}`" * bool(self.markup.namespace)
        self.meaning = understood(self.header, title, "sure", because)

    def chunks(self) -> Iterator[Chunk]:
        """All pictures in the order of the items; call it once."""
        numbered = enumerate(self._records(), 1)
        while batch := [record for _, record in zip(range(AT_ONCE), numbered, strict=False)]:
            kept = None
            if self._filter is not None:
                kept = {*self._filter.kept([*zip(*(cells for _, cells in batch), strict=True)])}
            found = pictures_of(self.reader, batch, self._carried, kept, self._numbers)
            ask_for_base(self.reader, [str(url) for url in found.columns[1]])
            yield found

    def _records(self) -> Iterator[list[str]]:
        """The cells of each item; what was read is forgotten."""
        items = _Items(self.markup, texts_in_head(self._file, self.markup.kinds))
        yield from self._read(items)
        missing = ", ".join(f"`{name}`" for name in sorted(self._further - items.met.keys()))
        if missing and items.met:
            raise BadOption(
                f"No item of `{self._file.name}` has {missing}, which `--where` or `--sku-column` "
                f"names; choose from what there is: {', '.join([*items.met][:MOST_NAMES])}."
            )

    def _read(self, items: "_Items") -> Iterator[list[str]]:
        above: list[Element] = []
        with self._file.content() as content:
            try:
                events = iterparse(Forgiving(content), ("start", "end"))  # noqa: S314  `check_prologue`
                for event, element in events:
                    if event == "start":
                        above.append(element)
                        continue
                    above.pop()
                    if not above or _local(above[-1]) not in self.markup.above:
                        continue
                    if _local(element) in self.markup.items:
                        yield items.cells(element)
                    above[-1].remove(element)
            except ParseError as error:
                raise BadManifest(
                    f"`{self._file.name}` is no whole XML ({error}); export it again."
                ) from None


def _with_further(
    columns: ColumnNames, where: str | None, markup: Markup
) -> tuple[Markup, frozenset[str]]:
    """The layout with the elements that the user speaks of, and which these are."""
    if columns.image or columns.position or columns.image_id:
        raise BadManifest(
            "A feed in XML says itself which elements are pictures; leave `--image-column`, "
            "`--position-column` and `--image-id-column` out."
        )
    own = {plain(name): name for name in markup.names}
    key = columns.sku and own.get(plain(columns.sku), columns.sku.rpartition(":")[2].lower())
    asked = [name.lower() for name in columns_asked_for(where, markup.names)] if where else []
    further = dict.fromkeys(name for name in (key, *asked) if name and name not in own.values())
    export = markup.export if not key else replace(markup.export, keys=((named(key),),))
    whole = replace(markup, export=export, columns=(*markup.columns, *further))
    return whole, frozenset(further)


def reader_of(file: ManifestFile, choice: ExportChoice) -> RecordReader:
    """Who reads the records of a file in XML."""
    markup = markup_in(file)
    heads = (text for name in markup.base for text in texts_in_head(file, name))
    base = choice.base_url or next(heads, "")
    return RecordReader(markup.export, [named(name) for name in markup.names], base)


def markup_in(file: ManifestFile) -> Markup:
    """How a file in XML is laid out."""
    with file.content() as content:
        markup = markup_of(content.read(PROLOGUE_BYTES))
    assert markup is not None  # noqa: S101  its format says so
    return markup


def texts_in_head(file: ManifestFile, name: str) -> list[str]:
    """The texts of elements near the beginning of a file."""
    with file.content() as content:
        head = content.read(PROLOGUE_BYTES).decode("utf-8", "replace")
    if not name:
        return []
    found = re.findall(rf"<{PREFIX}{name}\s*>([^<]+)</", head)
    return [html.unescape(text).strip() for text in found]


def check_prologue(file: ManifestFile) -> None:
    """Refuse what could make a small file large, or fetch another: definitions before the root."""
    with file.content() as content:
        head = content.read(PROLOGUE_BYTES)
    before_root = re.split(rb"<[A-Za-z]", head, maxsplit=1)[0]
    if b"<!DOCTYPE" in head or b"<!ENTITY" in head or len(before_root) == len(head):
        raise BadManifest(
            f"`{file.name}` defines words of its own (a document type), which no product feed "
            "needs; export it again without."
        )


@dataclass(slots=True)
class _Items:
    """Reads items; what the head of the file says counts for all of them."""

    markup: Markup
    kinds: list[str]
    """Those that the head names."""
    met: dict[str, None] = field(default_factory=dict)
    """Names of simple elements so far, the first ones and those that are columns."""

    def cells(self, item: Element) -> list[str]:
        """One record."""
        markup = self.markup
        found = {name: text.strip() for name, text in item.items() if f"@{name}" in markup.columns}
        repeated = []
        for child in item:
            name = _local(child)
            text = (child.text or "").strip()
            if name in markup.columns or len(self.met) < MOST_NAMES:
                self.met[name] = None
            if name == markup.repeated and text:
                repeated.append(" ".join(text.split()))
            elif name in markup.columns and text and name not in found:
                found[name] = text
        if repeated:
            found[markup.repeated] = "\n".join(repeated)
        if markup.listed is not None:
            found[markup.listed[0]] = "\n".join(dict.fromkeys(self._listed(item, markup.listed)))
        return [found.get(name, "") for name in markup.names]

    def _listed(self, item: Element, listed: tuple[str, str, str]) -> list[str]:
        """The addresses of the kind that is wanted."""
        _, element, attribute = listed
        around, by = self.markup.grouped or ("", "")
        groups = [one for one in item.iter() if _local(one) == around]
        kinds = [group.get(by, "") for group in groups]
        wanted = self._wanted(kinds)
        return [
            inner.get(attribute, "").strip()
            for group, kind in zip(groups, kinds, strict=True)
            if kind == wanted
            for inner in group.iter()
            if _local(inner) == element and inner.get(attribute, "").strip()
        ]

    def _wanted(self, kinds: list[str]) -> str:
        for kind in (self.markup.preferred, *self.kinds, *kinds):
            if kind in kinds:
                return kind
        return ""


def _local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2].rpartition(":")[2].lower()
