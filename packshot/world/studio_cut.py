"""Cut a product out of a studio picture without a service, a model or a network.

A studio ground is smooth: one colour that drifts slowly across the picture. So:

1. `_fitted_ground` fits it as a smooth surface, starting from the frame of the picture.
2. `_foreign` marks what only a product can be, `_paper` what only paper can be; the rest is open.
3. `_shared_out` divides the open part: a shadow fades into the paper, a product ends sharply.
4. `_matte` reads each edge pixel at full size as a mixture, and takes the ground's share out.
5. `_doubt` says what may have gone wrong.

All but `_matte` work on a reduced copy, in Lab floats: L 0..100, a and b -128..127.
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
NEAR: Final = 81  # px on the reduced copy, side of the box in which a shadow is taken for even

PAPER, PRODUCT = 1, 2  # watershed labels; 0 is open


@dataclass(frozen=True, slots=True)
class StudioCut:
    """A product without its ground."""

    colour: Bytes  # H x W x 3, RGB, cleaned of the ground at the edge; 0,0,0 where alpha is 0
    alpha: Bytes  # H x W, 255 = product
    unsure: str | None  # a sentence for a merchandiser when the cut should be looked at


@dataclass(frozen=True, slots=True)
class _Copy:
    """What the reduced picture shows, H x W each."""

    soft: Floats  # x 3, Lab, averaged over 3 px
    calm: Bytes  # x 3, Lab in bytes (L * 2.55; a and b * 2 + 128), single odd pixels removed
    steps: Bytes  # the largest change of `calm` within 3 px
    detail: Bytes  # how far a dot or line stands out; 0 for a lone edge or a soft shadow


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
    lab = np.asarray(cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)
    copy, ground = _copy(lab), _fitted_ground(lab)
    product = _without_crumbs(_product(copy, ground))
    if not product.any():
        return _nothing(height, width, "No product stands out from the background.")
    colour, alpha = _matte(rgb, small, product)
    return StudioCut(colour, alpha, _doubt(copy, ground, product))


def _nothing(height: int, width: int, why: str) -> StudioCut:
    """An empty cut that says why it is empty."""
    alpha = np.zeros((height, width), np.uint8)
    return StudioCut(np.zeros((height, width, 3), np.uint8), alpha, why)


def _within(picture: NDArray[Any], side: int) -> NDArray[Any]:
    """Shrink a picture until its long side is at most `side` px."""
    height, width = picture.shape[:2]
    scale = min(1.0, side / max(height, width))
    size = (max(SMALLEST_SIDE, round(width * scale)), max(SMALLEST_SIDE, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


def _grown(picture: NDArray[Any], like: NDArray[Any]) -> NDArray[Any]:
    """Enlarge a reduced picture to the size of another."""
    return np.asarray(cv2.resize(picture, (like.shape[1], like.shape[0])))


def _blur(values: NDArray[Any], side: int) -> Floats:
    """Average over a `side` x `side` px box."""
    return np.asarray(cv2.blur(values.astype(np.float32), (side, side)), np.float32)


def _morph(values: NDArray[Any], operation: int, side: int) -> Bytes:
    """Apply a morphological operation with a `side` x `side` px square."""
    square = np.ones((side, side), np.uint8)
    return np.asarray(cv2.morphologyEx(values.astype(np.uint8), operation, square), np.uint8)


def _copy(lab: Floats) -> _Copy:
    """Look at a reduced picture in the ways the later steps need."""
    in_bytes = np.clip(lab * (2.55, 2, 2) + (0, 128, 128), 0, 255).astype(np.uint8)
    calm = np.asarray(cv2.medianBlur(in_bytes, 3), np.uint8)
    bright = _morph(calm[..., 0], cv2.MORPH_TOPHAT, 7)
    dark = _morph(calm[..., 0], cv2.MORPH_BLACKHAT, 7)
    steps = _morph(calm, cv2.MORPH_GRADIENT, 3).max(axis=2)
    return _Copy(_blur(lab, 3), calm, steps, np.maximum(bright, dark))


def _fitted_ground(lab: Floats) -> _Ground:
    """Fit a smooth surface to what the frame of the picture shows, and follow it inwards.

    First a flat colour, then a slope, then a bow (sweeps, vignettes). Each fit drops what lies far
    from the last, so a product that touches the frame does not bend the ground.
    """
    thumb = _within(lab, FITTING_SIDE)
    frame = _frame(thumb.shape[0], thumb.shape[1])
    surface = np.broadcast_to(np.median(thumb[frame], axis=0), thumb.shape)
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
    noise, framed = float(np.median(distance[paper])), float(np.mean(distance[frame] < 4))
    return _Ground(_grown(surface + _drift(thumb - surface, paper), lab), noise, framed)


def _frame(height: int, width: int) -> Mask:
    """Mark the outer 4 % of an H x W picture."""
    margin = max(1, round(0.04 * max(height, width)))
    frame = np.ones((height, width), np.bool_)
    frame[margin:-margin, margin:-margin] = False
    return frame


def _smooth_surface(lab: Floats, known: Mask, terms: int) -> Floats:
    """Fit 1 (flat), 3 (sloped) or 6 (bowed) polynomial terms to the known pixels, per channel."""
    y, x = np.mgrid[-1 : 1 : known.shape[0] * 1j, -1 : 1 : known.shape[1] * 1j]
    basis = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=2)[..., :terms]
    weights = np.linalg.lstsq(basis[known], lab[known], rcond=None)[0]
    return np.asarray(basis @ weights, np.float32)


def _drift(residual: Floats, paper: Mask) -> Floats:
    """Spread what the polynomial missed on paper, smoothly, over the whole picture."""
    known = _blur(_blur(paper, 25), 25)[..., None]
    return _blur(_blur(residual * paper[..., None], 25), 25) / (known + np.float32(0.02))


def _product(copy: _Copy, ground: _Ground) -> Mask:
    """Decide, pixel by pixel on the reduced copy, what is product."""
    labels = np.where(_paper(copy, ground), np.int32(PAPER), np.int32(0))
    labels[_foreign(copy, ground)] = PRODUCT
    return _shared_out(copy.calm, labels)


def _foreign(copy: _Copy, ground: _Ground) -> Mask:
    """Mark what is neither paper nor shadow: tinted, lighter, far darker, textured or outlined."""
    paper_light, noise = ground.lab[..., 0], ground.noise
    darker = paper_light - copy.soft[..., 0]
    foreign = _tint(copy, ground) > np.maximum(4 + 0.03 * paper_light, 5 * noise)
    foreign |= (-darker > max(1.5, 5 * noise)) | (darker > np.maximum(25, 0.65 * paper_light))
    textured = _morph(copy.detail > max(8.0, 10 * noise), cv2.MORPH_CLOSE, 7)
    panels = (copy.steps <= max(6.0, 6 * noise)) & (darker > max(2.0, 4 * noise)) & ~foreign
    outlined = _ringed(panels, _morph(copy.steps, cv2.MORPH_DILATE, 5) > max(12.0, 8 * noise), 0.9)
    # The outermost pixels are mixed with what lies behind; as seeds they would claim a shadow.
    inner = _morph(foreign, cv2.MORPH_ERODE, 3)
    return np.asarray((inner | _morph(textured, cv2.MORPH_OPEN, 13)) > 0, np.bool_) | outlined


def _tint(copy: _Copy, ground: _Ground) -> Floats:
    """How far a and b lie from those of shaded ground; a shadow scales both with L + 16."""
    shade = np.clip((copy.soft[..., :1] + 16) / (ground.lab[..., :1] + 16), 0, 1)
    tint = np.linalg.norm(copy.soft[..., 1:] - ground.lab[..., 1:] * shade, axis=2)
    return np.asarray(tint, np.float32)


def _paper(copy: _Copy, ground: _Ground) -> Mask:
    """Mark flat places in the ground's colour that reach the edge or show through a hole."""
    off = np.abs(copy.soft - ground.lab)
    alike = np.hypot(off[..., 1], off[..., 2]) < max(1.2, 3 * ground.noise)
    alike &= off[..., 0] < max(0.8, 3 * ground.noise)
    alike &= copy.steps <= max(3.0, 6 * ground.noise)
    _, regions = cv2.connectedComponents(alike.astype(np.uint8), connectivity=4)
    edges = np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]])
    outside = np.isin(regions, edges[edges > 0])
    sharp = copy.steps > max(12.0, 8 * ground.noise)
    return np.asarray(outside | _ringed(alike & ~outside, sharp, 0.4), np.bool_)


