"""Whether a picture's ground is white already, told by its border."""

from typing import Final

import numpy as np
from PIL import Image

MEASURED_SIDE: Final = 512
"""A JPEG may be decoded this small for it: a thin dark line at the edge still shows."""
BORDER_SHARE: Final = 0.02
"""Of the shorter side."""
NEARLY_WHITE: Final = 252
"""Of 255, on every channel: what JPEG makes of white."""
WHITE_SHARE: Final = 0.98


def has_white_ground(picture: Image.Image) -> bool:
    """Whether the border of an upright picture, RGB or RGBA, is white and opaque."""
    whites = np.all(np.asarray(picture) >= NEARLY_WHITE, axis=2)
    wide = max(1, round(min(picture.size) * BORDER_SHARE))
    border = np.ones((picture.height, picture.width), bool)
    border[wide:-wide, wide:-wide] = False
    return bool(whites[border].mean() >= WHITE_SHARE)
