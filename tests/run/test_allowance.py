"""A provider's windows are used to the full and never exceeded."""

import heapq
import math
import random
import statistics
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count, repeat

import pytest

from packshot.facts.errors import Throttled
from packshot.providers.face import Pace, PaceReading
from packshot.run.allowance import Allowance
from packshot.run.governor import Governor
from packshot.run.one_window import Call

PACE = Pace(per_window=500, window_seconds=60, calls_at_once=40, weighs_megapixels=True)
SIZES = {"ones": (1,), "shop": (1, 1, 2, 4), "wild": (1, 1, 1, 5, 12, 25)}


@dataclass
class Server:
    """Windows opened by the first counted call; counts on arrival or on answering."""

    counts_arrivals: bool
    ends: str
    """In whole seconds or not: as it is told, as it is, or neither."""
    reads_arrivals: bool = False
    """The headers of an answer are those of the moment its call came."""
    length: float = 60.0
    tells: bool = True
    end: float = -math.inf
    used: float = 0.0
    windows: list[float] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)

    @property
    def limit(self) -> float:
        """Megapixels of one window."""
        return 500 * self.length / 60

    @property
    def refusals(self) -> int:
        """Of all windows together."""
        return sum(self.refused)

    def takes(self, weight: float, now: float) -> bool:
        """Count a call, or refuse it."""
        if now >= self.end:
            self.windows.append(self.used)
            self.refused.append(0)
            self.used, self.end = 0.0, now + self.length
            if self.ends == "whole":
                self.end = math.ceil(self.end)
        if self.used and self.used + weight > self.limit:
            self.refused[-1] += 1
            return False
        self.used += weight
        return True

    def reading(self, now: float, used: float, end: float) -> PaceReading:
        """Headers tell the end of a window as it is, or whole seconds against whole seconds.

        Some servers look at the clock once a second: their `Date` is late by up to two.
        """
        dated = math.floor(now - 0.99) if self.ends == "whole" else math.floor(now)
        told = end - now if self.ends == "exact" else math.floor(end) - dated
        left = max(0.0, self.limit - used) if self.tells else None
        return PaceReading(self.limit, left, max(0.0, told))


@dataclass
class SlidingServer(Server):
    """Counts over the sixty seconds before each call; tells what is left, or nothing at all."""

    taken: deque[tuple[float, float]] = field(default_factory=deque)

    def takes(self, weight: float, now: float) -> bool:
        """Count a call, or refuse it."""
        while self.taken and self.taken[0][0] <= now - 60:
            self.taken.popleft()
        self.used = sum(each for _, each in self.taken)
        if self.used + weight > 500:
            self.refused.append(1)
            return False
        self.taken.append((now, weight))
        self.used += weight
        self.windows.append(weight)
        return True

    def reading(self, now: float, used: float, end: float) -> PaceReading:
        """A window that the declared pace does not know of."""
        del now, end
        return PaceReading(500, 500 - used if self.tells else None, 60, 60)


