"""What can be told from an alpha channel alone, as plain numbers."""

from dataclasses import dataclass
from typing import NamedTuple

from packshot.facts.purchase import Box


class Sides(NamedTuple):
    """One share (0..1) for each side of a picture's frame."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AlphaFacts:
    """An alpha channel in numbers; shares are of all pixels, 0..1."""

    width: int
    height: int
    share_kept: float
    """Pixels that are mostly product (alpha at least 128)."""
    share_soft: float
    """Pixels that are neither clearly product nor clearly nothing (alpha 8..247)."""
    touches: Sides
    """How much of each side of the frame is product."""
    islands: int
    """Separate parts, specks left out."""
    box: Box | None
    """Smallest rectangle around everything visible, in pixels of this alpha."""


def in_source_pixels(box: Box, cutout: tuple[int, int], source: tuple[int, int]) -> Box:
    """Scale a box from an uncropped cutout's (width, height) to its source's."""
    across, down = source[0] / cutout[0], source[1] / cutout[1]
    left, top = round(box.left * across), round(box.top * down)
    right = round((box.left + box.width) * across)
    bottom = round((box.top + box.height) * down)
    return Box(left, top, right - left, bottom - top)
