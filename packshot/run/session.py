"""The stages of a run, in the order a flow calls them."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import cv2
import pyarrow.parquet as pq

from packshot.decisions.delta import FETCHES, PlanState
from packshot.decisions.quote import Funds, Quote, Verdict, decide
from packshot.facts.errors import (
    BadOption,
    LeaseLost,
    NeedsAnswer,
    OutOfCredits,
    PackshotError,
    StopRequested,
    StoreUnavailable,
)
from packshot.facts.item import public
from packshot.facts.job import Job
from packshot.facts.outcome import Outcome, ending_event
from packshot.facts.purchase import Account, PurchaseClass
from packshot.providers.face import Provider
from packshot.run.cutting import Life
from packshot.run.exact_plan import exact_demand
from packshot.run.plan import Plan, counts, demand, unknowns
from packshot.run.planning import Asked, PlanFiles, make_plan, utc_now
from packshot.run.publishing import publish, publish_interrupted
from packshot.run.summary import Summary
from packshot.run.work import WorkItem
from packshot.run.workshop import (
    Place,
    Workshop,
    allowed_schemes,
    asked_class,
    balance_of,
    make_provider,
    new_run_id,
    open_workshop,
)
from packshot.world.lease import Lease
from packshot.world.ledger import Head
from packshot.world.manifest_staging import Staged, stage_manifest
from packshot.world.masters import Masters
from packshot.world.saved_plans import stage_saved
from packshot.world.spool import Spool
from packshot.world.store import AlreadyThere
from packshot.world.tables import tables

T = TypeVar("T")

MOST_BATCHES = 128
"""Task runs per run: orchestration must not feel the size of a catalog."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some items of the work file: numbers from `first` up to and without `last`."""

    name: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with its files, still on this machine."""

    plan: Plan
    files: PlanFiles
    verdict: Verdict
    staged: Staged


class Standing(NamedTuple):
    """What a manifest is laid against."""

    provider: Provider
    account: Account
    head: Head


# --- looking only ---------------------------------------------------------------------


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A local folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="packshot-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def stage(job: Job, folder: Path) -> Staged:
    """Read the manifest into one Parquet file. Raises `BadManifest`."""
    if job.options.plan is not None:
        return stage_saved(Path(job.options.plan), folder / "staged.parquet")
    return stage_manifest(
        job.manifest,
        folder / "staged.parquet",
        columns=job.options.columns,
        allowed_schemes=allowed_schemes(job),
        storage_options=job.options.storage.fsspec_options(),
    )


def draw_up(
    job: Job,
    staged: Staged,
    folder: Path,
    standing: Standing,
    *,
    retry_failures: bool = False,
    fetch: bool = False,
) -> Planned:
    """Compare the manifest with the ledger and price the difference. Spends nothing.

    With `fetch` the sources are downloaded, and the demand is exact.
    """
    place = Place.of(job)
    provider, account, head = standing
    asked = Asked(
        job=job,
        asked_class=asked_class(job, account),
        retry_failures=retry_failures,
        now=utc_now(),
    )
    with tables(folder) as connection:
        place.ledger.attach(connection, head, folder)
        files = make_plan(connection, staged.path, asked, folder)
        states = counts(connection, files, "state")
        reasons = counts(connection, files, "reason_code")
        wanted = demand(connection, files.work, provider)
    unsure = unknowns(states)
    if fetch:
        wanted, found = exact_demand(job, files.work, provider, asked.asked_class)
        unsure = [f"{count:,} of the fetched pictures: {said}" for said, count in found.items()]
    funds = Funds(account, job.max_credits, job.keep_credits)
    quote = Quote(wanted, funds, provider.pace)
    verdict, needs_answer = _verdict(job, quote, asked.asked_class)
    plan = Plan(
        catalog=job.catalog,
        provider=provider.name,
        purchase_class=asked.asked_class,
        unit=provider.unit,
        understood=staged.understanding.sentences(),
        rows=staged.rows,
        states=states,
        reasons=reasons,
        known=files.known,
        gone=files.gone,
        fetches=sum(states.get(state, 0) for state in FETCHES),
        calls_at_most=wanted.calls,
        calls_likely=wanted.likely_calls,
        at_most=wanted.at_most,
        likely=wanted.likely,
        minutes_at_most=round(quote.minutes_at_most, 2),
        minutes_likely=round(quote.minutes_likely, 2),
        balance=balance_of(account),
        kinds=account.kinds,
        free_calls=account.free_calls,
        verdict="needs an answer" if needs_answer else verdict.decision,
        message=needs_answer or verdict.message,
        unknowns=unsure,
        exact=fetch,
    )
    return Planned(plan, files, verdict, staged)


def _verdict(job: Job, quote: Quote, asked: PurchaseClass) -> tuple[Verdict, str | None]:
    """The verdict, and the question a person has to answer first, if there is one."""
    try:
        verdict = decide(
            quote,
            when_short=job.when_short,
            paid=asked is PurchaseClass.PAID,
            yes=job.options.yes,
            cap=job.max_credits,
        )
    except NeedsAnswer as question:
        return Verdict("stop", str(question)), str(question)
    return verdict, None


def plan_only(job: Job, api_key: str | None, folder: Path, *, fetch: bool = False) -> Planned:
    """Plan without a lease: reads the state, asks for the balance, writes nothing anywhere."""
    provider = make_provider(job, api_key)
    try:
        account = provider.account()
        head = Place.of(job).ledger.head()
        standing = Standing(provider, account, head)
        return draw_up(job, stage(job, folder), folder, standing, fetch=fetch)
    finally:
        provider.close()


def publish_open_runs(job: Job) -> list[Summary]:
    """Publish the reports of runs that died or were stopped. Raises `CatalogBusy`."""
    place = Place.of(job)
    if not place.ledger.head().open_runs:
        return []
    lease = Lease.take(place.state, job.catalog, f"report-{new_run_id()}")
    try:
        with scratch_folder() as folder:
            _, summaries = publish_interrupted(place, place.ledger.head(), folder)
    finally:
        lease.release()
    return summaries


def read_summary(job: Job, run_id: str | None = None) -> Summary:
    """The summary of one run, by default the last that was published. Raises `BadOption`."""
    place = Place.of(job)
    run_id = run_id or place.ledger.head().last_run
    if run_id is None:
        raise BadOption(f"no run of catalog `{job.catalog}` has been published in {job.state_url}")
    try:
        body = place.state.read(f"{place.run_folder(run_id)}/summary.json")
    except FileNotFoundError:
        raise BadOption(f"there is no report of run {run_id} in {job.state_url}") from None
    return Summary.model_validate_json(body)


def read_job(job: Job) -> dict[str, Any]:
    """The job of the last run, as it was given. Raises `BadOption` when there is none."""
    place = Place.of(job)
    run_id = read_summary(job).run_id
    return dict(json.loads(place.state.read(f"{place.run_folder(run_id)}/run.json"))["job"])


# --- running --------------------------------------------------------------------------


def begin(
    job: Job, api_key: str | None, *, run_id: str | None = None, retry_failures: bool = False
) -> tuple[Workshop, list[Summary]]:
    """Take the catalog, prove that its places can be written, and tidy up after a dead run.

    Answers the workshop and the summaries of earlier runs that were published now.
    """
    cv2.setNumThreads(1)  # pictures are worked on side by side already
    place = Place.of(job)
    provider = make_provider(job, api_key)
    with ExitStack() as undo:
        undo.callback(provider.close)
        account = provider.account()
        run_id = run_id or new_run_id()
        lease = Lease.take(place.state, job.catalog, run_id)
        undo.callback(lease.release)
        _probe(place, lease)
        place.destination.sweep()
        place.state.sweep()
        _deliver_spool(job, place)
        with scratch_folder() as folder:
            head, summaries = publish_interrupted(place, place.ledger.head(), folder)
        shop = open_workshop(
            job,
            run_id=run_id,
            place=place,
            lease=lease,
            provider=provider,
            account=account,
            head=head,
            retry_failures=retry_failures,
        )
        undo.pop_all()
    return shop, summaries


def _probe(place: Place, lease: Lease) -> None:
    """Show that both places take writes, and that creation is exclusive. Deletes nothing."""
    place.destination.write(".packshot-probe", b"", "text/plain")
    try:
        place.state.create(f"{place.job.catalog}/lease/{lease.number}.json", b"{}")
    except AlreadyThere:
        return
    raise StoreUnavailable(
        f"{place.state.url} overwrites where it should refuse, so two runs could not be told "
        "apart; use a store with conditional writes (If-None-Match)",
        code="no_exclusive_create",
    )


def _deliver_spool(job: Job, place: Place) -> None:
    if job.options.spool:
        Spool(Path(job.options.spool), place.state.url).deliver(Masters(place.state))


def read_manifest(shop: Workshop) -> Staged:
    """Stage the manifest of this run. Raises `BadManifest`."""
    shop.staged = stage(shop.job, shop.folder)
    return shop.staged


def detect_changes(shop: Workshop) -> Plan:
    """The plan of this run. Raises `NeedsAnswer` when too much of the catalog is gone."""
    planned = draw_up(
        shop.job,
        _there(shop.staged),
        shop.folder,
        Standing(shop.provider, shop.account, shop.head),
        retry_failures=shop.retry_failures,
    )
    known, gone = planned.files.known, planned.files.gone
    share = shop.job.options.max_gone_share
    if gone > share * known:
        raise NeedsAnswer(
            f"{gone} of {known} known items are missing from the manifest, more than the share "
            f"of {share:.0%} that `max_gone_share` allows; was the export still being written? "
            "Raise it if they are really gone"
        )
    shop.known, shop.work_rows = known, planned.files.work_rows
    shop.plan, shop.files, shop.verdict = planned.plan, planned.files, planned.verdict
    return planned.plan


def _there(value: T | None) -> T:
    """What an earlier stage has left."""
    if value is None:
        raise RuntimeError("the stages of a run were called out of order")
    return value


def check_credits(shop: Workshop) -> Verdict:
    """Go, go partly, or stop; from here on the run is on record.

    Raises `NeedsAnswer` when a person has to approve the cost first.
    """
    plan, files, verdict = _there(shop.plan), _there(shop.files), _there(shop.verdict)
    if plan.verdict == "needs an answer":
        raise NeedsAnswer(plan.message)
    if verdict.decision == "stop":
        shop.stop.set(OutOfCredits(verdict.message))
    folder = shop.run_folder
    shop.place.state.upload(f"{folder}/plan.parquet", files.plan, "application/vnd.apache.parquet")
    shop.write_json(
        "run.json",
        {
            "run_id": shop.run_id,
            "catalog": shop.job.catalog,
            "provider": shop.provider.name,
            "purchase_class": shop.asked_class.value,
            "unit": shop.provider.unit,
            "started_at": shop.started_at.astimezone(UTC).replace(tzinfo=None).isoformat(),
            "balance_before": balance_of(shop.account),
            "gone": files.gone,
            "retry_failures": shop.retry_failures,
            "report": shop.place.state.address(f"{folder}/report.html"),
            "plan": plan.model_dump(mode="json"),
            "job": shop.job.model_dump(mode="json") | {"manifest": _shown(shop.job.manifest)},
        },
    )
    shop.head = shop.head.model_copy(update={"open_runs": [*shop.head.open_runs, shop.run_id]})
    shop.place.ledger.move(shop.head)
    return verdict


def _shown(manifest: str) -> str:
    """A manifest's address as it may be written down; `?` in a path is a wildcard and stays."""
    scheme, mark, rest = manifest.partition("://")
    if scheme.lower() in {"http", "https"}:
        return public(manifest)
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}" if mark else manifest


