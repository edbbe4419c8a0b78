"""Product feeds in XML, RSS 2.0 and Atom, as a table of pictures: one row for each.

Elements are matched by their local name: feeds in the wild have `g:` before it, or nothing, or a
namespace of their own.
"""

import html
import re
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Final
from xml.etree.ElementTree import Element, ParseError, iterparse

from packshot.exports.merchant import GOOGLE
from packshot.facts.errors import BadManifest
from packshot.facts.export_choice import ExportChoice
from packshot.world.export_pictures import RecordReader
from packshot.world.export_records import IMAGE, POSITION, SKU, pictures_of, understood
from packshot.world.manifest_files import ManifestFile
from packshot.world.manifest_records import Chunk
from packshot.world.row_filter import RowFilter

ITEMS: Final = frozenset({"item", "entry"})
FURTHER: Final = "additional_image_link"
MOST_FURTHER: Final = 20
TEXTS: Final = ("id", "title", "mpn", "item_group_id", "availability", "brand", "image_link")
COLUMNS: Final = (*TEXTS, *(f"{FURTHER}{number}" for number in range(1, MOST_FURTHER + 1)))
CARRIED: Final = tuple(COLUMNS.index(name) for name in ("id", "title", "mpn"))
AT_ONCE: Final = 2_000
PROLOGUE_BYTES: Final = 65_536
_END: Final = re.compile(r"</(?:[\w.-]+:)?(?:item|entry)\s*>")
_PICTURE: Final = re.compile(
    r"(<(?P<name>(?:[\w.-]+:)?(?:additional_)?image_link)(?:\s[^<>]*)?>)"
    r"(?P<text>.*?)(</(?P=name)\s*>)",
    re.DOTALL,
)
_CDATA: Final = re.compile(r"(\s*<!\[CDATA\[)(.*?)(\]\]>\s*)", re.DOTALL)


class FeedTable:
    """The pictures of a feed; rows count its items from 1."""

    def __init__(self, file: ManifestFile, choice: ExportChoice) -> None:
        check_prologue(file)
        self.left_out: list[str] = []
        self.reader = RecordReader(
            GOOGLE, [name.replace("_", "") for name in COLUMNS], choice.base_url or ""
        )
        self._file = file
        self._numbers = choice.numbers
        self._filter = RowFilter(choice.where, COLUMNS) if choice.where else None
        self.header: tuple[str, ...] = (SKU, IMAGE, POSITION, *(COLUMNS[at] for at in CARRIED))
        self.meaning = understood(self.header, f"{GOOGLE.title}, XML")

    def chunks(self) -> Iterator[Chunk]:
        """All pictures in the order of the items; call it once."""
        numbered = enumerate(self._records(), 1)
        while batch := [record for _, record in zip(range(AT_ONCE), numbered, strict=False)]:
            kept = None
            if self._filter is not None:
                kept = {*self._filter.kept([*zip(*(cells for _, cells in batch), strict=True)])}
            yield pictures_of(self.reader, batch, CARRIED, kept, self._numbers)

    def _records(self) -> Iterator[list[str]]:
        """The cells of each item; one that was read is forgotten."""
        above: list[Element] = []
        with self._file.content() as content:
            try:
                events = iterparse(content, ("start", "end"))  # noqa: S314  `check_prologue`
                for event, element in events:
                    if event == "start":
                        above.append(element)
                        continue
                    above.pop()
                    if _local(element) in ITEMS:
                        yield _cells(element)
                        if above:
                            above[-1].remove(element)
            except ParseError as error:
                raise BadManifest(
                    f"`{self._file.name}` is no whole XML ({error}); export it again."
                ) from None


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


def feed_again(text: IO[str], new: Callable[[int], Mapping[str, str]]) -> Iterator[str]:
    """A feed's text with new addresses, item by item; all else stays as it was.

    `new` answers the addresses of an item, by the old ones.
    """
    rest, row = "", 0
    while piece := text.read(1 << 20):
        rest += piece
        while end := _END.search(rest):
            row += 1
            yield _item_again(rest[: end.end()], new(row))
            rest = rest[end.end() :]
    yield rest


def _item_again(text: str, new: Mapping[str, str]) -> str:
    def again(match: re.Match[str]) -> str:
        inner = match["text"]
        cdata = _CDATA.fullmatch(inner)
        old = cdata[2] if cdata else html.unescape(inner)
        instead = new.get(old.strip().replace(" ", "%20"))
        if instead is None:
            return match[0]
        bare = cdata[2] if cdata else inner
        escaped = instead if cdata else html.escape(instead, quote=False)
        swapped = bare.replace(bare.strip(), escaped)
        whole = f"{cdata[1]}{swapped}{cdata[3]}" if cdata else swapped
        return f"{match[1]}{whole}{match[4]}"

    return _PICTURE.sub(again, text)


def _cells(item: Element) -> list[str]:
    found: dict[str, str] = {}
    further = 0
    for child in item:
        name = _local(child)
        text = (child.text or "").strip()
        if name == FURTHER and text:
            further += 1
            found[f"{FURTHER}{further}"] = text
        elif name in TEXTS and text and name not in found:
            found[name] = text
    return [found.get(name, "") for name in COLUMNS]


def _local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2].rpartition(":")[2].lower()
