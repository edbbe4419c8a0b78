"""Draw the pictures of the sample catalog.

Nothing is photographed: every product is a distance function, and a small ray
marcher lights it in a studio of three softboxes. Redraws the folder that is named:

    python -m manifests.draw_samples manifests/samples
"""

import io
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from manifests.studio.household import bottle, box, chair, lamp, mug, mug_again, vase
from manifests.studio.light import DISTANCE, Scene, develop, in_pieces, march, rays
from manifests.studio.wearables import ball, hat, headphones, sneaker, tote, watch

PRODUCTS: dict[str, Callable[[], Scene]] = {
    "mug.jpg": mug,
    "mug-2.jpg": mug_again,
    "bottle.jpg": bottle,
    "sneaker.jpg": sneaker,
    "watch.jpg": watch,
    "tote.jpg": tote,
    "lamp.jpg": lamp,
    "box.png": box,
    "ball.jpg": ball,
    "headphones.jpg": headphones,
    "chair.jpg": chair,
    "vase.webp": vase,
    "hat.jpg": hat,
}


HELD_UPRIGHT = {"lamp.jpg"}  # the camera was turned: EXIF orientation 6
PICTURES = (*PRODUCTS, "mug-cutout.png")
TROUBLE = ("broken.jpg", "not-a-picture.jpg")

LOST_PAGE = b"""<!DOCTYPE html>
<html><head><title>404 Not Found</title></head>
<body><h1>Not Found</h1><p>This picture has moved.</p></body></html>
"""


def cut_out(scene: Scene) -> Image.Image:
    """Leave the ground away, as a shop does that has cut its pictures by hand."""
    width, height = scene.size
    rows, columns = np.mgrid[0 : height * 3, 0 : width * 3].astype(np.float32)
    xy = np.stack([columns.ravel(), rows.ravel()]) / 3 + 1 / 6
    pixel = scene.span / height
    seen = []
    for s in in_pieces(xy):
        start, way = rays(scene, xy[:, s])
        near = np.full(way.shape[1], DISTANCE - scene.reach, np.float32)
        met = march(lambda p: scene.solid(p) + pixel, start, way, near, near + 2 * scene.reach)
        seen.append(np.isfinite(met))
    mask = Image.fromarray(np.concatenate(seen).reshape(rows.shape).astype(np.uint8) * 255)
    alpha = mask.resize(scene.size, Image.Resampling.BOX)
    clear = Image.new("RGBA", scene.size)
    clear.paste(develop(scene), mask=alpha)
    clear.putalpha(alpha)
    return clear


def encoded(picture: Image.Image, name: str) -> bytes:
    """Save a picture the way its name says."""
    file = io.BytesIO()
    match Path(name).suffix:
        case ".png":
            picture.save(file, "PNG", optimize=True)
        case ".webp":
            picture.save(file, "WEBP", quality=90, method=6)
        case _ if name in HELD_UPRIGHT:
            exif = Image.Exif()
            exif[ExifTags.Base.Orientation] = 6
            sideways = picture.transpose(Image.Transpose.ROTATE_90)
            sideways.save(file, "JPEG", quality=90, optimize=True, exif=exif)
        case _:
            picture.save(file, "JPEG", quality=90, optimize=True)
    return file.getvalue()


@cache
def draw(name: str) -> bytes:
    """Draw one file of the sample catalog."""
    match name:
        case "not-a-picture.jpg":
            return LOST_PAGE
        case "broken.jpg":
            whole = draw("bottle.jpg")
            return whole[: len(whole) // 2]
        case "mug-cutout.png":
            return encoded(cut_out(replace(mug(), size=(480, 480), noise=0)), name)
        case _:
            return encoded(develop(PRODUCTS[name]()), name)


def main(folder: Path) -> None:
    """Draw every file into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*PICTURES, *TROUBLE):
        (folder / name).write_bytes(draw(name))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