def batches(shop: Workshop) -> list[Batch]:
    """The work in order, in a bounded number of batches; one picture each in a small run."""
    size = max(1, -(-shop.work_rows // MOST_BATCHES))
    width = len(str(max(shop.work_rows - 1, 0)))
    starts = range(0, shop.work_rows, size)
    return [
        Batch(f"{first:0{width}d}", first, min(first + size, shop.work_rows)) for first in starts
    ]


def cut_batch(shop: Workshop, batch: Batch) -> dict[str, int]:
    """Work on one batch, item by item; answers how its items ended.

    Items that ended before, in an earlier try of this batch, are not touched again.
    """
    ended: dict[str, int] = {}
    for item in _items(shop, batch):
        if item.number in shop.tally.ended or _stands_still(shop, item):
            continue
        with shop.width:
            outcome = cut_one(shop, item)
        ended[outcome] = ended.get(outcome, 0) + 1
    return ended


def _items(shop: Workshop, batch: Batch) -> list[WorkItem]:
    table = pq.read_table(
        shop.folder / "work.parquet",
        filters=[("number", ">=", batch.first), ("number", "<", batch.last)],
    )
    return [WorkItem.from_row(row) for row in table.to_pylist()]


def _stands_still(shop: Workshop, item: WorkItem) -> bool:
    """Whether the run has stopped for this item; the report defers it with the reason."""
    reason = shop.stop.reason
    if reason is None:
        return False
    return reason.everything or item.state not in {PlanState.CHECK, PlanState.REFRESH}


def cut_one(shop: Workshop, item: WorkItem) -> Outcome:
    """Live one picture's life and note how it ended."""
    ending = Life(shop, item).run()
    shop.journal.record(ending_event(ending))
    shop.tally.end(item.number, ending.outcome)
    return ending.outcome


def stop(shop: Workshop, why: str) -> None:
    """Let nothing new begin; for signal handlers."""
    shop.stop.set(StopRequested(why))


def publish_report(shop: Workshop) -> Summary:
    """Write the report, fold the run into the ledger, and close the run."""
    shop.lease.renew()
    if not shop.lease.held:
        raise LeaseLost("another run has taken this catalog; it will publish this run's report")
    shop.journal.flush()
    stats = shop.governor.stats()
    reason = shop.stop.reason
    live = {
        "finished_at": utc_now(),
        "stop": (reason.code, str(reason)) if reason else None,
        "balance_after": _balance_after(shop),
        "allowance_share": stats.share_of_allowance,
        "waits": {
            "pace": round(stats.waited_for_pace, 3),
            "slot": round(stats.waited_for_slot, 3),
            "pause": round(stats.waited_for_pause, 3),
        },
    }
    published = publish(shop.place, shop.head, shop.run_id, shop.folder / "report", live=live)
    shop.head, shop.summary = published.head, published.summary
    return published.summary


def leave_unpublished(shop: Workshop) -> None:
    """End a run that was asked to stop: what was noted is kept, a later run publishes it."""
    shop.journal.flush()
    reason = shop.stop.reason
    shop.write_json(
        "stopped.json",
        {"at": utc_now().isoformat(), "code": reason and reason.code, "reason": str(reason)},
    )


def _balance_after(shop: Workshop) -> float | None:
    if balance_of(shop.account) is None or shop.books.snapshot().calls == 0:
        return balance_of(shop.account)
    with suppress(PackshotError):
        return shop.provider.account().total
    return None


def run_in_threads(shop: Workshop) -> None:
    """Work through all batches without an orchestrator; for benchmarks and tests."""
    with ThreadPoolExecutor(shop.job.options.limits.workers) as pool:
        list(pool.map(lambda batch: cut_batch(shop, batch), batches(shop)))
