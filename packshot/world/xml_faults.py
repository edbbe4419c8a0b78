"""Feeds that are no whole XML for two common faults, read as they are meant.

A bare `&` in an address, and a prefix `g:` that nobody declared: readers of feeds forgive both.
"""

import re
from typing import IO, Final

KNOWN: Final = r"(?:amp|lt|gt|quot|apos|#\d{1,7}|#[xX][0-9A-Fa-f]{1,6});"
"""What may follow an ampersand; names such as `nbsp` are HTML's, not XML's."""
AT_ONCE: Final = 65_536
LONGEST: Final = 16
"""Bytes; no mark looked for here is longer."""
_MARK: Final = re.compile(rb"<!\[CDATA\[|\]\]>|&(?!" + KNOWN.encode() + rb")")
_ROOT: Final = re.compile(rb"<(?:rss|feed)\b")
_DECLARED: Final = b' xmlns:g="http://base.google.com/ns/1.0"'


class Forgiving:
    """The bytes of a feed, mended as they are read."""

    def __init__(self, content: IO[bytes]) -> None:
        self._content = content
        self._rest = b""
        self._verbatim = False
        """Whether what comes stands in a CDATA section, where an ampersand is one."""
        self._first = True
        self._untouched = False

    def read(self, size: int = AT_ONCE) -> bytes:
        """Some more, at first as much as holds the root; nothing at the end only."""
        size = max(size, LONGEST)
        while piece := self._content.read(AT_ONCE if self._first else size):
            if self._first:
                piece = self._begun(piece)
            if self._untouched:
                return piece
            if mended := self._mended(self._rest + piece, LONGEST):
                return mended
        return self._mended(self._rest, 0)

    def _begun(self, piece: bytes) -> bytes:
        self._first = False
        self._untouched = b"\0" in piece  # UTF-16
        if b"<g:" in piece and b"xmlns:g" not in piece:
            return _ROOT.sub(lambda root: root[0] + _DECLARED, piece, count=1)
        return piece

    def _mended(self, text: bytes, held: int) -> bytes:
        """All but the last bytes, in which a mark may have begun."""
        until, done, out = max(len(text) - held, 0), 0, []
        for mark in _MARK.finditer(text):
            if mark.start() >= until:
                break
            bare = mark[0] == b"&" and not self._verbatim
            out += [text[done : mark.start()], b"&amp;" if bare else mark[0]]
            done = mark.end()
            if mark[0] != b"&":
                self._verbatim = mark[0] != b"]]>"
        until = max(until, done)
        self._rest = text[until:]
        return b"".join([*out, text[done:until]])
