"""Cut a product out of a studio picture without a service, a model or a network.

A studio ground is smooth: one colour that drifts slowly across the picture. Four steps follow from that.

1. Fit the ground as a smooth surface, starting from the frame of the picture.
2. Mark what only a product can be (another tint, lighter than paper, textured) and what only paper can be.
   Everything between, such as white leather and cast shadows, stays open.
3. Let a watershed share out the open part: a shadow fades into the paper, a product ends at a sharp edge.
4. At full size, read each edge pixel as a mixture of product and ground, and take the ground's share out.

Steps 1 to 3 work on a reduced copy. Colours there are Lab floats: L 0..100, a and b about -128..127.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

WORKING_SIDE: Final = 800  # px, long side of the reduced copy
FITTING_SIDE: Final = 160  # px, long side of the copy the ground is fitted on
SMALLEST_SIDE: Final = 8  # px; below this there is no frame to tell from a middle

PAPER, PRODUCT = 1, 2  # watershed labels; 0 is open


@dataclass(frozen=True, slots=True)
class StudioCut:
    """A product without its ground."""

    colour: Bytes  # H x W x 3, RGB, cleaned of the ground at the edge; 0,0,0 where alpha is 0
    alpha: Bytes  # H x W, 255 = product
    unsure: str | None  # a sentence for a merchandiser when the cut should be looked at


@dataclass(frozen=True, slots=True)
class _Copy:
    """What the reduced copy shows; lightness steps and details count in 1/255 of the full range."""

    lab: Floats  # H x W x 3
    calm: Bytes  # H x W x 3, Lab in bytes, single odd pixels removed
    steps: Bytes  # H x W, the largest change within 3 px
    detail: (
        Bytes  # H x W, how far a dot or line stands out; nothing for a lone edge or a soft shadow
    )


@dataclass(frozen=True, slots=True)
class _Ground:
    """The picture as it would look without the product."""

    lab: Floats  # H x W x 3
    noise: float  # Lab units, how far a paper pixel typically lies from the surface
    framed: float  # 0..1, the share of the picture's frame that is this ground


def cut_from_studio(rgb: Bytes) -> StudioCut:
    """Separate the product in an H x W x 3 RGB picture from its studio ground."""
    height, width = rgb.shape[:2]
    if min(height, width) < SMALLEST_SIDE:
        return _nothing(height, width, "The picture is too small to cut out.")
    small = _within(rgb, WORKING_SIDE)
    copy = _copy(small)
    ground = _fitted_ground(copy.lab)
    product = _without_crumbs(_product(copy, ground))
    if not product.any():
        return _nothing(height, width, "No product stands out from the background.")
    colour, alpha = _matte(rgb, small, product)
    return StudioCut(colour, alpha, _doubt(copy, ground, product))


def _nothing(height: int, width: int, why: str) -> StudioCut:
    """Make an empty cut that says why it is empty."""
    return StudioCut(
        np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.uint8), why
    )


def _within(rgb: Bytes, side: int) -> Bytes:
    """Shrink a picture until its long side is at most `side` px; never enlarge it."""
    height, width = rgb.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return rgb
    size = (max(SMALLEST_SIDE, round(width * scale)), max(SMALLEST_SIDE, round(height * scale)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _copy(small: Bytes) -> _Copy:
    """Look at a reduced picture in the ways the later steps need."""
    lab = np.asarray(cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)
    in_bytes = np.clip(lab * (2.55, 2, 2) + (0, 128, 128), 0, 255).astype(np.uint8)
    calm = np.asarray(cv2.medianBlur(in_bytes, 3), np.uint8)
    steps = np.asarray(cv2.morphologyEx(calm, cv2.MORPH_GRADIENT, _square(3)), np.uint8).max(axis=2)
    lightness = np.ascontiguousarray(calm[..., 0])
    bright = np.asarray(cv2.morphologyEx(lightness, cv2.MORPH_TOPHAT, _square(7)), np.uint8)
    dark = np.asarray(cv2.morphologyEx(lightness, cv2.MORPH_BLACKHAT, _square(7)), np.uint8)
    return _Copy(lab, calm, steps, np.maximum(bright, dark))


def _blur(values: Floats, side: int) -> Floats:
    """Average over a `side` x `side` px box."""
    return np.asarray(cv2.blur(values, (side, side)), np.float32)


def _square(side: int) -> Bytes:
    return np.ones((side, side), np.uint8)


# 1. The ground -------------------------------------------------------------------------------------------------------


def _fitted_ground(lab: Floats) -> _Ground:
    """Fit a smooth surface to what the frame of the picture shows, and follow it inwards.

    First a flat colour, then a slope, then a bow (sweeps, vignettes); each fit drops what lies far from the last, so a
    product that touches the frame does not bend the ground. The last rounds may use the whole picture.
    """
    height, width = lab.shape[:2]
    scale = min(1.0, FITTING_SIDE / max(height, width))
    size = (max(SMALLEST_SIDE, round(width * scale)), max(SMALLEST_SIDE, round(height * scale)))
    thumb = np.asarray(cv2.resize(lab, size, interpolation=cv2.INTER_AREA), np.float32)
    frame = _frame(thumb.shape[0], thumb.shape[1])
    surface = np.broadcast_to(np.median(thumb[frame], axis=0), thumb.shape).astype(np.float32)
    paper = frame
    for terms in (1, 3, 3, 6, 6, 6, 6):
        distance = np.linalg.norm(thumb - surface, axis=2)
        reach = np.clip(3.7 * np.median(distance[paper]), 2, 8)
        nearby = (distance < reach) & (frame if terms == 1 else True)
        if np.count_nonzero(nearby & frame) < 12:
            break
        paper = nearby
        surface = _smooth_surface(thumb, paper, terms)
    distance = np.linalg.norm(thumb - surface, axis=2)
    framed = float(np.mean(distance[frame] < 4))
    noise = float(np.median(distance[paper]))
    surface = surface + _drift(thumb - surface, paper)
    return _Ground(np.asarray(cv2.resize(surface, (width, height)), np.float32), noise, framed)


def _frame(height: int, width: int) -> Mask:
    """Mark the outer 4 % of an H x W picture."""
    margin = max(1, round(0.04 * max(height, width)))
    frame = np.ones((height, width), np.bool_)
    frame[margin:-margin, margin:-margin] = False
    return frame


def _smooth_surface(lab: Floats, known: Mask, terms: int) -> Floats:
    """Fit 1 (flat), 3 (sloped) or 6 (bowed) polynomial terms to the known pixels, per channel."""
    height, width = known.shape
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    basis = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=2)[..., :terms]
    weights = np.linalg.lstsq(basis[known], lab[known], rcond=None)[0]
    return np.asarray(basis @ weights, np.float32)


def _drift(residual: Floats, paper: Mask) -> Floats:
    """Spread what the polynomial missed on paper, smoothly, over the whole picture."""
    weight = paper.astype(np.float32)
    near = _blur(_blur(weight, 25), 25)
    return np.asarray(
        _blur(_blur(residual * weight[..., None], 25), 25) / (near + 0.02)[..., None], np.float32
    )


# 2. What is certain --------------------------------------------------------------------------------------------------


def _product(copy: _Copy, ground: _Ground) -> Mask:
    """Decide, pixel by pixel on the reduced copy, what is product."""
    foreign = _foreign(copy, ground)
    if not foreign.any():
        return foreign
    labels = np.zeros(foreign.shape, np.int32)
    labels[_paper(copy, ground)] = PAPER
    labels[foreign] = PRODUCT
    product = _shared_out(copy.calm, labels)
    labels[_shaded_holes(copy, ground, product)] = PAPER
    return _shared_out(copy.calm, labels)


def _shaded_holes(copy: _Copy, ground: _Ground, product: Mask) -> Mask:
    """Mark what is enclosed by product and coloured like the shaded paper close by."""
    soft = _blur(copy.lab, 3)
    weight = (~product).astype(np.float32)
    near = _blur(weight, 81)
    ratio = _blur(soft[..., 0] / np.maximum(ground.lab[..., 0], 1) * weight, 81) / np.maximum(near, 1e-6)
    shade = (soft[..., 0] + 16) / (ground.lab[..., 0] + 16)
    tint = np.linalg.norm(soft[..., 1:] - ground.lab[..., 1:] * shade[..., None], axis=2)
    darker = ratio * ground.lab[..., 0] - soft[..., 0]
    alike = (np.abs(darker) < 15) & (tint < max(2, 3 * ground.noise)) & (copy.steps < max(8, 8 * ground.noise))
    alike &= product & (near > 0.02)
    return _holes(alike, np.asarray(cv2.dilate(copy.steps, _square(7))) > 40, 0.95)


def _foreign(copy: _Copy, ground: _Ground) -> Mask:
    """Mark what neither paper nor its shadow can be: tinted, lighter than paper, almost black on white, or detailed."""
    soft = _blur(copy.lab, 3)
    light, paper_light = soft[..., 0], ground.lab[..., 0]
    # In Lab a shadow scales a and b with L + 16; what is left of the difference is a tint of the thing itself.
    shade = np.clip((light + 16) / (paper_light + 16), 0, 1)[..., None]
    tint = np.linalg.norm(soft[..., 1:] - ground.lab[..., 1:] * shade, axis=2)
    lighter = light - paper_light
    foreign = tint > np.maximum(4 + 0.03 * paper_light, 5 * ground.noise)
    foreign |= lighter > max(1.5, 5 * ground.noise)
    foreign |= -lighter > np.maximum(25, 0.65 * paper_light)
    certain = (
        np.asarray(cv2.morphologyEx(foreign.astype(np.uint8), cv2.MORPH_OPEN, _square(3)), np.uint8)
        > 0
    )
    return np.asarray(certain | _textured(copy.detail, ground.noise), np.bool_)


def _textured(detail: Bytes, noise: float) -> Mask:
    """Mark areas full of fine detail, such as fabric and hammered metal."""
    rough = (detail > max(8.0, 10 * noise)).astype(np.uint8)
    filled = cv2.morphologyEx(rough, cv2.MORPH_CLOSE, _square(7))
    return np.asarray(cv2.morphologyEx(filled, cv2.MORPH_OPEN, _square(13)), np.uint8) > 0


def _paper(copy: _Copy, ground: _Ground) -> Mask:
    """Mark flat places in the ground's own colour that reach the picture's edge or show through a hole."""
    difference = np.abs(_blur(copy.lab, 3) - ground.lab)
    alike = (difference[..., 0] < max(0.8, 3 * ground.noise)) & (
        np.hypot(difference[..., 1], difference[..., 2]) < max(1.2, 3 * ground.noise)
    )
    flat = copy.steps <= max(3.0, 6 * ground.noise)
    _, regions = cv2.connectedComponents((alike & flat).astype(np.uint8), connectivity=4)
    at_edge = np.unique(np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]]))
    outside = np.isin(regions, at_edge[at_edge > 0])
    sharp = copy.steps > max(12.0, 8 * ground.noise)
    return np.asarray(outside | _holes(alike & flat & ~outside, sharp, 0.4), np.bool_)


def _holes(alike: Mask, sharp: Mask, share: float) -> Mask:
    """Keep the enclosed regions that are holes in the product."""
    count, regions, stats, _ = cv2.connectedComponentsWithStats(alike.astype(np.uint8), connectivity=4)
    chosen = np.zeros(count, np.bool_)
    for region in range(1, count):
        chosen[region] = _is_hole(np.asarray(regions), region, stats[region], sharp, share)
    return np.asarray(chosen[regions], np.bool_)


def _is_hole(regions: NDArray[np.int32], region: int, stats: NDArray[Any], sharp: Mask, share: float) -> bool:
    """Tell a hole from a patch of product that happens to match: a hole ends sharply."""
    left, top, width, height, area = (int(number) for number in stats)
    if area < 30:
        return False
    window = np.s_[max(0, top - 1) : top + height + 1, max(0, left - 1) : left + width + 1]
    inside = (regions[window] == region).astype(np.uint8)
    rim = np.asarray(cv2.dilate(inside, _square(3))) > inside
    return bool(np.mean(sharp[window][rim]) > share)


# 3. What is open -----------------------------------------------------------------------------------------------------


def _shared_out(calm: Bytes, labels: NDArray[np.int32]) -> Mask:
    """Grow paper and product into the open pixels until they meet at the sharpest step between them."""
    # The watershed leaves the outermost ring undecided, so it gets a ring of its own to waste.
    padded = np.asarray(cv2.copyMakeBorder(labels, 1, 1, 1, 1, cv2.BORDER_REPLICATE), np.int32)
    cv2.watershed(cv2.copyMakeBorder(calm, 1, 1, 1, 1, cv2.BORDER_REPLICATE), padded)
    return np.asarray(padded[1:-1, 1:-1] == PRODUCT, np.bool_)


def _without_crumbs(product: Mask) -> Mask:
    """Drop dust: pieces under 1 % of the largest."""
    _, regions, stats, _ = cv2.connectedComponentsWithStats(
        product.astype(np.uint8), connectivity=8
    )
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    return np.asarray((areas >= max(9, 0.01 * areas.max()))[regions], np.bool_)


# 4. The edge ---------------------------------------------------------------------------------------------------------


def _matte(rgb: Bytes, small: Bytes, product: Mask) -> tuple[Bytes, Bytes]:
    """Give H x W x 3 clean colour and H x W alpha at full size for a product found on the reduced copy."""
    height, width = rgb.shape[:2]
    solid = np.asarray(cv2.erode(product.astype(np.uint8), _square(5)), np.float32)
    clear = np.asarray(cv2.erode((~product).astype(np.uint8), _square(5)), np.float32)

    def full(values: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR))

    guess = full(product.astype(np.float32))
    edge = (full(solid) < 1) & (full(clear) < 1)
    front = full(_known_nearby(small, solid, product))[edge].astype(np.float32)
    back = full(_known_nearby(small, clear, ~product))[edge].astype(np.float32)
    seen = rgb[edge].astype(np.float32)
    share = _mixture(seen, front, back, guess[edge])
    clean = (seen - (1 - share) * back) / np.maximum(share, 0.1)
    alpha = np.where(guess >= 0.5, np.uint8(255), np.uint8(0))
    alpha[edge] = np.rint(255 * share[:, 0]).astype(np.uint8)
    colour = rgb.copy()
    # The thinner the product's share, the noisier the division: lean on the colour further in.
    colour[edge] = np.clip(np.rint(share * clean + (1 - share) * front), 0, 255).astype(np.uint8)
    colour[alpha == 0] = 0
    return colour, alpha


def _known_nearby(small: Bytes, certain: Floats, likely: Mask) -> Bytes:
    """Estimate each pixel's pure colour from certain pixels within a few px, or likely ones where none are certain."""
    weight = certain + np.float32(1e-3) * likely + np.float32(1e-6)
    total = _blur(weight, 9)[..., None]
    return np.clip(_blur(small.astype(np.float32) * weight[..., None], 9) / total, 0, 255).astype(
        np.uint8
    )


