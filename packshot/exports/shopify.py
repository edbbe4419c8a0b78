"""Shopify's product export, with old, new and mixed headers, and Matrixify's.

Facts: help.shopify.com, "Using CSV files to import and export products", and exports in public
repositories; matrixify.app/documentation/products.
"""

from typing import Final

from packshot.exports.described import (
    ExportFormat,
    Harmless,
    Images,
    SlimFile,
    WayBack,
    Where,
    any_of,
)

_HANDLE: Final = "handle|urlhandle"
_OPTIONS: Final = "option1value"
_PICTURES: Final = Where("imagetype", any_of("", "image"))  # others are videos and models

SHOPIFY: Final = ExportFormat(
    name="shopify",
    title="Shopify",
    signatures=(
        any_of("handle", "imagesrc"),
        any_of("urlhandle", "productimageurl"),
        any_of("handle", "productimageurl"),
    ),
    # A gallery picture that stands in a variant's row is not that variant's.
    images=(
        Images(columns="imagesrc|productimageurl", of="product", order="imageposition"),
        Images(columns="variantimage|variantimageurl"),
    ),
    product=_HANDLE,
    product_keys=((_HANDLE,),),
    keys=(
        ("variantsku|sku",),
        (_HANDLE, _OPTIONS, "option2value", "option3value"),
        (_HANDLE, _OPTIONS, "option2value"),
        (_HANDLE, _OPTIONS),
        (_HANDLE,),
    ),
    carried=("title", "vendor", "status"),
    way_back=WayBack(
        told="Import with “overwrite existing products”: Shopify downloads each picture and hosts "
        "it itself. The slim file leaves all other columns alone; a column that is there and "
        "blank is overwritten with nothing. Pictures of variants are in the whole file only, for "
        "an import takes them together with all options. Whether old gallery pictures go is "
        "unverified.",
        slim=SlimFile(
            columns=(_HANDLE, "title", "imagesrc|productimageurl", "imageposition", "imagealttext")
        ),
    ),
)

MATRIXIFY: Final = ExportFormat(
    name="matrixify",
    title="Matrixify",
    signatures=(
        any_of("imagesrc", "imagecommand"),
        any_of("imagesrc", "imagetype"),
        any_of("imagesrc", "variantcommand"),
        any_of("imagesrc", "variantid"),
    ),
    images=(
        Images(
            columns="imagesrc",
            of="product",
            separator=";",
            order="imageposition",
            when=_PICTURES,
        ),
        Images(columns="variantimage"),
    ),
    product="handle|id|variantsku",
    product_keys=(("handle",), ("id",), ("variantsku",), ("variantid",)),
    keys=(("variantsku",), ("variantid",), ("handle",), ("id",)),
    carried=("title", "vendor", "status"),
    way_back=WayBack(
        told="`Command`, `Variant Command` and `Image Command` stay as they were, but for REPLACE "
        "and DELETE, which become MERGE: nothing is deleted, or made anew. The slim file says "
        "MERGE for products and pictures; pictures of variants are in the whole one only. The "
        "file's name must hold “Products”.",
        harmless=tuple(
            Harmless(column, any_of("replace", "delete"), "MERGE")
            for column in ("command", "variantcommand", "imagecommand")
        ),
        slim=SlimFile(
            columns=("id", "handle", "variantsku", "imagesrc", "imageposition", "imagealttext"),
            adds=(("Command", "MERGE"), ("Image Command", "MERGE")),
            in_name="Products",
            rows=_PICTURES,
        ),
    ),
)
