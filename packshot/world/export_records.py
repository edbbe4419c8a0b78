"""A shop's export as a table of pictures: one row for each, under the number of its record."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from packshot.exports.described import columns_of
from packshot.facts.columns import Understanding
from packshot.facts.errors import BadManifest
from packshot.facts.export_choice import ExportChoice
from packshot.facts.item import NOT_CHOSEN
from packshot.world.export_heading import Heading, heading_of
from packshot.world.export_pictures import Picture, RecordReader
from packshot.world.guessing import ADDRESS, holds_pictures
from packshot.world.manifest_cells import Cell
from packshot.world.manifest_files import ManifestFile
from packshot.world.manifest_records import Broken, Chunk, Delimited
from packshot.world.row_filter import RowFilter

SKU: Final = "packshot sku"
IMAGE: Final = "packshot image"
POSITION: Final = "packshot position"
"""Names that no export has."""


ENOUGH: Final = 4
"""So many addresses say something of their column."""
PLAIN: Final = "table"
"""The choice that reads a file as a plain table, whatever it looks like."""


def export_of(file: ManifestFile, choice: ExportChoice) -> "ExportTable | None":
    """The file as the export of a shop, where it is one. Raises `BadManifest`."""
    if file.format != "delimited" or choice.format == PLAIN:
        return None
    heading = heading_of(file, choice.format)
    return None if heading is None else ExportTable(Delimited(file, heading), heading, choice)


class ExportTable:
    """The pictures of a delimited export."""

    def __init__(self, records: Delimited, heading: Heading, choice: ExportChoice) -> None:
        self.heading = heading
        self.left_out: list[str] = []
        self.reader = RecordReader(heading.export, heading.names, choice.base_url or "")
        self._records = records
        self._numbers = choice.numbers
        self._filter = RowFilter(choice.where, heading.header) if choice.where else None
        self._carried = self._carried_columns()
        carried = tuple(heading.header[at] for at in self._carried)
        self.header: tuple[str, ...] = (SKU, IMAGE, POSITION, *carried)
        self.meaning = Understanding(
            header=self.header,
            sku=SKU,
            images=(IMAGE,),
            position=POSITION,
            carried=carried,
            export=f"{heading.export.title}, {_told_by(heading)}",
        )

    def chunks(self) -> Iterator[Chunk]:
        """All pictures in the order of the records; call it once."""
        for chunk in self._records.chunks():
            rows: list[int] = []
            found: list[tuple[str, ...]] = []
            broken = [*chunk.broken]
            kept = None if self._filter is None else set(self._filter.kept(chunk.columns))
            records = zip(chunk.rows, zip(*chunk.columns, strict=True), strict=True)
            for place, (row, cells) in enumerate(records):
                texts = [str(cell) for cell in cells]
                if kept is not None and place not in kept:
                    self.reader.pass_over(texts)
                    broken.append(Broken(row, NOT_CHOSEN))
                    continue
                carried = tuple(texts[at] for at in self._carried)
                pictures = self._chosen(self.reader.pictures(texts))
                rows += [row] * len(pictures)
                found += [(*said(picture), *carried) for picture in pictures]
                if not pictures:
                    broken.append(Broken(row, self.reader.why or NOT_CHOSEN))
            urls = [url for _, url, *_ in found]
            self._check_pictures(urls)
            self._check_base(urls)
            columns: list[Sequence[Cell]] = [*zip(*found, strict=True)]
            yield Chunk(rows, columns or [()] * len(self.header), broken)

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

    def _check_base(self, urls: Sequence[str]) -> None:
        """Ask for what most addresses lack, instead of refusing them one by one."""
        bare = [url for url in urls if "://" not in url]
        export = self.heading.export
        if export.base_hint and not self.reader.base and len(bare) * 2 > len(urls):
            raise BadManifest(
                f"{export.title} names pictures by paths such as `{bare[0]}`; give what they hang "
                f"on with `--base-url`: {export.base_hint}."
            )

    def _chosen(self, pictures: list[Picture]) -> list[Picture]:
        if not self._numbers:
            return pictures
        return [picture for picture in pictures if picture.number in self._numbers]

    def _carried_columns(self) -> list[int]:
        export, names = self.heading.export, self.heading.names
        words = [column for key in (*export.keys, *export.product_keys) for column in key]
        spoken = [*words, *export.carried]
        return sorted({at for word in spoken for at in columns_of(word, names)[:1]})


def said(picture: Picture) -> tuple[str, str, str]:
    """The cells of one picture: key, address and position."""
    return (
        picture.key,
        picture.url,
        "" if picture.position is None else str(picture.position),
    )


def _addresses(urls: Sequence[str]) -> bool:
    """Whether at least half are addresses, whatever they end in."""
    return sum(bool(ADDRESS.match(url)) for url in urls) * 2 >= len(urls)


def _told_by(heading: Heading) -> str:
    delimiter: Mapping[str, str] = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "bar"}
    return f"delimited by {delimiter[heading.delimiter]}, {heading.encoding}"
