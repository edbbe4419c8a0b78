"""Publish a run's report and fold what it learned into the ledger.

Works from the store alone, so that a run which was killed is published by the next one.
"""

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb

from packshot.facts.errors import PackshotError, StoreUnavailable, TryTomorrow
from packshot.facts.purchase import Receipt
from packshot.run.planning import utc_now
from packshot.run.progress import Progress
from packshot.run.report_page import page
from packshot.run.report_tables import ledger_changes, report_table, write_report
from packshot.run.summary import Summary, summarise
from packshot.run.workshop import RUN_ID_TIME, Place
from packshot.world.lease import Lease
from packshot.world.ledger import Head
from packshot.world.masters import Masters
from packshot.world.run_files import load_events
from packshot.world.tables import scalar, tables

CONTENT_TYPES = {
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "html": "text/html; charset=utf-8",
}


PRIVATE_INPUTS = ("plan.parquet", "failed.csv")
logger = logging.getLogger("packshot")
INTERRUPTED = ("interrupted", "the run ended before this item did; the next run takes it up")


@dataclass(frozen=True, slots=True)
class Published:
    """A run that has been published."""

    summary: Summary
    head: Head


def publish(
    place: Place, head: Head, run_id: str, scratch: Path, *, lease: Lease, live: dict[str, Any]
) -> Published:
    """Write the report, then move the ledger's head; the lease is asked for again before that.

    `live` holds what only the running process knows: balances, waits, stop reason.
    """
    folder = place.run_folder(run_id)
    scratch.mkdir(parents=True, exist_ok=True)
    with _on_record(folder):
        started = json.loads(place.state.read(f"{folder}/run.json"))
        plan = place.state.download(f"{folder}/plan.parquet", scratch)
    with tables(scratch) as connection:
        place.ledger.attach(connection, head, scratch)
        load_events(connection, place.state, folder, scratch)
        unknown = _answer_intents(connection, place, run_id)
        stop = live.get("stop") or INTERRUPTED
        report = scratch / "report.parquet"
        report_table(connection, plan, report, unended=stop)
        summary = summarise(connection, started, live)
        _write_files(connection, place, folder, report, summary)
        changes = scratch / "ledger.parquet"
        ledger_changes(
            connection,
            changes,
            now=utc_now().isoformat(sep=" "),
            selection=started.get("selection", False),
        )
        lease.ask()
        moved = place.ledger.learn(connection, head, changes, run_id)
        moved = _closed(connection, moved, run_id, unknown)
        if started["job"]["recut"] == "all" and not (live.get("stop") or live.get("interrupted")):
            moved = moved.model_copy(update={"recut_since": None})
        with suppress(StoreUnavailable):  # it can wait a night
            moved = expire_private_inputs(place, moved, spare=head.open_runs)
        lease.ask()
        place.ledger.move(moved, was=head)
    with suppress(StoreUnavailable):  # the run is published; tidying can wait a night
        place.ledger.tidy(moved)
    return Published(summary, moved)


@contextmanager
def _on_record(folder: str) -> Iterator[None]:
    """Say of a run that never came to buying that it has nothing to publish."""
    try:
        yield
    except FileNotFoundError as error:
        raise StoreUnavailable(
            f"{folder} has no plan, so nothing was bought in it; run the catalog again",
            code="no_plan",
        ) from error


def _answer_intents(connection: duckdb.DuckDBPyConnection, place: Place, run_id: str) -> list[str]:
    """Calls that were declared and never noted: bought after all, or uncertain.

    Adds them to the attempts, and answers which purchases no item has learned of.
    """
    masters = Masters(place.state)
    open_calls = connection.execute(
        "SELECT call_id, key, fingerprint, price FROM intents ORDER BY call_id"
    ).fetchall()
    seen: set[str] = set()
    for call_id, key, fingerprint, price in open_calls:
        mine = _bought_in(masters, fingerprint, run_id)
        bought = (
            mine is not None and fingerprint not in seen and not _noted(connection, fingerprint)
        )
        seen.add(fingerprint)
        code, charged, uncertain = (
            ("bought_unnoted", mine.charged, 0.0) if bought and mine else ("unanswered", 0.0, price)
        )
        connection.execute(
            "INSERT INTO unnoted_attempts "
            "(call, key, fingerprint, code, charged, uncertain, message) "
            "VALUES (?, ?, ?, ?, ?, ?, 'the run ended before this call was noted')",
            [call_id, key, fingerprint, code, charged, uncertain],
        )
    rows = connection.execute(
        "SELECT DISTINCT fingerprint FROM attempts WHERE code IN ('ok', 'bought_unnoted') "
        "AND fingerprint NOT IN (SELECT fingerprint FROM endings WHERE learned "
        "AND fingerprint IS NOT NULL) ORDER BY 1"
    ).fetchall()
    return [str(row[0]) for row in rows]


