"""Google Merchant Center's product feeds, as text and in XML, and Meta's.

Facts: support.google.com/merchants (image_link, additional_image_link), Meta's own template, and
the code of facebook/facebook-for-woocommerce.
"""

from dataclasses import replace
from typing import Final

from packshot.exports.described import ExportFormat, Images, SlimFile, WayBack, any_of
from packshot.exports.markup import Markup

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
    way_back=WayBack(told="Upload as the same feed; the row of help stays where it was."),
)

GOOGLE: Final = ExportFormat(
    name="google",
    title="Google Merchant Center",
    signatures=(any_of("id", "imagelink"),),
    images=(
        Images(columns="imagelink"),
        Images(columns="additionalimagelink", separator=",", most=10),
        Images(columns="additionalimagelink#", most=10),
        Images(columns="lifestyleimagelink"),
    ),
    keys=(("id",), ("mpn",)),
    way_back=WayBack(
        told="Upload as the same feed, or the slim file as a supplemental feed (unverified). A new "
        "picture needs a new address, which it has.",
        slim=SlimFile(
            columns=(
                "id",
                "imagelink",
                "additionalimagelink",
                "additionalimagelink#",
                "lifestyleimagelink",
            )
        ),
        longest_url=2000,
    ),
)

FEED: Final = Markup(
    export=replace(
        GOOGLE,
        images=(
            Images(columns="imagelink"),
            Images(columns="additionalimagelink", separator="\n", most=10),
            Images(columns="lifestyleimagelink"),
        ),
    ),
    root="rss|feed",
    above=any_of("rss", "channel", "feed"),
    items=any_of("item", "entry"),
    columns=(
        *("id", "title", "mpn", "item_group_id", "availability", "brand"),
        *("image_link", "lifestyle_image_link"),
    ),
    pictures=("image_link", "additional_image_link", "lifestyle_image_link"),
    repeated="additional_image_link",
)