def _ringed(alike: Mask, sharp: Mask, share: float) -> Mask:
    """Keep the regions whose rim is sharp for at least this share; shadows and gleams fade out."""
    count, regions, stats, _ = cv2.connectedComponentsWithStats(alike.astype(np.uint8))
    chosen = np.zeros(count, np.bool_)
    for region in 1 + np.flatnonzero(stats[1:, cv2.CC_STAT_AREA] >= 30):
        left, top, width, height, _ = stats[region]
        window = np.s_[max(0, top - 1) : top + height + 1, max(0, left - 1) : left + width + 1]
        inside = regions[window] == region
        rim = (_morph(inside, cv2.MORPH_DILATE, 3) > 0) & ~inside
        chosen[region] = (sharp[window] & rim).sum() > share * rim.sum()
    return np.asarray(chosen[regions], np.bool_)


def _shared_out(calm: Bytes, labels: NDArray[np.int32]) -> Mask:
    """Grow paper and product into the open pixels until they meet at the sharpest step."""
    # The watershed leaves the outermost ring undecided, so it gets a ring of its own to waste.
    ring = (1, 1, 1, 1, cv2.BORDER_REPLICATE)
    padded = np.asarray(cv2.copyMakeBorder(labels, *ring), np.int32)
    cv2.watershed(cv2.copyMakeBorder(calm, *ring), padded)
    return np.asarray(padded[1:-1, 1:-1] == PRODUCT, np.bool_)


