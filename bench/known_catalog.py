"""A large catalog whose every picture the ledger knows: a manifest, and a state to go with it."""

from pathlib import Path
from typing import Final

import duckdb

from packshot.facts.job import Job, Options
from packshot.facts.paid_options import PaidOptions
from packshot.facts.variant import Variant, recipe
from packshot.run.session import BATCHES
from packshot.world.ledger import COLUMNS, Head, Ledger
from packshot.world.store import LocalStore
from packshot.world.tables import tables

_MADE: Final = """
CREATE TEMP TABLE made AS SELECT i,
 printf('SKU-%08d', i) AS sku,
 printf('https://cdn.example.com/s/files/1/0042/products/%s/picture-%d.jpg', md5(i::VARCHAR), i)
  AS url,
 printf('Product %d in %s, for every day', i, ['red', 'blue', 'oak', 'steel'][1 + i % 4]) AS title,
 printf('%.2f', (5 + i % 300)::DOUBLE) AS price
FROM range(?) t(i)
"""
_LEARNED: Final = {
    "key": "sku || '#1'",
    "sku": "sku",
    "position": "1",
    "url": "url",
    "url_hash": "md5(url)",
    "status": "'cut'",
    "etag": "concat('\"', md5(sku), '\"')",
    "checked_at": "now()::TIMESTAMP",
    "content_hash": "sha256(concat(sku, $night::VARCHAR))",
    "source_format": "'JPEG'",
    "source_width": "1000",
    "source_height": "1000",
    "source_bytes": "200000 + hash(sku) % 50000",
    "paid_options": "$options",
    "fingerprint": "sha256(concat(url, $night::VARCHAR))",
    "provider": "'local'",
    "purchase_class": "'free'",
    "box_computed": "[100, 100, 800, 800]",
    "result_width": "1000",
    "result_height": "1000",
    "bought_at": "now()::TIMESTAMP - INTERVAL 1 DAY",
    "charged_once": "0.0",
    "unit": "'pictures'",
    "recipe": "$recipe",
    "pictures": "[{'variant': 'cutout', 'path': sku || '/' || md5(sku)[:8] || '.png', "
    "'width': 1000, 'height': 1000, 'bytes': 150000}]",
    "attempts": "0",
}


def job_in(folder: Path, manifest: str = "catalog.csv") -> Job:
    """The job that plans the catalog in this folder."""
    return Job(
        manifest=str(folder / manifest),
        destination=str(folder / "pictures"),
        state=str(folder / "state"),
        options=Options(catalog="million"),
    )


def make_known_catalog(folder: Path, rows: int, *, nights: int = 0, changes: int = 1000) -> Head:
    """Write the manifest, and teach the ledger all of its rows; answers where the ledger stands.

    After the first night as many follow as asked for, each with other pictures whose bytes changed.
    """
    job = job_in(folder)
    ledger = Ledger(LocalStore(job.state_url), job.catalog)
    with tables(folder) as connection:
        connection.execute(_MADE, [rows])
        connection.execute(
            "COPY (SELECT sku, 1 AS position, url AS image_url, title, price FROM made) "
            f"TO '{job.manifest}' (FORMAT csv, HEADER)"
        )
        learned = folder / "learned.parquet"
        head = _teach(connection, ledger, Head(), learned, range(1))
        apart = max(1, rows // changes)
        for night in range(1, nights + 1):
            head = _teach(connection, ledger, head, learned, range(night, rows, apart))
    return head


def _teach(
    connection: duckdb.DuckDBPyConnection, ledger: Ledger, head: Head, changes: Path, which: range
) -> Head:
    """What one run has learned, taken in as a run does it; from row `start` on, one in `step`.

    Its rows lie as batches that are worked on side by side leave them.
    """
    known = ", ".join(
        f"({_LEARNED.get(name, 'NULL')})::{kind} AS {name}" for name, kind in COLUMNS.items()
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE learned AS SELECT {known} FROM made "
        "WHERE i >= $start AND (i - $start) % $step = 0 "
        "ORDER BY i % (SELECT ceil(count(*) / $batches)::BIGINT FROM made)",
        {
            "batches": BATCHES,
            "night": which.start,
            "start": which.start,
            "step": which.step,
            "options": PaidOptions().canonical(),
            "recipe": recipe((Variant(),)),
        },
    )
    connection.execute(f"COPY learned TO '{changes}' (FORMAT parquet, COMPRESSION zstd)")
    connection.execute("DROP TABLE learned")
    ledger.attach(connection, head, changes.parent)
    moved = ledger.learn(connection, head, changes, f"night-{which.start:02d}")
    ledger.move(moved, was=head)
    changes.unlink()
    return moved
