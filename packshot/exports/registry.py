"""Every export format there is; where two fit, the first counts."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from packshot.exports.bigcommerce import BIGCOMMERCE_2, BIGCOMMERCE_3
from packshot.exports.described import ExportFormat
from packshot.exports.magento import MAGENTO, MAGENTO_1
from packshot.exports.marketplaces import (
    ALLEGRO,
    AMAZON,
    AMAZON_UNIFIED,
    EBAY_FILE_EXCHANGE,
    EBAY_SELLER_HUB,
    ETSY,
)
from packshot.exports.markup import Markup
from packshot.exports.merchant import FEED, GOOGLE, META
from packshot.exports.other_shops import (
    AKENEO,
    OPENCART,
    PRESTASHOP,
    PRESTASHOP_COMBINATIONS,
    SHOPWARE_5,
    SHOPWARE_6,
    SQUARESPACE,
)
from packshot.exports.salesforce import CATALOG, SALESFORCE_B2B
from packshot.exports.shopify import MATRIXIFY, SHOPIFY
from packshot.exports.wix import WIX_NEW, WIX_OLD
from packshot.exports.woocommerce import WEBTOFFEE, WOOCOMMERCE, WP_ALL_EXPORT

_ALL: Final = (
    MATRIXIFY,  # has all of Shopify's columns
    SHOPIFY,
    WOOCOMMERCE,
    WEBTOFFEE,
    WP_ALL_EXPORT,
    MAGENTO,
    MAGENTO_1,
    META,  # has all of Google's
    GOOGLE,
    BIGCOMMERCE_2,
    BIGCOMMERCE_3,
    WIX_OLD,
    WIX_NEW,
    ETSY,
    EBAY_FILE_EXCHANGE,
    EBAY_SELLER_HUB,
    AMAZON,
    AMAZON_UNIFIED,
    ALLEGRO,
    SQUARESPACE,
    PRESTASHOP_COMBINATIONS,  # has some of the products' columns
    PRESTASHOP,
    SHOPWARE_6,
    SHOPWARE_5,
    OPENCART,
    AKENEO,
    SALESFORCE_B2B,
    CATALOG.export,
)
MARKUPS: Final[tuple[Markup, ...]] = (FEED, CATALOG)
FORMATS: Final[Mapping[str, ExportFormat]] = MappingProxyType({one.name: one for one in _ALL})
