"""The columns that the user names, in place of those that a format would take."""

from dataclasses import replace

from packshot.exports.described import ExportFormat, Images, columns_of
from packshot.facts.columns import ColumnNames, named_by_user
from packshot.world.export_heading import Heading


def overridden(heading: Heading, wanted: ColumnNames) -> Heading:
    """The heading with the user's key and pictures; the format's lists and products stay.

    Raises `BadManifest` where there is no such column.
    """
    names = list(heading.names)

    def spoken(column: str, role: str) -> str:
        at = heading.header.index(named_by_user(column, role, heading.header))
        if not names[at] or names.index(names[at]) != at:
            names[at] = f"column{at}packshot"  # another one is called the same
        return names[at]

    export = heading.export
    if wanted.sku:
        key = ((spoken(wanted.sku, "sku"),),)
        export = replace(export, keys=key, product_keys=key if export.product_keys else ())
    if wanted.image:
        columns = [spoken(column, "image") for column in wanted.image]
        images = tuple(_images(heading, column, names.index(column)) for column in columns)
        export = replace(export, images=images)
    if wanted.position:
        order = spoken(wanted.position, "position")
        export = replace(export, images=tuple(replace(one, order=order) for one in export.images))
    because = f"{heading.because}; its columns are as asked"
    return replace(heading, export=export, names=tuple(names), because=because)


def _images(heading: Heading, column: str, place: int) -> Images:
    """How the format reads a column; one that it does not know as its lists, where it has some."""
    export: ExportFormat = heading.export
    for images in export.images:
        if place in columns_of(images.columns, heading.names) and images.columns != "*":
            return replace(images, columns=column)
    like = next((images for images in export.images if images.separator), export.images[0])
    return replace(like, columns=column, like="", written_to="")
