"""Plans and summaries as people read them in a terminal."""

import io
from typing import Any

import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from packshot.facts.errors import PackshotError
from packshot.facts.outcome import MEANING, Outcome
from packshot.facts.purchase import Account
from packshot.run.plan import Plan
from packshot.run.summary import Summary
from packshot.run.workshop import Place

MOST_ROWS = 40

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def show_plan(plan: Plan) -> None:
    """States, cost and time of a plan."""
    for said in plan.understood:
        out.print(f"[dim]{said}[/dim]")
    table = Table(title=f"Plan for {plan.catalog}: {plan.rows:,} rows", title_justify="left")
    table.add_column("what the run would do")
    table.add_column("items", justify="right")
    for state, count in plan.states.items():
        table.add_row(state, f"{count:,}")
    if plan.gone:
        table.add_row("gone from the manifest", f"{plan.gone:,}")
    out.print(table)
    out.print(plan.message)
    for said in plan.unknowns:
        out.print(f"[dim]{said}[/dim]")


def show_account(account: Account, provider: str) -> None:
    """What the provider says it holds."""
    kinds = ", ".join(f"{name} {amount:g}" for name, amount in account.kinds.items())
    out.print(f"{provider}: {account.total:g} {account.unit}" + (f" ({kinds})" if kinds else ""))
    if account.free_calls:
        out.print(f"{account.free_calls} free calls left, for previews only")
    if account.purchase_class != "paid":
        out.print(f"purchases are of class `{account.purchase_class}`")


def show_summary(summary: Summary, place: Place) -> None:
    """How a run went: outcomes, money, where the report lies."""
    if summary.items <= MOST_ROWS:
        _show_rows(summary, place)
    table = Table(title=f"{summary.catalog}, run {summary.run_id}", title_justify="left")
    table.add_column("outcome")
    table.add_column("items", justify="right")
    table.add_column("meaning")
    for name, count in summary.outcomes.items():
        table.add_row(name, f"{count:,}", MEANING[Outcome(name)])
    out.print(table)
    out.print(_money(summary))
    if summary.needs_review:
        out.print(f"{summary.needs_review:,} cutouts need review: a person should look at them.")
    if summary.nothing_changed and summary.stopped is None:
        out.print("[bold]Nothing changed: no picture was bought or made again.[/bold]")
    if summary.stopped:
        out.print(f"[bold]Stopped:[/bold] {summary.stopped}")
    if summary.interrupted:
        out.print("[bold]This run was interrupted;[/bold] the next one takes up the rest.")
    out.print(f"Pictures: {place.destination.url}", soft_wrap=True)
    out.print(f"Report:   {summary.report}", soft_wrap=True)


def _money(summary: Summary) -> str:
    money = summary.money
    said = [
        f"{summary.seconds:,.1f} s, {summary.images_per_minute:,.0f} pictures a minute",
        f"{money.charged:g} {money.unit} charged",
    ]
    if money.uncertain:
        said.append(f"{money.uncertain:g} uncertain")
    if money.paid_before:
        said.append(f"{money.paid_before:g} paid before")
    if money.balance_after is not None:
        said.append(f"balance {money.balance_before:g} → {money.balance_after:g}")
    if money.difference:
        said.append(f"[bold]difference {money.difference:g}[/bold]")
    if summary.allowance_share is not None:
        said.append(f"{summary.allowance_share:.0%} of the provider's pace used")
    return ", ".join(said)


def _show_rows(summary: Summary, place: Place) -> None:
    """A small run's report, row by row."""
    table = Table(title_justify="left")
    for heading in ("row", "SKU", "outcome", "picture or reason"):
        table.add_column(heading, overflow="fold")
    for row in _rows(summary, place):
        pictures = row["pictures"] or []
        shown = row["reason"] if row["reason"] and not pictures else ""
        shown = shown or ", ".join(picture["path"] for picture in pictures)
        if row["needs_review"]:
            shown += f"  [dim](review: {row['review']})[/dim]"
        table.add_row(str(row["row"]), row["sku"] or "", row["outcome"], shown)
    out.print(table)


def _rows(summary: Summary, place: Place) -> list[dict[str, Any]]:
    """Raises nothing: without its table a summary is still a summary."""
    name = f"{place.run_folder(summary.run_id)}/report.parquet"
    try:
        content = place.state.read(name)
    except (FileNotFoundError, PackshotError):
        return []
    columns = ["row", "sku", "outcome", "reason", "pictures", "needs_review", "review"]
    rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(content), columns=columns).to_pylist()
    return rows
