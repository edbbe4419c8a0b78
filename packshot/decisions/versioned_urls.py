"""Which shapes of URL carry a version of the picture, so that new bytes come with a new URL.

A shape is listed only with a source that says so. Looked at and left out: Magento's
`/cache/<hash>/` hashes how the picture is scaled, not the picture (magento.stackexchange.com,
question 152511); BigCommerce's `?c=` is explained nowhere; Cloudinary's `/v1/` is a filler that
its SDKs put before folders, and `/image/fetch/` shows another site's picture.
"""

import re
from typing import NamedTuple


class Shape(NamedTuple):
    """How one platform writes a version into its URLs, after `https://`."""

    platform: str
    pattern: str
    source: str


SHAPES = (
    Shape(
        "Shopify",
        r"(?:(?i:cdn\.shopify\.com)/|[^/?#]+/cdn/shop/)[^?#]*\?(?:[^#]*&)?v=[0-9]{10}",
        "help.shopify.com/manual/using-themes/troubleshooting/about-cdns: versions are appended "
        "to all generated URLs so that CDNs notice a change; "
        "shopify.dev/docs/api/liquid/filters/product_img_url: the shape on a shop's own host",
    ),
    Shape(
        "Cloudinary",
        r"(?i:res\.cloudinary\.com/[^/?#]+|[^/?#@.]+-res\.cloudinary\.com)"
        r"/image/(?:upload|private|authenticated)/(?:[^?#]*/)?v[0-9]{10}/",
        "cloudinary.com/documentation/advanced_url_delivery_options, Asset versions: the time of "
        "the upload",
    ),
    Shape(
        "Sanity",
        r"(?i:cdn\.sanity\.io)/images/[^/?#]+/[^/?#]+/[0-9a-f]{40}-[0-9]+x[0-9]+\.",
        "sanity.io/docs/asset-cdn: the URL includes a SHA-1 hash of the contents",
    ),
    Shape(
        "Oracle Commerce",
        r"[^/?#]+/file/v[0-9]{15,20}/",
        "docs.oracle.com/en/cloud/saas/cx-commerce/widge/manage-image-caching.html: the number "
        "is a checksum of the file",
    ),
)

VERSIONED_URL = "^(?i:https?)://(?:" + "|".join(shape.pattern for shape in SHAPES) + ")"
"""All shapes in one expression that Python and RE2 (DuckDB's `regexp_matches`) read alike."""

_VERSIONED = re.compile(VERSIONED_URL)


def is_versioned(url: str) -> bool:
    """Whether new bytes would come with a new URL."""
    return _VERSIONED.search(url) is not None
