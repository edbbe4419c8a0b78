"""Laws 1, 2 and 4 over random manifests, histories, faults and ends of runs.

A tale is a few nights of one catalog. Each night has its manifest, its pictures and the faults of
the provider; it is published, or it ends before it is: then the next night publishes it.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pandas as pd
import pytest
import stamina
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from packshot.facts.outcome import Outcome
from packshot.run import session
from packshot.run.summary import Summary
from tests.run.nights import KEY, Market, Shop, photo, transparent, work

HEADER = ("sku", "image_url", "position", "foreground_type", "skip")
ENDED = {str(outcome) for outcome in Outcome}
HOSTILE = (
    "../../etc/passwd",
    "=1+1",
    "mug",
    "MUG",
    "a\nb",
    "%2e%2e",
    "CON",
    "<b>",
    "🫖",
    "x" * 300,
)
PICTURES = {f"{colour}.png": photo(colour) for colour in range(4)} | {
    "equal.png": photo(0),
    "clear.png": transparent(),
    "html.png": b"<html>",
}
KINDS = (
    *("status_402", "status_403", "status_500", "status_502", "status_503"),
    *("status_400_without_code", "error_code:unknown_foreground"),
    *("wrong_content_type", "truncated_body", "truncated_zip", "zip_other_names"),
    *("reset_before_read", "reset_after_read", "missing_charge_header"),
)
"""Faults that cost no time; a smaller picture than asked may rightly be bought again."""


@dataclass(frozen=True)
class Tonight:
    """What one night is like."""

    rows: list[tuple[str, str, str, str, str]]
    faults: list[tuple[str, int]]
    redrawn: str | None
    """A picture that has other bytes from now on."""
    cap: float | None
    days: int
    """Since the night before."""
    end: str
    """`published`, `dead`, `stopped` or `unmoved`: killed before the ledger's head was moved."""


