"""Whose turn it is to buy when the money does not cover everything: the earlier row's.

Each item that is about to be bought holds a promise of its price at most. An item begins once
the money left covers the promises of all before it and its own, so many work side by side and
none overtakes a row that the same money could have paid for. A picture that is merely asked
again holds no promise: it is likely unchanged and waits for nobody.
"""

import threading
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow.parquet as pq

from packshot.decisions.delta import FETCHES, PlanState
from packshot.facts.paid_options import PaidOptions
from packshot.providers.face import Provider

LOOK_SECONDS = 0.5
"""Money may come from elsewhere: someone pays in, a balance is read anew."""
ROUNDING = 1e-9


class Turns:
    """Thread-safe; items are known by their number in the order of the work."""

    def __init__(self, prices: Sequence[float], money_left: Callable[[], float]) -> None:
        """`prices` holds each item's price at most, 0 for one that needs no money."""
        self._prices = prices
        self._money_left = money_left
        self._changed = threading.Condition()
        self._ended = bytearray(len(prices))
        self._promised = 0.0
        self._begun = 0
        self.scarce = sum(prices) > money_left() + ROUNDING
        """Whether the order matters at all; where it does not, nobody waits."""
        self._advance()

    @property
    def at_once(self) -> int:
        """So many items, from the first, may begin now."""
        return self._begun

    def wait(self, number: int, stopped: Callable[[], object]) -> None:
        """Return once it is this item's turn, or when the run has stopped."""
        if not self.scarce or not self._prices[number]:
            return
        with self._changed:
            while number >= self._begun and not self._ended[number] and not stopped():
                self._changed.wait(LOOK_SECONDS)
                self._advance()

    def leave(self, first: int, last: int) -> None:
        """Items from `first` up to and without `last` want nothing more."""
        if not self.scarce:
            return
        with self._changed:
            for number in range(first, last):
                if not self._ended[number]:
                    self._ended[number] = 1
                    if number < self._begun:
                        self._promised -= self._prices[number]
            self._advance()
            self._changed.notify_all()

    def _advance(self) -> None:
        """Let in as many as the money covers; the first of all is let in to hear the refusal."""
        left = self._money_left() + ROUNDING
        while self._begun < len(self._prices):
            price = 0.0 if self._ended[self._begun] else self._prices[self._begun]
            if price and self._promised and self._promised + price > left:
                return
            self._promised += price
            self._begun += 1


def prices_of(work: Path, provider: Provider) -> Sequence[float]:
    """What each item of a work file costs at most, where it is about to be bought."""
    prices = array("d")
    buying = FETCHES - {PlanState.CHECK}
    known: dict[str, float] = {}
    for part in pq.ParquetFile(work).iter_batches(columns=["state", "paid_options"]):
        for state, options in zip(*(column.to_pylist() for column in part.columns), strict=True):
            if options not in known:
                price = provider.price(PaidOptions.from_canonical(options), None)
                known[options] = price.at_most
            prices.append(known[options] if PlanState(state) in buying else 0.0)
    return prices
