"""Plans and summaries as people read them in a terminal."""

import math
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TextIO

import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table
from rich.text import Text

from packshot.facts.errors import PackshotError
from packshot.facts.item import LEFT_OUT
from packshot.facts.money import beside
from packshot.facts.outcome import MEANING, Outcome
from packshot.facts.purchase import Account
from packshot.run.adopting import Adoption
from packshot.run.inspecting import Inspection
from packshot.run.plan import Plan
from packshot.run.summary import Summary
from packshot.run.workshop import Place
from packshot.run.writing_back import WrittenBack

MOST_ROWS = 40
MOST_REJECTED = 10
"""Rejected rows that a plan shows."""
UNBROKEN = 10_000
"""Columns of what is no terminal: whoever reads a log or a pipe wants whole lines."""


def _console(stream: TextIO, *, stderr: bool = False) -> Console:
    width = None if stream.isatty() else UNBROKEN
    return Console(stderr=stderr, highlight=False, width=width)


out = _console(sys.stdout)
err = _console(sys.stderr, stderr=True)


def plain(text: object) -> Text:
    """Text from outside: neither markup nor control characters reach the terminal."""
    return Text("".join(c if c.isprintable() or c == "\n" else "�" for c in str(text)))


def say(text: object, *, on: Console = out, style: str = "") -> None:
    """One line, however long: the terminal breaks it, and a path can still be copied."""
    on.print(plain(text), style=style or None, soft_wrap=True)


def say_json(document: str) -> None:
    """The one document that a command prints for machines."""
    out.print_json(document)


def show_understood(plan: Plan, *, on: Console = out) -> None:
    """What was made of the manifest."""
    for said in plan.understood:
        say(said, on=on, style="dim")


def show_plan(plan: Plan, file: Path) -> None:
    """States, rejected rows, cost and time of a plan; its rows lie in `file`."""
    show_understood(plan)
    say(f"Plan for {plan.catalog}: {plan.rows:,} rows", style="bold")
    table = Table()
    table.add_column("what the run would do")
    table.add_column("items", justify="right")
    for state, count in plan.states.items():
        table.add_row(plain(state), f"{count:,}")
    if plan.gone:
        table.add_row("gone from the manifest", f"{plan.gone:,}")
    out.print(table)
    _show_rejected(file)
    say(plan.message)
    for said in plan.unknowns:
        say(said, style="dim")


def _show_rejected(file: Path) -> None:
    """The first rows that a plan rejects, and how many there are for each reason."""
    columns = ["seq", "file", "row", "sku", "reason_code", "reason"]
    found = pq.read_table(file, columns=columns, filters=[("outcome", "=", Outcome.REJECTED.value)])
    if not found.num_rows:
        return
    several_files = len(pq.read_table(file, columns=["file"])["file"].unique()) > 1
    table = Table()
    for heading in ("row", "SKU", "rejected because"):
        table.add_column(heading, overflow="fold")
    for row in found.sort_by("seq").slice(0, MOST_REJECTED).to_pylist():
        place = f"{row['file']}, {row['row']}" if several_files else row["row"]
        table.add_row(plain(place), plain(row["sku"] or ""), plain(row["reason"] or ""))
    out.print(table)
    reasons = Counter(found["reason_code"].to_pylist()).most_common()
    counted = ", ".join(f"{count:,} {code}" for code, count in reasons)
    shown = f"; the first {MOST_REJECTED} are shown" if found.num_rows > MOST_REJECTED else ""
    say(f"Rejected: {counted}{shown}.")


def show_inspection(found: Inspection) -> None:
    """What a manifest is taken for."""
    say(found.format[:1].upper() + found.format[1:], style="bold")
    say(f"  {found.sure}: {found.because}")
    if found.header_row is not None:
        layout = "" if found.laid_out in found.format else f", {found.laid_out}"
        say(f"  the header is row {found.header_row:,}{layout}")
    for sentence in found.told:
        if sentence != found.format:
            say(f"  {sentence}")
    share = found.pictures / found.products if found.products else 0.0
    say(
        f"{found.records:,} records, {found.pictures:,} pictures of {found.products:,} products: "
        f"{share:.1f} each, {found.most_pictures:,} at most."
    )
    for columns, count in found.named_by.items():
        say(f"  {count:,} pictures named by {columns or 'nothing'}")
    for reason, count in found.left_out.items():
        say(f"  {count:,} records left out: {LEFT_OUT[reason]}")
    for reason, count in found.refused.items():
        say(f"  {count:,} would be rejected: {reason}")
    for said, count in found.smaller.items():
        say(f"  {count:,} pictures may be smaller copies ({said}); does the shop have larger ones?")
    table = Table()
    for heading in ("row", "SKU", "key", "picture"):
        table.add_column(heading, overflow="fold")
    for row in found.first:
        cells = (str(row.row), row.sku or "", row.key or "", row.url or row.reason or "")
        table.add_row(*map(plain, cells))
    out.print(table)


