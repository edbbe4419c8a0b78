"""A shop to practise on: pictures of one size, all different, and a manifest."""

from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

SIDE: Final = 1000
GRAIN: Final = 9  # levels of noise: brings a JPEG of this size to some 200 kB
QUALITY: Final = 88


def draw_shop(folder: Path, pictures: int, side: int = SIDE) -> None:
    """Draw the pictures into a folder, each of `side` times `side` pixels."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(pictures):
        (folder / name_of(number)).write_bytes(drawn(number, side))


def draw_copies(folder: Path, pictures: int, side: int) -> int:
    """Draw one picture, and put it up so many times with other bytes; its size in bytes."""
    folder.mkdir(parents=True)
    content = drawn(0, side)
    for number in range(pictures):
        said = f"number {number}".encode()
        comment = b"\xff\xfe" + (len(said) + 2).to_bytes(2, "big") + said  # JPEG's COM segment
        (folder / name_of(number)).write_bytes(content[:2] + comment + content[2:])
    return len(content)


def name_of(number: int) -> str:
    """File name of a picture."""
    return f"product-{number:05d}.jpg"


def drawn(number: int, side: int = SIDE) -> bytes:
    """A grainy product on pale paper; its number stands on it."""
    chance = np.random.default_rng(number)
    picture = Image.new("RGB", (side, side), (244, 244, 242))
    brush = ImageDraw.Draw(picture)
    scale = side / SIDE
    left, top = (int(edge * scale) for edge in chance.integers(60, 220, 2))
    right, bottom = (int(edge * scale) for edge in chance.integers(780, 940, 2))
    red, green, blue = (int(part) for part in chance.integers(30, 210, 3))
    brush.ellipse((left, top, right, bottom), (red, green, blue))
    brush.text((side // 2, side // 2), f"{number}", "white", font_size=80, anchor="mm")
    grain = chance.integers(-GRAIN, GRAIN, (side, side), np.int16)
    pixels = np.clip(np.asarray(picture).astype(np.int16) + grain[..., None], 0, 255)
    body = BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(body, "JPEG", quality=QUALITY)
    return body.getvalue()


def write_manifest(file: Path, host: str, pictures: int) -> None:
    """A CSV that names every picture of the shop."""
    lines = (
        f"SKU-{number:05d},{host}/cdn/{name_of(number)},Product {number}"
        for number in range(pictures)
    )
    file.write_text("\n".join(["sku,image_url,title", *lines]) + "\n")
