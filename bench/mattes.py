"""Pictures with a reference matte, cut by the embedded engine and compared."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pymatting import estimate_foreground_ml
from skimage.color import deltaE_ciede2000, rgb2lab

from manifests.draw_samples import PRODUCTS, cut_out
from packshot.world.studio_cut import StudioCut, cut_from_studio

SAMPLES: Final = Path(__file__).parents[1] / "manifests" / "samples"
DRAWN: Final = "drawn-"
STUDIO: Final = ("packshot-", "comp-", DRAWN)
"""Pictures of the kind the engine is meant for."""
BAND: Final = 5
"""Width in pixels of the strip around the reference's outline in which a halo is looked for."""
GROUNDS: Final[Mapping[str, tuple[int, int, int]]] = MappingProxyType(
    {"white": (255, 255, 255), "black": (0, 0, 0), "red": (255, 0, 0)}
)

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Measured:
    """One picture, cut and compared."""

    name: str
    rgb: Picture
    reference: Picture  # H x W, 255 = product
    cut: StudioCut
    seconds: float

    @property
    def iou(self) -> float:
        """Overlap of cut and reference over their union, both at half opacity; 0..1."""
        ours, theirs = self.cut.alpha >= 128, self.reference >= 128
        return float((ours & theirs).sum() / max(1, (ours | theirs).sum()))

    @property
    def is_studio(self) -> bool:
        """Whether the engine is meant for this kind of picture."""
        return self.name.startswith(STUDIO)

    @cached_property
    def halo(self) -> Mapping[str, tuple[float, float]]:
        """Mean CIEDE2000 along the outline per ground: of our cut, and of the naive one.

        The naive cut is the same product with a hard edge, in the picture's own colours. Both are
        laid on the ground beside the reference matte with the foreground that Germer et al. (2020)
        estimate for it.
        """
        colours = _estimated(self.rgb, self.reference)
        square = np.ones((BAND, BAND), np.uint8)
        inside = (self.reference >= 128).astype(np.uint8)
        band = cv2.morphologyEx(inside, cv2.MORPH_GRADIENT, square) > 0
        hard = np.where(self.cut.alpha >= 128, np.uint8(255), np.uint8(0))
        return {
            name: (
                _difference(on(ground, self.cut.colour, self.cut.alpha), wanted, band),
                _difference(on(ground, self.rgb, hard), wanted, band),
            )
            for name, ground in GROUNDS.items()
            for wanted in [on(ground, colours, self.reference)]
        }


def on(ground: Any, colour: Picture, alpha: Picture) -> Picture:  # noqa: ANN401  a colour, or a picture
    """Lay colours with an alpha over a ground, H x W x 3."""
    share = alpha[..., None] / 255
    return np.rint(colour * share + np.asarray(ground) * (1 - share)).astype(np.uint8)


def pairs(folder: Path) -> Iterator[Measured]:
    """Cut every pair in the folder: `name.input.jpg` and `name.alpha.png`."""
    for path in sorted(folder.glob("*.input.jpg")):
        name = path.name.removesuffix(".input.jpg")
        rgb = np.asarray(Image.open(path).convert("RGB"))
        reference = np.asarray(Image.open(folder / f"{name}.alpha.png").convert("L"))
        yield _measured(name, rgb, reference)


def drawings() -> Iterator[Measured]:
    """Cut the products of the sample catalog; their mattes are drawn one pixel narrow."""
    for name, scene in PRODUCTS.items():
        made = scene()
        reference = np.asarray(cut_out(made).getchannel("A"))
        picture = Image.open(SAMPLES / name).convert("RGB")
        if picture.size != made.size:  # held upright, stored on its side
            picture = picture.transpose(Image.Transpose.ROTATE_270)
        yield _measured(f"{DRAWN}{Path(name).stem}", np.asarray(picture), reference)


def _measured(name: str, rgb: Picture, reference: Picture) -> Measured:
    started = time.process_time()
    cut = cut_from_studio(rgb)
    return Measured(name, rgb, reference, cut, time.process_time() - started)


def _estimated(rgb: Picture, alpha: Picture) -> Picture:
    colours = estimate_foreground_ml(rgb / 255, alpha / 255)
    return np.rint(np.clip(colours, 0, 1) * 255).astype(np.uint8)


def _difference(ours: Picture, wanted: Picture, band: NDArray[np.bool_]) -> float:
    there = (rgb2lab(picture[band][None]) for picture in (ours, wanted))
    return float(np.mean(deltaE_ciede2000(*there)))
