"""Plans that were saved to be carried out later: a Parquet file that knows its job.

Such a file holds URLs to fetch; keep it as private as the state.
"""

import json
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import ValidationError

from packshot.decisions.delta import WORKS
from packshot.facts.columns import Understanding
from packshot.facts.errors import BadOption
from packshot.facts.job import Job
from packshot.world.manifest_staging import CARRIED, STAGED_FIELDS, Staged

_METADATA = b"packshot"


def save_plan(
    plan: Path, target: Path, *, job: Job, staged: Staged, at_most: float, calls: int
) -> None:
    """Write the plan's rows, which of them are to be worked on, and what they may cost."""
    table = pq.read_table(plan).sort_by("seq")  # or a repeat could come before what it repeats
    approved = pc.is_in(table["state"], value_set=pa.array(sorted(WORKS)))
    kept = [f.name for f in STAGED_FIELDS] + [
        n for n in table.column_names if n.startswith(CARRIED)
    ]
    about = {
        "job": job.model_dump(mode="json"),
        "understanding": staged.understanding.model_dump(mode="json"),
        "rows": staged.rows,
        "images": staged.images,
        "rejected": staged.rejected,
        "files": staged.files,
        "at_most": at_most,
        "calls": calls,
    }
    saved = table.select(kept).append_column("approved", approved)
    saved = saved.replace_schema_metadata({_METADATA: json.dumps(about).encode()})
    aside = target.with_name(f".{target.name}.partial")
    try:
        aside.touch(mode=0o600)
        pq.write_table(saved, aside, compression="zstd")
        aside.replace(target)
    except OSError as error:
        raise BadOption(
            f"the plan cannot be saved as {target}: {error.strerror}; choose another file"
        ) from None
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)


def _about(path: Path) -> dict[str, object]:
    try:
        metadata = pq.read_schema(path).metadata or {}
    except FileNotFoundError:
        raise BadOption(f"there is no saved plan {path}; make one with `plan --save`") from None
    except (OSError, pa.ArrowInvalid):
        metadata = {}
    if _METADATA not in metadata:
        raise BadOption(f"{path} is not a saved plan; make one with `packshot plan --save`")
    return dict(json.loads(metadata[_METADATA]))


def planned_job(path: Path) -> Job:
    """The job that carries out a saved plan and spends no more than the plan says."""
    about = _about(path)
    try:
        job = Job.model_validate(about["job"])
    except ValidationError:
        raise BadOption(f"{path} was saved by another version; make the plan anew") from None
    at_most, calls = float(str(about["at_most"])), int(str(about["calls"]))
    cap = at_most if job.max_credits is None else min(job.max_credits, at_most)
    options = job.options.model_copy(update={"plan": str(path.absolute()), "yes": calls})
    return job.model_copy(update={"max_credits": cap, "options": options})


def stage_saved(path: Path, out: Path) -> Staged:
    """The rows of a saved plan, staged as they were."""
    about = _about(path)
    out.write_bytes(path.read_bytes())
    return Staged(
        Understanding.model_validate(about["understanding"]),
        int(str(about["rows"])),
        int(str(about["images"])),
        int(str(about["rejected"])),
        out,
        tuple(about["files"]),  # type: ignore[arg-type]  # what `save_plan` wrote
    )
