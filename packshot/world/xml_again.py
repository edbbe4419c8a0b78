"""An export in XML written again: new addresses in place of old ones, all else as it was."""

import html
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Final

from packshot.exports.markup import PREFIX, Markup
from packshot.world.xml_faults import KNOWN

READ_AT_ONCE: Final = 1 << 20
_NO_MARKUP: Final = r"<!--.*?-->|<!\[CDATA\[.*?\]\]>"
"""What looks like elements in there is text."""
_CDATA: Final = re.compile(r"(\s*<!\[CDATA\[)(.*?)(\]\]>\s*)", re.DOTALL)

_KNOWN: Final = re.compile(f"&{KNOWN}")
_DECLARED: Final = re.compile(rb"<\?xml\s[^>]*?\bencoding\s*=\s*[\"']([A-Za-z][\w.-]*)")

Addressed = Callable[[str], str]
"""What an address as written is fetched as."""
Swap = Callable[[str, Mapping[str, str]], tuple[str, dict[str, bool]]]
"""A piece of text again, and the addresses met in it, each with whether it was replaced."""


def declared_encoding(head: bytes) -> str:
    """The encoding that an export in XML declares at its beginning, else UTF-8."""
    declared = _DECLARED.match(head)
    name = declared[1].decode() if declared else "utf-8"
    try:
        plain = b" ".decode(name)
    except (LookupError, UnicodeDecodeError):
        return "utf-8"
    return name if plain == " " else "utf-8"


def feed_again(
    text: IO[str],
    markup: Markup,
    addressed: Addressed,
    new: Callable[[int, Sequence[str]], Mapping[str, str]],
    met: Callable[[Mapping[str, bool]], object],
) -> Iterator[str]:
    """The text, item by item.

    `new` is told of the texts of the item's repeated elements, and answers what is written for its
    addresses; `met` is told of each address that stands in it, and whether it was replaced.
    """
    repeated = _repeated(markup)
    swap = _by_attribute(markup, addressed) if markup.listed else _by_text(markup, addressed)
    for row, piece in enumerate(_items(text, markup), 1):
        again, found = swap(piece, new(row, repeated(piece)))
        met(found)
        yield again


def _repeated(markup: Markup) -> Callable[[str], list[str]]:
    """The texts of the element that may come again, as they are written."""
    if not markup.repeated:
        return lambda _: []
    element = re.compile(
        rf"{_NO_MARKUP}|<{PREFIX}{re.escape(markup.repeated)}(?:\s[^<>]*)?>(?P<text>.*?)</",
        re.DOTALL | re.IGNORECASE,
    )
    return lambda piece: [one["text"] for one in element.finditer(piece) if one["text"] is not None]


def _items(text: IO[str], markup: Markup) -> Iterator[str]:
    """Pieces that end where an item does; an item in a comment or in CDATA is none."""
    names = "|".join(sorted(markup.items))
    ends = re.compile(
        rf"{_NO_MARKUP}|(?P<open><!--|<!\[CDATA\[)"
        rf"|(?P<end></{PREFIX}(?:{names})\s*>|<{PREFIX}(?:{names})(?:\s[^<>]*)?/>)",
        re.DOTALL | re.IGNORECASE,
    )
    rest = ""
    while piece := text.read(READ_AT_ONCE):
        rest += piece
        done = 0
        for match in ends.finditer(rest):
            if match["open"]:
                break
            if match["end"]:
                yield rest[done : match.end()]
                done = match.end()
        rest = rest[done:]
    yield rest


def _by_text(markup: Markup, addressed: Addressed) -> Swap:
    """Addresses that are the text of an element, escaped or in CDATA."""
    names = "|".join(map(re.escape, markup.pictures))
    picture = re.compile(
        rf"{_NO_MARKUP}|(<(?P<name>{PREFIX}(?:{names}))(?:\s[^<>]*)?>)(?P<text>.*?)(</(?P=name)\s*>)",
        re.DOTALL | re.IGNORECASE,
    )

    def swap(piece: str, new: Mapping[str, str]) -> tuple[str, dict[str, bool]]:
        met: dict[str, bool] = {}

        def again(match: re.Match[str]) -> str:
            inner = match["text"]
            if inner is None:
                return match[0]
            cdata = _CDATA.fullmatch(inner)
            old = cdata[2] if cdata else _unescaped(inner)
            old = addressed(old)
            instead = new.get(old)
            met[old] = instead is not None
            if instead is None:
                return match[0]
            bare = cdata[2] if cdata else inner
            escaped = instead if cdata else html.escape(instead, quote=False)
            swapped = bare.replace(bare.strip(), escaped)
            whole = f"{cdata[1]}{swapped}{cdata[3]}" if cdata else swapped
            return f"{match[1]}{whole}{match[4]}"

        return picture.sub(again, piece), met

    return swap


def _by_attribute(markup: Markup, addressed: Addressed) -> Swap:
    """Addresses that are an attribute's value."""
    _, element, attribute = markup.listed or ("", "", "")
    picture = re.compile(
        rf"{_NO_MARKUP}|(<{PREFIX}{element}\s(?:[^<>]*?\s)?{attribute}\s*=\s*)(?P<quote>[\"'])(?P<text>.*?)"
        r"(?P=quote)",
        re.DOTALL | re.IGNORECASE,
    )

    def swap(piece: str, new: Mapping[str, str]) -> tuple[str, dict[str, bool]]:
        met: dict[str, bool] = {}

        def again(match: re.Match[str]) -> str:
            if match["text"] is None:
                return match[0]
            old = addressed(_unescaped(match["text"]))
            instead = new.get(old)
            met[old] = instead is not None
            if instead is None:
                return match[0]
            return f"{match[1]}{match['quote']}{html.escape(instead)}{match['quote']}"

        return picture.sub(again, piece), met

    return swap


def _unescaped(text: str) -> str:
    """As it was read: `&nbsp;` and a bare `&` are no more than they say."""
    return _KNOWN.sub(lambda one: html.unescape(one[0]), text)