def _without_crumbs(product: Mask) -> Mask:
    """Drop dust: pieces under 1 % of the largest."""
    _, regions, stats, _ = cv2.connectedComponentsWithStats(product.astype(np.uint8))
    areas = np.where(np.arange(len(stats)) > 0, stats[:, cv2.CC_STAT_AREA], 0)
    return np.asarray((areas >= max(9, 0.01 * areas.max()))[regions], np.bool_)


def _matte(rgb: Bytes, small: Bytes, product: Mask) -> tuple[Bytes, Bytes]:
    """Clean colour and alpha at full size, for a product found on the reduced copy."""
    solid = _morph(product, cv2.MORPH_ERODE, 5)
    clear = _morph(~product, cv2.MORPH_ERODE, 5)
    guess = _grown(product.astype(np.float32), rgb)
    edge = _grown((solid | clear).astype(np.float32), rgb) < 1
    front = _grown(_known_nearby(small, solid, product), rgb)[edge].astype(np.float32)
    back = _grown(_known_nearby(small, clear, ~product), rgb)[edge].astype(np.float32)
    seen = rgb[edge].astype(np.float32)
    share = _mixture(seen, front, back, guess[edge])
    clean = (seen - (1 - share) * back) / np.maximum(share, 0.1)
    alpha = np.where(guess >= 0.5, np.uint8(255), np.uint8(0))
    alpha[edge] = np.rint(255 * share[:, 0]).astype(np.uint8)
    colour = rgb.copy()
    # The smaller the product's share, the noisier the division: lean on the colour further in.
    colour[edge] = np.clip(np.rint(share * clean + (1 - share) * front), 0, 255).astype(np.uint8)
    colour[alpha == 0] = 0
    return colour, alpha


def _known_nearby(small: Bytes, certain: Bytes, likely: Mask) -> Bytes:
    """Each pixel's pure colour, from certain pixels within 4 px or else from likely ones."""
    weight = certain + 1e-3 * likely + 1e-6
    mean = _blur(small * weight[..., None], 9) / _blur(weight, 9)[..., None]
    return np.asarray(np.clip(np.rint(mean), 0, 255), np.uint8)


def _mixture(seen: Floats, front: Floats, back: Floats, guess: Floats) -> Floats:
    """Solve seen = share * front + (1 - share) * back for N pixels; N x 1, 0..1.

    Where front and back look alike that says little, and the guess from the copy counts instead.
    """
    span = front - back
    trust = 35.0**2  # the squared RGB distance at which guess and equation count the same
    along = np.sum((seen - back) * span, axis=1) + trust * guess
    share = along / (np.sum(span * span, axis=1) + trust)
    # Stretched a little, so that noise neither dusts the ground nor thins the product.
    return np.asarray(np.clip((share - 0.04) / 0.92, 0, 1)[:, None], np.float32)


def _doubt(copy: _Copy, ground: _Ground, product: Mask) -> str | None:
    """Say why a person should look at the cut, if they should."""
    outline = _morph(product, cv2.MORPH_GRADIENT, 3) > 0
    strongest_nearby = _morph(copy.steps, cv2.MORPH_DILATE, 5)
    away = _morph(product, cv2.MORPH_DILATE, 15) == 0
    left_behind = np.count_nonzero(away & (copy.detail > max(8.0, 6 * ground.noise)))
    if ground.framed < 0.75:
        return "The background is not one plain ground; parts of it may be left in the cut."
    if np.mean(product[_frame(*product.shape)]) > 0.05:
        return "The product reaches the edge of the picture, where it is hard to tell apart."
    if not 0.002 < np.mean(product) < 0.9:
        return "What was cut out is too small or too large to be a product in a studio."
    if left_behind > 0.025 * np.count_nonzero(outline):
        return "There is detail outside the cut; a pale or see-through part may be missing."
    if np.mean(strongest_nearby[outline] < 10) > 0.06:
        return "Part of the product hardly differs from the background; its outline is a guess."
    if np.mean(_shaded_gaps(copy, ground, product)[product]) > 0.02:
        return "A part inside the product looks like shaded background; it may be a hole."
    return None


def _shaded_gaps(copy: _Copy, ground: _Ground, product: Mask) -> Mask:
    """Mark what the cut kept although it looks like the shaded paper close by."""
    brightness = copy.soft[..., 0] / np.maximum(ground.lab[..., 0], 1)
    paper_near = _blur(~product, NEAR)
    shade = _blur(brightness * ~product, NEAR) / np.maximum(paper_near, 1e-6)
    alike = np.abs(brightness - shade) < 0.15
    alike &= _tint(copy, ground) < max(2.0, 3 * ground.noise)
    alike &= (copy.steps < max(8.0, 8 * ground.noise)) & product & (paper_near > 0.02)
    return _ringed(alike, _morph(copy.steps, cv2.MORPH_DILATE, 7) > 40, 0.4)
