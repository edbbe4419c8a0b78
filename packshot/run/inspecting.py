"""What a manifest is taken for, before anything is planned."""

from pathlib import Path
from typing import Final

import duckdb
from pydantic import BaseModel

from packshot.exports.renditions import RENDITIONS
from packshot.facts.columns import Sure
from packshot.facts.item import LEFT_OUT, public
from packshot.facts.job import Job
from packshot.run.looking import stage
from packshot.world.tables import literal, tables

FIRST: Final = 5
MOST_REASONS: Final = 100


class FirstRow(BaseModel):
    """A picture as it would be run."""

    row: int
    sku: str | None
    key: str | None
    url: str | None
    """Without its query, which may be a signature."""
    reason: str | None


class Inspection(BaseModel):
    """What was understood of a manifest."""

    format: str
    sure: Sure
    because: str
    """What the format was told by."""
    laid_out: str
    """Delimiter and encoding of a text."""
    header_row: int | None
    """Where the header of a text stands, as a spreadsheet counts."""
    told: list[str]
    """What was understood, in sentences."""
    records: int
    pictures: int
    rejected: int
    products: int
    most_pictures: int
    """Of one product."""
    named_by: dict[str, int]
    """How many pictures were named by which columns."""
    left_out: dict[str, int]
    """Records that come to nothing, by the reason."""
    refused: dict[str, int]
    """Rows that would be rejected, by the reason."""
    smaller: dict[str, int]
    """Pictures whose address names a smaller copy, by what says so."""
    first: list[FirstRow]


def inspect_manifest(job: Job, folder: Path) -> Inspection:
    """Read a manifest whole and say what it is taken for. Raises `BadManifest`."""
    staged = stage(job, folder, even_unsure=True)
    with tables(folder) as connection:
        connection.execute(
            f"CREATE VIEW staged AS SELECT * FROM read_parquet({literal(staged.path)}) "
            f"WHERE coalesce(reject_code, '') NOT IN {tuple(LEFT_OUT)}"
        )
        refused = connection.execute(
            "SELECT reject_reason, count(*) FROM staged WHERE reject_reason IS NOT NULL "
            "GROUP BY 1 ORDER BY 2 DESC, min(row) LIMIT $most",
            {"most": MOST_REASONS},
        ).fetchall()
        first = connection.execute(
            "SELECT row, sku, key, url, reject_reason FROM staged LIMIT $first", {"first": FIRST}
        ).fetchall()
        smaller = _smaller(connection)
        ((products, most),) = connection.execute(
            "SELECT count(*), coalesce(max(pictures), 0) FROM (SELECT count(*) AS pictures "
            "FROM staged WHERE sku IS NOT NULL GROUP BY sku)"
        ).fetchall()
    meaning = staged.understanding
    return Inspection(
        format=meaning.export or "a plain table",
        sure=meaning.sure,
        because=meaning.because,
        laid_out=meaning.laid_out,
        header_row=meaning.header_row,
        told=meaning.sentences(),
        records=staged.rows,
        pictures=staged.images,
        rejected=staged.rejected,
        products=products,
        most_pictures=most,
        named_by=staged.named_by,
        left_out=staged.without_picture,
        refused=dict(refused),
        smaller=smaller,
        first=[_first(*row) for row in first],
    )


def _smaller(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    counts = ", ".join(f"count_if(regexp_matches(url, {literal(p)}))" for p in RENDITIONS.values())
    (found,) = connection.execute(f"SELECT {counts} FROM staged").fetchall()
    return {said: count for said, count in zip(RENDITIONS, found, strict=True) if count}


def _first(
    row: int, sku: str | None, key: str | None, url: str | None, reason: str | None
) -> FirstRow:
    shown = None if url is None else public(url)
    return FirstRow(row=row, sku=sku, key=key, url=shown, reason=reason)
