"""What the import of a platform takes, and what of a record may therefore be written."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import punctuation
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from packshot.exports.described import ExportFormat, Images, WayBack
from packshot.facts.errors import BadOption
from packshot.world.raw_records import RawRecord

MOST_TOGETHER: Final = 1_000
"""Rows of a listing that are held at once; eBay takes 250 variations."""


@dataclass(frozen=True, slots=True)
class Known:
    """One picture of the manifest, and what has become of it."""

    key: str | None
    position: int | None
    url: str
    new_url: str | None
    path: str
    """The new picture's place in the destination."""
    outcome: str
    reason: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a listing, and what is to be written in it."""

    pictures: Sequence[Known]
    named: Sequence[tuple[Images, Sequence[str]]]
    """All addresses that stand in it, chosen or not, by those columns that a rule asks about."""
    is_part: bool = False
    can_be_written: bool = True

    @property
    def new(self) -> dict[str, str]:
        """New addresses by the old ones."""
        return {one.url: one.new_url for one in self.pictures if one.new_url is not None}


def row_of_feed(export: ExportFormat, pictures: Sequence[Known], further: Sequence[str]) -> Row:
    """An item of a feed in XML, with all addresses of its further pictures, chosen or not."""
    limited = [images for images in export.images if images.most][:1]
    return Row(pictures, [(images, further) for images in limited])


def listings(records: Iterable[RawRecord], part: int | None) -> Iterator[list[RawRecord]]:
    """Records that an import takes together: those with a cell in a column go with one above."""
    held: list[RawRecord] = []
    for record in records:
        if held and (len(held) == MOST_TOGETHER or not is_part(record, part)):
            yield held
            held = []
        held.append(record)
    if held:
        yield held


def is_part(record: RawRecord, part: int | None) -> bool:
    """Whether a record belongs to the one above."""
    return part is not None and part < len(record.cells) and bool(record.cells[part].strip())


def against(rules: WayBack, listing: Sequence[Row], base: str) -> str:
    """Why nothing of a listing may be written, if so."""
    new = [url for row in listing for url in row.new.values()]
    if not new:
        return ""
    if not all(row.can_be_written for row in listing if row.new):
        return "the row is quoted in a way that cannot be written again safely"
    if rules.taken == "paths only" and not all(path_below(base, url) for url in new):
        return (
            f"the platform takes paths below {base or 'its static folder'} only; "
            "give a `--public-url` there"
        )
    if rules.all_or_none and not all(map(_all_new, listing)):
        return "another picture of the listing is an old one still, and they may not be mixed"
    if most := next(filter(None, (_exceeded(rules, row) for row in listing)), 0):
        return f"the platform takes {most} pictures there"
    if rules.longest_url and max(map(len, new)) > rules.longest_url:
        return f"the platform takes addresses of {rules.longest_url} characters"
    if rules.https and not all(url.startswith("https://") for url in new):
        return "the platform takes pictures over https only"
    return ""


def _all_new(row: Row) -> bool:
    new = row.new
    return all(url in new for _, urls in row.named for url in urls)


def _exceeded(rules: WayBack, row: Row) -> int:
    """How many pictures a platform takes, where a row has more."""
    for images, urls in row.named:
        most = rules.most_of_part if row.is_part else images.most
        if most and len({*urls}) > most:
            return most
    return 0


def as_taken(
    rules: WayBack, pictures: Sequence[Known], new: Mapping[str, str], base: str
) -> dict[str, str]:
    """New addresses in the way in which an import takes them."""
    if rules.taken == "addresses":
        return dict(new)
    if rules.taken == "files":
        return {one.url: f"files/{one.path}" for one in pictures if one.url in new}
    return {old: path_below(base, url) or url for old, url in new.items()}


def path_below(base: str, url: str) -> str:
    """The path by which a file goes that lies below an address; nothing where it does not."""
    root = f"{in_ascii(base).rstrip('/')}/"
    return unquote(url.removeprefix(root)) if base and url.startswith(root) else ""


def in_ascii(address: str) -> str:
    """An address with only the characters of RFC 3986, as feeds and imports take it."""
    whole = quote(address, safe=punctuation)
    host = urlsplit(address).netloc
    if host.isascii():
        return whole
    try:
        return whole.replace(quote(host, safe=punctuation), host.encode("idna").decode(), 1)
    except UnicodeError:
        raise BadOption(f"`{host}` is no name of a host; give another address") from None


def check_endings(export: ExportFormat, made: str) -> None:
    """Refuse pictures in a format that the platform does not take. Raises `BadOption`."""
    endings = export.way_back.endings
    ending = {"jpeg": "jpg"}.get(made, made)
    if endings and ending not in endings:
        raise BadOption(
            f"{export.title} takes no {made.upper()}; choose a variant of "
            f"{', '.join(sorted(endings))} with `--variant`, or run again with `--format`."
        )
