"""Google Merchant Center's and Meta's product feeds as text.

Facts: support.google.com/merchants (image_link, additional_image_link), Meta's own template, and
the code of facebook/facebook-for-woocommerce.
"""

from typing import Final

from packshot.exports.described import ExportFormat, Images, any_of

META: Final = ExportFormat(
    name="meta",
    title="Meta catalog",
    signatures=(
        any_of("id", "imagelink", "fbproductcategory"),
        any_of("id", "image#url"),
        any_of("id", "additionalimagelink#"),
    ),
    images=(
        Images(columns="imagelink"),
        Images(columns="additionalimagelink", separator=","),
        Images(columns="additionalimagelink#"),
        Images(columns="image#url"),
    ),
    keys=(("id",),),
)

GOOGLE: Final = ExportFormat(
    name="google",
    title="Google Merchant Center",
    signatures=(any_of("id", "imagelink"),),
    images=(
        Images(columns="imagelink"),
        Images(columns="additionalimagelink", separator=","),
        Images(columns="lifestyleimagelink"),
    ),
    keys=(("id",), ("mpn",)),
)
