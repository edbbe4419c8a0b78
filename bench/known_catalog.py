"""A large catalog whose every picture the ledger knows: a manifest, and a state to go with it."""

from pathlib import Path
from typing import Final

import duckdb

from packshot.facts.job import Job, Options
from packshot.facts.paid_options import PaidOptions
from packshot.facts.variant import Variant, recipe
from packshot.world.ledger import COLUMNS, Head, Ledger
from packshot.world.store import LocalStore
from packshot.world.tables import tables

_MADE: Final = """
CREATE TEMP TABLE made AS SELECT
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
    "content_hash": "sha256(sku)",
    "source_format": "'JPEG'",
    "source_width": "1000",
    "source_height": "1000",
    "source_bytes": "200000 + hash(sku) % 50000",
    "paid_options": "$options",
    "fingerprint": "sha256(url)",
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


def job_in(folder: Path) -> Job:
    """The job that plans the catalog in this folder."""
    return Job(
        manifest=str(folder / "catalog.csv"),
        destination=str(folder / "pictures"),
        state=str(folder / "state"),
        options=Options(catalog="million"),
    )


def make_known_catalog(folder: Path, rows: int) -> None:
    """Write the manifest, and teach the ledger all of its rows."""
    job = job_in(folder)
    with tables(folder) as connection:
        connection.execute(_MADE, [rows])
        connection.execute(
            "COPY (SELECT sku, 1 AS position, url AS image_url, title, price FROM made) "
            f"TO '{job.manifest}' (FORMAT csv, HEADER)"
        )
        _teach(connection, job, folder / "learned.parquet")


def _teach(connection: duckdb.DuckDBPyConnection, job: Job, changes: Path) -> None:
    ledger = Ledger(LocalStore(job.state_url), job.catalog)
    known = ", ".join(
        f"({_LEARNED.get(name, 'NULL')})::{kind} AS {name}" for name, kind in COLUMNS.items()
    )
    connection.execute(
        f"CREATE TEMP TABLE learned AS SELECT {known} FROM made",
        {"options": PaidOptions().canonical(), "recipe": recipe((Variant(),))},
    )
    connection.execute(f"COPY learned TO '{changes}' (FORMAT parquet, COMPRESSION zstd)")
    connection.execute("DROP TABLE learned")
    ledger.attach(connection, Head(), changes.parent)
    ledger.move(ledger.learn(connection, Head(), changes, "made"), was=Head())
    changes.unlink()
