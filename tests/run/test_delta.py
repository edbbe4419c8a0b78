"""`docs/delta.md` is true: every row of its table is a night that was lived through."""

import json
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from packshot.decisions.delta import PlanState
from packshot.facts.outcome import Outcome
from tests.run.nights import Shop
from tests.run.transitions import LEDGER, PRODUCT, TONIGHT, mug

DOCUMENT = Path(__file__).parents[2] / "docs/delta.md"


class Line(NamedTuple):
    """A row of the document's table."""

    ledger: str
    tonight: str
    plan: str
    outcome: str
    fetches: str
    calls: str
    credits: str


def lines() -> list[Line]:
    """The rows of the table, heads and rules left out."""
    cells = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in DOCUMENT.read_text().splitlines()
        if line.startswith("|")
    ]
    return [Line(*row) for row in cells if row[0] != "ledger" and not row[0].startswith("--")]


def _bring_to(ledger: str, shop: Shop, shelf: Path) -> None:
    """Live through what comes before once, and copy it from the shelf after that."""
    shop.market.pass_for_real()
    shop.name = "shop"  # on a path where Shopify's versioned URLs lie, too
    shop.settings = {"limits": {"workers": 1, "source_megabytes": 1}, "max_gone_share": 1.0}
    shutil.rmtree(shop.pictures, ignore_errors=True)
    kept = shelf / str(list(LEDGER).index(ledger))
    if not kept.exists():
        shop.draw("mug.png")
        shop.list(mug(shop))
        LEDGER[ledger](shop)
        shutil.copytree(shop.folder, kept / "shop")
        shutil.copytree(shop.pictures, kept / "cdn", dirs_exist_ok=True)
        (kept / "settings.json").write_text(json.dumps(shop.settings))
    else:
        shutil.copytree(kept / "shop", shop.folder, dirs_exist_ok=True)
        shutil.copytree(kept / "cdn", shop.pictures)
        shop.settings = json.loads((kept / "settings.json").read_text())


def lived(line: Line, shop: Shop, shelf: Path) -> Line:
    """What a night really did, in the words of the table."""
    _bring_to(line.ledger, shop, shelf)
    night = TONIGHT[line.tonight](shop)
    row = night.last_of("cup" if "another SKU" in line.tonight else "mug")
    calls = int(night.report["calls"].sum())
    seen = night.seen
    assert seen.posts == (calls if night.summary.provider == "removebg" else 0)
    assert seen.credits == night.summary.money.charged == night.report["charged"].sum()
    assert calls <= night.plan.calls_at_most
    assert seen.credits <= night.plan.at_most
    assert len(night.report) == night.summary.rows
    return line._replace(
        plan=row["plan_state"] if row else "gone",
        outcome=row["outcome"] if row else "",
        fetches=f"{seen.gets} (304)" if seen.not_modified else f"{seen.gets}",
        calls=f"{calls}",
        credits=f"{seen.credits:g}",
    )


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where shops stand that have come to a certain point."""
    return tmp_path_factory.mktemp("shelf")


@pytest.mark.parametrize("line", lines(), ids=lambda line: f"{line.ledger} + {line.tonight}")
def test_a_night_does_what_the_table_says(line: Line, shop: Shop, shelf: Path) -> None:
    """Plan state, outcome, fetches, calls and credits are those of the document."""
    assert lived(line, shop, shelf) == line


def test_every_scenario_has_its_row() -> None:
    """Whatever can be staged here is told in the table, and each pair once."""
    told = [(line.ledger, line.tonight) for line in lines()]
    assert {ledger for ledger, _ in told} == set(LEDGER)
    assert {tonight for _, tonight in told} == set(TONIGHT)
    assert len(set(told)) == len(told)


def test_every_outcome_and_plan_state_occurs() -> None:
    """The table leaves out no ending and nothing that a plan can say."""
    assert {line.outcome for line in lines()} - {""} == {str(outcome) for outcome in Outcome}
    assert {line.plan for line in lines()} - {"gone"} == {str(state) for state in PlanState}


def test_what_is_gone_uses_up_no_budget(shop: Shop) -> None:
    """An old item that has left the manifest does not keep others from being asked again."""
    for name in ("a.png", "b.png"):
        shop.draw(name)
    shop.settings = {"limits": {"workers": 1}, "max_gone_share": 1.0, "recheck_budget": 1}
    shop.list(shop.row("a", "a.png"), shop.row("b", "b.png"))
    shop.night()
    shop.list(shop.row("b", "b.png"))
    shop.night()
    shop.later(days=8)
    assert shop.night().plan.states == {"to check": 1}


def test_options_of_a_repeated_row_are_not_dropped_in_silence(shop: Shop) -> None:
    """The reason of a repeat says whose options counted."""
    shop.draw("mug.png")
    shop.list(mug(shop), mug(shop), mug(shop, **PRODUCT))
    told = shop.night().report["reason"]
    assert told[1] == "an exact repeat of row 2"
    assert told[2].startswith("the same picture as row 2, whose options count")


def test_a_failure_does_not_forget_what_was_bought(shop: Shop) -> None:
    """The ledger names the purchase behind the published pictures, not the one that failed."""
    shop.draw("mug.png")
    shop.list(mug(shop))
    shop.night()
    bought = shop.known("mug")["fingerprint"]
    shop.take_down("mug.png")
    assert shop.night(paid=PRODUCT).summary.outcomes == {"failed": 1}
    assert shop.known("mug")["fingerprint"] == bought
