"""Whether `--only` chose anything."""

import io
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from packshot.facts.errors import BadOption
from packshot.facts.job import Job
from packshot.run.summary import Summary
from packshot.run.workshop import Place


def refuse_empty_plan(job: Job, file: Path) -> None:
    """Raise `BadOption` where `--only` names nothing that the plan in `file` holds."""
    if job.only is not None:
        _refuse_strangers(job.only, file)


def refuse_empty_run(job: Job, summary: Summary) -> None:
    """Raise `BadOption` where `--only` names nothing that a run has reported on."""
    if job.only is not None:
        place = Place.of(job)
        report = place.state.read(f"{place.run_folder(summary.run_id)}/report.parquet")
        _refuse_strangers(job.only, io.BytesIO(report))


def _refuse_strangers(only: list[str], table: Path | io.BytesIO) -> None:
    chosen = pc.field("sku").isin(only) | pc.field("key").isin(only)
    if not pq.read_table(table, columns=["row"], filters=chosen).num_rows:
        raise BadOption(
            f"--only {', '.join(only)}: the manifest has no such SKU or key; write it exactly as "
            "in the manifest or the report"
        )
