"""What encodings cost, in bytes and in time: `python -m bench.formats [FOLDER]`.

The pictures are those of `bench.shop`, or the photographs `name.input.jpg` and `name.alpha.png` of
a folder. One thread, the best of some rounds; the settings that the product uses stand in bold.
"""

import argparse
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from statistics import mean
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.machine import table, write_result
from bench.shop import drawn
from packshot.facts.variant import Variant
from packshot.world.cutouts import (
    LARGEST_RESULT_PIXELS,
    alpha_of,
    clear_unseen,
    measure_alpha,
    read_cutout,
)
from packshot.world.derive import derive
from packshot.world.studio_cut import cut_from_studio

ROUNDS: Final = 2
MOST_PICTURES: Final = 6
Bytes = NDArray[np.uint8]


class Pair(NamedTuple):
    """A photograph and a cutout of it."""

    source: bytes
    """A JPEG."""
    unseen: Image.Image
    """RGBA, the old ground's colour still under zero alpha."""

    @property
    def cutout(self) -> Image.Image:
        """RGBA, colour zeroed where alpha is."""
        return clear_unseen(self.unseen)

    @property
    def megapixels(self) -> float:
        """Width times height in millions."""
        return self.unseen.width * self.unseen.height / 1e6


def png(filter_kind: int | None, level: int) -> Callable[[Image.Image], bytes]:
    """OpenCV's PNG; no filter named: it chooses one for each row."""
    chosen = [] if filter_kind is None else [cv2.IMWRITE_PNG_FILTER, filter_kind]

    def encode(picture: Image.Image) -> bytes:
        pixels = cv2.cvtColor(np.asarray(picture), cv2.COLOR_RGBA2BGRA)
        settings = [cv2.IMWRITE_PNG_COMPRESSION, level, *chosen]
        return cv2.imencode(".png", pixels, settings)[1].tobytes()

    return encode


def pillow(kind: str, **settings: object) -> Callable[[Image.Image], bytes]:
    """Pillow's encoder of a format."""

    def encode(picture: Image.Image) -> bytes:
        body = BytesIO()
        picture.save(body, kind, **settings)
        return body.getvalue()

    return encode


def zipped(picture: Image.Image) -> bytes:
    """Colour as JPEG and alpha as PNG, as remove.bg's ZIP holds them."""
    body = BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("color.jpg", pillow("JPEG", quality=95)(picture.convert("RGB")))
        archive.writestr("alpha.png", pillow("PNG")(picture.getchannel("A")))
    return body.getvalue()


def opened(body: bytes) -> None:
    """Decode whatever it is."""
    if body[:2] == b"PK":
        with zipfile.ZipFile(BytesIO(body)) as archive:
            for name in archive.namelist():
                Image.open(BytesIO(archive.read(name))).load()
        return
    Image.open(BytesIO(body)).load()


FINISHED: Final[dict[str, Callable[[Image.Image], bytes]]] = {
    "PNG, Pillow, level 1": pillow("PNG", compress_level=1),
    "PNG, Pillow, level 6 (its default)": pillow("PNG"),
    "PNG, Pillow, level 9": pillow("PNG", compress_level=9),
    "PNG, OpenCV, level 1, a filter chosen for each row": png(None, 1),
    "PNG, OpenCV, level 1, filter Sub": png(cv2.IMWRITE_PNG_FILTER_SUB, 1),
    "**PNG, OpenCV, level 1, filter Up**": png(cv2.IMWRITE_PNG_FILTER_UP, 1),
    "PNG, OpenCV, level 1, no filter": png(cv2.IMWRITE_PNG_FILTER_NONE, 1),
    "PNG, OpenCV, level 4, filter Up": png(cv2.IMWRITE_PNG_FILTER_UP, 4),
    "WebP, quality 90, method 0": pillow("WEBP", quality=90, method=0),
    "**WebP, quality 90, method 1**": pillow("WEBP", quality=90, method=1),
    "WebP, quality 90, method 4 (its default)": pillow("WEBP", quality=90, method=4),
    "WebP, quality 90, method 6": pillow("WEBP", quality=90, method=6),
    "WebP, lossless, method 1": pillow("WEBP", lossless=True, method=1),
}
WIRE: Final[dict[str, Callable[[Image.Image], bytes]]] = {
    "**ZIP of JPEG and alpha**": zipped,
    "PNG": pillow("PNG"),
    "WebP": pillow("WEBP", quality=90),
}


def best(work: Callable[[], object]) -> float:
    """Milliseconds of the quickest of some rounds, of this thread's processor."""
    times = []
    for _ in range(ROUNDS):
        started = time.thread_time()
        work()
        times.append(time.thread_time() - started)
    return 1000 * min(times)


