"""Measure the embedded engine against reference mattes.

    python -m bench.studio_cut [folder] [--sheet out.png]

The folder holds `name.input.jpg` and `name.alpha.png` pairs. Everything runs on one
thread; seconds are processor time, so waiting for other work hardly counts.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from packshot.world.studio_cut import StudioCut, cut_from_studio

ROOT: Final = Path(__file__).parents[1]
PAIRS: Final = ROOT / "../shared/images/pairs"
STUDIO: Final = ("packshot-", "comp-")  # pictures of the kind the engine is meant for
TILE: Final = 300  # px, one picture on the sheet

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
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


def measured(folder: Path) -> Iterator[Measured]:
    """Cut every pair in the folder."""
    for path in sorted(folder.glob("*.input.jpg")):
        name = path.name.removesuffix(".input.jpg")
        rgb = _read(path, cv2.IMREAD_COLOR_RGB)
        reference = _read(folder / f"{name}.alpha.png", cv2.IMREAD_GRAYSCALE)
        started = time.process_time()
        cut = cut_from_studio(rgb)
        yield Measured(name, rgb, reference, cut, time.process_time() - started)


def _read(path: Path, flags: int) -> Picture:
    """Read a picture, or stop with its name."""
    picture = cv2.imread(str(path), flags)
    if picture is None:
        msg = f"{path} is not a readable picture."
        raise SystemExit(msg)
    return np.asarray(picture, np.uint8)


def table(pictures: list[Measured]) -> str:
    """Lay the figures out as markdown: studio pictures first, then the rest."""
    studio = [picture for picture in pictures if picture.is_studio]
    others = [picture for picture in pictures if not picture.is_studio]
    lines = ["| picture | IoU | seconds | unsure |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {p.name} | {p.iou:.3f} | {p.seconds:.2f} | {p.cut.unsure or ''} |"
        for p in studio + others
    ]
    return "\n".join([*lines, "", _average(studio), "", _doubts(pictures)])


def _average(studio: list[Measured]) -> str:
    """Sum the studio pictures up in a sentence."""
    if not studio:
        return "No studio pictures here."
    overlaps, seconds = [p.iou for p in studio], [p.seconds for p in studio]
    return (
        f"Studio pictures: mean IoU {fmean(overlaps):.3f}, lowest {min(overlaps):.3f}; "
        f"median {median(seconds):.2f} s."
    )


def _doubts(pictures: list[Measured]) -> str:
    """Say how often doubt meets the pictures that deserve it."""
    poor = [p.cut.unsure is not None for p in pictures if p.iou < 0.8]
    good = [p.cut.unsure is not None for p in pictures if p.iou >= 0.95]
    return (
        f"Unsure about {sum(poor)} of {len(poor)} pictures with IoU < 0.8 "
        f"and {sum(good)} of {len(good)} with IoU >= 0.95."
    )


def sheet(pictures: list[Measured]) -> Picture:
    """Draw each picture as input, cut on a checkerboard, cut on magenta, reference; two a row."""
    strips = [np.hstack([_tile(view) for view in _views(picture)]) for picture in pictures]
    if len(strips) % 2:
        strips.append(np.full_like(strips[0], 128))
    return np.vstack([np.hstack(pair) for pair in zip(strips[::2], strips[1::2], strict=True)])


def _views(picture: Measured) -> list[Picture]:
    """Give the four views of a picture, H x W x 3 each."""
    height, width = picture.reference.shape
    y, x = np.indices((height, width)) // max(1, max(height, width) // 24)
    checks = np.where((x + y) % 2, 200, 255)[..., None].repeat(3, axis=2)
    magenta = np.broadcast_to((255, 0, 255), (height, width, 3))
    grey = picture.reference[..., None].repeat(3, axis=2)
    return [picture.rgb, _laid_on(checks, picture.cut), _laid_on(magenta, picture.cut), grey]


def _laid_on(ground: NDArray[Any], cut: StudioCut) -> Picture:
    """Lay a cut over an H x W x 3 ground."""
    share = cut.alpha[..., None] / 255
    return np.rint(cut.colour * share + ground * (1 - share)).astype(np.uint8)


def _tile(view: Picture) -> Picture:
    """Fit a view into a grey square of the sheet."""
    height, width = view.shape[:2]
    scale = TILE / max(height, width)
    fitted = np.asarray(
        cv2.resize(
            view, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA
        )
    )
    tile = np.full((TILE, TILE, 3), 128, np.uint8)
    tile[: fitted.shape[0], : fitted.shape[1]] = fitted
    return tile


def main() -> None:
    """Measure, print the table, and draw the sheet if one is asked for."""
    parser = argparse.ArgumentParser(
        description="Measure the embedded engine against reference mattes."
    )
    parser.add_argument("folder", nargs="?", type=Path, default=PAIRS)
    parser.add_argument("--sheet", type=Path, help="write a contact sheet to this PNG")
    wanted = parser.parse_args()
    if not any(wanted.folder.glob("*.input.jpg")):
        parser.exit(
            1, f"No pairs (name.input.jpg, name.alpha.png) in {wanted.folder}; name their folder.\n"
        )
    cv2.setNumThreads(1)
    pictures = list(measured(wanted.folder))
    print(table(pictures))
    if wanted.sheet:
        cv2.imwrite(str(wanted.sheet), cv2.cvtColor(sheet(pictures), cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    main()
