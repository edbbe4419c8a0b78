"""What a condition leaves out is neither bought nor written back; what stayed is read again."""

import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from packshot.run.looking import scratch_folder, stage
from packshot.run.writing_back import Wish, WrittenBack, write_back
from tests.run.nights import Shop, photo

CDN = "https://cdn.example/new"
SHOPIFY = (
    "Handle,Title,Vendor,Image Src,Image Position\n"
    "tee,Tee,Acme,IMG/1.jpg,1\ntee,,,IMG/2.jpg,2\nmug,Mug,x,IMG/3.jpg,1\nmug,,,IMG/4.jpg,2\n"
)
FEED = "".join(
    f"<item><id>{sku}</id><vendor>{vendor}</vendor><image_link>IMG/{main}.jpg</image_link>"
    f"<additional_image_link>IMG/{main + 1}.jpg</additional_image_link></item>"
    for sku, vendor, main in (("tee", "Acme", 1), ("mug", "x", 3))
)
MAGENTO = 'sku,base_image,additional_images\nA,/1.jpg,"/2.jpg,/gone.jpg,/3.jpg"\n'


def stocked(shop: Shop, text: str) -> Path:
    """An export whose pictures the shop's host serves."""
    for number in range(1, 5):
        shop.put(f"{number}.jpg", photo(size=(160 + 20 * number, 160)))
    file = shop.folder / "export.csv"
    file.write_text(text.replace("IMG/", shop.url("")))
    return file


def back(shop: Shop, fields: dict[str, object]) -> WrittenBack:
    """The way back."""
    with scratch_folder() as folder:
        return write_back(shop.job(**fields), Wish(shop.folder / "import", CDN), folder)


@pytest.mark.parametrize(
    "text", [SHOPIFY, f"<rss><channel>{FEED}</channel></rss>"], ids=["table", "feed"]
)
def test_run_and_way_back_choose_the_same(shop: Shop, text: str) -> None:
    """All pictures of the products that are meant, and none of another."""
    file = stocked(shop, text)
    fields = {"manifest": str(file), "export": {"where": "vendor != 'x'"}}
    night = shop.night(**fields)
    assert night.summary.outcomes["cut"] == 2
    done = back(shop, fields)
    assert (done.written, done.kept) == (2, {"Left out by `--where` or `--pictures`.": 2})
    came = (shop.folder / "import" / "export.csv").read_text()
    assert [shop.url(f"{number}.jpg") in came for number in range(1, 5)] == [
        *(False, False),
        *(True, True),
    ]


def test_a_list_with_one_that_failed_is_read_again(shop: Shop) -> None:
    """New addresses and the path that stayed stand in one cell, each a picture."""
    file = stocked(shop, MAGENTO)
    base = shop.url("").rstrip("/")
    fields = {"manifest": str(file), "export": {"base_url": base}}
    shop.night(**fields)
    assert back(shop, fields).written == 3
    new = shop.folder / "import" / "export.csv"
    with new.open(newline="") as lines:
        ((_, _, cell),) = [*csv.reader(lines)][1:]
    assert ",/gone.jpg," in cell
    with scratch_folder() as folder:
        rows = pq.read_table(stage(shop.job(**fields | {"manifest": str(new)}), folder).path)
    main, second, gone, third = rows["url"].to_pylist()
    assert gone == f"{base}/gone.jpg"
    assert all(url.startswith(f"{CDN}/") and "," not in url for url in (main, second, third))
