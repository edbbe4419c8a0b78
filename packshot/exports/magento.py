"""Magento 2 and Adobe Commerce.

Facts: the code of Magento's CatalogImportExport module, its test files, and Firebear's samples.
"""

from typing import Final

from packshot.exports.described import ExportFormat, Images, SlimFile, WayBack, Where, any_of

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
            )
        ),
        endings=any_of("jpg", "jpeg", "png", "gif"),
    ),
    no_image=any_of("no_selection"),
    base_hint="the store's media folder, such as https://shop.example/media/catalog/product/",
    carried=("name", "producttype"),
)
