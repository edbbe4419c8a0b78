"""What the rows of `docs/delta.md` mean: what the ledger may hold, and what may be new tonight."""

import shutil
from collections.abc import Callable

from packshot.decisions.patience import NIGHTS
from tests.run.nights import Night, Row, Shop, photo, transparent

LARGE = (640, 480)
"""Larger than a preview, so that a preview is less than was asked for."""

Before = Callable[[Shop], object]
Tonight = Callable[[Shop], Night]


# --- what the ledger holds -----------------------------------------------------------------


def mug(shop: Shop, **cells: str) -> Row:
    """The row that is looked at."""
    return shop.row("mug", "mug.png", **cells)


def _cut_for_free(shop: Shop) -> None:
    shop.settings["provider"] = "local"
    shop.night()


def _cut_in_the_sandbox(shop: Shop) -> None:
    shop.market.open_anew()
    shop.night()
    shop.market.pass_for_real()


def _degraded(shop: Shop) -> None:
    shop.draw("mug.png", size=LARGE)
    shop.fail_next("degraded")
    shop.night()


def _cut_as_a_preview(shop: Shop) -> None:
    shop.draw("mug.png", size=LARGE)
    shop.settings["paid"] = {"resolution": "preview"}
    shop.night()


def _cut_shrunk(shop: Shop) -> None:
    shop.draw("mug.png", size=(2000, 1500))
    shop.settings["paid"] = {"purchase_megapixels": 2}
    shop.night()


def _master_lost(shop: Shop) -> None:
    shop.night()
    shutil.rmtree(shop.state / "masters")


def _transparent(shop: Shop) -> None:
    shop.put("mug.png", transparent())
    shop.night()


def _white(shop: Shop) -> None:
    shop.put("mug.png", photo(ground=255))
    shop.settings["skip_white"] = True
    shop.night()


def _no_picture(shop: Shop) -> None:
    shop.put("mug.png", b"<html>moved</html>")
    shop.night()


def _refused(shop: Shop) -> None:
    shop.fail_next("error_code:unknown_foreground")
    shop.night()


def _refused_by_local(shop: Shop) -> None:
    shop.settings |= {"provider": "local", "paid": {"foreground_type": "car"}}
    shop.night()


def _missing(shop: Shop) -> None:
    shop.take_down("mug.png")
    shop.night()


def _missing_next_night(shop: Shop) -> None:
    _missing(shop)
    shop.later(hours=23)


def _missing_for_good(shop: Shop) -> None:
    _missing(shop)
    for wait in NIGHTS:
        shop.later(days=wait.days)
        shop.night()


def _host_not_allowed(shop: Shop) -> None:
    shop.settings |= {"allow_hosts": []}
    shop.night()


def _too_large(shop: Shop) -> None:
    shop.put("mug.png", bytes(1_100_000))
    shop.night()


def _versioned(shop: Shop) -> None:
    shop.list(shop.row("mug", "mug.png?v=1790000000"))
    shop.night()


def _cut_then(lost: Before) -> Before:
    def live(shop: Shop) -> None:
        shop.night()
        shop.later(days=8)
        lost(shop)

    return live


def _gone(shop: Shop) -> None:
    shop.night()
    shop.list(shop.row("other", "other.png", skip="yes"))
    shop.night()


LEDGER: dict[str, Before] = {
    "never seen": lambda _: None,
    "never seen, cut in another catalog": lambda shop: _elsewhere(shop).night(),
    "never seen, bought by a run that died": lambda shop: shop.dead_night(),
    "cut": lambda shop: shop.night(),
    "cut, its URL versioned": _versioned,
    "cut for free": _cut_for_free,
    "cut in the sandbox": _cut_in_the_sandbox,
    "cut as a preview": _cut_as_a_preview,
    "cut, shrunk to 2 megapixels": _cut_shrunk,
    "cut smaller than asked": _degraded,
    "cut, its master lost": _master_lost,
    "skipped: transparent": _transparent,
    "skipped: white ground": _white,
    "rejected: no picture": _no_picture,
    "rejected: host not allowed": _host_not_allowed,
    "rejected: provider refused": _refused,
    "rejected: `local` refused": _refused_by_local,
    "rejected: five nights missing": _missing_for_good,
    "cut, then rejected: no picture": _cut_then(_no_picture),
    "cut, then rejected: too large": _cut_then(_too_large),
    "cut, then rejected: five nights missing": _cut_then(_missing_for_good),
    "failed, waiting": _missing,
    "failed, due": _missing_next_night,
    "cut, then failed, waiting": _cut_then(_missing),
    "cut, then failed, due": _cut_then(_missing_next_night),
    "gone": _gone,
}


