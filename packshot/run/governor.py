"""Decide when a call may leave: one governor per process, polite by construction."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from packshot.facts.errors import SkipImage, StopRequested, Throttled, Unreachable
from packshot.providers.face import Pace, PaceReading
from packshot.run.one_window import Call, Sharers
from packshot.run.windows import Windows

POLL_SECONDS = 0.5
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 60.0
QUIET_ANSWERS = 10
"""So many answers after a pause make the next one short again."""

Hold = Literal["pace", "slot", "pause"]


@dataclass(frozen=True, slots=True)
class Slot:
    """Leave to make one call, until the `with` block ends."""

    weight: float
    waited_seconds: float


@dataclass(frozen=True, slots=True)
class GovernorStats:
    """How near to the provider's limit a run has come, and what it waited for."""

    calls: int
    weight: float
    waited_for_pace: float
    """Seconds, summed over all that waited; so are the next two."""
    waited_for_slot: float
    waited_for_pause: float
    pauses: int
    share_of_allowance: float | None
    """Sent over allowed, in windows that ended with work waiting; None without one."""
    max_in_flight: int


class Governor:
    """Keeps the calls of one process within a provider's pace, and shares its pauses."""

    def __init__(self, pace: Pace, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace = pace
        self._clock = clock
        self._lock = threading.Lock()
        self._mine = threading.local()
        self._windows = Windows(pace)
        self._flying: list[Call] = []
        self._queue: deque[Call] = deque()
        self._paused_at = self._paused_until = -math.inf
        self._next_pause = FIRST_PAUSE_SECONDS
        self._probing = False
        """After a pause that nobody gave a length, one call goes first."""
        self._quiet = 0
        self._hold: Hold = "slot"
        self._waited: dict[Hold, float] = {"pace": 0.0, "slot": 0.0, "pause": 0.0}
        self._calls = self._pauses = self._most = 0
        self._parts = 1
        """Among how many processes the account is shared; 0: this one has no part in it now."""
        self._last_busy = clock()
        self._weight = 0.0

    @contextmanager
    def slot(
        self, megapixels: float, *, deadline: float, stopped: Callable[[], str | None]
    ) -> Iterator[Slot]:
        """Block until a call of this size may leave; `deadline` is a value of the clock.

        Raises `StopRequested` once `stopped` gives a reason, and `Unreachable` at the deadline.
        """
        call = self._wait_for_leave(self._weigh(megapixels), deadline, stopped)
        self._mine.call = call
        error: BaseException | None = None
        try:
            yield Slot(call.weight, _left(call) - call.asked)
        except BaseException as raised:
            error = raised
            raise
        finally:
            self._mine.call = None
            with self._lock:
                self._land(call, error, self._clock())

    def learn(self, *readings: PaceReading) -> None:
        """Hear the provider's word that came with this thread's latest call."""
        with self._lock:
            now = self._clock()
            self._roll(now)
            for reading in readings:
                self._windows.hear(reading, self._latest(), now, flying=self._flying)
            self._admit(now)

    def share(self, processes: int, *, expected: int = 0) -> None:
        """Keep to one of so many parts; with none, nobody leaves until there is one again.

        Of the window, `expected` further parts are left to processes that may come.
        """
        with self._lock:
            now = self._clock()
            came = now if processes > 1 and self._parts == 0 else None
            self._parts = processes
            self._windows.share(Sharers(max(1, processes), expected, came))
            self._admit(now)

    @property
    def idle_seconds(self) -> float:
        """How long nothing has waited or been in flight."""
        with self._lock:
            if self._queue or self._flying:
                return 0.0
            return self._clock() - self._last_busy

    def pause(self, seconds: float | None = None) -> None:
        """Make everyone wait; without a number we choose one, and then try with a single call.

        A call that ends as `Throttled` inside its slot has paused everyone already.
        """
        with self._lock:
            self._pause(seconds, self._latest(), self._clock())

    def stats(self) -> GovernorStats:
        """Count up what has happened so far."""
        with self._lock:
            sent, allowed = self._windows.busy
            return GovernorStats(
                calls=self._calls,
                weight=self._weight,
                waited_for_pace=self._waited["pace"],
                waited_for_slot=self._waited["slot"],
                waited_for_pause=self._waited["pause"],
                pauses=self._pauses,
                share_of_allowance=sent / allowed if allowed else None,
                max_in_flight=self._most,
            )

    def _weigh(self, megapixels: float) -> float:
        return max(1.0, math.ceil(megapixels)) if self._pace.weighs_megapixels else 1.0

    def _latest(self) -> Call | None:
        call: Call | None = getattr(self._mine, "call", None)
        return call

    def _wait_for_leave(
        self, weight: float, deadline: float, stopped: Callable[[], str | None]
    ) -> Call:
        with self._lock:
            seen = self._clock()
            call = self._ask(weight, seen)
        try:
            while not self._has_leave(call, deadline, stopped):
                call.leave.wait(self._nap(deadline))
                seen = self._look_again(call, seen)
        except BaseException:
            self._withdraw(call)
            raise
        return call

    def _has_leave(self, call: Call, deadline: float, stopped: Callable[[], str | None]) -> bool:
        if reason := stopped():
            raise StopRequested(reason)
        if call.sent is not None and call.sent < deadline:
            return True
        if (now := self._clock()) < deadline:
            return False
        raise Unreachable(
            f"No leave to call came within {now - call.asked:.0f} s, and this picture's time is"
            " up; the next run takes it up again.",
            code="deadline",
        )

    def _nap(self, deadline: float) -> float:
        with self._lock:
            now = self._clock()
            paused = now < self._paused_until
            change = self._paused_until if paused else self._windows.next_start
            return max(0.001, min(POLL_SECONDS, deadline - now, change - now))

    def _look_again(self, call: Call, seen: float) -> float:
        with self._lock:
            now = self._clock()
            until = now if call.sent is None else call.sent
            self._waited[self._hold] += max(0.0, until - seen)
            self._admit(now)
            return now

    def _ask(self, weight: float, now: float) -> Call:
        self._roll(now)
        self._last_busy = now
        call = Call(weight, now)
        self._queue.append(call)
        self._admit(now)
        return call

    def _withdraw(self, call: Call) -> None:
        with self._lock:
            if call.sent is None:
                self._queue.remove(call)
            else:
                self._flying.remove(call)
                self._windows.take_back(call)
                self._calls -= 1
                self._weight -= call.weight
            self._admit(self._clock())

    def _admit(self, now: float) -> None:
        """Let everyone leave who may, in the order of asking."""
        self._roll(now)
        while self._queue and (call := self._next(now)):
            self._queue.remove(call)
            self._flying.append(call)
            self._windows.send(call, now)
            self._calls += 1
            self._weight += call.weight
            self._most = max(self._most, len(self._flying))
            call.leave.set()

    def _next(self, now: float) -> Call | None:
        head = self._queue[0]
        if self._parts == 0:
            self._hold = "slot"
            return None
        if now < self._paused_until or self._is_probed():
            self._hold = "pause"
            return None
        if len(self._flying) >= self._width():
            self._hold = "slot"
            return None
        if self._windows.fits(head.weight, now):
            return head
        self._hold = "pace"
        overtaken = self._windows.may_be_overtaken(head, now)
        return self._smaller_than(head, now) if overtaken else None

    def _is_probed(self) -> bool:
        """Whether the one call after a pause is in flight; what left before it is no such call."""
        return self._probing and any(_left(call) > self._paused_at for call in self._flying)

    def _width(self) -> int:
        """Calls at once; our part of them where the provider does not say what is left."""
        width = self._pace.calls_at_once
        return width if self._windows.told else max(1, width // max(1, self._parts))

    def _smaller_than(self, head: Call, now: float) -> Call | None:
        """The first that has room: whatever weighs more than what had none has none either."""
        refused = head.weight
        for call in self._queue:
            if call.weight < refused:
                if self._windows.fits(call.weight, now):
                    return call
                refused = call.weight
        return None

    def _roll(self, now: float) -> None:
        self._windows.roll(now, waiting=bool(self._queue))

    def _land(self, call: Call, error: BaseException | None, now: float) -> None:
        if isinstance(error, Throttled):
            self._pause(error.wait_seconds, call, now)
        self._last_busy = now
        self._flying.remove(call)
        self._windows.land(call, now)
        if _left(call) >= self._paused_at and (error is None or isinstance(error, SkipImage)):
            self._probing = False
            self._quiet += 1
            if self._quiet >= QUIET_ANSWERS:
                self._next_pause = FIRST_PAUSE_SECONDS
        self._admit(now)

    def _pause(self, seconds: float | None, call: Call | None, now: float) -> None:
        if seconds is None or seconds <= 0:
            if now < self._paused_until or (call and _left(call) < self._paused_at):
                return  # many calls refused at once are one refusal
            seconds = self._next_pause
            self._next_pause = min(2 * seconds, LONGEST_PAUSE_SECONDS)
            self._probing = True
        self._pauses += now >= self._paused_until
        self._paused_until = max(self._paused_until, now + seconds)
        self._paused_at, self._quiet = now, 0


def _left(call: Call) -> float:
    return call.asked if call.sent is None else call.sent