class Night:
    """Workers that ask for one picture after another, event by event on a clock of its own."""

    def __init__(
        self,
        server: Server,
        weights: Iterator[float],
        *,
        governors: int = 1,
        known: bool = False,
        absent: int = 0,
        pace: Pace = PACE,
    ) -> None:
        self.now, self.server, self.weights = 1000.25, server, weights
        self.random = random.Random(7)  # noqa: S311
        self.slowest = 0.0
        self._order = count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self.governors = [Governor(pace, clock=lambda: self.now) for _ in range(governors)]
        for number, governor in enumerate(self.governors):
            is_there = number < governors - absent
            governor.share((governors - absent if known else 1) if is_there else 0)
            waiting: deque[Call] = deque()
            for _ in range(48):
                self._ask(governor, waiting)
            self._tick(governor, waiting)

    def run(self, seconds: float) -> None:
        """Let so many seconds pass."""
        end = self.now + seconds
        while self._events[0][0] <= end:
            self.now, _, event = heapq.heappop(self._events)
            event()

    def let_in(self, newcomer: Governor) -> None:
        """The others hear of one more; it begins six seconds later."""
        others = [each for each in self.governors if each is not newcomer and each._parts]
        for other in others:
            other.share(len(others) + 1)
        self.run(6)
        newcomer.share(len(others) + 1)

    def _in(self, seconds: float, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._order), event))

    def _tick(self, governor: Governor, waiting: deque[Call]) -> None:
        governor._admit(self.now)
        self._depart(governor, waiting)
        nap = min(0.5, max(0.001, governor._windows.next_start - self.now))
        self._in(nap, lambda: self._tick(governor, waiting))

    def _ask(self, governor: Governor, waiting: deque[Call]) -> None:
        if weight := next(self.weights, 0.0):
            waiting.append(governor._ask(weight, self.now))
            self._depart(governor, waiting)

    def _depart(self, governor: Governor, waiting: deque[Call]) -> None:
        for call in [call for call in waiting if call.sent is not None]:
            waiting.remove(call)
            self.slowest = max(self.slowest, self.now - call.asked)
            on_the_wire = self.random.uniform(0.02, 0.3)
            self._in(on_the_wire, lambda call=call: self._arrive(governor, waiting, call))

    def _arrive(self, governor: Governor, waiting: deque[Call], call: Call) -> None:
        taken = not self.server.counts_arrivals or self.server.takes(call.weight, self.now)
        work = self.random.uniform(1, 4) if taken else 0.05
        counted = (self.server.used, self.server.end)
        self._in(work, lambda: self._answer(governor, waiting, call, counted, taken=taken))

    def _answer(
        self,
        governor: Governor,
        waiting: deque[Call],
        call: Call,
        counted: tuple[float, float],
        *,
        taken: bool,
    ) -> None:
        if taken and not self.server.counts_arrivals:
            taken = self.server.takes(call.weight, self.now)
        if not self.server.reads_arrivals:
            counted = (self.server.used, self.server.end)
        reading = self.server.reading(self.now, *counted)

        def hear() -> None:
            governor._mine.call = call
            if taken:
                governor.learn(reading)
            error = None if taken else Throttled("429", wait_seconds=reading.reset_seconds + 1)
            governor._land(call, error, self.now)
            self._depart(governor, waiting)
            self._ask(governor, waiting)

        self._in(self.random.uniform(0.02, 0.3), hear)


def pictures(kind: str) -> Iterator[float]:
    """Endless weights of one kind of catalog."""
    dice = random.Random(3)  # noqa: S311
    return iter(lambda: float(dice.choice(SIZES[kind])), None)


@pytest.mark.parametrize("kind", SIZES)
@pytest.mark.parametrize("ends", ["exact", "told whole", "whole"])
@pytest.mark.parametrize("counts", ["arrivals, told late", "arrivals, told early", "answers"])
def test_the_allowance_is_used_and_never_exceeded(
    counts: str,
    ends: str,
    kind: str,
) -> None:
    """However a provider counts, whatever the sizes: 99 % of each window, and no refusal."""
    server = Server(counts != "answers", ends, reads_arrivals="early" in counts)
    night = Night(server, pictures(kind))
    night.run(4 * 62)
    full = server.windows[1:]
    assert len(full) >= 3
    assert min(full) >= 0.99 * 500
    assert server.refusals == 0
    stats = night.governors[0].stats()
    assert stats.share_of_allowance is not None
    assert stats.share_of_allowance >= 0.99
    assert stats.max_in_flight <= 40


@pytest.mark.parametrize("counts_arrivals", [True, False])
def test_two_processes_share_an_account(counts_arrivals: bool) -> None:  # noqa: FBT001
    """Whoever sees others in the count leaves room for them."""
    server = Server(counts_arrivals, "told whole")
    Night(server, pictures("ones"), governors=2).run(4 * 62)
    assert min(server.windows[1:]) >= 0.98 * 500
    assert server.refusals <= 2