rows = st.tuples(
    st.sampled_from([*HOSTILE, ""]),
    st.sampled_from([*PICTURES, "missing.png", "", "ftp://h/a.png"]),
    st.sampled_from(["1", "2", "", "first"]),
    st.sampled_from(["", "", "product", "car", "nonsense"]),
    st.sampled_from(["", "", "", "yes"]),
)
nights = st.builds(
    Tonight,
    rows=st.lists(rows, min_size=1, max_size=7),
    faults=st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from([1, 2, 9])), max_size=3),
    redrawn=st.sampled_from([None, None, *list(PICTURES)[:2]]),
    cap=st.sampled_from([None, None, 0.5, 2]),
    days=st.sampled_from([0, 1, 8]),
    end=st.sampled_from(["published", "published", "dead", "stopped", "unmoved"]),
)


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Tries happen; their pauses do not."""
    with stamina.set_testing(True, attempts=9, cap=True):
        yield


@settings(
    max_examples=12,
    deadline=None,
    print_blob=True,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking whole nights takes hours
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(tale=st.lists(nights, min_size=1, max_size=3))
def test_the_laws_hold_whatever_happens(
    market: Market, tmp_path: Path, tale: list[Tonight]
) -> None:
    """Each row ends once, nothing is paid twice, and the books say where every credit went."""
    shop = opened(market, tmp_path)
    runs: list[Summary] = []
    for tonight in [*tale, quiet(tale[-1])]:
        prepare(shop, tonight)
        before = market.state.credits_charged
        published = lived(shop, tonight)
        runs += published
        for summary in published:
            assert_every_row_ended_once(shop, summary)
            assert_the_sums_agree(shop, summary)
        if tonight.end == "published":
            assert_the_balance_is_explained(
                published[-1], tonight.cap, market.state.credits_charged - before
            )
    assert_nothing_paid_twice(shop, runs)
    assert_nothing_outside(shop)


def quiet(last: Tonight) -> Tonight:
    """A night without troubles, so that every tale has its end."""
    return Tonight(last.rows, [], None, None, 8, "published")


def opened(market: Market, folder: Path) -> Shop:
    """A shop of its own for each tale, with real money."""
    market.open_anew()
    market.pass_for_real()
    name = uuid4().hex
    shop = Shop(market, folder / name, name=name)
    shop.settings = {
        "max_gone_share": 1,
        "max_changed_share": 1,
        "limits": {"workers": 4, "calls_at_once": 4},
    }
    for picture, content in PICTURES.items():
        shop.put(picture, content)
    return shop


def prepare(shop: Shop, tonight: Tonight) -> None:
    """Let time pass, write the manifest, and set up what goes wrong."""
    shop.folder.mkdir(parents=True, exist_ok=True)
    shop.later(days=tonight.days)
    if tonight.redrawn is not None:
        shop.draw(tonight.redrawn, colour=90 + tonight.days, size=(100, 80 + tonight.days))
    with shop.manifest.open("w", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(HEADER)
        for sku, picture, *rest in tonight.rows:
            url = shop.url(picture) if picture.endswith(".png") and ":" not in picture else picture
            writer.writerow([sku, url, *rest])
    shop.market.state.faults.clear()
    for kind, times in tonight.faults:
        shop.fail_next(kind, times)


def lived(shop: Shop, tonight: Tonight) -> list[Summary]:
    """The night, up to its end; answers what it has published, earlier runs first."""
    run, earlier = session.begin(shop.job(max_credits=tonight.cap), KEY)
    try:
        work(run)
        if tonight.end == "dead":
            return earlier
        if tonight.end == "stopped":
            session.leave_unpublished(run)
            return earlier
        heads = shop.state / shop.catalog / "ledger" / "heads"
        there = set(heads.iterdir())
        summary = session.publish_report(run)
        if tonight.end == "unmoved":
            (moved,) = set(heads.iterdir()) - there
            moved.unlink()
            return earlier
        return [*earlier, summary]
    finally:
        run.close()


def report_of(shop: Shop, summary: Summary) -> pd.DataFrame:
    """Every row of a run."""
    return pd.read_parquet(shop.state / shop.catalog / "runs" / summary.run_id / "report.parquet")


def assert_every_row_ended_once(shop: Shop, summary: Summary) -> None:
    """Law 1."""
    report = report_of(shop, summary)
    assert list(report["row"]) == list(range(2, summary.rows + 2))
    assert set(report["outcome"]) <= ENDED
    assert summary.outcomes == dict(report["outcome"].value_counts())
    silent = report[~report["outcome"].isin(["cut", "recovered", "reused", "refreshed"])]
    assert silent["reason_code"].notna().all()


def assert_the_sums_agree(shop: Shop, summary: Summary) -> None:
    """Law 4, inside: the report's rows and its summary tell one story."""
    report, money = report_of(shop, summary), summary.money
    assert report["charged"].sum() == money.charged
    assert report["paid_before"].sum() == money.paid_before
    if not summary.interrupted:
        assert report["uncertain"].sum() == money.uncertain


def assert_the_balance_is_explained(summary: Summary, cap: float | None, taken: float) -> None:
    """Law 4, outside: what the account lost is charged, or named as uncertain."""
    money = summary.money
    assert money.charged <= taken <= money.charged + money.uncertain
    assert money.difference == taken - money.charged
    assert money.unexplained == 0
    assert cap is None or money.charged + money.uncertain <= cap


def assert_nothing_paid_twice(shop: Shop, runs: list[Summary]) -> None:
    """Law 2: beyond one charge per purchase there are only calls that were named as uncertain."""
    state = shop.market.state
    charged = sum(run.money.charged for run in runs)
    uncertain = sum(run.money.uncertain for run in runs)
    assert charged <= state.credits_charged <= charged + uncertain
    assert state.charged_calls - len(state.identities) <= uncertain
    masters = list(shop.state.glob("masters/*/*/*.zip"))
    assert charged == len(masters), "each charge is a purchase that is there, once"


def assert_nothing_outside(shop: Shop) -> None:
    """Whatever a SKU is called, its pictures lie one folder below the destination."""
    known = {"out", "state", shop.manifest.name}
    assert {entry.name for entry in shop.folder.iterdir()} <= known
    out = shop.folder / "out" / shop.catalog
    pictures = [file for file in out.rglob("*") if file.suffix == ".png"]
    assert {file.parent.parent for file in pictures} <= {out}
