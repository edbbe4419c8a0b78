"""The way back: a manifest again, with the new pictures' addresses where the old ones stood."""

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import duckdb
from pydantic import BaseModel

from packshot.exports.described import ExportFormat, Images, Key, columns_of
from packshot.facts.errors import BadOption
from packshot.facts.item import recognisable
from packshot.facts.job import Job
from packshot.run.import_folder import ImportFolder, unpacked
from packshot.run.import_rules import (
    Known,
    Row,
    against,
    as_taken,
    check_endings,
    is_part,
    listings,
    row_of_feed,
)
from packshot.run.judged_pictures import Judge, look_up
from packshot.run.left_out import LeftOut
from packshot.run.looking import stage
from packshot.run.spared import Spared
from packshot.run.way_back_files import Rows, Side, Slim, slim_path, text_file
from packshot.world.encodings import encoding_of
from packshot.world.export_heading import Heading, cleaned_header
from packshot.world.export_pictures import WHOLE_URLS, RecordReader
from packshot.world.export_records import PLAIN, heading_in
from packshot.world.manifest_files import ManifestFile, delimiter_of, opened
from packshot.world.manifest_staging import Staged
from packshot.world.raw_records import RawRecord, encoding_to_write, raw_records
from packshot.world.swapped_cells import CellSwap
from packshot.world.tables import tables
from packshot.world.workbooks import workbook_again
from packshot.world.xml_again import declared_encoding, feed_again
from packshot.world.xml_records import PROLOGUE_BYTES, markup_in, reader_of

NO_COLUMN: Final = "the export has no column that an import reads it from"
NO_PLACE: Final = "its address does not stand in its row in the way in which the run read it"
NOT_WRITTEN: Final = "only text, XML and workbooks are written again"


class WrittenBack(BaseModel):
    """What was written, and what was not."""

    files: list[str]
    written: int
    """Pictures whose new address stands in the file."""
    kept: dict[str, int]
    """Pictures whose old address stayed, by the reason."""
    told: str = ""
    """What an import of the file will do."""
    spared: dict[str, int]
    """Cells by which an import would have deleted, by what is said of them."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be written."""

    folder: Path
    public_url: str
    """Where the destination is seen from outside; `{path}` stands for a picture's place in it."""
    variant: str | None = None
    """Which finished picture; none: the first."""
    unreviewed: bool = False
    """Whether pictures that need review are written, too."""


def write_back(job: Job, wish: Wish, scratch: Path) -> WrittenBack:
    """Write the manifest's files again, and the side table. Raises `BadOption`, `BadManifest`."""
    if not wish.public_url.startswith(("http://", "https://")):
        raise BadOption("`--public-url` is no address; give one that begins with https://")
    staged = stage(job, scratch)
    with tables(scratch) as database, ImportFolder(wish.folder, staged.files) as folder:
        look_up(database, job, staged, scratch)
        writer = _Writer(job, wish, staged, database, folder)
        places = job.options.storage.fsspec_options()
        with opened(job.manifest, places, job.options.export.encoding) as files:
            for file in files:
                writer.add(file)
        return writer.result(folder.finish())


@dataclass(slots=True)
class _Item:
    """The item of a feed at hand."""

    staged: Sequence[Mapping[str, Any]] = ()
    row: Row = field(default_factory=lambda: Row((), ()))
    why: str = ""
    """Why nothing of it is written, if so."""


def _placed(one: Known, places: Mapping[str, bool]) -> Known:
    """A picture whose new address would have no place keeps its old one."""
    if one.new_url is None or places.get(one.url):
        return one
    return replace(one, new_url=None, reason=NO_COLUMN if one.url in places else NO_PLACE)


