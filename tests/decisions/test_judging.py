"""Which cutouts a person should look at."""

from dataclasses import replace

import pytest

from packshot.decisions.judging import Doubt, judge, overlap
from packshot.facts.alpha import AlphaFacts, Sides
from packshot.facts.purchase import Box

GOOD = AlphaFacts(
    width=1000,
    height=800,
    share_kept=0.3,
    share_soft=0.01,
    touches=Sides(0, 0, 0, 0),
    islands=2,
    box=Box(100, 100, 600, 500),
)


def code(doubt: Doubt | None) -> str | None:
    """The machine's half of a doubt."""
    return doubt and doubt.code


def test_a_good_cutout_raises_no_doubt() -> None:
    """A pair of shoes in the middle of the picture."""
    assert judge(GOOD) is None


@pytest.mark.parametrize(
    ("odd", "wanted"),
    [
        ({"share_kept": 0.0, "share_soft": 0.0, "box": None, "islands": 0}, "nearly_empty"),
        ({"share_kept": 0.001, "share_soft": 0.001}, "nearly_empty"),
        ({"share_kept": 0.001, "share_soft": 0.2}, None),
        ({"share_kept": 0.01}, None),
        ({"share_kept": 0.96}, "nearly_whole"),
        ({"touches": Sides(0, 0, 0, 0.6)}, "cut_by_frame"),
        ({"touches": Sides(0, 0, 0, 0.25)}, None),
        ({"islands": 9}, "many_islands"),
    ],
)
def test_odd_alphas_are_doubted(odd: dict[str, object], wanted: str | None) -> None:
    """Each test has its threshold; glass and thin chains pass."""
    assert code(judge(replace(GOOD, **odd))) == wanted


def test_the_worst_doubt_comes_first() -> None:
    """A picture that was kept whole also fills its frame; one reason is enough."""
    whole = replace(GOOD, share_kept=1.0, touches=Sides(1, 1, 1, 1))
    assert judge(whole) == Doubt("nearly_whole", "Almost nothing was removed: 100% is left.")


def test_a_reason_names_side_and_share() -> None:
    """A merchandiser knows where to look."""
    doubt = judge(replace(GOOD, touches=Sides(left=0.1, top=0, right=0.5, bottom=0)))
    assert doubt == Doubt("cut_by_frame", "The product fills 50% of the right edge.")


def test_a_cropped_cutout_may_fill_its_picture() -> None:
    """A book, cropped by the provider, is all product."""
    book = replace(GOOD, share_kept=1.0, touches=Sides(1, 1, 1, 1))
    assert judge(book, cropped=True) is None


def test_boxes_that_disagree_are_doubted() -> None:
    """The provider says that the product is elsewhere."""
    assert judge(GOOD, stated_box=Box(102, 99, 600, 500)) is None
    assert code(judge(GOOD, stated_box=Box(500, 400, 400, 300))) == "box_mismatch"


def test_the_box_in_source_pixels_counts_where_given() -> None:
    """A cutout of half the size has other pixels than its source."""
    stated = computed = Box(200, 200, 1200, 1000)
    assert judge(GOOD, stated_box=stated, computed_box=computed) is None


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        (Box(0, 0, 10, 10), Box(0, 0, 10, 10), 1.0),
        (Box(0, 0, 10, 10), Box(5, 0, 10, 10), 1 / 3),
        (Box(0, 0, 10, 10), Box(50, 50, 10, 10), 0.0),
        (Box(0, 0, 0, 0), Box(0, 0, 0, 0), 0.0),
    ],
)
def test_overlap_is_intersection_over_union(one: Box, other: Box, share: float) -> None:
    """Boxes without area overlap with nothing."""
    assert overlap(one, other) == pytest.approx(share)
