"""BigCommerce, both generations of its export.

Facts: support.bigcommerce.com ("Supported product fields", "Importing complex attributes") and
public programs that read such files.
"""

from typing import Final

from packshot.exports.described import ExportFormat, Images, Where, any_of

BIGCOMMERCE_2: Final = ExportFormat(
    name="bigcommerce-v2",
    title="BigCommerce, legacy export",
    signatures=(any_of("itemtype", "productcodesku"),),
    images=(Images(columns="productimageurl#|productimagefile#"),),
    keys=(("productcodesku",), ("productsku",), ("productid",)),
    only=Where("itemtype", any_of("product")),
    carried=("productname",),
)

BIGCOMMERCE_3: Final = ExportFormat(
    name="bigcommerce-v3",
    title="BigCommerce",
    signatures=(any_of("item", "internalimageurl"), any_of("item", "imageurl", "imagesortorder")),
    images=(
        Images(
            columns="internalimageurl|imageurl",
            of="product",
            order="imagesortorder",
            when=Where("item", any_of("image")),
        ),
        Images(columns="variantimageurl", when=Where("item", any_of("variant"))),
    ),
    begins=Where("item", any_of("product")),
    product_keys=(("sku",), ("id",)),
    keys=(("sku",), ("id",)),
)