def _mixture(seen: Floats, front: Floats, back: Floats, guess: Floats) -> Floats:
    """Solve seen = share * front + (1 - share) * back for N pixels; N x 1, 0..1.

    Where front and back look alike the equation says little, and the guess from the reduced copy counts instead.
    """
    span = front - back
    length = np.sum(span * span, axis=1, keepdims=True)
    doubt = np.float32(35**2)
    share = (np.sum((seen - back) * span, axis=1, keepdims=True) + doubt * guess[:, None]) / (
        length + doubt
    )
    # Stretch a little, so that noise neither dusts the ground nor thins the product.
    return np.asarray(np.clip((share - 0.04) / 0.92, 0, 1), np.float32)


# How sure? -----------------------------------------------------------------------------------------------------------


def _doubt(copy: _Copy, ground: _Ground, product: Mask) -> str | None:
    """Say why a person should look at the cut, if they should."""
    outline = (
        np.asarray(cv2.morphologyEx(product.astype(np.uint8), cv2.MORPH_GRADIENT, _square(3))) > 0
    )
    strongest_nearby = np.asarray(cv2.dilate(copy.steps, _square(5)), np.uint8)
    away = np.asarray(cv2.dilate(product.astype(np.uint8), _square(15))) == 0
    left_behind = np.count_nonzero(away & (copy.detail > max(8.0, 6 * ground.noise)))
    if ground.framed < 0.75:
        return (
            "The background is not one plain ground, so parts of it may be left around the product."
        )
    if np.mean(product[_frame(*product.shape)]) > 0.05:
        return "The product reaches the edge of the picture, where product and background are hard to tell apart."
    if not 0.002 < np.mean(product) < 0.9:
        return "What was cut out is too small or too large to be a product in a studio."
    if left_behind > 0.05 * np.count_nonzero(outline) / 2:
        return "There is detail outside the cut, so a see-through or pale part of the product may be missing."
    if np.mean(strongest_nearby[outline] < 10) > 0.05:
        return "Part of the product hardly differs from the background, so its outline is partly guessed."
    return None
