"""A night against a provider with fixed windows, played event by event on a clock of its own."""

import heapq
import math
import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

from packshot.facts.errors import Throttled
from packshot.providers.face import Pace, PaceReading
from packshot.run.allowance import Call
from packshot.run.governor import Governor

PACE = Pace(per_window=500, window_seconds=60, calls_at_once=40, weighs_megapixels=True)


@dataclass
class Server:
    """Counts weight in a window that the first counted call opens, on arrival or on answering."""

    counts_arrivals: bool
    whole_seconds: bool = False
    opened: float = -math.inf
    used: float = 0.0
    refusals: int = 0
    windows: list[float] = field(default_factory=list)

    def count(self, weight: float, now: float) -> bool:
        """Take a call into the window, or refuse it."""
        if now >= self.opened + PACE.window_seconds:
            self.windows.append(self.used)
            self.opened, self.used = now, 0.0
        if self.used and self.used + weight > PACE.per_window:
            self.refusals += 1
            return False
        self.used += weight
        return True

    def reading(self, now: float) -> PaceReading:
        """What the headers say."""
        left = self.opened + PACE.window_seconds - now
        if self.whole_seconds:
            left = max(0, math.floor(self.opened + PACE.window_seconds) - math.floor(now))
        return PaceReading(PACE.per_window, max(0.0, PACE.per_window - self.used), left)


class Night:
    """Workers that ask one governor after another picture, without threads."""

    def __init__(self, server: Server, weights: Iterator[float], *, processes: int = 1,
                 workers: int = 48, at_once: int = 40, seed: int = 1,
                 latency: tuple[float, float] = (1, 4)) -> None:
        self.now = 1000.25
        self.server = server
        self.random = random.Random(seed)
        self.latency = latency
        pace = Pace(per_window=PACE.per_window, window_seconds=PACE.window_seconds,
                    calls_at_once=at_once, weighs_megapixels=True)
        self.weights = weights
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self.governors = [Governor(pace, clock=lambda: self.now) for _ in range(processes)]
        self.asked: dict[int, deque[Call]] = {i: deque() for i in range(processes)}
        self.longest = 0.0
        for index in range(processes):
            for _ in range(workers):
                self.at(0, lambda i=index: self._ask(i))
            self.at(0.5, lambda i=index: self._tick(i))

    def at(self, delay: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + delay, next(self._order), what))

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self._events and self._events[0][0] <= end:
            self.now, _, what = heapq.heappop(self._events)
            what()

    def _ask(self, index: int) -> None:
        weight = next(self.weights, None)
        if weight is None:
            return
        self.asked[index].append(self.governors[index]._ask(weight, self.now))
        self._depart(index)

    def _tick(self, index: int) -> None:
        governor = self.governors[index]
        governor._admit(self.now)
        self._depart(index)
        nxt = governor._allowance.next_start
        self.at(max(0.001, min(0.5, nxt - self.now)), lambda: self._tick(index))

    def _depart(self, index: int) -> None:
        for call in [c for c in self.asked[index] if c.sent is not None]:
            self.asked[index].remove(call)
            self.longest = max(self.longest, call.sent - call.asked)
            seconds = self.random.uniform(*self.latency)
            on_wire = self.random.uniform(0.02, 0.3)
            self.at(on_wire, lambda c=call, s=seconds: self._arrive(index, c, s))

    def _arrive(self, index, call, seconds):
        taken = not self.server.counts_arrivals or self.server.count(call.weight, self.now)
        self.at(seconds if taken else 0.05, lambda: self._answer(index, call, taken))

    def _answer(self, index, call, taken):
        if taken and not self.server.counts_arrivals:
            taken = self.server.count(call.weight, self.now)
        reading = self.server.reading(self.now)
        left = self.server.opened + 60 - self.now
        self.at(self.random.uniform(0.02, 0.3), lambda: self._hear(index, call, reading, taken, left))

    def _hear(self, index, call, reading, taken, left):
        g = self.governors[index]
        g._mine.call = call
        if taken:
            g.learn(reading)
        g._land(call, None if taken else Throttled("x", wait_seconds=left+.3), self.now)
        self._depart(index)
        self._ask(index)