def costs(pairs: list[Pair], encode: Callable[[Image.Image], bytes], *, clear: bool) -> list[str]:
    """Kilobytes and milliseconds per megapixel: to encode and to decode."""
    sizes, made, read = [], [], []
    for pair in pairs:
        picture = pair.cutout if clear else pair.unseen
        body = encode(picture)
        sizes.append(len(body) / 1000 / pair.megapixels)
        made.append(best(lambda picture=picture: encode(picture)) / pair.megapixels)
        read.append(best(lambda body=body: opened(body)) / pair.megapixels)
    return [f"{mean(each):.{digits}f}" for each, digits in ((sizes, 0), (made, 1), (read, 1))]


def drafts(pairs: list[Pair]) -> list[list[str]]:
    """A preview of 256 pixels, by decoding all of a JPEG or a draft of it."""

    def preview(source: bytes, *, draft: bool) -> None:
        picture = Image.open(BytesIO(source))
        if draft:
            picture.draft("RGB", (192, 192))
        picture.thumbnail((256, 256))

    rows = []
    for name, draft in (("all of it", False), ("**a draft**", True)):
        times = [
            best(lambda pair=pair, draft=draft: preview(pair.source, draft=draft)) / pair.megapixels
            for pair in pairs
        ]
        rows.append([name, f"{mean(times):.1f}"])
    return rows


def _cut(source: bytes) -> Image.Image:
    picture = Image.open(BytesIO(source)).convert("RGB")
    picture.putalpha(Image.fromarray(cut_from_studio(np.asarray(picture)).alpha))
    return picture


def side_by_side(pairs: list[Pair]) -> list[list[str]]:
    """Opening, measuring and encoding in threads and in processes: pictures per second."""
    bodies = [zipped(pair.unseen) for pair in pairs] * 4
    rows = []
    for name, pool in (
        ("one thread", ThreadPoolExecutor(1)),
        ("two threads", ThreadPoolExecutor(2)),
        ("two processes", ProcessPoolExecutor(2, mp_context=get_context("spawn"))),
    ):
        with pool:
            list(pool.map(finished, bodies[:2]))  # processes have started and imported by now
            started = time.perf_counter()
            list(pool.map(finished, bodies))
            rows.append([name, f"{len(bodies) / (time.perf_counter() - started):.1f}"])
    return rows


def finished(body: bytes) -> bytes:
    """What the product does with an answer."""
    cutout = read_cutout(body, "zip", max_pixels=LARGEST_RESULT_PIXELS)
    alpha = measure_alpha(alpha_of(cutout.picture))
    return derive(cutout, Variant(), alpha.box).content


def pairs_of(folder: Path | None) -> list[Pair]:
    """Photographs with their reference mattes, or drawings with the embedded engine's cut."""
    if folder is None:
        sources = [drawn(number, side) for number in range(4) for side in (1000, 2000)]
        return [Pair(source, _cut(source)) for source in sources]
    pairs = []
    for file in sorted(folder.glob("*.input.jpg")):
        if len(pairs) == MOST_PICTURES:
            break
        picture = Image.open(file).convert("RGB")
        matte = file.with_name(file.name.replace(".input.jpg", ".alpha.png"))
        alpha = Image.open(matte).convert("L")
        if alpha.size == picture.size:
            picture.putalpha(alpha)
            pairs.append(Pair(file.read_bytes(), picture))
    return pairs


def report(pairs: list[Pair], what: str) -> str:
    """All tables."""
    per = ["kB per MP", "ms per MP to encode", "ms per MP to decode"]
    chosen = FINISHED["**PNG, OpenCV, level 1, filter Up**"]
    size = [
        [name, *costs(pairs, chosen, clear=clear)]
        for name, clear in (("**zeroed**", True), ("as it came", False))
    ]
    finished = [[name, *costs(pairs, each, clear=True)] for name, each in FINISHED.items()]
    wire = [[name, *costs(pairs, each, clear=False)] for name, each in WIRE.items()]
    return "\n".join(
        [
            (
                f"{len(pairs)} {what}; processor time of one thread, the best of {ROUNDS} rounds, "
                "means over the pictures; what the product does stands in bold."
            ),
            "",
            "Finished pictures:",
            "",
            table(["encoding", *per], finished),
            "",
            "On the wire (the provider encodes, we decode):",
            "",
            table(["answer", *per], wire),
            "",
            "Colour under zero alpha, in the PNG chosen:",
            "",
            table(["colour", *per], size),
            "",
            "A preview of a source, for its master:",
            "",
            table(["decoded", "ms per MP"], drafts(pairs)),
            "",
            "Opening an answer, measuring its alpha and encoding a PNG, side by side:",
            "",
            table(["", "pictures/s"], side_by_side(pairs)),
        ]
    )


def main() -> None:
    """Measure and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="photographs with mattes")
    folder = parser.parse_args().folder
    cv2.setNumThreads(1)
    what = "drawings of 1 and 4 megapixels" if folder is None else "photographs with their mattes"
    text = report(pairs_of(folder), what)
    print(text)
    repeat = "python -m bench.formats" + ("" if folder is None else " FOLDER")
    write_result("formats", "What encodings cost", repeat, text)


if __name__ == "__main__":
    main()
