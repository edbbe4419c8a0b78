"""SKUs from hell go through a whole night: each row ends once, and nothing leaves its folder."""

import csv
from pathlib import PurePosixPath

from tests.facts.test_naming import HOSTILE, is_safe
from tests.run.nights import COLUMN_NAMES, Shop

SKUS = [*HOSTILE, "Mug", "mug", "x" * 200, "x" * 199 + "y"]
REFUSED = {
    "": "no_sku",
    " ": "no_sku",
    "x" * 5000: "sku_too_long",
    "one\ntwo": "bad_sku",
    "nul\x00byte": "not_utf8",
    "half\udcff": "not_utf8",
}


def test_no_sku_loses_a_row_or_leaves_the_destination(shop: Shop) -> None:
    """Also where two differ only by case, or in their two hundredth letter."""
    shop.folder.mkdir(exist_ok=True)
    with shop.manifest.open("w", newline="", errors="surrogateescape") as file:
        writer = csv.DictWriter(file, COLUMN_NAMES, restval="")
        writer.writeheader()
        for number, sku in enumerate(SKUS):
            shop.draw(f"{number}.png", colour=number)
            writer.writerow(shop.row(sku, f"{number}.png"))
    report = shop.night().report
    assert list(report["row"]) == list(range(2, len(SKUS) + 2))
    ends = dict(zip(SKUS, zip(report["outcome"], report["reason_code"], strict=True), strict=True))
    assert {sku: code for sku, (end, code) in ends.items() if end == "rejected"} == REFUSED
    paths = [
        PurePosixPath(picture["path"])
        for outcome, pictures in zip(report["outcome"], report["pictures"], strict=True)
        if outcome == "cut"
        for picture in pictures
    ]
    assert len(set(paths)) == len(SKUS) - len(REFUSED)
    assert all(len(path.parts) == 2 and is_safe(path.parts[0]) for path in paths)
    out = shop.folder / "out" / shop.catalog
    there = {str(file.relative_to(out)) for file in out.rglob("*.png")}
    assert there == {str(path) for path in paths}
    assert {file.name for file in shop.folder.iterdir()} == {"shop.csv", "out", "state"}