def show_written_back(done: WrittenBack) -> None:
    """What was written, and what kept its old address."""
    say(f"{done.written:,} new addresses written.")
    for reason, count in done.kept.items():
        say(f"  {count:,} kept the old one: {reason}")
    for sentence, count in done.spared.items():
        say(f"  {count:,} times {sentence}")
    for file in done.files:
        say(f"File: {file}")
    if done.told:
        say(done.told)


def show_account(account: Account, provider: str) -> None:
    """What the provider says it holds."""
    kinds = ", ".join(f"{name} {amount:g}" for name, amount in account.kinds.items())
    if not math.isfinite(account.total):
        say(f"{provider}: the provider does not tell what the account holds")
    else:
        say(f"{provider}: {account.total:g} {account.unit}" + (f" ({kinds})" if kinds else ""))
    if account.free_calls:
        say(f"{account.free_calls} free calls left, for previews only")
    if account.purchase_class != "paid":
        say(f"purchases are of class `{account.purchase_class}`")


def show_adoption(adoption: Adoption) -> None:
    """What became of a shop's own cutouts."""
    say(f"{adoption.adopted:,} cutouts adopted, {adoption.owned:,} owned already.")
    if adoption.refused:
        shown = f"; the first {len(adoption.reasons)}" * (len(adoption.reasons) < adoption.refused)
        say(f"{adoption.refused:,} refused{shown}:")
    for reason in adoption.reasons:
        say(f"  {reason}")


def show_summary(summary: Summary, place: Place) -> None:
    """How a run went: outcomes, money, where the report lies."""
    if summary.items <= MOST_ROWS:
        _show_rows(summary, place)
    say(f"{summary.catalog}, run {summary.run_id}", style="bold")
    table = Table()
    table.add_column("outcome")
    table.add_column("items", justify="right")
    table.add_column("meaning")
    for name, count in summary.outcomes.items():
        table.add_row(name, f"{count:,}", MEANING[Outcome(name)])
    out.print(table)
    say(_money(summary))
    if summary.waited:
        waited = ", ".join(f"{name} {seconds:,.0f} s" for name, seconds in summary.waited)
        say(f"The workers together waited for: {waited}.")
    if summary.top_errors and summary.items > MOST_ROWS:
        counted = ", ".join(f"{count:,} {code}" for code, count in summary.top_errors)
        say(f"Did not succeed: {counted}; each row and its reason are in failed.csv.")
    if summary.needs_review:
        say(f"{summary.needs_review:,} cutouts need review: a person should look at them.")
    if summary.nothing_changed:
        say("Nothing changed: no picture was bought or made again.", style="bold")
    if summary.stopped:
        say(f"Stopped: {summary.stopped}", style="bold")
    if summary.interrupted:
        say("This run was interrupted; the next one takes up the rest.", style="bold")
    say(f"Pictures: {place.destination.url}")
    say(f"Report:   {summary.report}")


def _money(summary: Summary) -> str:
    money = summary.money
    pace = summary.allowance_share
    said = [
        *([f"{pace:.0%} of the provider's allowance used"] if pace is not None else []),
        f"{summary.seconds:,.1f} s, {summary.images_per_minute:,.0f} pictures a minute",
        f"{money.charged:g} {money.unit} charged" + beside(money.cost, money.unit, money.currency),
    ]
    if money.uncertain:
        said.append(f"{money.uncertain:g} uncertain")
    if money.paid_before:
        said.append(f"{money.paid_before:g} paid before")
    if money.balance_after is not None:
        said.append(f"balance {money.balance_before:g} → {money.balance_after:g}")
    if money.difference:
        said.append(f"difference {money.difference:g}")
    return ", ".join(said)


def _show_rows(summary: Summary, place: Place) -> None:
    """A small run's report, row by row."""
    rows = _rows(summary, place)
    if not rows:
        return
    table = Table()
    for heading in ("row", "SKU", "outcome", "picture or reason"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        pictures = row["pictures"] or []
        shown = row["reason"] if row["reason"] and not pictures else ""
        told = plain(shown or ", ".join(picture["path"] for picture in pictures))
        if row["needs_review"]:
            told.append_text(plain(f"  (review: {row['review']})"))
        table.add_row(str(row["row"]), plain(row["sku"] or ""), row["outcome"], told)
    out.print(table)


def _rows(summary: Summary, place: Place) -> list[dict[str, Any]]:
    """Raises nothing: without its table a summary is still a summary."""
    name = f"{place.run_folder(summary.run_id)}/report.parquet"
    columns = ["row", "sku", "outcome", "reason", "pictures", "needs_review", "review"]
    # From a file: Arrow's threads may still hold bytes of Python's when it ends, which aborts.
    with TemporaryDirectory() as folder:
        try:
            file = place.state.download(name, Path(folder))
        except (FileNotFoundError, PackshotError):
            return []
        rows: list[dict[str, Any]] = pq.read_table(file, columns=columns).to_pylist()
    return rows
