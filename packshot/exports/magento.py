"""Magento 2 and Adobe Commerce, and Magento 1.

Facts: the code of Magento's CatalogImportExport module, its test files, and Firebear's samples; for
Magento 1 the headers that public programs write for its import.
"""

from typing import Final

from packshot.exports.described import ExportFormat, Images, SlimFile, WayBack, Where, any_of

_NONE: Final = any_of("no_selection")
_BASE: Final = "the store's media folder, such as https://shop.example/media/catalog/product/"

MAGENTO: Final = ExportFormat(
    name="magento",
    title="Magento 2 / Adobe Commerce",
    signatures=(
        any_of("sku", "baseimage"),
        any_of("sku", "additionalimages"),
        any_of("sku", "storeviewcode"),
    ),
    images=(
        Images(columns="baseimage"),
        Images(columns="additionalimages", separator=","),
        # Roles that may hold a picture of their own; most repeat the first.
        Images(columns="smallimage"),
        Images(columns="thumbnailimage"),
        Images(columns="swatchimage"),
    ),
    keys=(("sku",),),
    only=Where("storeviewcode", any_of("")),
    way_back=WayBack(
        told="Import with “add/update”, never “replace”: pictures are added and take over their "
        "roles; the old ones stay in the gallery until somebody removes them. WebP and AVIF "
        "are refused by the core.",
        slim=SlimFile(
            columns=(
                "sku",
                "baseimage",
                "smallimage",
                "thumbnailimage",
                "swatchimage",
                "additionalimages",
            ),
            # Without its view, a row of a store view would count for all of them.
            rows=Where("storeviewcode", any_of("")),
        ),
        endings=any_of("jpg", "jpeg", "png", "gif"),
    ),
    no_image=_NONE,
    base_hint=_BASE,
    carried=("name", "producttype"),
)

MAGENTO_1: Final = ExportFormat(
    name="magento-1",
    title="Magento 1",
    signatures=(any_of("sku", "mediaimage"), any_of("sku", "attributeset", "smallimage")),
    # A product goes on in rows without a SKU, one for each further picture.
    images=(
        Images(columns="image", of="product"),
        Images(columns="mediaimage", of="product", order="mediaposition"),
        Images(columns="smallimage", of="product"),
        Images(columns="thumbnail", of="product"),
    ),
    product="sku",
    product_keys=(("sku",),),
    keys=(("sku",),),
    only=Where("store", any_of("", "admin")),
    way_back=WayBack(
        told="The import takes files that lie in `media/import`, named by their path: put the new "
        "pictures there. Whether an address is taken is unverified."
    ),
    no_image=_NONE,
    base_hint=_BASE,
    carried=("name", "type"),
)
