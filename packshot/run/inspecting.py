"""What a manifest is taken for, before anything is planned."""

from collections import Counter
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq
from pydantic import BaseModel

from packshot.facts.item import LEFT_OUT, public
from packshot.facts.job import Job
from packshot.run.looking import stage

FIRST: Final = 5


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
    first: list[FirstRow]


def inspect_manifest(job: Job, folder: Path) -> Inspection:
    """Read a manifest whole and say what it is taken for. Raises `BadManifest`."""
    staged = stage(job, folder)
    per_product: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    first: list[FirstRow] = []
    with pq.ParquetFile(staged.path) as file:
        columns = ["row", "sku", "key", "url", "reject_code", "reject_reason"]
        for batch in file.iter_batches(columns=columns):
            for row in batch.to_pylist():
                per_product.update([row["sku"]] * (row["sku"] is not None))
                if row["reject_code"] in LEFT_OUT:
                    continue
                refused.update([row["reject_reason"]] * (row["reject_reason"] is not None))
                if len(first) < FIRST:
                    first.append(_first(row))
    meaning = staged.understanding
    return Inspection(
        format=meaning.export or "a plain table",
        told=meaning.sentences(),
        records=staged.rows,
        pictures=staged.images,
        rejected=staged.rejected,
        products=len(per_product),
        most_pictures=max(per_product.values(), default=0),
        named_by=staged.named_by,
        left_out=staged.without_picture,
        refused=dict(refused.most_common()),
        first=first,
    )


def _first(row: dict[str, Any]) -> FirstRow:
    url = row["url"]
    return FirstRow(
        row=row["row"],
        sku=row["sku"],
        key=row["key"],
        url=None if url is None else public(url),
        reason=row["reject_reason"],
    )
