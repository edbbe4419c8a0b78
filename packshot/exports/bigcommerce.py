"""BigCommerce, both generations of its export.

Facts: support.bigcommerce.com ("Supported product fields", "Importing complex attributes") and
public programs that read such files.
"""

from typing import Final

from packshot.exports.described import ExportFormat, Images, SlimFile, WayBack, Where, any_of

BIGCOMMERCE_2: Final = ExportFormat(
    name="bigcommerce-v2",
    title="BigCommerce, legacy export",
    signatures=(any_of("itemtype", "productcodesku"),),
    images=(Images(columns="productimageurl#|productimagefile#", written_to="productimagefile#"),),
    keys=(("productcodesku",), ("productsku",), ("productid",)),
    only=Where("itemtype", any_of("product")),
    carried=("productname",),
    way_back=WayBack(
        told="New addresses stand in `Product Image File - N`; `Product Image URL - N` is not "
        "read. Leave out `Option Set` columns on newer stores. The slim file keeps `Product ID` "
        "and `Product Image ID - N`, by which pictures are updated instead of added.",
        slim=SlimFile(
            columns=(
                "itemtype",
                "productid",
                "productname",
                "category|categorystring",
                "productimageid#",
                "productimagefile#",
                "productimagedescription#",
                "productimageisthumbnail#",
                "productimagesort#",
            ),
            changed_only=True,
        ),
    ),
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
            first=0,
            main=Where("imageisthumbnail", any_of("true", "1", "y", "yes")),
            when=Where("item", any_of("image")),
            written_to="imageurl",
        ),
        Images(columns="variantimageurl", when=Where("item", any_of("variant"))),
    ),
    begins=Where("item", any_of("product")),
    product_keys=(("sku",), ("id",)),
    keys=(("sku",), ("id",)),
    way_back=WayBack(
        told="New addresses stand in `Image URL (Import)`, in the picture's own row; the exported "
        "column is not read. In the slim file each picture stands below its product, those of "
        "variants are in the whole one only; whether a picture with an `ID` is replaced or added "
        "is unverified.",
        slim=SlimFile(
            columns=(
                "item",
                "id",
                "name",
                "sku",
                "imageurl",
                "imagedescription",
                "imageisthumbnail",
                "imagesortorder",
            ),
            changed_only=True,
            rows=Where("item", any_of("image")),
            above=Where("item", any_of("product")),
        ),
        longest_url=1024,
    ),
)
