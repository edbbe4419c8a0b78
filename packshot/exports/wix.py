"""Wix Stores, both generations of its catalog.

Facts: exports of Wix's demo store in public repositories, and public programs that write them.
"""

from typing import Final

from packshot.exports.described import ExportFormat, Images, WayBack, any_of

MEDIA: Final = "https://static.wixstatic.com/media/"
_URI: Final = (r"^wix:image://v1/([^/#]+).*$", r"\1")

WIX_OLD: Final = ExportFormat(
    name="wix",
    title="Wix Stores",
    signatures=(any_of("handleid", "productimageurl"),),
    images=(Images(columns="productimageurl", of="product", separator=";"),),
    product="handleid",
    product_keys=(("sku",), ("handleid",)),
    keys=(("sku",), ("handleid",)),
    base=MEDIA,
    rewrites=(_URI,),
    way_back=WayBack(
        told="Addresses in place of media ids are taken on import; whether products are updated in "
        "place is unverified."
    ),
)

WIX_NEW: Final = ExportFormat(
    name="wix-v3",
    title="Wix Stores, new catalog",
    signatures=(any_of("handle", "fieldtype", "media"),),
    images=(Images(columns="media", of="product", separator=";"),),
    product="handle",
    product_keys=(("handle",),),
    keys=(("sku",), ("handle",)),
    base=MEDIA,
    rewrites=(_URI,),
    way_back=WayBack(
        told="Addresses in place of media ids are taken on import; whether products are updated in "
        "place is unverified."
    ),
)
