"""Finding a manifest's files, fetching and unpacking them, and telling their format."""

import codecs
import gzip
import io
import posixpath
import re
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import fsspec
import pyarrow as pa
import zstandard

from packshot.exports.markup import Markup
from packshot.exports.registry import MARKUPS
from packshot.facts.errors import BadManifest
from packshot.facts.item import public
from packshot.world import scratch
from packshot.world.encodings import errors_of, marked
from packshot.world.place_errors import remedy
from packshot.world.quiet import quiet_libraries
from packshot.world.workbooks import MARK, Below, as_csv, is_workbook

Format = Literal["delimited", "json_lines", "parquet", "xml"]

_TEXTS = (".csv", ".tsv", ".txt", ".xml", ".jsonl", ".ndjson")
_SUFFIXES = (*_TEXTS, ".xlsx", ".xlsm", ".parquet", ".pq")
_PACKED = (".gz", ".zst", ".zstd")
_DELIMITERS = (",", ";", "\t", "|")
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_STRANGERS = {
    b"PK\x03\x04": "is a ZIP; unpack it, and give the table in it",
    b"\xd0\xcf\x11\xe0": "is a workbook of an old Excel; save its sheet as CSV",
    b"%PDF": "is a PDF; export the table as CSV",
    b"<": "is no feed of products but other XML or a web page; export it as CSV",
    b"[": "is one JSON array; write one object per line instead (JSON Lines)",
}
_PROLOGUE = re.compile(
    rb"(?:<\?.*?\?>\s*|<!--.*?-->\s*|<!DOCTYPE[^>\[]*(?:\[.*?\]\s*)?>\s*)*",
    re.DOTALL | re.IGNORECASE,
)
_LOST = (EOFError, zlib.error, zstandard.ZstdError)
_QUOTED = re.compile(r'"[^"]*"?')
_HEAD_BYTES = 65536


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """One file of a manifest, at hand on this machine."""

    name: str
    """For people: the file's name below the manifest's folder, no query, no login."""
    folder: str
    """Where it came from: a local path or a URL; relative image paths start here."""
    path: Path
    format: Format
    alone: bool
    """Whether it is the manifest's only file."""
    workbook: Path | None = None
    """The workbook whose sheet lies at `path` as text."""
    below: Below | None = None
    """The workbook's second sheet, where it is part of that text."""

    encoding: str | None = None
    """As chosen, or as a mark of byte order says."""

    def text(self, newline: str, encoding: str | None = None) -> io.TextIOWrapper:
        """The text; bytes that do not fit the encoding become lone surrogates.

        Without an encoding that of the file counts, and a mark of byte order is left out.
        """
        if encoding is None:
            own = self.encoding or "utf-8"
            encoding = "utf-8-sig" if own == "utf-8" else own
            encoding = "utf-16" if self._is_marked(own) else encoding
        return io.TextIOWrapper(
            self.content(), encoding=encoding, errors=errors_of(encoding), newline=newline
        )

    def _is_marked(self, encoding: str) -> bool:
        with self.content() as content:
            return marked(content.read(2)) == encoding

    def content(self) -> io.BufferedReader:
        """The unpacked bytes. Reading raises `EOFError` when an archive ends too early."""
        return _unpacked(self.path)


@contextmanager
def opened(
    manifest: str, storage_options: Mapping[str, Any], encoding: str | None = None
) -> Iterator[Iterator[ManifestFile]]:
    """The files of a manifest: a path or URL of a file, a folder, or a glob.

    `encoding` is that of its texts, where somebody has said it.
    A file that lies elsewhere is first copied whole, so that half a download is never
    taken for half a catalog; the copy lasts until the next file. Raises `BadManifest`.
    """
    quiet_libraries()
    with tempfile.TemporaryDirectory(prefix=scratch.prefix()) as room:
        yield _fetched(manifest, storage_options, Path(room), encoding)


def _fetched(
    manifest: str, storage_options: Mapping[str, Any], room: Path, chosen: str | None
) -> Iterator[ManifestFile]:
    with _reachable(manifest):
        # A client of an earlier manifest may hold credentials, or the lack of them, of its day.
        fs, root = fsspec.url_to_fs(manifest, skip_instance_cache=True, **storage_options)
        fs.invalidate_cache()
        paths = _found(fs, root, manifest)
        for path, name in _named(paths):
            local, folder = _at_hand(fs, path, room)
            alone, workbook, below = len(paths) == 1, None, None
            if _starts(local) == MARK and is_workbook(local):
                local, workbook = room / "sheet.csv", local
                below = as_csv(workbook, name, local)
            with intact(name):
                encoding = None if workbook else chosen or _marked(local)
                kind = _format(local, name, encoding)
            yield ManifestFile(name, folder, local, kind, alone, workbook, below, encoding)


@contextmanager
def _reachable(manifest: str) -> Iterator[None]:
    """Say in a sentence why a place cannot be read; causes are dropped, they name secrets."""
    shown = public(manifest)
    try:
        yield
    except BadManifest:
        raise
    except FileNotFoundError:
        raise BadManifest(f"There is nothing at `{shown}`; check the path.") from None
    except Exception as error:  # noqa: BLE001 - every kind of storage has errors of its own
        unknown = f"{type(error).__name__}; copy the file to a folder and give its path"
        raise BadManifest(f"`{shown}` cannot be read: {remedy(error, unknown)}.") from None


