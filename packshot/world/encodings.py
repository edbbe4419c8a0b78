"""In which encoding a text is, and how it is read so that it can be written again to the byte."""

import codecs
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

MARKED: Final[Mapping[bytes, str]] = MappingProxyType(
    {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
)
"""Told by the mark of byte order; that of UTF-8 tells nothing that the bytes do not."""
_SEVERAL_BYTES: Final = frozenset({"cp932", "euc_jp", "gb18030", "big5", "cp949"})
"""Different bytes may mean one character there, so the bytes themselves are kept."""
_KANA: Final = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff\uff61-\uff9f]")
_HIGH: Final = re.compile(rb"[\x80-\xff]")
_HIGH_RUN: Final = re.compile(rb"[\x80-\xff]{3,}")
FOREIGN_SHARE: Final = 0.5
"""So many of the letters beyond ASCII side by side are words of no Western language."""


def marked(head: bytes) -> str | None:
    """UTF-16 by its mark of byte order."""
    return next((name for mark, name in MARKED.items() if head.startswith(mark)), None)


def encoding_of(head: bytes) -> str:
    """UTF-8 where it can be, else Shift-JIS where that reads as Japanese, else Windows-1252."""
    if name := marked(head):
        return name
    try:
        codecs.getincrementaldecoder("utf-8")("strict").decode(head)
    except UnicodeDecodeError:
        pass
    else:
        return "utf-8"
    japanese = head.decode("cp932", "replace")
    high = sum(byte >= 0x80 for byte in head)
    if "\ufffd" not in japanese[:-1] and len(_KANA.findall(japanese)) * 2 >= high * 0.8:
        return "cp932"
    return "cp1252"


def is_unsure(head: bytes, encoding: str) -> bool:
    """Whether Windows-1252 is no more than a guess: whole words lie beyond ASCII."""
    high = len(_HIGH.findall(head))
    together = sum(map(len, _HIGH_RUN.findall(head)))
    return encoding == "cp1252" and together > high * FOREIGN_SHARE


def byte_by_byte(encoding: str, delimiter: str) -> bool:
    """Whether a text is taken apart by its bytes, and only its cells are decoded.

    A bar may be half of a character.
    """
    return encoding in _SEVERAL_BYTES and delimiter != "|"


def errors_of(encoding: str) -> str:
    """How bytes that fit no encoding survive."""
    return "surrogatepass" if encoding.startswith("utf-16") else "surrogateescape"
