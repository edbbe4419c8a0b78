"""Staging a manifest: whatever was handed in becomes one Parquet file with one row per image.

A record that yields no image yields one rejected row, so every row number occurs. Rejected
rows have `reject_code` and `reject_reason`, and neither key nor url; `written` is what they held.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from packshot.decisions.addresses import Reach
from packshot.facts.columns import FAILED_KEY, ColumnNames, Understanding, understand
from packshot.facts.errors import BadManifest
from packshot.facts.export_choice import ExportChoice
from packshot.facts.item import (
    LEFT_OUT,
    LONGEST_SKU,
    NOBODYS,
    NOT_CHOSEN,
    Fault,
    fetchable,
    item_key,
    shown,
    sku_fault,
)
from packshot.world.export_records import ExportTable, export_of
from packshot.world.guessing import Guess, guess
from packshot.world.manifest_cells import (
    Cell,
    foreground_type,
    may_be_list,
    position,
    readable,
    resolution,
    whole_urls,
    yes_or_no,
)
from packshot.world.manifest_files import ManifestFile, opened
from packshot.world.manifest_records import Broken, Chunk, Delimited, Table, check_header, table
from packshot.world.row_filter import RowFilter
from packshot.world.xml_records import FeedTable

T = TypeVar("T")

ALL = ExportChoice()
CARRIED = "carried_"
_ROLES = ("sku", "position", "image_id", "foreground_type", "resolution", "skip")
STAGED_FIELDS = (
    pa.field("row", pa.int64(), nullable=False),
    pa.field("file", pa.string()),
    pa.field("sku", pa.string()),
    pa.field("key", pa.string()),
    pa.field("position", pa.int32()),
    pa.field("image_id", pa.string()),
    pa.field("url", pa.string()),
    pa.field("foreground_type", pa.string()),
    pa.field("resolution", pa.string()),
    pa.field("skip", pa.bool_(), nullable=False),
    pa.field("reject_code", pa.string()),
    pa.field("reject_reason", pa.string()),
    pa.field(
        "written", pa.struct([(name, pa.string()) for name in (*_ROLES, "image_url", "shown_url")])
    ),
)
"""`shown_url` is what a report may show of `image_url`."""

_NO_SKU = Fault("no_sku", "The row has no SKU; fill it in.")
_NO_IMAGE = Fault("no_image", "The row has no image address; fill it in.")


@dataclass(frozen=True)
class Staged:
    """What lies in the staged file."""

    understanding: Understanding
    rows: int
    """Records of the manifest."""
    images: int
    """Staged rows that can be worked on."""
    rejected: int
    path: Path
    files: tuple[str, ...]
    named_by: dict[str, int] = field(default_factory=dict)
    """Of an export: how many pictures were named by which columns."""
    without_picture: dict[str, int] = field(default_factory=dict)
    """Records that are as they should be and nothing to work on, by the code of the reason."""


def stage_manifest(
    manifest: str,
    out: Path,
    *,
    columns: ColumnNames,
    reach: Reach,
    storage_options: Mapping[str, Any],
    choice: ExportChoice = ALL,
    read: Callable[[int], object] = lambda _: None,
) -> Staged:
    """Read a manifest and write it to `out`, normalised; `out` appears only when complete.

    `read` is told how many records have been read, again and again. Raises `BadManifest`. The
    file holds URLs as they will be fetched, signatures included.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = out.with_name(f"{out.name}.part")
    staging = _Staging(aside, columns, reach, choice)
    try:
        with opened(manifest, storage_options, choice.encoding) as files, closing(staging):
            for file in files:
                staging.add(file, read)
        aside.replace(out)
    finally:
        aside.unlink(missing_ok=True)
    return staging.result(out)


