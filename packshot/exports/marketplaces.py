"""Etsy, eBay, Amazon and Allegro.

Facts: Etsy's "Download data" in public repositories; eBay's templates and programs that write them;
the geometry of Amazon's flat files as programs read it; Allegro's sample.
"""

from typing import Final

from packshot.exports.described import ExportFormat, Images, any_of

ETSY: Final = ExportFormat(
    name="etsy",
    title="Etsy",
    signatures=(any_of("image1", "variation1type"),),
    images=(Images(columns="image#"),),
    keys=(("sku",), ("title",)),
)

EBAY_FILE_EXCHANGE: Final = ExportFormat(
    name="ebay",
    title="eBay File Exchange",
    signatures=(any_of("action", "picurl"),),
    images=(Images(columns="picurl", separator="|"),),
    keys=(("customlabel",), ("itemid",)),
)

EBAY_SELLER_HUB: Final = ExportFormat(
    name="ebay-seller-hub",
    title="eBay Seller Hub",
    signatures=(any_of("action", "itemphotourl"),),
    images=(Images(columns="itemphotourl", separator="|"),),
    keys=(("customlabel",), ("itemnumber",)),
)

AMAZON: Final = ExportFormat(
    name="amazon",
    title="Amazon, flat file",
    signatures=(any_of("itemsku", "mainimageurl"),),
    images=(
        Images(columns="mainimageurl"),
        Images(columns="otherimageurl#"),
        Images(columns="swatchimageurl"),
    ),
    keys=(("itemsku",),),
    carried=("itemname", "parentchild"),
)

AMAZON_UNIFIED: Final = ExportFormat(
    name="amazon-unified",
    title="Amazon, unified template",
    signatures=(any_of("contributionskuvalue", "mainproductimagelocatormedialocation"),),
    images=(
        Images(columns="mainproductimagelocatormedialocation"),
        Images(columns="otherproductimagelocator#medialocation"),
        Images(columns="swatchproductimagelocatormedialocation"),
    ),
    keys=(("contributionskuvalue",),),
    carried=("itemnamevalue",),
)

ALLEGRO: Final = ExportFormat(
    name="allegro",
    title="Allegro",
    signatures=(any_of("externalid", "image1"),),
    images=(Images(columns="image#"),),
    keys=(("externalid",), ("gtin",)),
)
