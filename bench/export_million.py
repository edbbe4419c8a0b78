"""Read, plan and write back a shop's export of a million rows, a tenth of it, and twice as many.

    python -m bench.export_million [--rows 1000000]

The exports and a past night that cut nine of ten pictures are made once; each step is a process
of its own, so that its peak memory is its own, too.
"""

import argparse
import csv
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from bench.known_catalog import job_in
from bench.machine import table, write_result
from bench.processes import answer_of
from bench.stopwatch import peak_megabytes, processor_seconds
from packshot.facts.paid_options import PaidOptions
from packshot.facts.variant import Variant, recipe
from packshot.run.inspecting import inspect_manifest
from packshot.run.looking import plan_only, scratch_folder, stage
from packshot.run.writing_back import Wish, write_back
from packshot.world.ledger import COLUMNS, Head, Ledger
from packshot.world.store import LocalStore
from packshot.world.tables import MEMORY_LIMIT, literal, tables

HOST: Final = "https://cdn.example.com/s/files/1/0042/products"
ROWS_OF_PRODUCT: Final = 4
SHOPIFY: Final = (
    "Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,"
    "Variant Price,Image Src,Image Position,Image Alt Text,Variant Image,Status"
)
_LEARNED: Final = {
    "key": "key",
    "sku": "sku",
    "position": "position",
    "url": "url",
    "url_hash": "md5(url)",
    "status": "'cut'",
    "checked_at": "now()::TIMESTAMP",
    "content_hash": "sha256(url)",
    "source_width": "1000",
    "source_height": "1000",
    "paid_options": "$options",
    "fingerprint": "sha256(key)",
    "provider": "'local'",
    "purchase_class": "'free'",
    "bought_at": "now()::TIMESTAMP",
    "recipe": "$recipe",
    "pictures": "[{'variant': 'cutout', 'path': sku || '/' || md5(key)[:8] || '.png', "
    "'width': 1000, 'height': 1000, 'bytes': 150000}]",
    "attempts": "0",
}


def shopify(rows: int) -> Iterator[list[str]]:
    """Products of four rows; the first one has a description of several lines."""
    yield SHOPIFY.split(",")
    for row in range(rows):
        product, nth = divmod(row, ROWS_OF_PRODUCT)
        image = f"{HOST}/product-{product}-{nth}.jpg?v=17{row:08d}"
        first = ["", "", "", "", "", ""]
        if nth == 0:
            body = f'<p>Product {product},\n "soft" and\n<b>washable</b></p>'
            first = [f"Product {product}", body, "Acme", "Shirt", "new, blue", "TRUE"]
        option = ["Size" if nth == 0 else "", "SMLX"[nth], f"SKU-{row:08d}", f"{5 + row % 300}.00"]
        yield [f"product-{product}", *first, *option, image, f"{nth + 1}", "", "", "active"]


def google(rows: int) -> Iterator[list[str]]:
    """An offer in each row, one picture each."""
    yield ["id", "title", "description", "link", "image_link", "additional_image_link", "price"]
    for row in range(rows):
        link = f"https://shop.example/p/{row}"
        image = f"{HOST}/offer-{row}.jpg"
        yield [f"SKU-{row:08d}", f"Offer {row}", "soft, washable", link, image, "", "5.00 EUR"]


EXPORTS: Final[dict[str, tuple[Callable[[int], Iterator[list[str]]], str]]] = {
    "Shopify": (shopify, ","),
    "Google Merchant, TSV": (google, "\t"),
}