class _Staging:
    """One staged file in the making."""

    def __init__(
        self, path: Path, columns: ColumnNames, reach: Reach, choice: ExportChoice
    ) -> None:
        self._path = path
        self._columns = columns
        self._choice = choice
        self._reach = reach
        self._meaning: Understanding | None = None
        self._writer: Any = None
        self._files: list[str] = []
        self._left_out: dict[str, None] = {}
        self._rows = self._images = self._rejected = 0
        self._named_by: Counter[str] = Counter()
        self._without: Counter[str] = Counter()

    def add(self, file: ManifestFile, read: Callable[[int], object]) -> None:
        """Stage one file's records."""
        first = self._meaning.header if self._meaning else None
        export = self._export(file)
        records: Table = export or table(file, first)
        if export is not None:
            check_header(export.header, first, file.name)
        meaning = self._meaning = self._meaning or (
            export.meaning if export else self._understood(records)
        )
        carried = [pa.field(CARRIED + name, pa.string()) for name in meaning.carried]
        schema = pa.schema([*STAGED_FIELDS, *carried])
        self._writer = self._writer or pq.ParquetWriter(self._path, schema, compression="zstd")
        chosen = self._choice
        rows = RowFilter(chosen.where, records.header) if chosen.where and not export else None
        for whole in records.chunks():
            chunk = whole if rows is None else _only(whole, rows.kept(whole.columns))
            numbers = frozenset() if export else chosen.numbers
            pictures = _Pictures(chunk, meaning, file.folder, self._reach, numbers)
            staged = pictures.table(schema, None if file.alone else file.name)
            self._writer.write_table(staged)
            records_read = len({*whole.rows}) + len(whole.broken)
            self._rows += records_read
            read(records_read)
            without = Counter(code for code in staged["reject_code"].to_pylist() if code)
            left_out = {code: without.pop(code) for code in LEFT_OUT if code in without}
            self._without.update(left_out)
            self._rejected += without.total()
            self._images += staged.num_rows - without.total() - sum(left_out.values())
        if export is not None:
            self._named_by.update(export.reader.keys_used)
        self._left_out |= dict.fromkeys(records.left_out)
        self._files.append(file.name)

    def _export(self, file: ManifestFile) -> ExportTable | FeedTable | None:
        """The file as an export, where it is one."""
        if file.format == "xml":
            return FeedTable(file, self._choice, self._columns)
        return export_of(file, self._choice, self._columns)

    def close(self) -> None:
        """Write the Parquet footer."""
        if self._writer is not None:
            self._writer.close()

    def result(self, path: Path) -> Staged:
        """What was staged."""
        assert self._meaning is not None  # noqa: S101 - a manifest has at least one file
        return Staged(
            self._meaning.model_copy(update={"left_out": tuple(self._left_out)}),
            self._rows,
            self._images,
            self._rejected,
            path,
            tuple(self._files),
            dict(self._named_by),
            dict(self._without),
        )

    def _understood(self, records: Table) -> Understanding:
        """By name; a guess by content is no more than a question."""
        try:
            return _laid_out(understand(records.header, self._columns), records)
        except BadManifest as error:
            if self._columns != ColumnNames():
                raise
            first = next(records.chunks(), None)
            found = guess(records.header, first.columns) if first else Guess(None, ())
            if not (found.sku and found.images):
                raise
            flags = " ".join(f"--image-column '{name}'" for name in found.images)
            raise BadManifest(
                f"{error.message} By their cells it could be "
                f"`--sku-column '{found.sku}' {flags}`: give that, if it is right.",
                error.code,
            ) from None


