"""All windows of a provider: a call leaves when it fits into each of them."""

import math
from collections.abc import Iterable

from packshot.providers.face import Pace, PaceReading
from packshot.run.allowance import Allowance
from packshot.run.one_window import Call, Sharers
from packshot.run.sliding import SlidingAllowance

SAME_WINDOW = 0.02
"""Lengths of windows that differ by no more are one."""


class Windows:
    """The declared window, and those that the provider speaks of beside it."""

    def __init__(self, pace: Pace) -> None:
        length = pace.window_seconds
        self._sharers = Sharers()
        self._declared: Allowance | SlidingAllowance = (
            SlidingAllowance(pace.per_window, length) if pace.slides else Allowance(pace)
        )
        self._by_length: dict[float, Allowance | SlidingAllowance] = {length: self._declared}

    @property
    def busy(self) -> tuple[float, float]:
        """Sent and allowed by the declared window while work was waiting."""
        return self._declared.busy_sent, self._declared.busy_limit

    @property
    def next_start(self) -> float:
        """When there is room again that there is not now."""
        return min(each.next_start for each in self._by_length.values())

    @property
    def told(self) -> bool:
        """Whether the provider itself says what is left."""
        return any(each.told for each in self._by_length.values())

    def share(self, sharers: Sharers) -> None:
        """Keep to one of so many parts, and leave parts to those that may come."""
        self._sharers = sharers
        for allowance in self._by_length.values():
            allowance.share(sharers)

    def roll(self, now: float, *, waiting: bool) -> None:
        """Let time pass."""
        for allowance in self._by_length.values():
            allowance.roll(now, waiting=waiting)

    def send(self, call: Call, now: float) -> None:
        """A call leaves."""
        call.sent = now
        for allowance in self._by_length.values():
            allowance.send(call, now)

    def take_back(self, call: Call) -> None:
        """A call that had leave did not go after all."""
        for allowance in self._by_length.values():
            allowance.take_back(call)

    def land(self, call: Call, now: float) -> None:
        """A call has ended."""
        for allowance in self._by_length.values():
            allowance.land(call, now)

    def hear(
        self, reading: PaceReading, call: Call | None, now: float, *, flying: Iterable[Call]
    ) -> None:
        """Take the provider's word; a window that was not known is kept from now on."""
        length = reading.window_seconds
        allowance = self._declared if length is None else self._of(length)
        if allowance is None and length is not None:
            allowance = self._by_length[length] = SlidingAllowance(reading.limit, length)
            allowance.share(self._sharers)
            for each in flying:
                allowance.send(each, each.asked if each.sent is None else each.sent)
        if allowance is not None:
            allowance.hear(reading, call, now)

    def fits(self, weight: float, now: float) -> bool:
        """Whether a call may leave."""
        return all(each.fits(weight, now) for each in self._by_length.values())

    def may_be_overtaken(self, call: Call, now: float) -> bool:
        """Whether smaller calls may go before one that does not fit."""
        full = [each for each in self._by_length.values() if not each.fits(call.weight, now)]
        answers = [each.may_be_overtaken(call) for each in full]  # each takes note of it
        return all(answers)

    def _of(self, length: float) -> Allowance | SlidingAllowance | None:
        alike = (
            allowance
            for known, allowance in self._by_length.items()
            if math.isclose(known, length, rel_tol=SAME_WINDOW)
        )
        return next(alike, None)
