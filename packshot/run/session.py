"""The stages of a run, in the order a flow calls them."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC
from typing import Any, TypeVar

import cv2
import duckdb
from pyarrow import dataset

from packshot.decisions.delta import PlanState
from packshot.decisions.quote import Verdict
from packshot.facts.errors import (
    CapReached,
    FloorReached,
    NeedsAnswer,
    OutOfCredits,
    PackshotError,
    StopRequested,
    StoreUnavailable,
)
from packshot.facts.job import Job
from packshot.facts.money import Tariff, less
from packshot.facts.outcome import Outcome, ending_event
from packshot.run.backdrop import read_backdrop
from packshot.run.collecting import awaits_result, expire_tickets
from packshot.run.crowded_hosts import as_hosts_have_room
from packshot.run.cutting import Life
from packshot.run.looking import Standing, draw_up, scratch_folder, stage, too_much_gone
from packshot.run.past_runs import spent_before
from packshot.run.plan import Plan
from packshot.run.planning import utc_now
from packshot.run.publishing import Published, publish, publish_interrupted
from packshot.run.summary import Summary
from packshot.run.turns import Turns, prices_of
from packshot.run.work import WorkItem
from packshot.run.workshop import (
    NOWHERE,
    Here,
    Place,
    Workshop,
    balance_of,
    deliver_spool,
    make_provider,
    new_run_id,
    open_workshop,
    probe_spool,
)
from packshot.world.allocator import give_back_memory, give_large_blocks_back
from packshot.world.claims import sweep_claims
from packshot.world.holders import Holder
from packshot.world.lease import LEASE_SECONDS, Lease
from packshot.world.manifest_staging import Staged
from packshot.world.scratch import sweep_scratch
from packshot.world.store import AlreadyThere
from packshot.world.tickets import Seller

T = TypeVar("T")

CUTTING_OUT = "cutting out"
"""The step in which a run's pictures end, one by one."""
ITEMS_AT_ONCE = 256
_SHORT_OF = {"balance": OutOfCredits, "cap": CapReached, "floor": FloorReached}
SHORT_OF_MONEY = tuple(_SHORT_OF.values())
BATCHES = 48
"""Task runs of a large run, unless there are more workers; each costs some 80 ms of processor."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some items of the work file: numbers from `first` up to and without `last`."""

    name: str
    first: int
    last: int


def begin(
    job: Job,
    api_key: str | None,
    *,
    run_id: str | None = None,
    retry_failures: bool = False,
    here: Here = NOWHERE,
) -> tuple[Workshop, list[Summary]]:
    """Take the catalog, prove that its places can be written, and tidy up after a dead run.

    Answers the workshop and the summaries of earlier runs that were published now.
    """
    cv2.setNumThreads(1)  # pictures are worked on side by side already
    give_large_blocks_back()
    asked = job
    job, background = read_backdrop(here.whole(job))
    place = Place.of(job)
    provider = make_provider(job, api_key, background)
    with ExitStack() as undo:
        undo.callback(provider.close)
        account = provider.account()
        run_id = run_id or new_run_id(here.flow_run)
        lease = Lease.take(place.state, job.catalog, run_id)
        undo.callback(lease.release)
        _probe(place, lease)
        probe_spool(place, here, account)
        place.destination.sweep()
        place.state.sweep()
        sweep_scratch()
        sweep_claims(place.state, Holder.myself(run_id, job.catalog, LEASE_SECONDS))
        expire_tickets(place)
        deliver_spool(place, here)
        with scratch_folder() as folder:
            head, summaries = publish_interrupted(
                place, place.ledger.head(), folder, lease, balance_of(account)
            )
        before = spent_before(place, here.flow_run)
        shop = open_workshop(
            less(job, before.units, before.cost),
            asked=asked,
            run_id=run_id,
            place=place,
            lease=lease,
            provider=provider,
            seller=Seller.of(provider.name, job.options.provider_url, api_key),
            account=account,
            head=head,
            retry_failures=retry_failures,
            here=here,
        )
        shop.unanswered |= before.doubtful
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


def read_manifest(shop: Workshop) -> Staged:
    """Stage the manifest of this run. Raises `BadManifest`."""
    shop.staged = stage(shop.job, shop.folder, shop.asked.manifest_name, shop.progress)
    return shop.staged


