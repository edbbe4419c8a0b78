"""What the import of a platform takes, and what of a record may therefore be written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from packshot.exports.described import ExportFormat, WayBack
from packshot.facts.errors import BadOption


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


def against(rules: WayBack, pictures: Sequence[Known], new: Mapping[str, str], base: str) -> str:
    """Why nothing of a record may be written, if so."""
    if not new:
        return ""
    if rules.taken == "paths only" and not all(path_below(base, url) for url in new.values()):
        return (
            f"the platform takes paths below {base or 'its static folder'} only; "
            "give a `--public-url` there"
        )
    longest = max(map(len, new.values()))
    if rules.all_or_none and any(one.new_url is None for one in pictures):
        return "another picture of the listing was not made, and they may not be mixed"
    if rules.most and len(pictures) > rules.most:
        return f"the platform takes {rules.most} pictures"
    if rules.longest_url and longest > rules.longest_url:
        return f"the platform takes addresses of {rules.longest_url} characters"
    if rules.https and not all(url.startswith("https://") for url in new.values()):
        return "the platform takes pictures over https only"
    return ""


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
    root = f"{base.rstrip('/')}/"
    return unquote(url.removeprefix(root)) if base and url.startswith(root) else ""


def check_endings(export: ExportFormat, made: str) -> None:
    """Refuse pictures in a format that the platform does not take. Raises `BadOption`."""
    endings = export.way_back.endings
    ending = {"jpeg": "jpg"}.get(made, made)
    if endings and ending not in endings:
        raise BadOption(
            f"{export.title} takes no {made.upper()}; choose a variant of "
            f"{', '.join(sorted(endings))} with `--variant`, or run again with `--format`."
        )