class _Writer:
    """Writes file after file."""

    def __init__(
        self,
        job: Job,
        wish: Wish,
        staged: Staged,
        database: duckdb.DuckDBPyConnection,
        folder: ImportFolder,
    ) -> None:
        self._job = job
        self._wish = wish
        self._staged = staged
        self._database = database
        self._folder = folder
        self._kept: Counter[str] = Counter()
        self._written = 0
        self._told = ""
        self._spared: Counter[str] = Counter()
        self._begun = False
        formats: dict[str, str] = {variant.name: variant.format for variant in job.options.variants}
        formats |= {output.name: output.format for output in job.options.outputs}
        self._names = list(formats)
        self._variant = wish.variant or self._names[0]
        if self._variant not in self._names:
            raise BadOption(
                f"there is no variant `{self._variant}`; choose one of {', '.join(self._names)}"
            )
        self._judge = Judge(wish.public_url, self._variant, unreviewed=wish.unreviewed)
        self._format = formats[self._variant]

    def add(self, file: ManifestFile) -> None:
        """Write one file again."""
        known = Rows(self._database, None if file.alone else file.name)
        if file.format == "xml":
            self._feed(file, known)
            return
        if file.format != "delimited":
            with self._side_table() as side:
                self._tell_rest(known, NOT_WRITTEN, side)
            return
        heading = self._heading(file)
        self._told = heading.export.way_back.told
        check_endings(heading.export, self._format)
        target = self._target(file)
        records = self._table(file, heading, known)
        if file.workbook is not None:
            changes = ((record.row, changed) for record, changed in records if changed)
            workbook_again(file.workbook, file.name, changes, target, file.below)
        else:
            encoding = encoding_to_write(heading.encoding, heading.delimiter)
            with text_file(target, encoding) as copy:
                copy.writelines(
                    record.with_cells(changed, heading.delimiter) if changed else record.text
                    for record, changed in records
                )

    def _table(
        self, file: ManifestFile, heading: Heading, known: Rows
    ) -> Iterator[tuple[RawRecord, dict[int, str]]]:
        """Every record with the cells that change."""
        base = self._job.options.export.base_url or ""
        base = base or heading.export.base or file.folder
        reader = RecordReader(heading.export, heading.names, base)
        swap = CellSwap(reader)
        left_out = LeftOut(self._job, file.folder, heading)
        rules = heading.export.way_back
        with ExitStack() as stack:
            side = stack.enter_context(self._side_table())
            slim = self._slim(heading, file, stack)
            spared = Spared(heading, self._spared)
            records = raw_records(file, heading)
            yield from ((record, {}) for record in _head(records, heading, slim))
            part = next(iter(columns_of(rules.parts, heading.names)), None)
            for listing in listings(records, part):
                rows = [self._row(record, known, swap, left_out, part) for record in listing]
                why = against(rules, rows, reader.base)
                for record, row in zip(listing, rows, strict=True):
                    new = {} if why else as_taken(rules, row.pictures, row.new, reader.base)
                    changed, replaced = swap.swapped(record.cells, new) if new else ({}, set())
                    self._tell_all(row.pictures, why, replaced, side)
                    yield record, spared.cells(record) | changed
                    if slim is not None:
                        slim.add(record.cells, changed, reader.image_columns)
            self._tell_rest(known, NO_PLACE, side)
            if slim is not None:
                slim.end()

    def _feed(self, file: ManifestFile, known: Rows) -> None:
        """Write an export in XML again."""
        markup = markup_in(file)
        rules = markup.export.way_back
        self._told = rules.told
        check_endings(markup.export, self._format)
        reader = reader_of(file, self._job.options.export)
        target = self._target(file)
        with ExitStack() as stack:
            side = stack.enter_context(self._side_table())
            encoding = self._encoding(file)
            copy = stack.enter_context(text_file(target, encoding))
            text = stack.enter_context(file.text(newline="", encoding=encoding))
            left_out = LeftOut(self._job, file.folder)
            item = _Item()

            def new(row: int, further: Sequence[str]) -> Mapping[str, str]:
                item.staged = known.of(row)
                pictures = [*map(self._judge, item.staged)]
                item.row = row_of_feed(markup.export, pictures, further)
                item.why = against(rules, [item.row], reader.base)
                if item.why:
                    return {}
                return as_taken(rules, item.row.pictures, item.row.new, reader.base)

            def met(addresses: Mapping[str, bool]) -> None:
                pictures = [*item.row.pictures, *left_out.of_item(addresses, item.staged)]
                written = [url for url, is_new in addresses.items() if is_new]
                self._tell_all(pictures, item.why, written, side)

            copy.writelines(feed_again(text, markup, reader.address, new, met))
            self._tell_rest(known, NO_PLACE, side)

    @staticmethod
    def _encoding(file: ManifestFile) -> str:
        with file.content() as content:
            return declared_encoding(content.read(PROLOGUE_BYTES))

    def _target(self, file: ManifestFile) -> Path:
        self._folder.source(file.workbook or file.path)
        return self._folder.file(unpacked(file.name))

    def result(self, files: Sequence[Path]) -> WrittenBack:
        """What came of it."""
        return WrittenBack(
            files=[str(file) for file in files],
            written=self._written,
            kept=dict(self._kept.most_common()),
            told=self._told,
            spared=dict(self._spared),
        )

    def _row(
        self,
        record: RawRecord,
        known: Rows,
        swap: CellSwap,
        left_out: LeftOut,
        part: int | None,
    ) -> Row:
        """The pictures of a record, and what has become of them."""
        found = known.of(record.row)
        pictures = [*map(self._judge, found), *left_out.of_record(record.cells, found)]
        places = swap.places(record.cells) if pictures else {}
        return Row(
            [_placed(one, places) for one in pictures],
            swap.named(record.cells),
            is_part(record, part),
            record.spans is not None,
        )

    def _tell_all(
        self,
        pictures: Sequence[Known],
        why: str,
        replaced: Container[str],
        side: Any,  # noqa: ANN401  csv's writers have no name
    ) -> None:
        """The pictures of one record, by what was really written."""
        for one in pictures:
            self._tell(one, why or NO_PLACE, side, written=one.url in replaced)

    def _tell_rest(self, known: Rows, why: str, side: Any) -> None:  # noqa: ANN401
        """Pictures of records that were not met."""
        for found in known.rest():
            self._tell(self._judge(found), why, side, written=False)

    def _tell(self, one: Known, why: str, side: Any, *, written: bool) -> None:  # noqa: ANN401
        """A line of the side table."""
        reason = "" if written else one.reason or why
        self._kept.update([reason] * (not written))
        self._written += written
        told = (one.key, one.position, recognisable(one.url), one.new_url or "", one.outcome)
        side.writerow((*told, reason))

    def _heading(self, file: ManifestFile) -> Heading:
        """How the file begins, be it an export or a plain table."""
        options = self._job.options
        return heading_in(file, options.export, options.columns) or _plain_heading(
            file, self._staged
        )

    def _side_table(self) -> Side:
        begun, self._begun = self._begun, True
        return Side(self._folder.side_table, new=not begun)

    def _slim(self, heading: Heading, file: ManifestFile, stack: ExitStack) -> Slim | None:
        rules = heading.export.way_back.slim
        if rules is None:
            return None
        whole = Path(unpacked(file.name))
        path = self._folder.file(
            str(slim_path(whole, rules, of_workbook=file.workbook is not None))
        )
        slim = Slim(path, stack.enter_context(text_file(path, heading.encoding)), heading, rules)
        if slim.can_be_written:
            return slim
        self._folder.drop(path)
        return None