@contextmanager
def intact(name: str) -> Iterator[None]:
    """Say in a sentence that a file's content is damaged."""
    try:
        yield
    except (FileNotFoundError, PermissionError):
        raise
    except (*_LOST, OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise BadManifest(f"`{name}` is damaged or cut short; copy it again.") from error


def _found(fs: Any, root: str, manifest: str) -> list[str]:  # noqa: ANN401 - fsspec has no types
    """The paths of the files, sorted."""
    web = manifest.lower().startswith(("http://", "https://"))
    if web or fs.isfile(root):
        return [root]
    if fs.isdir(root):
        paths = [path for path in fs.ls(root, detail=False) if _may_be_manifest(path)]
    elif any(mark in root for mark in "*?["):
        paths = [path for path in fs.glob(root) if fs.isfile(path)]
    else:
        raise FileNotFoundError(root)
    if not paths:
        raise BadManifest(
            f"No file at `{public(manifest)}` is a manifest; names end in "
            f"{', '.join(_SUFFIXES)}, with {', '.join(_PACKED)} behind where packed. Name files in "
            "folders below by a glob, such as `catalog/*/*.parquet`."
        )
    return sorted(paths)


def _may_be_manifest(path: str) -> bool:
    name = _bare(posixpath.basename(path))
    return name.endswith(_SUFFIXES) and not name.startswith((".", "_"))


def _named(paths: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each path with the shortest name that tells it from the others."""
    shown = [public(path) if "://" in path else path for path in paths]
    base = posixpath.commonpath([posixpath.dirname(path) for path in shown]) if paths[1:] else ""
    for path, public_path in zip(paths, shown, strict=True):
        yield (
            path,
            posixpath.relpath(public_path, base) if base else posixpath.basename(public_path),
        )


def _at_hand(fs: Any, path: str, room: Path) -> tuple[Path, str]:  # noqa: ANN401
    """A file of this machine as it is, any other as a copy; and the folder it came from."""
    url = public(fs.unstrip_protocol(path))
    if url.startswith("file://"):
        return Path(path), posixpath.dirname(path)
    local = room / "manifest"
    fs.get_file(path, str(local))
    return local, posixpath.dirname(url)


def _marked(local: Path) -> str | None:
    with _unpacked(local) as content:
        return marked(content.read(2))


def _format(local: Path, name: str, encoding: str | None) -> Format:
    """The format by the first bytes; raises `BadManifest` for what is no manifest."""
    with _unpacked(local) as content:
        head = _as_utf8(content.read(_HEAD_BYTES), encoding, name)
    if head.startswith(b"PAR1"):
        if _starts(local) == b"PAR1":
            return "parquet"
        raise BadManifest(f"`{name}` is Parquet in an archive; unpack it.")
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start:
        raise BadManifest(f"`{name}` is empty; export it again.")
    if markup_of(start) is not None:
        return "xml"
    for mark, advice in _STRANGERS.items():
        if start.startswith(mark):
            raise BadManifest(f"`{name}` {advice}.")
    if start.startswith(b"{"):
        return "json_lines"
    if b"\0" in start.partition(b"\n")[0]:
        raise BadManifest(f"`{name}` is neither CSV, TSV, JSON Lines nor Parquet; save it as one.")
    return "json_lines" if _bare(name).endswith((".jsonl", ".ndjson")) else "delimited"


def _as_utf8(head: bytes, encoding: str | None, name: str) -> bytes:
    """How a file begins; only tables are read in UTF-16."""
    if encoding is None or not encoding.startswith("utf-16"):
        return head
    head = head.decode(encoding, "ignore").encode("utf-8", "ignore")
    if head.removeprefix(codecs.BOM_UTF8).lstrip().startswith((b"<", b"{")):
        raise BadManifest(f"`{name}` is UTF-16 and no table; save it as UTF-8.")
    return head


def markup_of(head: bytes) -> Markup | None:
    """The layout of an export in XML, by how it begins."""
    root = _PROLOGUE.sub(b"", head.removeprefix(b"\xef\xbb\xbf").lstrip(), count=1)
    return next((one for one in MARKUPS if one.begins.match(root)), None)


def delimiter_of(header_line: str, name: str) -> str:
    """The delimiter that parts the header line into most cells; quoted text does not count."""
    unquoted = _QUOTED.sub("", header_line)
    if _bare(name).endswith(".tsv") and "\t" in unquoted:
        return "\t"
    return max(_DELIMITERS, key=unquoted.count)


def _bare(name: str) -> str:
    """A file's name in lower case, without the ending that says how it is packed."""
    name = name.lower()
    for suffix in _PACKED:
        name = name.removesuffix(suffix)
    return name


def _unpacked(path: Path) -> io.BufferedReader:
    """The content of a file, whatever it is packed with: the bytes tell, not the name."""
    start = _starts(path)
    if start == _ZSTD:
        return io.BufferedReader(_Zstd(path.open("rb")), 1 << 20)
    if start.startswith(_GZIP):
        return io.BufferedReader(gzip.GzipFile(path), 1 << 20)
    return path.open("rb")


def _starts(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)


class _Zstd(io.RawIOBase):
    """Zstandard frames, one after the other; the library itself is silent about a torn one."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._ready = b""
        self._begun = False

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        """Fill the buffer; raise `EOFError` where a frame is torn."""
        while not self._ready:
            packed = self._frame.unused_data if self._frame.eof else b""
            packed = packed or self._file.read(1 << 12)  # a bomb unpacks to 128 MiB
            if self._frame.eof:
                self._frame, self._begun = zstandard.ZstdDecompressor().decompressobj(), False
            if not packed:
                if self._begun:
                    raise EOFError
                return 0
            self._begun = True
            self._ready = self._frame.decompress(packed)
        size = min(len(buffer), len(self._ready))
        buffer[:size], self._ready = self._ready[:size], self._ready[size:]
        return size

    def close(self) -> None:
        """Close the file beneath as well."""
        self._file.close()
        super().close()
