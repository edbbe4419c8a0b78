"""The way back for tests: exports whose pictures a shop serves, and what came of them."""

import csv
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pyarrow.parquet as pq

from packshot.run.looking import scratch_folder, stage
from packshot.run.writing_back import Wish, WrittenBack, write_back
from tests.run.nights import Shop, photo

CDN = "https://cdn.example/new"


def stocked(
    shop: Shop, text: str, encoding: str = "utf-8", base: str | None = None, **more: object
) -> dict:
    """An export whose pictures the shop's host serves, and the fields of a job for it."""
    host = shop.url("").rstrip("/")
    file = shop.folder / "export.csv"
    file.write_bytes(text.replace("IMG/", f"{host}/").encode(encoding))
    own = None if base is None else base.replace("https://img.example", host)
    fields = {"manifest": str(file), "export": {"base_url": own}} | more
    serve(shop, fields)
    return fields


def serve(shop: Shop, fields: dict) -> None:
    """Put up the pictures of a manifest that lie at the shop's host, each of its own size."""
    urls = [row["url"] for row in staged(shop, fields) if row["url"]]
    for colour, url in enumerate(dict.fromkeys(urls)):
        name = place(shop, url)
        (shop.pictures / name).parent.mkdir(parents=True, exist_ok=True)
        shop.put(name, photo(colour, (120 + colour, 90)))  # cutouts are drawn by size


def place(shop: Shop, url: str) -> str:
    """The name by which the shop knows the picture at an address."""
    return unquote(urlsplit(url).path.partition(f"/{shop.name}/")[2])


def staged(shop: Shop, fields: dict) -> list[dict]:
    """What a run would read."""
    with scratch_folder() as folder:
        return pq.read_table(stage(shop.job(**fields), folder).path).to_pylist()


def back(shop: Shop, fields: dict, **wish: object) -> WrittenBack:
    """The way back."""
    whole = {"folder": shop.folder / "import", "public_url": CDN} | wish
    with scratch_folder() as folder:
        return write_back(shop.job(**fields), Wish(**whole), folder)


def made(shop: Shop, fields: dict) -> Path:
    """The import file."""
    return shop.folder / "import" / Path(fields["manifest"]).name


def side_table(shop: Shop) -> list[dict[str, str]]:
    """What became of each picture."""
    with (shop.folder / "import" / "pictures.csv").open(newline="") as file:
        return list(csv.DictReader(file))