class _Pictures:
    """The pictures of a chunk: records read role by role, then told apart by image."""

    def __init__(
        self,
        chunk: Chunk,
        meaning: Understanding,
        folder: str,
        reach: Reach,
        numbers: frozenset[int],
    ) -> None:
        self._chunk = chunk
        self._numbers = numbers
        self._meaning = meaning
        self._cells = dict(zip(meaning.header, chunk.columns, strict=True))
        self._faults: dict[int, Fault] = {}
        self._skus = self._read(meaning.sku, partial(_sku, meaning.sku), "")
        self._positions = self._read(meaning.position, position, None)
        self._image_ids = self._read(meaning.image_id, partial(_image_id, meaning.image_id), None)
        self._types = self._read(meaning.foreground_type, foreground_type, None)
        self._resolutions = self._read(meaning.resolution, resolution, None)
        self._skips = self._read(meaning.skip, yes_or_no, default=False)
        self._index, self._written = self._images()
        self._found = [
            fetchable(url, folder, reach.schemes) if url else _NO_IMAGE for url in self._written
        ]
        if meaning.export:  # in a table of one's own it is a fault
            self._found = [
                NOBODYS if isinstance(url, str) and reach.is_nobodys(url) else url
                for url in self._found
            ]
        if self._faults:
            self._found = [
                self._faults.get(i, found)
                for i, found in zip(self._index, self._found, strict=True)
            ]

    def _read(self, column: str | None, parse: Callable[[str], T | Fault], default: T) -> list[T]:
        """One value per record; the first fault of a record stands for it."""
        if column is None:
            return [default] * len(self._chunk.rows)
        values: list[T] = []
        for i, cell in enumerate(self._texts(column)):
            value = parse(cell.strip())
            if isinstance(value, Fault):
                self._faults.setdefault(i, value)
                value = default
            values.append(value)
        return values

    def _texts(self, column: str) -> Sequence[str]:
        return [_text(cell) for cell in self._cells[column]]

    def _images(self) -> tuple[Sequence[int], list[str]]:
        """For each image its record and its address as written; none is one without address."""
        columns = [self._cells[name] for name in self._meaning.images]
        plain = len(columns) == 1 and not self._chunk.lists and not self._numbers
        if plain and (self._meaning.export or not any(map(may_be_list, columns[0]))):
            return range(len(columns[0])), [str(cell).strip() for cell in columns[0]]
        index: list[int] = []
        written: list[str] = []
        for i, cells in enumerate(zip(*columns, strict=True)):
            urls = [url for cell in cells for url in self._addresses(cell)]
            if self._numbers and urls:
                urls = [url for number, url in enumerate(urls, 1) if number in self._numbers]
                if not urls:
                    self._faults.setdefault(i, NOT_CHOSEN)
            written += urls or [""]
            index += [i] * (len(urls) or 1)
        return index, written

    def _addresses(self, cell: Cell) -> list[str]:
        urls: Sequence[str] = cell
        if isinstance(cell, str):  # the reader of an export has parted its lists
            urls = [cell] if self._meaning.export else whole_urls(cell)
        return [stripped for url in urls if (stripped := url.strip())]

    def table(self, schema: Any, file: str | None) -> Any:  # noqa: ANN401 - pyarrow has no types
        """The staged rows, in the order of the manifest's rows."""
        size = len(self._index)
        faults = [found if isinstance(found, Fault) else None for found in self._found]
        columns = {
            "row": self._spread(self._chunk.rows),
            "file": pa.array([file] * size, pa.string()),
            "sku": self._spread([sku or None for sku in self._skus]),
            **self._keys(faults),
            "image_id": self._spread(self._image_ids),
            "url": [None if fault else url for fault, url in zip(faults, self._found, strict=True)],
            "foreground_type": self._spread(self._types),
            "resolution": self._spread(self._resolutions),
            "skip": self._spread(self._skips),
            "reject_code": [fault and fault.code for fault in faults],
            "reject_reason": [fault and fault.reason for fault in faults],
            "written": [fault and self._as_written(at) for at, fault in enumerate(faults)],
        }
        for name in self._meaning.carried:
            columns[CARRIED + name] = self._spread(_carried(self._texts(name)))
        whole = pa.table(columns, schema=schema)
        if not self._chunk.broken:
            return whole
        return pa.concat_tables([whole, _broken(self._chunk.broken, schema, file)]).sort_by("row")

    def _keys(self, faults: Sequence[Fault | None]) -> dict[str, Sequence[object]]:
        """Keys and positions; a position counts where it can mean only one image."""
        positions = self._spread(self._positions)
        if not isinstance(self._index, range):
            images = Counter(self._index)
            positions = [
                number if images[i] == 1 else None
                for i, number in zip(self._index, positions, strict=True)
            ]
        skus, image_ids = self._spread(self._skus), self._spread(self._image_ids)
        names = zip(faults, skus, self._written, positions, image_ids, strict=True)
        keys = [
            None if fault else item_key(sku, url, number, image_id)
            for fault, sku, url, number, image_id in names
        ]
        if self._meaning.selection:
            before = self._spread([readable(cell) for cell in self._texts(FAILED_KEY)])
            keys = [key and (was or key) for key, was in zip(keys, before, strict=True)]
        return {"key": keys, "position": positions}

    def _as_written(self, at: int) -> dict[str, str]:
        """What a rejected image's record says, role by role."""
        columns = {role: getattr(self._meaning, role) for role in _ROLES}
        said = {
            role: readable(_text(self._cells[column][self._index[at]]))
            for role, column in columns.items()
            if column is not None
        }
        url = readable(self._written[at])
        return said | {"image_url": url, "shown_url": shown(url)}

    def _spread(self, values: Sequence[T]) -> Sequence[T]:
        """Values of records as values of images."""
        return values if isinstance(self._index, range) else [values[i] for i in self._index]


def _laid_out(meaning: Understanding, records: Table) -> Understanding:
    """What a table means, and how its text is laid out."""
    if not isinstance(records, Delimited):
        return meaning
    told = {"laid_out": records.laid_out, "header_row": records.header_row}
    return meaning.model_copy(update=told)


def _only(chunk: Chunk, kept: Sequence[int]) -> Chunk:
    """The records at these places; the others are told as left out."""
    wanted = {*kept}
    others = [row for at, row in enumerate(chunk.rows) if at not in wanted]
    return Chunk(
        [chunk.rows[at] for at in kept],
        [[column[at] for at in kept] for column in chunk.columns],
        [*chunk.broken, *(Broken(row, NOT_CHOSEN) for row in others)],
        chunk.lists,
    )


def _broken(broken: Iterable[Broken], schema: Any, file: str | None) -> Any:  # noqa: ANN401
    """Records that could not be read, as rejected rows."""
    rows = [
        {
            "row": row,
            "file": file,
            "skip": False,
            "reject_code": fault.code,
            "reject_reason": fault.reason,
        }
        for row, fault in broken
    ]
    return pa.Table.from_pylist(rows, schema=schema)


def _text(cell: Cell) -> str:
    return cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)


def _carried(cells: Sequence[str]) -> Sequence[str]:
    """Cells that Parquet can hold."""
    text = "".join(cells)
    return cells if text.isascii() and "\0" not in text else [readable(cell) for cell in cells]


def _sku(column: str, text: str) -> str | Fault:
    if text.isascii() and text.isprintable() and 0 < len(text) <= LONGEST_SKU:
        return text
    return (sku_fault(text, column) or text) if text else _NO_SKU


def _image_id(column: str | None, text: str) -> str | Fault | None:
    return sku_fault(text, f"{column}", "bad_image_id") or text or None
