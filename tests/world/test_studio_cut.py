"""What the embedded engine promises, on pictures drawn here and on reference pairs if present."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from packshot.world.studio_cut import StudioCut, cut_from_studio

PAIRS = Path(__file__).parents[2] / "../shared/images/pairs"
SIDE = 400  # px
CENTRE = (200, 190)  # px, x and y
RED = (200, 30, 40)

Picture = NDArray[np.uint8]


def disc(radius: int = 90) -> Picture:
    """Coverage of a disc with a soft edge, SIDE x SIDE, 0..255."""
    large = np.zeros((SIDE * 4, SIDE * 4), np.uint8)
    cv2.circle(large, (CENTRE[0] * 4, CENTRE[1] * 4), radius * 4, 255, -1)
    return np.asarray(cv2.resize(large, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def plain(colour: tuple[int, int, int]) -> Picture:
    """A ground of one colour."""
    return np.full((SIDE, SIDE, 3), colour, np.uint8)


def photographed(shape: Picture, colour: tuple[int, int, int], ground: Picture) -> Picture:
    """A shape laid on a ground, with a little camera noise (the same each time)."""
    share = shape[..., None] / 255
    noise = np.random.default_rng(7).normal(0, 1, (SIDE, SIDE, 3))
    return np.clip(np.array(colour) * share + ground * (1 - share) + noise, 0, 255).astype(np.uint8)


def shaded(ground: Picture) -> Picture:
    """A ground under the soft shadow of something above it."""
    shadow = np.zeros((SIDE, SIDE), np.float32)
    cv2.ellipse(shadow, (230, 300), (110, 25), 0, 0, 360, 1.0, -1)
    soft = np.asarray(cv2.GaussianBlur(shadow, (0, 0), 12))[..., None]
    return np.asarray(ground * (1 - 0.4 * soft), np.uint8)


def overlap(cut: StudioCut, shape: Picture) -> float:
    """Intersection over union at half opacity, 0..1."""
    ours, theirs = cut.alpha >= 128, shape >= 128
    return float((ours & theirs).sum() / (ours | theirs).sum())


def test_a_soft_shadow_is_left_behind() -> None:
    """A disc over its own drop shadow is cut without the shadow, and surely."""
    cut = cut_from_studio(photographed(disc(), RED, shaded(plain((252, 252, 252)))))
    assert overlap(cut, disc()) > 0.98
    assert cut.unsure is None


def test_a_hole_stays_open() -> None:
    """The ground seen through a ring is not product."""
    ring = disc(100) - disc(55)
    cut = cut_from_studio(photographed(ring, (40, 40, 60), plain((245, 245, 245))))
    assert cut.alpha[CENTRE[1], CENTRE[0]] == 0
    assert overlap(cut, ring) > 0.97


def test_a_ground_may_drift() -> None:
    """A ground that runs from light to middling grey is still one ground."""
    drift = np.linspace(245, 165, SIDE)[:, None, None]
    ground = np.broadcast_to(drift, (SIDE, SIDE, 3)).astype(np.uint8)
    cut = cut_from_studio(photographed(disc(), (60, 90, 160), ground))
    assert overlap(cut, disc()) > 0.98
    assert cut.unsure is None


@pytest.mark.parametrize(
    ("colour", "ground"),
    [
        pytest.param((22, 24, 58), (34, 34, 38), id="dark on dark"),
        pytest.param((231, 232, 233), (254, 254, 254), id="white on white"),
        pytest.param(RED, (70, 120, 190), id="on coloured paper"),
    ],
)
def test_close_colours_are_told_apart(
    colour: tuple[int, int, int], ground: tuple[int, int, int]
) -> None:
    """A small but sharp difference is enough."""
    cut = cut_from_studio(photographed(disc(), colour, plain(ground)))
    assert overlap(cut, disc()) > 0.95


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (7, 300), (8, 8), (2000, 9), (300, 300)])
def test_nothing_to_see_is_said(size: tuple[int, int]) -> None:
    """A flat picture of any size gives an empty cut and the reason."""
    cut = cut_from_studio(np.full((*size, 3), 240, np.uint8))
    assert cut.alpha.shape == size
    assert not cut.alpha.any()
    assert cut.unsure


def test_a_patterned_ground_is_doubted() -> None:
    """A product on something other than a plain ground is never called sure."""
    tiles = np.indices((SIDE, SIDE)).sum(axis=0) // 40 % 2
    ground = np.where(tiles[..., None] > 0, (90, 140, 60), (200, 180, 120)).astype(np.uint8)
    assert cut_from_studio(photographed(disc(), RED, ground)).unsure


def test_a_shaded_hole_is_doubted() -> None:
    """Paper that stays in the hole of a ring, because a shadow lies on it, is pointed out."""
    ring = disc(100) - disc(70)
    shadow = np.asarray(cv2.GaussianBlur(disc(110), (0, 0), 15))[..., None] / 255
    cut = cut_from_studio(photographed(ring, (40, 40, 60), (245 - 40 * shadow).astype(np.uint8)))
    assert cut.unsure
    assert "hole" in cut.unsure


def test_a_cropped_product_is_doubted() -> None:
    """A product that runs off the picture is cut, and pointed out."""
    picture = plain((250, 250, 250))
    picture[140:260, 200:] = RED
    cut = cut_from_studio(picture)
    assert cut.alpha[200, 300] == 255
    assert cut.unsure
    assert "edge of the picture" in cut.unsure


def test_a_speck_is_doubted() -> None:
    """Something tiny is hardly the product."""
    cut = cut_from_studio(photographed(disc(6), RED, plain((250, 250, 250))))
    assert cut.unsure
    assert "too small" in cut.unsure


def test_glass_is_doubted() -> None:
    """A lid is cut; the faint lines of the clear jar below it are pointed out."""
    picture = photographed(disc(50), RED, plain((245, 245, 245)))
    cv2.ellipse(picture, (200, 290), (70, 60), 0, 0, 360, (215, 215, 215), 2)
    cut = cut_from_studio(picture)
    assert cut.unsure
    assert "see-through" in cut.unsure


def test_clear_pixels_hold_no_colour() -> None:
    """Colour is black wherever alpha is zero, so that files shrink and nothing leaks."""
    cut = cut_from_studio(photographed(disc(), RED, plain((250, 250, 250))))
    assert not cut.colour[cut.alpha == 0].any()


def test_the_edge_carries_no_halo() -> None:
    """A red disc cut from white and laid on black has no bright ring."""
    cut = cut_from_studio(photographed(disc(), RED, plain((255, 255, 255))))
    on_black = cut.colour * (cut.alpha[..., None] / 255)
    assert on_black[..., 1:].max() < 70  # green and blue of the disc are 30 and 40


def test_the_same_picture_gives_the_same_cut() -> None:
    """Nothing is left to chance."""
    picture = photographed(disc(), RED, shaded(plain((240, 240, 240))))
    first, second = cut_from_studio(picture), cut_from_studio(picture)
    assert np.array_equal(first.alpha, second.alpha)
    assert np.array_equal(first.colour, second.colour)


def test_a_large_picture_keeps_its_size() -> None:
    """Shape, edge and hole survive the detour over a reduced copy."""
    ring = np.asarray(cv2.resize(disc(100) - disc(55), (2000, 2000)), np.uint8)
    picture = np.where(ring[..., None] >= 128, (30, 80, 60), (238, 238, 238)).astype(np.uint8)
    cut = cut_from_studio(picture)
    assert cut.colour.shape == (2000, 2000, 3)
    assert overlap(cut, ring) > 0.98


def test_reference_studio_pictures() -> None:
    """On real and composed packshots the mean overlap with the reference is at least 0.90."""
    paths = [*PAIRS.glob("packshot-*.input.jpg"), *PAIRS.glob("comp-*.input.jpg")]
    if not paths:
        pytest.skip("no reference pairs beside the project")
    overlaps = []
    for path in paths:
        reference = path.with_name(path.name.replace(".input.jpg", ".alpha.png"))
        matte = np.asarray(cv2.imread(str(reference), cv2.IMREAD_GRAYSCALE), np.uint8)
        rgb = np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8)
        overlaps.append(overlap(cut_from_studio(rgb), matte))
    assert np.mean(overlaps) >= 0.90
