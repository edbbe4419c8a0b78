"""Cuts to look at: input, cut on a checkerboard, cut on magenta, reference; two pictures a row."""

from typing import Final

import cv2
import numpy as np

from bench.mattes import Measured, Picture, on

TILE: Final = 200
"""Side of one view, in pixels."""
MAGENTA: Final = (255, 0, 255)


def sheet(pictures: list[Measured]) -> Picture:
    """All pictures, H x W x 3."""
    strips = [np.hstack([_tile(view) for view in _views(picture)]) for picture in pictures]
    if len(strips) % 2:
        strips.append(np.full_like(strips[0], 128))
    return np.vstack([np.hstack(pair) for pair in zip(strips[::2], strips[1::2], strict=True)])


def _views(picture: Measured) -> list[Picture]:
    height, width = picture.reference.shape
    y, x = np.indices((height, width)) // max(1, max(height, width) // 24)
    checks = np.where((x + y) % 2, 200, 255)[..., None].repeat(3, axis=2)
    grey = picture.reference[..., None].repeat(3, axis=2)
    cut = (picture.cut.colour, picture.cut.alpha)
    return [picture.rgb, on(checks, *cut), on(MAGENTA, *cut), grey]


def _tile(view: Picture) -> Picture:
    """Fit a view into a grey square of the sheet."""
    height, width = view.shape[:2]
    scale = TILE / max(height, width)
    size = (round(width * scale), round(height * scale))
    fitted = np.asarray(cv2.resize(view, size, interpolation=cv2.INTER_AREA))
    tile = np.full((TILE, TILE, 3), 128, np.uint8)
    tile[: fitted.shape[0], : fitted.shape[1]] = fitted
    return tile
