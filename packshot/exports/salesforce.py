"""Salesforce: B2B Commerce's table, and B2C Commerce's catalog in XML.

Facts: programs that write Salesforce's import; catalogs in public repositories (such as
acibilous/sfcc-catalog-reducer), and programs that write such catalogs after `catalog.xsd`.
"""

from typing import Final

from packshot.exports.described import ExportFormat, Images, WayBack, any_of
from packshot.exports.markup import Markup

SALESFORCE_B2B: Final = ExportFormat(
    name="salesforce-b2b",
    title="Salesforce B2B Commerce",
    signatures=(any_of("mediastandardurl#"),),
    images=(Images(columns="mediastandardurl#"), Images(columns="medialistingurl#")),
    keys=(("sku",),),
    carried=("productname",),
    way_back=WayBack(
        told="A CMS workspace is named in the import's form when media columns are present."
    ),
)

SALESFORCE_B2C: Final = ExportFormat(
    name="salesforce-b2c",
    title="Salesforce B2C Commerce, catalog in XML",
    signatures=(),
    images=(Images(columns="images", separator="\n"),),
    keys=(("productid",), ("manufacturersku",), ("upc",)),
    carried=("displayname", "onlineflag"),
    base_hint="the catalog's static folder with its base path, such as "
    "https://shop.example/on/demandware.static/-/Sites-catalog/default/images/",
    way_back=WayBack(
        told="Paths below the catalog's static folder: upload the pictures there (WebDAV), and "
        "give where they lie, below `--base-url`, as `--public-url`. Pictures of other views "
        "than `large` stay as they were, and so does a product's `mode`: `delete` would delete "
        "it. Choose MERGE as the import's mode; what REPLACE does to products is unverified.",
        taken="paths only",
    ),
)

CATALOG: Final = Markup(
    export=SALESFORCE_B2C,
    root="catalog",
    namespace="demandware.com/xml/impex/catalog",
    above=any_of("catalog"),
    items=any_of("product"),
    columns=("@product-id", "manufacturer-sku", "upc", "display-name", "online-flag"),
    listed=("images", "image", "path"),
    grouped=("image-group", "view-type"),
    preferred="large",
    kinds="view-type",
    base=("https-url", "http-url"),
)