# --- what is different tonight -------------------------------------------------------------


def _elsewhere(shop: Shop) -> Shop:
    other = shop.neighbour("back")
    other.list(mug(other))
    return other


def _due(shop: Shop) -> None:
    shop.later(days=8)


def _new_url(shop: Shop) -> None:
    shop.put("moved.png", (shop.pictures / "mug.png").read_bytes())
    shop.list(shop.row("mug", "moved.png"))


def _new_query(shop: Shop) -> None:
    shop.list(shop.row("mug", "mug.png?v=2"))


def _other_bytes(shop: Shop) -> None:
    shop.draw("mug.png", colour=1)


def _put_back(shop: Shop) -> None:
    shop.draw("mug.png")


def _transparent_tonight(shop: Shop) -> None:
    shop.put("mug.png", transparent())


def _white_tonight(shop: Shop) -> None:
    shop.put("mug.png", photo(ground=255))


def _no_picture_tonight(shop: Shop) -> None:
    shop.put("mug.png", b"<html>")


def _nothing_there(shop: Shop) -> None:
    shop.take_down("mug.png")


def _listed(shop: Shop) -> None:
    shop.list(mug(shop))


def _after(*changes: Before, **job: object) -> Tonight:
    def night(shop: Shop) -> Night:
        for change in changes:
            change(shop)
        return shop.night(**job)

    return night


def _rows(*cells: dict[str, str]) -> Before:
    """The manifest with one row of the mug for each of these."""
    return lambda shop: shop.list(*(mug(shop, **row) for row in cells))


def _two_skus(shop: Shop) -> None:
    shop.put("cup.png", photo())
    shop.list(mug(shop), shop.row("cup", "cup.png"))


def _two_urls(shop: Shop) -> None:
    shop.put("moved.png", photo(1))
    shop.list(mug(shop), shop.row("mug", "moved.png"))


def _out_of_the_manifest(shop: Shop) -> None:
    shop.list(shop.row("other", "other.png", skip="yes"))


def _there_and_back(shop: Shop) -> Night:
    shop.night(paid=PRODUCT)
    return shop.night()


def _other_provider(recut: str) -> Tonight:
    def night(shop: Shop) -> Night:
        now = shop.settings.pop("provider", "removebg")
        return shop.night(provider="local" if now == "removebg" else "removebg", recut=recut)

    return night


def _retry(*changes: Before) -> Tonight:
    return _after(*changes, retry=True)


def _rehearsed(shop: Shop) -> Night:
    shop.market.open_anew()
    night = shop.night(recut="all")
    shop.market.pass_for_real()
    return night


def _two_sold_smaller(shop: Shop) -> Night:
    shop.draw("mug.png", size=LARGE)
    shop.draw("cup.png", size=LARGE)
    shop.list(mug(shop), shop.row("cup", "cup.png"))
    shop.fail_next("degraded", times=2)
    return shop.night()


def _without_etags(shop: Shop) -> None:
    shop.rewrite_ledger("NULL::VARCHAR AS etag")


def _master_restored(shop: Shop) -> Night:
    """The purchase is put back after a night that missed it."""
    shop.night(variants=SMALL)
    _elsewhere(shop).night()
    return shop.night(variants=SMALL, retry=True)