def detect_changes(shop: Workshop) -> Plan:
    """The plan of this run. Raises `NeedsAnswer` when too much of the catalog is gone."""
    planned = draw_up(
        shop.job,
        _there(shop.staged),
        shop.folder,
        Standing(shop.provider, shop.account, shop.head),
        retry_failures=shop.retry_failures,
        progress=shop.progress,
    )
    if question := too_much_gone(shop.job.options, planned.files):
        raise NeedsAnswer(question)
    shop.asked_again, shop.work_rows = planned.files.asked_again, planned.files.work_rows
    shop.plan, shop.files, shop.verdict = planned.plan, planned.files, planned.verdict
    shop.work = dataset.dataset(planned.files.work)
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
        code = shop.books.cap_option if verdict.limit == "cap" else None
        shop.stop.set(_SHORT_OF[verdict.limit](verdict.message, code))
    if plan.at_most > shop.books.money_left():
        shop.turns = Turns(prices_of(files.work, shop.provider), shop.books.money_left)
    folder, asked = shop.run_folder, shop.asked
    shop.place.state.upload(f"{folder}/plan.parquet", files.plan, "application/vnd.apache.parquet")
    shop.write_json(
        "run.json",
        {
            "run_id": shop.run_id,
            "catalog": shop.job.catalog,
            "provider": shop.provider.name,
            "purchase_class": shop.asked_class.value,
            "unit": shop.provider.unit,
            "currency": asked.options.currency,
            "price_per_unit": Tariff.of(asked, shop.provider.unit).per_unit,
            "started_at": shop.started_at.astimezone(UTC).replace(tzinfo=None).isoformat(),
            "balance_before": balance_of(shop.account),
            "gone": files.gone,
            "selection": _there(shop.staged).understanding.selection,
            "retry_failures": shop.retry_failures,
            "flow_run": shop.flow_run,
            "report": shop.place.state.address(f"{folder}/report.html"),
            "plan": plan.model_dump(mode="json"),
            "job": asked.model_dump(mode="json") | {"manifest": asked.manifest_shown},
            "manifest_is_whole": bool(asked.manifest_block)
            or shop.job.manifest_shown == shop.job.manifest,
        },
    )
    opened = shop.head.opened(shop.run_id, recut_since=shop.recut_begun)
    shop.lease.ask()
    shop.place.ledger.move(opened, was=shop.head)
    shop.head = opened
    shop.progress.begin(CUTTING_OUT, shop.work_rows)
    return verdict


def batches(shop: Workshop) -> list[Batch]:
    """The work in order, in a bounded number of batches; one picture each in a small run.

    What can be paid for gets half of them: buying in order, it would lie in few otherwise.
    """
    rows = shop.work_rows
    scarce = shop.turns is not None and shop.turns.scarce
    paid_for = min(shop.turns.at_once, rows) if shop.turns and scarce else 0
    width = len(str(max(rows - 1, 0)))
    most = max(BATCHES, shop.job.options.limits.workers)  # all of them have work
    if paid_for:
        most //= 2
    return [
        Batch(f"{first:0{width}d}", first, last)
        for start, end in ((0, paid_for), (paid_for, rows))
        for first, last in _split(start, end, most)
    ]


