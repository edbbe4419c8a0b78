"""Etsy, eBay, Amazon and Allegro.

Facts: Etsy's "Download data" in public repositories; eBay's templates and programs that write them;
the geometry of Amazon's flat files as programs read it; Allegro's sample.
"""

from typing import Final

from packshot.exports.described import ExportFormat, Harmless, Images, SlimFile, WayBack, any_of

_EBAYS: Final = WayBack(
    told="`Action` stays as it was, but for End and Delete, which become Revise; set it to this to "
    "change listings. The slim file says Revise for every listing; one with pictures of variations "
    "is not in it. Pictures of a listing and of its variations are replaced together or not at "
    "all, for eBay mixes no hosting; it takes 24 of a listing and 12 of a variation.",
    slim=SlimFile(
        columns=("action", "itemid|itemnumber", "customlabel", "picurl|itemphotourl"),
        sets=(("action", "Revise"),),
        changed_only=True,
    ),
    harmless=(Harmless("action", any_of("end", "delete"), "Revise"),),
    https=True,
    all_or_none=True,
    parts="relationship",
    most_of_part=12,
)
_PARTIAL: Final = (
    "`PartialUpdate` in `update_delete` changes what is filled in and nothing else (unverified "
    "wording); a full update with blank cells clears them. Delete becomes a partial update. The "
    "rows above stay."
)
_DELETE: Final = (
    Harmless("updatedelete", any_of("delete"), "PartialUpdate"),
    Harmless("recordaction", any_of("delete"), "partial_update"),
)
_AMAZON: Final = WayBack(
    harmless=_DELETE,
    told=f"{_PARTIAL} The slim file says so, with all other cells empty.",
    slim=SlimFile(
        columns=(
            "itemsku",
            "feedproducttype",
            "mainimageurl",
            "otherimageurl#",
            "swatchimageurl",
        ),
        sets=(("updatedelete", "PartialUpdate"),),
        whole_width=True,
        changed_only=True,
    ),
)

ETSY: Final = ExportFormat(
    name="etsy",
    title="Etsy",
    signatures=(
        any_of("image1", "variation1type"),
        any_of("image1", "currencycode", "materials"),
        any_of("image1", "typevariation1"),
        any_of("immagine1", "tipovariante1"),
        any_of("bild1", "variationstyp1"),
    ),
    # English, French, Italian and German; the language is the seller's.
    images=(Images(columns="image#|immagine#|bild#"),),
    keys=(("sku|référence|bestandseinheit",), ("title|titre|titolo|titel",)),
    way_back=WayBack(told="Etsy itself imports no such file (unverified); use the side table."),
)

EBAY_FILE_EXCHANGE: Final = ExportFormat(
    name="ebay",
    title="eBay File Exchange",
    signatures=(any_of("action", "picurl"),),
    images=(Images(columns="picurl", separator="|", most=24),),
    keys=(("customlabel",), ("itemid",), ("title",)),
    way_back=_EBAYS,
)

EBAY_SELLER_HUB: Final = ExportFormat(
    name="ebay-seller-hub",
    title="eBay Seller Hub",
    signatures=(any_of("action", "itemphotourl"),),
    images=(Images(columns="itemphotourl", separator="|", most=24),),
    keys=(("customlabel",), ("itemnumber",), ("title",)),
    way_back=_EBAYS,
)

AMAZON: Final = ExportFormat(
    name="amazon",
    title="Amazon, flat file",
    signatures=(any_of("itemsku", "mainimageurl"),),
    images=(
        Images(columns="mainimageurl"),
        Images(columns="otherimageurl#"),
        Images(columns="swatchimageurl"),
    ),
    keys=(("itemsku",),),
    carried=("itemname", "parentchild"),
    way_back=_AMAZON,
)

AMAZON_UNIFIED: Final = ExportFormat(
    name="amazon-unified",
    title="Amazon, unified template",
    signatures=(any_of("contributionskuvalue", "mainproductimagelocatormedialocation"),),
    images=(
        Images(columns="mainproductimagelocatormedialocation"),
        Images(columns="otherproductimagelocator#medialocation"),
        Images(columns="swatchproductimagelocatormedialocation"),
    ),
    keys=(("contributionskuvalue",),),
    carried=("itemnamevalue",),
    way_back=WayBack(told=_PARTIAL, harmless=_DELETE),
)

ALLEGRO: Final = ExportFormat(
    name="allegro",
    title="Allegro",
    signatures=(any_of("externalid", "image1"),),
    images=(Images(columns="image#"),),
    keys=(("externalid",), ("gtin",)),
    way_back=WayBack(told="Import as the same offers' file (unverified)."),
)