def _bought_in(masters: Masters, fingerprint: str, run_id: str) -> Receipt | None:
    try:
        receipts = masters.receipts(fingerprint)
    except TryTomorrow:  # a damaged master proves nothing
        return None
    return next((receipt for receipt in receipts if receipt.run_id == run_id), None)


def _noted(connection: duckdb.DuckDBPyConnection, fingerprint: str) -> bool:
    count = scalar(
        connection,
        "SELECT count(*) FROM attempts WHERE fingerprint = ? AND code = 'ok'",
        fingerprint,
    )
    return count > 0


def _write_files(
    connection: duckdb.DuckDBPyConnection,
    place: Place,
    folder: str,
    report: Path,
    summary: Summary,
) -> None:
    for file in (report, *write_report(connection, report.parent)):
        place.state.upload(f"{folder}/{file.name}", file, CONTENT_TYPES[file.suffix[1:]])
    html = page(connection, summary, destination=place.destination.url)
    place.state.write(f"{folder}/report.html", html.encode(), CONTENT_TYPES["html"])
    body = summary.model_dump_json(indent=1).encode()
    place.state.write(f"{folder}/summary.json", body, CONTENT_TYPES["json"])


def _closed(
    connection: duckdb.DuckDBPyConnection, head: Head, run_id: str, unknown: list[str]
) -> Head:
    """The head without this run among the open ones, and with purchases nobody knows yet."""
    learned = {
        str(row[0])
        for row in connection.execute(
            "SELECT DISTINCT fingerprint FROM endings WHERE learned AND fingerprint IS NOT NULL"
        ).fetchall()
    }
    still = [name for name in head.unknown_purchases if name not in learned]
    return head.model_copy(
        update={
            "open_runs": [open_run for open_run in head.open_runs if open_run != run_id],
            "last_run": run_id,
            "unknown_purchases": sorted({*still, *unknown}),
        }
    )


def expire_private_inputs(place: Place, head: Head, spare: Sequence[str] = ()) -> Head:
    """Remove what holds whole URLs from runs that are older than the job keeps it.

    Runs that are still to be published are spared: without its plan a run has no report.

    The head that is answered says how far this came, so that a long history costs nothing.
    """
    oldest_kept = utc_now() - timedelta(days=place.job.options.keep_private_days)
    done, end = head.expired_before, oldest_kept.strftime(RUN_ID_TIME)
    if end <= done:
        return head
    runs = f"{place.job.catalog}/runs"
    for run_id in place.state.names(runs):
        if done <= run_id < end and run_id not in spare:
            for name in PRIVATE_INPUTS:
                place.state.delete(f"{runs}/{run_id}/{name}")
    return head.model_copy(update={"expired_before": min([end, *spare])})


def publish_interrupted(
    place: Place,
    head: Head,
    scratch: Path,
    lease: Lease,
    balance: float | None = None,
    *,
    progress: Progress | None = None,
) -> tuple[Head, list[Summary]]:
    """Publish what earlier runs left open; answers the new head and their summaries.

    A run whose files cannot be read stays open and does not keep the catalog from going on:
    what it bought is found again by its masters. `balance` is that of now, where it is known:
    what left the account since the dead run began shows in its books.
    """
    summaries = []
    progress = progress or Progress()
    progress.begin("publishing reports of earlier runs", len(head.open_runs))
    live = {"interrupted": True, "balance_after": balance}
    for run_id in head.open_runs:
        try:
            published = publish(place, head, run_id, scratch / run_id, lease=lease, live=live)
        except duckdb.Error as error:
            logger.error(  # noqa: TRY400  DuckDB quotes rows, and rows hold URLs
                "the report of run %s cannot be made (%s); its files lie in %s",
                run_id,
                type(error).__name__,
                place.run_folder(run_id),
            )
        except PackshotError as error:
            if error.code != "no_plan":
                raise
            left = [other for other in head.open_runs if other != run_id]
            closed = head.model_copy(update={"open_runs": left})
            place.ledger.move(closed, was=head)
            head = closed
        else:
            head = published.head
            summaries.append(published.summary)
        progress.add()
    return head, summaries