@pytest.mark.parametrize("kind", SIZES)
@pytest.mark.parametrize("ends", ["exact", "told whole", "whole"])
@pytest.mark.parametrize("counts", ["arrivals, told late", "arrivals, told early", "answers"])
@pytest.mark.parametrize("length", [60.0, 24.0])
def test_processes_that_know_of_each_other_exceed_nothing(
    length: float,
    counts: str,
    ends: str,
    kind: str,
) -> None:
    """Four of them, with windows as long as documented and shorter ones of the same shape.

    The first window, in which nobody knows what the others have sent, may be exceeded once.
    """
    server = Server(counts != "answers", ends, reads_arrivals="early" in counts, length=length)
    pace = replace(PACE, per_window=server.limit, window_seconds=length)
    night = Night(server, pictures(kind), governors=4, known=True, pace=pace)
    night.run(5 * (length + 2))
    full = server.windows[2:]
    assert len(full) >= 3
    assert statistics.mean(full) >= 0.98 * server.limit
    assert min(full) >= 0.94 * server.limit
    assert sum(server.refused[2:]) == 0
    assert server.refusals <= 2
    shares = [governor.stats().share_of_allowance or 0.0 for governor in night.governors]
    assert min(shares) > 0.5  # of the account's, not a quarter each


@pytest.mark.parametrize("counts", ["arrivals, told late", "arrivals, told early", "answers"])
def test_what_others_leave_is_taken(counts: str) -> None:
    """Three that are known of send nothing: the fourth has their parts in the second half.

    Not so in the first window, in which all that it hears from the beginning is its own count.
    """
    server = Server(counts != "answers", "whole", reads_arrivals="early" in counts)
    night = Night(server, pictures("shop"))
    night.governors[0].share(4)
    night.run(6 * 62)
    assert min(server.windows[2:]) >= 0.9 * server.limit
    assert server.refusals == 0


@pytest.mark.parametrize("slides", [False, True], ids=["fixed", "slides"])
@pytest.mark.parametrize("tells", [True, False], ids=["told", "mute"])
def test_a_newcomer_takes_no_part_that_others_have_used(
    slides: bool,  # noqa: FBT001
    tells: bool,  # noqa: FBT001
) -> None:
    """Three are at it; the fourth comes in the middle of a window: a few refusals at most."""
    kind = SlidingServer if slides else Server
    server = kind(counts_arrivals=False, ends="exact", tells=tells)
    pace = replace(PACE, slides=slides)
    night = Night(server, pictures("shop"), governors=4, known=True, absent=1, pace=pace)
    night.run(100)
    before = server.refusals
    night.let_in(night.governors[-1])
    night.run(120)
    blind = not (tells or slides)  # nobody sees where such a window ends
    assert server.refusals - before <= (20 if blind else 4)
    assert night.governors[-1].stats().weight > 120


def test_who_was_idle_comes_back_as_a_newcomer() -> None:
    """What it knew of the window is long ago: the others have gone on."""
    server = Server(counts_arrivals=False, ends="whole")
    night = Night(server, pictures("shop"), governors=2, known=True)
    night.run(125)
    night.run(server.end - night.now + 4)
    back, busy = night.governors
    back.share(0)
    busy.share(1)
    night.run(15)
    before = server.refusals
    night.let_in(back)
    night.run(60)
    assert server.refusals - before <= 2


