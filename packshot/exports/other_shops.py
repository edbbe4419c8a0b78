"""Squarespace, PrestaShop, Shopware, OpenCart and Salesforce B2B.

Facts: support.squarespace.com (product export), PrestaShop's and thirty bees' sample files,
Shopware's fixtures and documentation, an OpenCart workbook, and programs that write Salesforce's
import.
"""

from typing import Final

from packshot.exports.described import ExportFormat, Images, any_of

SQUARESPACE: Final = ExportFormat(
    name="squarespace",
    title="Squarespace",
    signatures=(any_of("hostedimageurls"),),
    images=(Images(columns="hostedimageurls", of="product", separator=" "),),
    product="productid",
    product_keys=(("sku",), ("variantid",), ("productid",), ("producturl",)),
    keys=(("sku",), ("variantid",), ("producturl",)),
)

PRESTASHOP: Final = ExportFormat(
    name="prestashop",
    title="PrestaShop",
    signatures=(any_of("imageurls", "reference"), any_of("imageurls", "categories")),
    images=(Images(columns="imageurls", separator=","),),
    keys=(("reference",), ("productid|id",)),
)

SHOPWARE_6: Final = ExportFormat(
    name="shopware",
    title="Shopware 6",
    signatures=(any_of("productnumber", "covermediaurl"),),
    images=(Images(columns="covermediaurl"), Images(columns="media", separator="|")),
    keys=(("productnumber",), ("id",)),
    carried=("name", "active"),
)

SHOPWARE_5: Final = ExportFormat(
    name="shopware-5-images",
    title="Shopware 5, images",
    signatures=(any_of("ordernumber", "image", "main"),),
    images=(Images(columns="image", of="product", order="position"),),
    product="ordernumber",
    product_keys=(("ordernumber",),),
    keys=(("ordernumber",),),
)

OPENCART: Final = ExportFormat(
    name="opencart",
    title="OpenCart, export/import workbook",
    signatures=(any_of("productid", "imagename"), any_of("productid", "image", "sortorder")),
    images=(Images(columns="imagename|image"),),
    keys=(("sku",), ("model",), ("productid",)),
    base_hint="the store's image folder, such as https://shop.example/image/",
)

SALESFORCE_B2B: Final = ExportFormat(
    name="salesforce-b2b",
    title="Salesforce B2B Commerce",
    signatures=(any_of("mediastandardurl#"),),
    images=(Images(columns="mediastandardurl#"), Images(columns="medialistingurl#")),
    keys=(("sku",),),
    carried=("productname",),
)
