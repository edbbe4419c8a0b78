"""Names of pictures at the destination."""

import re
from hashlib import blake2b

from packshot.facts.picture_file import SUFFIXES
from packshot.facts.purchase import BoughtPicture
from packshot.facts.variant import Variant, picture_id

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_WINDOWS_DEVICES = frozenset(
    {"con", "prn", "aux", "nul"}
    | {f"com{n}" for n in range(1, 10)}
    | {f"lpt{n}" for n in range(1, 10)}
)
"""Names that no file may have on Windows, whatever their ending (Win32 naming rules)."""
_SLUG_LENGTH = 40


def sku_folder(sku: str) -> str:
    """A folder name for any SKU: itself where that is safe, else a slug and a digest.

    Two SKUs that differ only by case may share a folder on a file system that ignores
    case; the files within are named by content, so nothing is overwritten.
    """
    stem = sku.partition(".")[0].lower()
    if _PLAIN.fullmatch(sku) and stem not in _WINDOWS_DEVICES and not sku.endswith("."):
        return sku
    slug = re.sub(r"[^A-Za-z0-9]+", "-", sku).strip("-")[:_SLUG_LENGTH].rstrip("-")
    digest = blake2b(sku.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
    return f"{slug}-{digest}" if slug else digest


def picture_path(sku: str, variant: Variant, result_hash: str) -> str:
    """Where a picture lies, relative to the destination; the name changes when it does."""
    name = f"{variant.name}-{picture_id(result_hash, variant)}.{variant.suffix}"
    return f"{sku_folder(sku)}/{name}"


def bought_path(sku: str, picture: BoughtPicture) -> str:
    """The same for a picture that is published as the provider made it."""
    name = f"{picture.name}-{picture.content_hash[:8]}.{SUFFIXES[picture.format]}"
    return f"{sku_folder(sku)}/{name}"