def test_the_part_of_who_leaves_is_taken_within_twenty_seconds() -> None:
    """By the count, in the same window."""
    server = Server(counts_arrivals=False, ends="whole")
    night = Night(server, pictures("shop"), governors=4, known=True)
    night.run(125)
    night.run(server.end - night.now + 4)
    for idle in night.governors[1:]:
        idle.share(0)
    night.governors[0].share(1)
    night.run(20)
    assert server.used >= 0.9 * server.limit
    assert sum(server.refused[2:]) == 0


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "only told"])
@pytest.mark.parametrize("counts_arrivals", [True, False])
def test_a_sliding_window_is_used_and_never_exceeded(
    counts_arrivals: bool,  # noqa: FBT001
    declared: bool,  # noqa: FBT001
) -> None:
    """Declared as one, or known from the headers alone beside a declared pace without bounds."""
    server = SlidingServer(counts_arrivals, "exact")
    pace = replace(PACE, slides=True) if declared else replace(PACE, per_window=1e6)
    night = Night(server, pictures("shop"), pace=pace)
    night.run(6 * 60)
    first = 500 if declared else 0  # calls that left before the window was known of
    assert server.refusals == 0 if declared else server.refusals <= 40
    assert sum(server.windows) >= 0.93 * 5 * 500 + first
    if declared:
        share = night.governors[0].stats().share_of_allowance
        assert share is not None
        assert 0.9 <= share <= 1


def test_processes_have_static_parts_where_nothing_is_told() -> None:
    """Four of them, each with a quarter of what is allowed."""
    server = SlidingServer(counts_arrivals=True, ends="exact", tells=False)
    Night(server, pictures("ones"), governors=4, known=True, pace=replace(PACE, slides=True)).run(
        4 * 60
    )
    assert server.refusals == 0
    assert sum(server.windows) >= 0.93 * 4 * 500


def test_nothing_starves() -> None:
    """A large picture is overtaken in one window at most, then everyone waits for it."""
    large_first = (60.0 if n % 50 == 0 else 1.0 for n in count())
    night = Night(Server(counts_arrivals=True, ends="exact"), large_first)
    night.run(6 * 62)
    assert night.slowest < 2 * 61


def test_a_picture_larger_than_any_window_goes_alone() -> None:
    """It waits for an untouched window, and the others for the next one."""
    server = Server(counts_arrivals=True, ends="exact")
    night = Night(server, iter([*repeat(1.0, 30), 600.0, *repeat(1.0, 600)]))
    night.run(5 * 62)
    assert 600 in server.windows
    assert server.refusals == 0
    assert night.governors[0].stats().calls == 631


def test_an_answer_that_was_overtaken_does_not_open_a_window() -> None:
    """It tells of less than is known already, and its end is rounded otherwise."""
    allowance = Allowance(PACE)
    early, late = Call(96, asked=0.0), Call(229, asked=0.0)
    for call in (early, late):
        call.sent = 0.0
        allowance.send(call, call.sent)
    allowance.land(late, 1.0)
    allowance.hear(PaceReading(limit=500, remaining=500 - 325, reset_seconds=59.0), late, 1.0)
    allowance.land(early, 2.0)
    allowance.hear(PaceReading(limit=500, remaining=500 - 96, reset_seconds=59.5), early, 2.0)
    assert allowance.window.number == 0
    assert not allowance.fits(500 - 325 + 1, 2.0)


def test_a_window_that_began_anew_is_believed() -> None:
    """A call that left afterwards comes back with less than was known before."""
    allowance = Allowance(PACE)
    before, after = Call(325, asked=0.0), Call(10, asked=5.0)
    before.sent, after.sent = 0.0, 5.0
    allowance.send(before, 0.0)
    allowance.land(before, 1.0)
    allowance.hear(PaceReading(limit=500, remaining=500 - 325, reset_seconds=59.0), before, 1.0)
    allowance.send(after, 5.0)
    allowance.land(after, 6.0)
    allowance.hear(PaceReading(limit=500, remaining=490, reset_seconds=59.0), after, 6.0)
    assert allowance.window.number == 1
    assert allowance.fits(490, 6.0)


@pytest.mark.parametrize("length", [90.0, 120.0])
def test_a_window_that_is_longer_than_declared_is_kept_to(length: float) -> None:
    """The provider's own word for its end holds."""
    server = Server(counts_arrivals=False, ends="whole", length=length)
    Night(server, pictures("shop")).run(5 * length)
    assert server.refusals == 0
    assert min(server.windows[1:]) >= 0.99 * server.limit