def _head(records: Iterator[RawRecord], heading: Heading, slim: Slim | None) -> Iterator[RawRecord]:
    """The header, and what stands above it."""
    above = heading.records_before
    for record in records:
        above -= bool(record.cells)
        if slim is not None:
            slim.begin(record, is_header=above < 0)
        yield record
        if above < 0:
            return


def _plain_heading(file: ManifestFile, staged: Staged) -> Heading:
    """A plain table told as a format of its own: its image columns, one address each."""
    with file.content() as content:
        encoding = file.encoding or encoding_of(content.read(65_536))
    with file.text(newline="", encoding=encoding) as text:
        line = next((line for line in text if line.strip()), "")
    meaning = staged.understanding
    # By their places: as formats compare names, `Image (front)` and `Image (back)` are one.
    names = tuple(f"column{number}" for number, _ in enumerate(meaning.header, 1))
    images = tuple(
        Images(columns=names[meaning.header.index(name)], separator=WHOLE_URLS)
        for name in meaning.images
    )
    keys: tuple[Key, ...] = ()
    if not (meaning.position or meaning.image_id):
        keys = ((names[meaning.header.index(meaning.sku)],),)
    export = ExportFormat(
        name=PLAIN, title="a plain table", signatures=(), images=images, keys=keys
    )
    delimiter = delimiter_of(line, file.name)
    header = cleaned_header(meaning.header)
    return Heading(export, encoding, delimiter, 0, header, names, 0)
