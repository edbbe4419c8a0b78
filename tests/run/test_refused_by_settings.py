"""Who follows the remedy that a rejection names is not told the same again."""

from typing import Any

import pytest

from tests.run.nights import Shop

NAME = "shoe.png"


@pytest.mark.parametrize(
    ("refusing", "code", "remedy"),
    [
        ({"allow_hosts": []}, "unsafe_address", {}),
        ({"wire_format": "jpg"}, "option_not_supported", {}),
        ({"limits": {"source_megapixels": 1}}, "too_many_pixels", {}),
    ],
)
def test_other_settings_are_tried_at_once(
    shop: Shop, refusing: dict[str, Any], code: str, remedy: dict[str, Any]
) -> None:
    """The picture is cut the next night; under the old settings nobody asks for it again."""
    shop.draw(NAME, size=(1200, 1000))
    shop.list(shop.row("shoe", NAME))
    night = shop.night(**refusing)
    assert night.summary.outcomes == {"rejected": 1}
    assert dict(night.report["reason_code"]) == {0: code}
    again = shop.night(**refusing)
    assert again.summary.outcomes == {"rejected": 1}
    assert (again.seen.gets, again.seen.posts) == (0, 0)
    assert shop.night(**remedy).summary.outcomes == {"cut": 1}


def test_what_was_bought_is_not_bought_again(shop: Shop) -> None:
    """A variant that cannot be drawn rejects the item; with another the purchase is found."""
    shop.draw(NAME, size=(17_000, 60))
    shop.list(shop.row("shoe", NAME))
    wide = [{"format": "webp"}]
    assert shop.night(variants=wide).summary.outcomes == {"rejected": 1}
    night = shop.night()
    assert night.summary.outcomes == {"reused": 1}
    assert night.seen.posts == 0


def test_a_picture_the_provider_refused_stays_refused(shop: Shop) -> None:
    """Settings of ours have nothing to do with it."""
    shop.draw(NAME)
    shop.list(shop.row("shoe", NAME))
    shop.fail_next("error_code:unknown_foreground")
    assert shop.night().summary.outcomes == {"rejected": 1}
    night = shop.night(limits={"source_megapixels": 60})
    assert (night.seen.gets, night.seen.posts) == (0, 0)
