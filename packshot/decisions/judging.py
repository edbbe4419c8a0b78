"""Decide from an alpha channel's numbers whether a person should look at a cutout."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from packshot.facts.alpha import AlphaFacts
from packshot.facts.purchase import Box

EMPTY_SHARE: Final = 0.003
"""A thin necklace fills about a hundredth of its picture."""
WHOLE_SHARE: Final = 0.95
CUT_SIDE_SHARE: Final = 0.35
"""Of one side of the frame; a model seen from the knees up stays below."""
MANY_ISLANDS: Final = 8
BOX_OVERLAP: Final = 0.8
"""Intersection over union of the provider's box and ours."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a cutout needs review."""

    code: str
    reason: str


def judge(
    facts: AlphaFacts,
    *,
    stated_box: Box | None = None,
    computed_box: Box | None = None,
    cropped: bool = False,
) -> Doubt | None:
    """The first thing that looks wrong, the worst kind first.

    The two boxes are in the same pixels; without `computed_box` the alpha's own is taken.
    A picture that the provider cropped to the product is meant to be filled by it.
    """
    return next(_doubts(facts, stated_box, computed_box or facts.box, cropped=cropped), None)


def overlap(one: Box, other: Box) -> float:
    """Intersection over union, 0..1."""
    width = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    height = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    shared = max(0, width) * max(0, height)
    return shared / (one.width * one.height + other.width * other.height - shared or 1)


def _doubts(
    facts: AlphaFacts, stated: Box | None, computed: Box | None, *, cropped: bool
) -> Iterator[Doubt]:
    if max(facts.share_kept, facts.share_soft) < EMPTY_SHARE or facts.box is None:
        yield Doubt("nearly_empty", f"Almost nothing was kept: {facts.share_kept:.1%}.")
    if not cropped and facts.share_kept > WHOLE_SHARE:
        yield Doubt("nearly_whole", f"Almost nothing was removed: {facts.share_kept:.0%} is left.")
    if not cropped and max(facts.touches) > CUT_SIDE_SHARE:
        side, share = max(facts.touches._asdict().items(), key=lambda item: item[1])
        yield Doubt("cut_by_frame", f"The product fills {share:.0%} of the {side} edge.")
    if facts.islands > MANY_ISLANDS:
        yield Doubt("many_islands", f"The cutout falls into {facts.islands} separate parts.")
    if stated and computed and overlap(stated, computed) < BOX_OVERLAP:
        share = overlap(stated, computed)
        yield Doubt(
            "box_mismatch", f"The provider's box and the cutout overlap by only {share:.0%}."
        )
