"""The words in which an export in XML is described. Elements go by their local name."""

import re
from dataclasses import dataclass

from packshot.exports.described import ExportFormat

PREFIX = r"(?:[\w.-]+:)?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Markup:
    """How an export in XML is laid out, beside what it means."""

    export: ExportFormat
    root: str
    """Names of the root, parted by `|`."""
    namespace: str = ""
    """What stands in the root's tag, where its name alone says too little."""
    above: frozenset[str]
    """Elements that hold items."""
    items: frozenset[str]
    """Elements that are records."""
    columns: tuple[str, ...]
    """Elements of an item whose text is a cell; `@name` is an attribute of the item."""
    pictures: tuple[str, ...] = ()
    """Which of the elements hold an address."""
    repeated: str = ""
    """One that may come again, each time with an address; its column has a line for each."""
    listed: tuple[str, str, str] | None = None
    """Column with all addresses, a line each: the elements anywhere in the item, the attribute."""
    grouped: tuple[str, str] | None = None
    """The elements around those, and their attribute that says which kind of picture they hold."""
    preferred: str = ""
    """The kind that is read; else the first that the file's head names, else an item's first."""
    kinds: str = ""
    """The head's elements that name the kinds."""
    base: tuple[str, ...] = ()
    """The head's elements with what paths hang on, best first."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all columns."""
        own = (name.removeprefix("@") for name in self.columns)
        return (*own, *[self.repeated] * bool(self.repeated), *(self.listed or ())[:1])

    @property
    def begins(self) -> re.Pattern[bytes]:
        """The root's tag."""
        rest = rf"\s[^>]*{re.escape(self.namespace)}" if self.namespace else r"[\s>]"
        return re.compile(rf"<{PREFIX}(?:{self.root}){rest}".encode(), re.IGNORECASE)
