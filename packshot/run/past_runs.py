"""Runs that have ended: publish those that died, read the reports of the others."""

import io
import json
import math
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from packshot.facts.errors import (
    BadOption,
)
from packshot.facts.job import Job
from packshot.run.looking import scratch_folder
from packshot.run.progress import Progress
from packshot.run.publishing import publish_interrupted
from packshot.run.summary import Summary
from packshot.run.workshop import (
    NOWHERE,
    TRY_LENGTH,
    Here,
    Place,
    deliver_spool,
    new_run_id,
)
from packshot.world.lease import Lease


class LastJob(NamedTuple):
    """What is on record of a run's job."""

    fields: dict[str, Any]
    manifest_is_whole: bool
    """False where the address had a query or a login, which no record holds."""


def publish_open_runs(
    job: Job, progress: Progress | None = None, here: Here = NOWHERE
) -> list[Summary]:
    """Publish the reports of runs that died or were stopped. Raises `CatalogBusy`."""
    place = Place.of(job)
    if not place.ledger.head().open_runs:
        return []
    lease = Lease.take(place.state, job.catalog, f"report-{new_run_id()}")
    try:
        deliver_spool(place, here)
        with scratch_folder() as folder:
            _, summaries = publish_interrupted(
                place, place.ledger.head(), folder, lease, progress=progress
            )
    finally:
        lease.release()
    return summaries


def read_summary(job: Job, run_id: str | None = None) -> Summary:
    """The summary of one run, by default the last that was published. Raises `BadOption`."""
    place = Place.of(job)
    run_id = run_id or place.ledger.head().last_run
    if run_id is None:
        raise BadOption(
            f"no run of catalog `{job.catalog}` has been published in {job.state_url}; run it "
            "first, or name its place with `--state` and its name with `--catalog`"
        )
    try:
        body = place.state.read(f"{place.run_folder(run_id)}/summary.json")
    except FileNotFoundError:
        raise BadOption(
            f"there is no report of run {run_id} in {job.state_url}; name no run to see the last"
        ) from None
    return Summary.model_validate_json(body)


@dataclass(frozen=True, slots=True)
class SpentBefore:
    """What a flow run has spent before this run of it, or may have."""

    units: float = 0.0
    """With this run's provider, in its unit."""
    cost: float = 0.0
    """With whichever provider, in the job's money."""
    doubtful: frozenset[str] = frozenset()
    """Fingerprints of calls that other providers never answered."""


def spent_before(place: Place, flow_run: str | None) -> SpentBefore:
    """What earlier tries of a flow run, and the parts of other providers, have spent.

    Those with a report count, too: a process may die after it and before Prefect hears of its end.
    All money there is where the report of one cannot be made.
    """
    if flow_run is None:
        return SpentBefore()
    names = place.state.names(f"{place.job.catalog}/runs")
    alike = [name for name in names if name.endswith(f"-{flow_run[-TRY_LENGTH:]}")]
    units, cost, doubtful = 0.0, 0.0, set()
    for name in alike:
        record = _record(place, name)
        if record.get("flow_run") != flow_run:
            continue
        spent = _spent(place, name)
        cost += _in_money(spent, record.get("price_per_unit"))
        if record["provider"] == place.job.provider:
            units += spent
        else:
            doubtful |= _doubtful(place, name)
    return SpentBefore(units, cost, frozenset(doubtful))


def _record(place: Place, run_id: str) -> dict[str, Any]:
    """What a run noted of itself; nothing where it never came to buying."""
    with suppress(FileNotFoundError):
        body = place.state.read(f"{place.run_folder(run_id)}/run.json")
        return dict(json.loads(body))
    return {}


def _in_money(spent: float, price: float | None) -> float:
    """Nobody knows what is left of a cap in money where the price is unknown."""
    if not spent or price == 0:
        return 0.0
    return math.inf if price is None else spent * price


def _doubtful(place: Place, run_id: str) -> set[str]:
    with suppress(FileNotFoundError):
        packed = place.state.read(f"{place.run_folder(run_id)}/attempts.parquet")
        rows = pq.read_table(
            io.BytesIO(packed), columns=["fingerprint"], filters=[("uncertain", ">", 0)]
        )
        return set(rows["fingerprint"].to_pylist())
    return set()


def _spent(place: Place, run_id: str) -> float:
    folder = place.run_folder(run_id)
    try:
        body = place.state.read(f"{folder}/summary.json")
    except FileNotFoundError:
        return math.inf if place.state.names(f"{folder}/intents") else 0.0
    money = Summary.model_validate_json(body).money
    return money.charged + money.uncertain


def read_job(job: Job) -> LastJob:
    """The job of the last run, as far as it is on record. Raises `BadOption` when there is none."""
    place = Place.of(job)
    run_id = read_summary(job).run_id
    record = json.loads(place.state.read(f"{place.run_folder(run_id)}/run.json"))
    return LastJob(record["job"], record.get("manifest_is_whole", True))
