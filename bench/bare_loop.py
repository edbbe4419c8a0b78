"""What the work costs without a product around it: fetch, call, compose, write, in threads.

    python -m bench.bare_loop '{"host": …, "folder": …, "pictures": …, "threads": …, "encoder": …}'

Nothing is planned, checked, remembered, retried or accounted for.
"""

import json
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Final

import cv2
import httpx
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.shop import name_of
from bench.stopwatch import processor_seconds
from packshot.world.derive import PNG

FIELDS: Final = {"size": "full", "type_level": "1", "format": "zip"}


def cut(client: httpx.Client, host: str, folder: Path, encoder: str, number: int) -> None:
    """One picture: fetched, cut, kept as it came, composed, written."""
    name = name_of(number)
    source = client.get(f"{host}/cdn/{name}").raise_for_status().content
    files = {"image_file": ("source.jpg", source, "image/jpeg")}
    answer = client.post(f"{host}/v1.0/removebg", data=FIELDS, files=files).raise_for_status()
    (folder / f"{name}.zip").write_bytes(answer.content)
    (folder / f"{name}.png").write_bytes(composed(answer.content, encoder))


def composed(answer: bytes, encoder: str) -> bytes:
    """A PNG from colour and alpha, its colour zero where nothing is seen."""
    with zipfile.ZipFile(BytesIO(answer)) as archive:
        colour = Image.open(BytesIO(archive.read("color.jpg"))).convert("RGB")
        alpha = np.asarray(Image.open(BytesIO(archive.read("alpha.png"))).convert("L"))
    pixels = np.asarray(cv2.cvtColor(np.asarray(colour), cv2.COLOR_RGB2RGBA))
    pixels[..., 3] = alpha
    cut_out = np.asarray(cv2.copyTo(pixels, alpha))
    return _opencv_png(cut_out) if encoder == "opencv" else _pillow_png(cut_out)


def _pillow_png(pixels: NDArray[np.uint8]) -> bytes:
    """What comes to mind first."""
    body = BytesIO()
    Image.fromarray(pixels).save(body, "PNG", compress_level=1)
    return body.getvalue()


def _opencv_png(pixels: NDArray[np.uint8]) -> bytes:
    """The product's own settings."""
    return cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA), PNG)[1].tobytes()


def main() -> None:
    """Do them all and print a line of JSON."""
    asked = json.loads(sys.argv[1])
    folder = Path(asked["folder"])
    folder.mkdir(parents=True)
    cv2.setNumThreads(1)
    used, started = processor_seconds(), time.perf_counter()
    headers = {"X-API-Key": "test"}
    limits = httpx.Limits(max_connections=2 * asked["threads"])
    with (
        httpx.Client(headers=headers, limits=limits, timeout=120, trust_env=False) as client,
        ThreadPoolExecutor(asked["threads"]) as pool,
    ):
        list(
            pool.map(
                lambda number: cut(client, asked["host"], folder, asked["encoder"], number),
                range(asked["pictures"]),
            )
        )
    seconds = time.perf_counter() - started
    answer = {"seconds": seconds, "processor_seconds": processor_seconds() - used}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