PRODUCT = {"foreground_type": "product"}
WIDE = [{"name": "wide", "longest_side": LARGE[0]}]
WIDEST = [{"name": "widest", "longest_side": 1900}]
SMALL = [{"name": "small", "longest_side": 32}]

TONIGHT: dict[str, Tonight] = {
    "nothing": _after(),
    "nothing, due": _after(_due),
    "nothing, the next night": _after(lambda shop: shop.later(hours=23)),
    "new URL, same bytes": _after(_new_url),
    "new query, same bytes": _after(_new_query),
    "new query, same bytes, no ETag": _after(_without_etags, _new_query),
    "nothing, due, no ETag": _after(_without_etags, _due),
    "nothing, a month later": _after(lambda shop: shop.later(days=31)),
    "other bytes": _after(_other_bytes),
    "other bytes, due": _after(_other_bytes, _due),
    "other bytes, new URL": _after(_other_bytes, _new_url),
    "transparent": _after(_transparent_tonight),
    "transparent, due": _after(_transparent_tonight, _due),
    "white ground, `skip_white`": _after(_white_tonight, skip_white=True),
    "white ground, due, `skip_white`": _after(_white_tonight, _due, skip_white=True),
    "`skip_white`": _after(skip_white=True),
    "`skip_white` off": _after(skip_white=False),
    "no picture": _after(_no_picture_tonight),
    "no picture, due": _after(_no_picture_tonight, _due),
    "provider refuses": _after(lambda shop: shop.fail_next("error_code:unknown_foreground")),
    "404": _after(_nothing_there),
    "404, due": _after(_nothing_there, _due),
    "put back": _after(_put_back),
    "allowed now": _after(allow_hosts=["127.0.0.1"]),
    "put back, due": _after(_put_back, _due),
    "put back under a new URL": _after(_put_back, _new_url),
    "paid option, job": _after(paid=PRODUCT),
    "paid option, row": _after(_rows(PRODUCT)),
    "`purchase_megapixels: 1`": _after(paid={"purchase_megapixels": 1}),
    "`purchase_megapixels: 3`": _after(paid={"purchase_megapixels": 3}),
    "`purchase_megapixels` off": _after(paid={}),
    "a variant larger than what was bought, shrunk": _after(variants=WIDEST),
    "paid option, there and back": _there_and_back,
    "paid option, `recut: never`": _after(paid=PRODUCT, recut="never"),
    "`recut: all`": _after(recut="all"),
    "variant": _after(variants=SMALL),
    "a variant larger than what was bought": _after(variants=WIDE),
    "variant, due": _after(_due, variants=SMALL),
    "other provider": _other_provider("options"),
    "other provider, `recut: provider`": _other_provider("provider"),
    "other provider, `recut: never`": _other_provider("never"),
    "other provider, `recut: all`": _other_provider("all"),
    "the row says skip": _after(_rows({"skip": "yes"})),
    "the row is repeated": _after(_rows({}, {})),
    "the row is repeated with another option": _after(_rows({}, PRODUCT)),
    "the key has two URLs": _after(_two_urls),
    "the row is bad": _after(_rows({"image_url": ""})),
    "another SKU shows the picture": _after(_two_skus),
    "another SKU shows the picture, sold smaller": _two_sold_smaller,
    "rehearsal, `recut: all`": _rehearsed,
    "after a rehearsal, `recut: all`": lambda shop: (_rehearsed(shop), shop.night())[1],
    "gone": _after(_out_of_the_manifest),
    "back": _after(_listed),
    "back after a month": _after(_listed, lambda shop: shop.later(days=30)),
    "`limit: 0`": _after(limit=0),
    "due, `limit: 0`": _after(_due, limit=0),
    "`only` another": _after(only=["cup"]),
    "retry": _retry(),
    "put back, retry": _retry(_put_back),
    "variant, master restored, retry": _master_restored,
    "variant, then retry": lambda shop: (shop.night(variants=SMALL), shop.night(retry=True))[1],
}
"""The last row about the last SKU is looked at."""
