"""Squarespace, PrestaShop, Shopware, OpenCart and Akeneo.

Facts: support.squarespace.com (product export), PrestaShop's and thirty bees' sample files,
Shopware's fixtures and documentation, an OpenCart workbook, and Akeneo's integration tests.
"""

from typing import Final

from packshot.exports.described import (
    ExportFormat,
    Harmless,
    Images,
    SecondSheet,
    WayBack,
    Where,
    any_of,
)

# English, French, Spanish and Polish, the last one unverified.
_ADDS: Final = (
    Harmless(
        "deleteexistingimages|supprimerlesimagesexistantes|eliminelasimágenesexistentes|"
        "usuńistniejącezdjęcia",
        any_of("1", "1.0", "yes", "true", "oui", "si", "sí", "tak"),
        "0",
    ),
)

SQUARESPACE: Final = ExportFormat(
    name="squarespace",
    title="Squarespace",
    signatures=(any_of("hostedimageurls"),),
    images=(Images(columns="hostedimageurls", of="product", separator=" "),),
    product="productid",
    product_keys=(("sku",), ("variantid",), ("productid",), ("producturl",)),
    keys=(("sku",), ("variantid",), ("producturl",)),
    way_back=WayBack(
        told="Import the whole file; delete no column. Blanks stay between addresses."
    ),
)

PRESTASHOP: Final = ExportFormat(
    name="prestashop",
    title="PrestaShop",
    signatures=(
        any_of("imageurls", "reference"),
        any_of("imageurls", "categories"),
        any_of("urldesimages", "catégories"),
        any_of("urlsdelasimágenes", "categorías"),
        any_of("adresyurlzdjęcia", "kategorie"),
    ),
    # English, French, Spanish and Polish; the language is that of the back office.
    images=(
        Images(columns="imageurls|urldesimages|urlsdelasimágenes|adresyurlzdjęcia", separator=","),
    ),
    keys=(("reference|référence|référencen|referencianº|referencia|indeks",), ("productid|id",)),
    way_back=WayBack(
        told="`Delete existing images` comes back as 0, which adds the pictures to the old ones; 1 "
        "would delete these. "
        "Choose the file's own separators in the form.",
        harmless=_ADDS,
    ),
)

PRESTASHOP_COMBINATIONS: Final = ExportFormat(
    name="prestashop-combinations",
    title="PrestaShop, combinations",
    signatures=(
        any_of("productid", "attribute", "value", "imageurl"),
        any_of("productid", "attribute", "value", "imageurls"),
    ),
    images=(Images(columns="imageurls|imageurl", separator=","),),
    keys=(("reference",), ("productid", "value")),
    carried=("attribute",),
    way_back=WayBack(
        told="`Delete existing images` comes back as 0, which adds the pictures to the old ones; 1 "
        "would delete these. "
        "`Image position` chooses among the product's pictures, which the products' file brings.",
        harmless=_ADDS,
    ),
)

SHOPWARE_6: Final = ExportFormat(
    name="shopware",
    title="Shopware 6",
    signatures=(any_of("productnumber", "covermediaurl"),),
    images=(Images(columns="covermediaurl"), Images(columns="media", separator="|")),
    keys=(("productnumber",), ("id",)),
    carried=("name", "active"),
    way_back=WayBack(
        told="A new address is downloaded. With `cover_media_id` filled in, that medium's file is "
        "replaced for every product that shows it; empty the column to make a new one."
    ),
)

SHOPWARE_5: Final = ExportFormat(
    name="shopware-5-images",
    title="Shopware 5, images",
    signatures=(any_of("ordernumber", "image", "main"),),
    images=(
        Images(columns="image", of="product", order="position", main=Where("main", any_of("1"))),
    ),
    product="ordernumber",
    product_keys=(("ordernumber",),),
    keys=(("ordernumber",),),
    way_back=WayBack(told="Import as images (unverified)."),
)

OPENCART: Final = ExportFormat(
    name="opencart",
    title="OpenCart, export/import workbook",
    signatures=(any_of("productid", "imagename"), any_of("productid", "image", "sortorder")),
    images=(
        Images(columns="imagename|image"),
        Images(columns="additionalimagesimage", of="product"),
    ),
    product="productid",
    product_keys=(("sku",), ("model",), ("productid",)),
    keys=(("sku",), ("model",), ("productid",)),
    scattered=True,
    second_sheet=SecondSheet("additionalimages", by="productid"),
    way_back=WayBack(
        told="Pictures are files below the store's image folder: upload them there, and give the "
        "place, below `--base-url`, as `--public-url`; paths are written then. Whether an address "
        "is taken is unverified.",
        taken="paths where below the base",
    ),
    base_hint="the store's image folder, such as https://shop.example/image/",
)

AKENEO: Final = ExportFormat(
    name="akeneo",
    title="Akeneo, product export",
    signatures=(any_of("categories", "enabled", "family", "groups"),),
    images=(Images(columns="*", like=r"(?i)files/\S.*\.(?:jpe?g|png|gif|webp|avif|tiff?)"),),
    keys=(("sku",), ("identifier",), ("uuid",)),
    carried=("family", "enabled"),
    way_back=WayBack(
        told="Zip the table together with the destination's content, in a folder `files` beside "
        "it, and import the archive. Asset collections hold codes, not pictures, and stay.",
        taken="files",
    ),
)