def _split(start: int, end: int, most: int) -> list[tuple[int, int]]:
    """Equal ranges that cover the numbers from `start` up to `end`, no more than `most`."""
    size = max(1, -(-(end - start) // most))
    return [(first, min(first + size, end)) for first in range(start, end, size)]


def cut_batch(shop: Workshop, batch: Batch) -> dict[str, int]:
    """Work on one batch, item by item; answers how its items ended.

    Items that ended before, in an earlier try of this batch, are not touched again.
    """
    ended: dict[str, int] = {}
    try:
        for item in _in_order(shop, batch):
            if item.number in shop.tally.ended or _stands_still(shop, item):
                continue
            _wait_for_turn(shop, item)
            with shop.width:
                if _stands_still(shop, item):
                    continue
                outcome = cut_one(shop, item)
            _leave(shop, item.number, item.number + 1)
            ended[outcome] = ended.get(outcome, 0) + 1
    finally:
        _leave(shop, batch.first, batch.last)
    return ended


def _in_order(shop: Workshop, batch: Batch) -> Iterator[WorkItem]:
    """A batch's items; where the money may not do for all, none overtakes an earlier row."""
    items = _items(shop, batch)
    if shop.turns is not None and shop.turns.scarce:
        return items
    return as_hosts_have_room(items, shop.fetcher.is_crowded, shop.stop.said)


def _wait_for_turn(shop: Workshop, item: WorkItem) -> None:
    if shop.turns is not None:
        shop.turns.wait(item.number, shop.stop.said)


def _leave(shop: Workshop, first: int, last: int) -> None:
    if shop.turns is not None:
        shop.turns.leave(first, last)


def _items(shop: Workshop, batch: Batch) -> Iterator[WorkItem]:
    """A few at a time: all batches together hold little of a large catalog."""
    work, number = _there(shop.work), dataset.field("number")
    for first in range(batch.first, batch.last, ITEMS_AT_ONCE):
        last = min(first + ITEMS_AT_ONCE, batch.last)
        table = work.to_table(filter=(number >= first) & (number < last))
        yield from (WorkItem.from_row(row) for row in table.to_pylist())


def _stands_still(shop: Workshop, item: WorkItem) -> bool:
    """Whether the run has stopped for this item; the report defers it with the reason.

    What is known costs nothing to look at, nor does a result that was paid for.
    """
    reason = shop.stop.reason
    if reason is None:
        return False
    if reason.everything or item.state in {PlanState.CHECK, PlanState.REFRESH}:
        return reason.everything
    return not (isinstance(reason, SHORT_OF_MONEY) and awaits_result(shop, item.key))


def cut_one(shop: Workshop, item: WorkItem) -> Outcome:
    """Live one picture's life and note how it ended."""
    ending = Life(shop, item).run()
    shop.journal.record(ending_event(ending))
    shop.tally.end(item.number, ending.outcome)
    shop.books.read_balance_when_due()
    shop.progress.add()
    return ending.outcome


def stop(shop: Workshop, why: str) -> None:
    """Let nothing new begin; for signal handlers."""
    shop.stop.set(StopRequested(why))


def keep_notes(shop: Workshop) -> None:
    """Write down what has been noted so far; while the store is away it is kept for later."""
    with suppress(StoreUnavailable):
        shop.journal.flush()


def publish_report(shop: Workshop) -> Summary:
    """Write the report, fold the run into the ledger, and close the run."""
    shop.progress.begin("publishing the report")
    shop.lease.ask()
    shop.journal.flush()
    stats = shop.governor.stats()
    reason = shop.stop.reason
    live = {
        "finished_at": utc_now(),
        "seconds": time.monotonic() - shop.began,
        "stop": (reason.code, str(reason)) if reason else None,
        "balance_after": _balance_after(shop),
        "allowance_share": stats.share_of_allowance,
        "waits": {
            "pace": round(stats.waited_for_pace, 3),
            "slot": round(stats.waited_for_slot, 3),
            "pause": round(stats.waited_for_pause, 3),
        },
    }
    published = _published(shop, live)
    shop.head, shop.summary = published.head, published.summary
    return published.summary


def _published(shop: Workshop, live: dict[str, Any]) -> Published:
    """DuckDB's errors quote rows, and rows hold URLs: only their kind is told."""
    scratch = shop.folder / "report"
    give_back_memory()  # publishing needs a few hundred megabytes of its own
    try:
        return publish(shop.place, shop.head, shop.run_id, scratch, lease=shop.lease, live=live)
    except duckdb.Error as error:
        kind = type(error).__name__
    # Raised out here: in there the error would travel along as what this one came of.
    raise StoreUnavailable(
        f"the report of run {shop.run_id} cannot be made ({kind}); what was bought is kept, and "
        f"the next run tries again from the files in {shop.run_folder}",
        code="report_failed",
    )


def leave_unpublished(shop: Workshop) -> None:
    """End a run that was asked to stop: what was noted is kept, a later run publishes it."""
    shop.journal.flush()
    reason = shop.stop.reason
    shop.write_json(
        "stopped.json",
        {"at": utc_now().isoformat(), "code": reason and reason.code, "reason": str(reason)},
    )


def _balance_after(shop: Workshop) -> float | None:
    if balance_of(shop.account) is None or shop.governor.stats().calls == 0:
        return balance_of(shop.account)
    with suppress(PackshotError):
        return shop.provider.account().total
    return None


def run_in_threads(shop: Workshop) -> None:
    """Work through all batches without an orchestrator: a comparison, benchmarks, tests."""
    work, alone = batches(shop), shop.job.options.limits.workers == 1
    threads = 1 if alone or not work else len(work)  # `workers` is kept by each picture
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda batch: cut_batch(shop, batch), work))
