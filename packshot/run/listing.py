"""A folder or prefix of pictures as a manifest: a row for each picture."""

import csv
import posixpath
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import fsspec

from packshot.facts.errors import BadManifest, BadOption
from packshot.facts.item import public
from packshot.facts.job import Storage
from packshot.world.place_errors import remedy

ENDINGS: Final = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".tif", ".tiff", ".bmp")
PARTS: Final = ("stem", "name", "folder", "path")
COLUMNS: Final = ("sku", "image_url")


def list_pictures(folder: str, pattern: str, out: Path, storage: Storage) -> tuple[int, int]:
    """Write the manifest; answers how many pictures and how many SKUs it has.

    `pattern` makes the SKU: `{stem}` is the file's name without its ending, `{name}` with it,
    `{folder}` the folder it lies in, `{path}` its whole place below the folder that was given.
    Raises `BadOption` and `BadManifest`.
    """
    _check(pattern)
    skus: Counter[str] = Counter()
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = out.with_name(f"{out.name}.part")
    with aside.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for below, address in _pictures(folder, storage):
            sku = pattern.format(**_parts(below))
            skus[sku] += 1
            rows.writerow((sku, address))
    if not skus:
        aside.unlink()
        raise BadManifest(
            f"there are no pictures in `{public(folder)}`; check the address, names end in "
            f"{', '.join(ENDINGS)}"
        )
    aside.replace(out)
    return skus.total(), len(skus)


def _check(pattern: str) -> None:
    try:
        made = pattern.format(**dict.fromkeys(PARTS, "x"))
    except (KeyError, IndexError, ValueError, AttributeError):
        made = pattern
    if made == pattern:
        raise BadOption(
            f"`--sku {pattern}` makes no SKU of a file's name; write a pattern with "
            f"{', '.join(f'{{{part}}}' for part in PARTS)}, such as `{{stem}}`"
        )


def _parts(below: str) -> dict[str, str]:
    name = posixpath.basename(below)
    folder = posixpath.basename(posixpath.dirname(below))
    return {"stem": posixpath.splitext(name)[0], "name": name, "folder": folder, "path": below}


def _pictures(folder: str, storage: Storage) -> Iterator[tuple[str, str]]:
    """Each picture's place below the folder, and its address, sorted."""
    options = storage.fsspec_options() if folder.startswith(("s3://", "s3a://")) else {}
    try:
        fs, root = fsspec.url_to_fs(folder, **options)
        found = sorted(fs.find(root))
    except Exception as error:  # noqa: BLE001  whatever a file system throws
        said = remedy(error, "give a folder of this machine, or an address on s3://")
        raise BadOption(f"`{public(folder)}` cannot be listed; check it: {said}") from None
    for path in found:
        below = posixpath.relpath(path, root.rstrip("/") or "/")
        hidden = any(part.startswith((".", "_")) for part in below.split("/"))
        if path.lower().endswith(ENDINGS) and not hidden:
            yield below, fs.unstrip_protocol(path).removeprefix("file://")
