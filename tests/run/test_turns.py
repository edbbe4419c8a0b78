"""Money that does not do for all goes to the earlier rows."""

import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from packshot.decisions.delta import PlanState
from packshot.facts.paid_options import PaidOptions
from packshot.providers.removebg import RemoveBg
from packshot.run.turns import Turns, prices_of


class Purse:
    """Money that a test sets."""

    def __init__(self, left: float) -> None:
        self.left = left

    def __call__(self) -> float:
        """What is left."""
        return self.left


def may_begin(turns: Turns, number: int) -> bool:
    """Whether this item would begin at once."""
    looked = []
    turns.wait(number, lambda: looked.append(number) or len(looked) > 1)
    return not looked


def test_enough_for_all_makes_nobody_wait() -> None:
    """The order matters only where money is scarce."""
    turns = Turns([1.0] * 5, Purse(5))
    assert not turns.scarce
    assert may_begin(turns, 4)


def test_as_many_begin_as_can_be_paid_for() -> None:
    """They work side by side; the next waits for one of them."""
    turns = Turns([1.0] * 5, Purse(2))
    assert turns.at_once == 2
    assert [may_begin(turns, number) for number in range(3)] == [True, True, False]


def test_a_free_end_lets_the_next_one_in() -> None:
    """What one did not need, the next in order may have."""
    turns = Turns([1.0] * 5, Purse(2))
    turns.leave(0, 1)
    assert [may_begin(turns, number) for number in (2, 3)] == [True, False]


def test_a_paid_end_lets_nobody_in() -> None:
    """Its money is gone, so the next waits on until it is its turn to hear so."""
    purse = Purse(2)
    turns = Turns([1.0] * 5, purse)
    purse.left = 1
    turns.leave(1, 2)
    assert not may_begin(turns, 2)
    purse.left = 0
    turns.leave(0, 1)
    assert may_begin(turns, 2)
    assert not may_begin(turns, 3)


def test_what_needs_no_money_waits_for_nobody() -> None:
    """A price of nothing holds no promise."""
    turns = Turns([1.0, 1.0, 0.0], Purse(1))
    assert may_begin(turns, 2)


def test_a_batch_that_is_tried_again_is_let_through() -> None:
    """It gave its promises back when it failed; the books still guard the money."""
    turns = Turns([1.0] * 5, Purse(1))
    turns.leave(2, 4)
    assert may_begin(turns, 3)


@pytest.mark.parametrize("how", ["leave", "money"])
def test_a_waiting_item_is_woken(how: str) -> None:
    """By an end before it, and by money that comes in."""
    purse = Purse(1)
    turns = Turns([1.0, 1.0, 1.0], purse)
    waiting = threading.Thread(target=turns.wait, args=(1, lambda: None))
    waiting.start()
    if how == "leave":
        turns.leave(0, 1)
    else:
        purse.left = 2
    waiting.join(timeout=5)
    assert not waiting.is_alive()


def test_only_what_is_about_to_be_bought_has_a_price(tmp_path: Path) -> None:
    """Each at its own resolution; what is re-asked or made again needs no money."""
    rows = [
        (PlanState.NEW, PaidOptions()),
        (PlanState.CHECK, PaidOptions()),
        (PlanState.REFRESH, PaidOptions()),
        (PlanState.UPGRADE, PaidOptions(resolution="preview")),
        (PlanState.RETRY, PaidOptions()),
    ]
    columns = {
        "state": [str(state) for state, _ in rows],
        "paid_options": [options.canonical() for _, options in rows],
    }
    pq.write_table(pa.table(columns), tmp_path / "work.parquet")
    provider = RemoveBg("key")
    try:
        assert list(prices_of(tmp_path / "work.parquet", provider)) == [1.0, 0.0, 0.0, 0.25, 1.0]
    finally:
        provider.close()