def make(folder: Path, name: str, rows: int) -> None:
    """Write the export, and teach the ledger nine of ten of its pictures."""
    lines, delimiter = EXPORTS[name]
    with (folder / "export.txt").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows(lines(rows))
    job = job_in(folder, "export.txt")
    ledger = Ledger(LocalStore(job.state_url), job.catalog)
    with scratch_folder() as scratch, tables(scratch) as connection:
        staged = stage(job, scratch)
        known = ", ".join(
            f"({_LEARNED.get(column, 'NULL')})::{kind} AS {column}"
            for column, kind in COLUMNS.items()
        )
        changes = scratch / "learned.parquet"
        connection.execute(
            f"CREATE TEMP TABLE learned AS SELECT {known} FROM read_parquet($staged) "
            "WHERE reject_code IS NULL AND hash(key) % 10 < 9",
            {
                "staged": str(staged.path),
                "options": PaidOptions().canonical(),
                "recipe": recipe((Variant(),)),
            },
        )
        connection.execute(f"COPY learned TO {literal(changes)} (FORMAT parquet)")
        ledger.attach(connection, Head(), scratch)
        moved = ledger.learn(connection, Head(), changes, "a-night")
        ledger.move(moved, was=Head())


def step(folder: Path, name: str) -> dict[str, Any]:
    """One step, and what it took and found."""
    job = job_in(folder, "export.txt")
    used, started = processor_seconds(), time.perf_counter()
    with scratch_folder() as scratch:
        match name:
            case "inspect":
                found = inspect_manifest(job, scratch)
                said = f"{found.records:,} records, {found.pictures:,} pictures"
            case "plan":
                states = plan_only(job, None, scratch).plan.states
                said = ", ".join(f"{count:,} {state}" for state, count in states.items())
            case _:
                wish = Wish(folder / "import", "https://cdn.example.com/new")
                done = write_back(job, wish, scratch)
                said = f"{done.written:,} new addresses, {sum(done.kept.values()):,} kept"
        seconds = time.perf_counter() - started
    return {
        "seconds": seconds,
        "processor": processor_seconds() - used,
        "megabytes": peak_megabytes(),
        "found": said,
    }


def measured(name: str, rows: int) -> list[list[str]]:
    """Lines of the table for one export of one size."""
    with tempfile.TemporaryDirectory(prefix="packshot-bench-") as folder:
        asked = {"folder": folder, "export": name, "rows": rows}
        answer_of("bench.export_million", asked | {"step": "make"})
        size = (Path(folder) / "export.txt").stat().st_size / 1e6
        lines = []
        for one in ("inspect", "plan", "write-back"):
            took = answer_of("bench.export_million", asked | {"step": one})
            figures = [f"{took[key]:.1f}" for key in ("seconds", "processor", "megabytes")]
            lines.append([f"{name}, {size:.0f} MB", f"{rows:,}", one, *figures, took["found"]])
        return lines


def main() -> None:
    """Measure all, or be one of the processes that do a step."""
    if sys.argv[1:] and sys.argv[1].startswith("{"):
        asked = json.loads(sys.argv[1])
        folder = Path(asked["folder"])
        if asked["step"] == "make":
            make(folder, asked["export"], asked["rows"])
            print(json.dumps({}))
        else:
            print(json.dumps(step(folder, asked["step"])))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--beside", default="", help="a sentence about what else was running")
    asked = parser.parse_args()
    rows = asked.rows
    sizes = {name: [rows // 10, rows] for name in EXPORTS}
    sizes["Google Merchant, TSV"].append(2 * rows)
    lines = [line for name in EXPORTS for size in sizes[name] for line in measured(name, size)]
    header = ["export", "rows", "step", "seconds", "processor seconds", "peak MB", "found"]
    text = (
        "A past night has cut nine of ten pictures. Each step is a fresh process; starting Python "
        "and importing are not counted in the seconds, but in the memory. Rows are read and "
        f"written in chunks; what is joined and sorted lies in DuckDB, which may hold "
        f"{MEMORY_LIMIT} and spills the rest, so that twice the rows take no more of it. "
        f"{asked.beside}\n\n" + table(header, lines)
    )
    print(text)
    write_result(
        "export_million",
        "A shop's export of a million rows",
        f"python -m bench.export_million --rows {rows}",
        text,
    )


if __name__ == "__main__":
    main()
