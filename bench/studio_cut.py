"""Measure the embedded engine against reference mattes: `python -m bench.studio_cut [FOLDER]`.

The folder holds `name.input.jpg` and `name.alpha.png` pairs; without one, only the products of the
sample catalog are cut. Everything runs on one thread; seconds are processor time, so waiting for
other work hardly counts.
"""

import argparse
from pathlib import Path
from statistics import fmean, median

import cv2
from PIL import Image

from bench.contact_sheet import sheet
from bench.machine import RESULTS, write_result
from bench.mattes import DRAWN, GROUNDS, Measured, drawings, pairs

HEAD = """Pictures with a reference matte each, cut on one thread; seconds are processor time.
Those named `comp-`, `packshot-` and `drawn-` are studio pictures, for which the engine is meant;
the others show what it does with pictures it is not meant for. IoU is the overlap of cut and
reference over their union, both at half opacity. Halo is the mean CIEDE2000 in a band of 5
pixels around the reference's outline, on white, black and red, beside the reference matte; in
brackets that of a naive cut, the same product with a hard edge and the picture's own colours.
The drawings are those of the sample catalog ([sheet](studio_cut.jpg)); their mattes are drawn
one pixel narrow, so no halo is given for them. The other pictures are not part of the
repository, and any folder of `name.input.jpg` and `name.alpha.png` pairs will do."""


def table(pictures: list[Measured]) -> str:
    """Lay the figures out as markdown: studio pictures first, then the rest."""
    studio = [picture for picture in pictures if picture.is_studio]
    others = [picture for picture in pictures if not picture.is_studio]
    lines = ["| picture | IoU | seconds | halo | unsure |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| {p.name} | {p.iou:.3f} | {p.seconds:.2f} | {_halo(p)} | {p.cut.unsure or ''} |"
        for p in studio + others
    ]
    drawn = [picture for picture in studio if picture.name.startswith(DRAWN)]
    photographed = [picture for picture in studio if picture not in drawn]
    sums = [
        _average(what, some)
        for what, some in (("Studio photographs", photographed), ("Drawings", drawn))
        if some
    ]
    return "\n".join([*lines, "", *sums, "", _doubts(pictures)])


def _halo(picture: Measured) -> str:
    if picture.name.startswith(DRAWN):
        return ""
    return ", ".join(f"{ours:.1f} ({naive:.1f})" for ours, naive in picture.halo.values())


def _average(what: str, pictures: list[Measured]) -> str:
    """Sum some pictures up in a sentence."""
    overlaps, seconds = [p.iou for p in pictures], [p.seconds for p in pictures]
    megapixels = [p.reference.size / 1e6 for p in pictures]
    halo = ", ".join(
        f"{fmean(p.halo[name][0] for p in pictures):.1f} on {name} "
        f"({fmean(p.halo[name][1] for p in pictures):.1f})"
        for name in GROUNDS
        if not pictures[0].name.startswith(DRAWN)
    )
    return (
        f"{what}: mean IoU {fmean(overlaps):.3f}, lowest {min(overlaps):.3f}; median "
        f"{median(seconds):.2f} s for {median(megapixels):.2f} megapixels"
        f"{f'; halo {halo}' if halo else ''}."
    )


def _doubts(pictures: list[Measured]) -> str:
    """Say how often doubt meets the pictures that deserve it."""
    poor = [p.cut.unsure is not None for p in pictures if p.iou < 0.8]
    good = [p.cut.unsure is not None for p in pictures if p.iou >= 0.95]
    return (
        f"Unsure about {sum(poor)} of {len(poor)} pictures with IoU < 0.8 "
        f"and {sum(good)} of {len(good)} with IoU >= 0.95."
    )


def main() -> None:
    """Measure, write the table down, and draw the sheets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="pairs with a reference matte")
    parser.add_argument("--sheet", type=Path, help="write a contact sheet of the folder to this")
    wanted = parser.parse_args()
    if wanted.folder is not None and not any(wanted.folder.glob("*.input.jpg")):
        parser.exit(
            1, f"No pairs (name.input.jpg, name.alpha.png) in {wanted.folder}; name their folder.\n"
        )
    cv2.setNumThreads(1)
    drawn = list(drawings())
    photographs = [] if wanted.folder is None else list(pairs(wanted.folder))
    Image.fromarray(sheet(drawn)).save(RESULTS / "studio_cut.jpg", quality=85, optimize=True)
    if wanted.sheet and photographs:
        Image.fromarray(sheet(photographs)).save(wanted.sheet)
    body = f"{HEAD}\n\n{table(photographs + drawn)}"
    repeat = "python -m bench.studio_cut FOLDER"
    print(write_result("studio_cut", "The embedded engine against reference mattes", repeat, body))
    print(table(photographs + drawn))


if __name__ == "__main__":
    main()
