"""WooCommerce: its own export, and those of two plug-ins.

Facts: the code of WooCommerce's exporter and importer (as kept in ClassicPress/classic-commerce),
and exports in public repositories.
"""

from types import MappingProxyType
from typing import Final

from packshot.exports.described import ExportFormat, Images, SlimFile, WayBack, any_of

TYPES: Final = any_of("simple", "variable", "variation", "grouped", "external", "subscription")
"""What its own products are; plug-ins add others."""
_IMAGES: Final = "images|bilder|imágenes|immagine|imagens|afbeeldingen|изображения"

WOOCOMMERCE: Final = ExportFormat(
    name="woocommerce",
    title="WooCommerce",
    signatures=(
        any_of("id", "type", "sku", "images"),
        any_of("type", "sku", "images", "parent"),
        any_of("type", "sku", "images", "published"),
    ),
    images=(Images(columns=_IMAGES, separator=","),),
    keys=(("sku",), ("id",)),
    carried=("name", "published"),
    way_back=WayBack(
        told="Import with “update existing products”: the list replaces the product's pictures, "
        "the first becomes the featured one. An address that was imported before is not "
        "fetched again, so new pictures need new names, which they have.",
        slim=SlimFile(columns=("id", "sku", "images")),
    ),
    base_hint="the site's upload folder, such as https://shop.example/wp-content/uploads/",
    # Headers are in the site's language, the types of products are not.
    by_content=MappingProxyType({"type": TYPES}),
    by_place=MappingProxyType({0: "id", 1: "type", 2: "sku"}),
)

WEBTOFFEE: Final = ExportFormat(
    name="woocommerce-webtoffee",
    title="WooCommerce (WebToffee)",
    signatures=(any_of("posttitle", "images"), any_of("postname", "images")),
    images=(Images(columns="images", separator="|", cut=" ! "),),
    keys=(("sku",), ("id",), ("postname",), ("posttitle",)),
    carried=("posttitle", "poststatus"),
    way_back=WayBack(
        told="Import with the same plug-in, updating existing products.",
        slim=SlimFile(columns=("sku", "images")),
    ),
)

WP_ALL_EXPORT: Final = ExportFormat(
    name="woocommerce-wp-all-export",
    title="WooCommerce (WP All Export)",
    signatures=(any_of("imageurl", "imagefeatured"), any_of("imageurl", "imagetitle")),
    images=(
        Images(columns="imagefeatured", separator="|"),
        Images(columns="imageurl", separator="|"),
    ),
    keys=(("sku",), ("id",), ("title",)),
    way_back=WayBack(told="Import with WP All Import, mapped as before (unverified)."),
)
