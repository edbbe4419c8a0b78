"""Addresses that say of themselves that a smaller copy of the picture lies there.

Seen in public exports of BigCommerce and Shopify, and in feeds made of Magento shops. How to write
such an address so that the original comes is verified for none of them, so nothing is rewritten.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

RENDITIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "a width in the query": r"[?&]width=\d+",
        "BigCommerce's size in the name": r"\.\d{2,4}\.\d{2,4}\.(?:jpe?g|png|gif|webp)(?:\?|$)",
        "Magento's cache in the path": r"/media/catalog/product/cache/[0-9a-f]{8,}/",
    }
)
"""Regular expressions over addresses, by what they notice."""
