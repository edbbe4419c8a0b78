"""A shop's export as a table of pictures: one row for each, under the number of its record."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from packshot.exports.described import columns_of
from packshot.facts.columns import ColumnNames, Sure, Understanding, named_by_user
from packshot.facts.errors import BadManifest
from packshot.facts.export_choice import ExportChoice
from packshot.facts.item import NOT_CHOSEN
from packshot.world.export_heading import Heading, heading_of
from packshot.world.export_pictures import Picture, RecordReader
from packshot.world.guessing import ADDRESS, holds_pictures
from packshot.world.heading_overrides import overridden
from packshot.world.manifest_cells import Cell
from packshot.world.manifest_files import ManifestFile
from packshot.world.manifest_records import Broken, Chunk, Delimited
from packshot.world.product_rows import ProductRows
from packshot.world.row_filter import RowFilter

SKU: Final = "packshot sku"
IMAGE: Final = "packshot image"
POSITION: Final = "packshot position"
"""Names that no export has."""


ENOUGH: Final = 4
"""So many addresses say something of their column."""
PLAIN: Final = "table"
"""The choice that reads a file as a plain table, whatever it looks like."""


def export_of(
    file: ManifestFile, choice: ExportChoice, columns: ColumnNames
) -> "ExportTable | None":
    """The file as the export of a shop, where it is one. Raises `BadManifest`."""
    if file.format != "delimited":
        return None
    heading = heading_in(file, choice, columns)
    if heading is None:
        return None
    export = ExportTable(Delimited(file, heading), heading, choice)
    if columns.image_id:
        export.take_ids_from(columns.image_id)
    return export


def heading_in(file: ManifestFile, choice: ExportChoice, columns: ColumnNames) -> Heading | None:
    """How a delimited file begins as an export, with the columns that the user names."""
    heading = None if choice.format == PLAIN else heading_of(file, choice.format)
    if heading is None or columns == ColumnNames():
        return heading
    return overridden(heading, columns)


class ExportTable:
    """The pictures of a delimited export."""

    def __init__(self, records: Delimited, heading: Heading, choice: ExportChoice) -> None:
        self.heading = heading
        self.left_out: list[str] = []
        self.reader = RecordReader(heading.export, heading.names, choice.base_url or "")
        self._records = records
        self._numbers = choice.numbers
        self._filter = RowFilter(choice.where, heading.header) if choice.where else None
        self._products: ProductRows | None = None
        if self._filter is not None and ProductRows.needed(heading):
            self._products = ProductRows(heading, self._filter.places)
        self._choice = choice
        self._carry(self._carried_columns())
        self.meaning = self._understood()

    def take_ids_from(self, column: str) -> None:
        """Name each picture by a column of the export."""
        name = named_by_user(column, "image_id", self.heading.header)
        self._carry(sorted({*self._carried, self.heading.header.index(name)}))
        meaning = self._understood()
        carried = tuple(other for other in meaning.carried if other != name)
        self.meaning = meaning.model_copy(update={"image_id": name, "carried": carried})

    def _carry(self, places: list[int]) -> None:
        self._carried = places
        carried = (self.heading.header[at] for at in places)
        self.header: tuple[str, ...] = (SKU, IMAGE, POSITION, *carried)

    def _understood(self) -> Understanding:
        title, rivals = self.heading.export.title, self.heading.rivals
        laid_out = self._records.laid_out
        sure = _how_sure(self.heading, self._choice)
        meaning = understood(self.header, f"{title}, {laid_out}", *sure)
        told = {"laid_out": laid_out, "header_row": self._records.header_row}
        if rivals:
            told["rivals"] = (self.heading.export.name, *rivals)
        return meaning.model_copy(update=told)

    def chunks(self) -> Iterator[Chunk]:
        """All pictures in the order of the records; call it once."""
        for chunk in self._records.chunks():
            cells = [[str(cell) for cell in record] for record in zip(*chunk.columns, strict=True)]
            kept = None if self._filter is None else self._kept(self._filter, cells)
            records = zip(chunk.rows, cells, strict=True)
            found = pictures_of(self.reader, records, self._carried, kept, self._numbers)
            urls = [str(url) for url in found.columns[1]]
            self._check_pictures(urls)
            ask_for_base(self.reader, urls)
            yield Chunk(found.rows, found.columns, [*chunk.broken, *found.broken])

    def _kept(self, wanted: RowFilter, records: Sequence[Sequence[str]]) -> set[int]:
        """Places of the records for which the condition holds."""
        seen = records if self._products is None else self._products.filled(records)
        return {*wanted.kept([*zip(*seen, strict=True)])}

    def _check_pictures(self, urls: Sequence[str]) -> None:
        """A column that holds something else has been shifted, or is not what its name says."""
        if len(urls) >= ENOUGH and not holds_pictures(urls) and not _addresses(urls):
            columns = (self.heading.header[at] for at in self.reader.image_columns)
            raise BadManifest(
                f"This looks like an export of {self.heading.export.title}, but most cells of "
                f"{', '.join(f'`{name}`' for name in columns)} are no addresses of pictures, such "
                f"as `{urls[0]}`; check whether its columns are shifted, or name the right ones "
                "with `--sku-column` and `--image-column`."
            )

    def _carried_columns(self) -> list[int]:
        export, names = self.heading.export, self.heading.names
        words = [column for key in (*export.keys, *export.product_keys) for column in key]
        spoken = [*words, *export.carried]
        return sorted({at for word in spoken for at in columns_of(word, names)[:1]})


def ask_for_base(reader: RecordReader, urls: Sequence[str]) -> None:
    """Ask for what most addresses lack, instead of refusing them one by one."""
    bare = [url for url in urls if "://" not in url]
    export = reader.export
    if export.base_hint and not reader.base and len(bare) * 2 > len(urls):
        raise BadManifest(
            f"{export.title} names pictures by paths such as `{bare[0]}`; give what they hang "
            f"on with `--base-url`: {export.base_hint}."
        )


def _how_sure(heading: Heading, choice: ExportChoice) -> tuple[Sure, str]:
    if choice.format is not None:
        return "as asked", heading.because
    if heading.rivals:
        others = " or ".join(f"`--export-format {name}`" for name in heading.rivals)
        return "likely", f"{heading.because}; {others} would fit as well"
    return "likely" if heading.translated else "sure", heading.because


def understood(header: tuple[str, ...], told: str, sure: Sure, because: str) -> Understanding:
    """The meaning of a table of pictures; what follows its own three columns is carried."""
    return Understanding(
        header=header,
        sku=SKU,
        images=(IMAGE,),
        position=POSITION,
        carried=header[3:],
        export=told,
        sure=sure,
        because=because,
    )


def pictures_of(
    reader: RecordReader,
    records: Iterable[tuple[int, Sequence[str]]],
    carried: Sequence[int],
    kept: Collection[int] | None,
    numbers: Collection[int],
) -> Chunk:
    """The pictures of some records, each with the cells that are carried.

    `kept` are the places of the records that are wanted, None for all; `numbers` those of the
    pictures of a product, empty for all. A record without a picture is told with the reason.
    """
    rows: list[int] = []
    found: list[tuple[str, ...]] = []
    without: list[Broken] = []
    for place, (row, cells) in enumerate(records):
        if kept is not None and place not in kept:
            reader.pass_over(cells)
            without.append(Broken(row, NOT_CHOSEN))
            continue
        pictures = reader.pictures(cells)
        wanted = [one for one in pictures if not numbers or one.number in numbers]
        rows += [row] * len(wanted)
        found += [(*_said(one), *(cells[at] for at in carried)) for one in wanted]
        if not wanted:
            without.append(Broken(row, reader.why or NOT_CHOSEN))
    columns: list[Sequence[Cell]] = [*zip(*found, strict=True)]
    return Chunk(rows, columns or [()] * (3 + len(carried)), without)


def _said(picture: Picture) -> tuple[str, str, str]:
    position = "" if picture.position is None else str(picture.position)
    return picture.key, picture.url, position


def _addresses(urls: Sequence[str]) -> bool:
    """Whether at least half are addresses, whatever they end in."""
    return sum(bool(ADDRESS.match(url)) for url in urls) * 2 >= len(urls)
