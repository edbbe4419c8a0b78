"""A call leaves when the provider has room for it, and not before."""

import math
import random
import threading
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import islice

import pytest

from packshot.facts.errors import ImageRefused, StopRequested, Throttled, Unreachable
from packshot.providers.face import Pace, PaceReading
from packshot.run.governor import Governor, Slot

PACE = Pace(per_window=500, window_seconds=60, calls_at_once=40, weighs_megapixels=True)


@dataclass
class Clock:
    """A clock that a test sets."""

    now: float = 0.0

    def __call__(self) -> float:
        """The time a test has set."""
        return self.now


def refuse(governor: Governor, wait_seconds: float | None = None) -> None:
    """One call that ends with 429."""
    with pytest.raises(Throttled), go(governor):
        raise Throttled("429", wait_seconds=wait_seconds)


def go(
    governor: Governor, megapixels: float = 1.0, seconds: float = 0.05
) -> AbstractContextManager[Slot]:
    """Ask for a slot with little time."""
    deadline = governor._clock() + seconds
    return governor.slot(megapixels, deadline=deadline, stopped=lambda: None)


@pytest.mark.parametrize(
    ("megapixels", "weight"), [(0.2, 1), (1.0, 1), (1.92, 2), (4.0, 4), (24.6, 25)]
)
def test_a_picture_weighs_its_megapixels_rounded_up(megapixels: float, weight: float) -> None:
    """No less than one; and one where the provider counts calls."""
    with go(Governor(PACE), megapixels) as slot:
        assert slot.weight == weight
    with go(Governor(replace(PACE, weighs_megapixels=False)), megapixels) as slot:
        assert slot.weight == 1


def test_without_readings_the_declared_pace_holds() -> None:
    """A provider that says nothing is asked no more often than it declares."""
    clock = Clock()
    governor = Governor(replace(PACE, per_window=3), clock=clock)
    for _ in range(3):
        with go(governor):
            clock.now += 2
    assert governor._ask(1, clock.now).sent is None
    clock.now = 61  # the window may have opened as late as the first answer, at two seconds
    governor._admit(clock.now)
    assert len(governor._queue) == 1
    clock.now = 62.5
    governor._admit(clock.now)
    assert not governor._queue


def test_the_deadline_ends_the_waiting() -> None:
    """A picture whose time is up does not call."""
    governor = Governor(replace(PACE, calls_at_once=1))
    with go(governor), pytest.raises(Unreachable) as raised, go(governor):
        pytest.fail("left without leave")
    assert raised.value.code == "deadline"
    assert governor.stats().calls == 1
    assert governor.stats().waited_for_slot >= 0.04


def test_a_stop_ends_the_waiting_within_half_a_second() -> None:
    """A reason to stop is heard while waiting, and before leaving."""
    governor, reason = Governor(PACE), threading.Event()
    governor.pause(30)
    threading.Timer(0.1, reason.set).start()
    started = time.monotonic()
    with (
        pytest.raises(StopRequested, match="enough"),
        governor.slot(1, deadline=math.inf, stopped=lambda: "enough" if reason.is_set() else None),
    ):
        pytest.fail("left without leave")
    assert time.monotonic() - started < 0.8
    assert governor.stats().calls == 0


def test_a_pause_holds_everyone() -> None:
    """All threads wait as long as the provider says, and a shorter word does not shorten it."""
    governor, left = Governor(PACE), []
    refuse(governor, wait_seconds=0.3)
    governor.pause(0.01)
    end = time.monotonic() + 0.28

    def work() -> None:
        with go(governor, seconds=5):
            left.append(time.monotonic())

    crew = [threading.Thread(target=work) for _ in range(12)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    assert len(left) == 12
    assert min(left) >= end
    assert governor.stats().pauses == 1
    assert governor.stats().waited_for_pause > 12 * 0.1


def test_pauses_without_a_number_double_and_grow_short_again() -> None:
    """Five seconds, doubling up to sixty; ten quiet answers forgive, a declined picture is one."""
    clock = Clock()
    governor, pauses = Governor(PACE, clock=clock), []
    for _ in range(6):
        refuse(governor)
        pauses.append(governor._paused_until - clock.now)
        clock.now = governor._paused_until
    assert pauses == [5, 10, 20, 40, 60, 60]
    for _ in range(9):
        with go(governor):
            pass
    with pytest.raises(ImageRefused), go(governor):
        raise ImageRefused("no foreground")
    refuse(governor)
    assert governor._paused_until - clock.now == 5


def test_many_refused_at_once_are_one_refusal() -> None:
    """A burst does not double the pause, and afterwards one call goes first."""
    clock = Clock()
    governor = Governor(PACE, clock=clock)
    burst = [governor._ask(1, clock.now) for _ in range(5)]
    for call in burst:
        clock.now += 1.5
        governor._land(call, Throttled("429"), clock.now)
    assert governor._paused_until == 6.5
    assert governor.stats().pauses == 1
    first, second = governor._ask(1, 8.0), governor._ask(1, 8.0)
    assert (first.sent, second.sent) == (8.0, None)
    governor._land(first, None, 9.0)
    assert second.sent == 9.0


def test_a_slow_call_from_before_a_pause_holds_up_nobody() -> None:
    """The one call that goes first is one that left after the pause."""
    clock = Clock()
    governor = Governor(PACE, clock=clock)
    slow = governor._ask(1, 0.0)
    refused = governor._ask(1, 0.0)
    governor._land(refused, Throttled("429"), 1.0)
    probe, other = governor._ask(1, 7.0), governor._ask(1, 7.0)
    assert (slow.sent, probe.sent, other.sent) == (0.0, 7.0, None)
    governor._land(probe, None, 8.0)
    assert other.sent == 8.0


def test_a_refusal_outside_of_a_call_pauses_too() -> None:
    """As that of a poll for a result: the thread's last call has long ended."""
    clock = Clock()
    governor = Governor(PACE, clock=clock)
    with go(governor):
        pass
    clock.now = 1.0
    other = threading.Thread(target=lambda: refuse(governor, wait_seconds=2))
    other.start()
    other.join()
    clock.now = 10.0
    governor.pause()
    assert governor._paused_until > 10.0


def test_threads_keep_to_a_shrunken_window() -> None:
    """The same with real threads: a window of 0.6 s, answers in 10 to 40 ms."""
    pace = replace(PACE, per_window=60, window_seconds=0.6, calls_at_once=12)
    governor, lock, sent = Governor(pace), threading.Lock(), []
    work = iter(range(170))

    def call() -> None:
        while True:
            with lock:
                if next(work, None) is None:
                    return
            with governor.slot(1, deadline=math.inf, stopped=lambda: None):
                with lock:
                    sent.append(time.monotonic())
                time.sleep(random.uniform(0.01, 0.04))  # noqa: S311

    crew = [threading.Thread(target=call) for _ in range(20)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    sent.sort()
    assert len(sent) == 170
    assert min(b - a for a, b in zip(sent, islice(sent, 60, None), strict=False)) > 0.5
    assert governor.stats().share_of_allowance == 1
    assert governor.stats().max_in_flight <= 12


def test_a_process_without_a_part_lets_nobody_leave() -> None:
    """Nobody leaves until there is a part again; with four, each has a quarter of what is told."""
    clock = Clock()
    governor = Governor(PACE, clock=clock)
    governor.share(0)
    call = governor._ask(1, clock.now)
    assert call.sent is None
    governor.share(4)
    assert call.sent == clock.now


def test_a_large_picture_leaves_though_many_share_the_account() -> None:
    """Fifty megapixels are more than a sixteenth of the window: they wait for an untouched one."""
    clock = Clock()
    governor = Governor(PACE, clock=clock)
    governor.share(16)
    with go(governor):
        clock.now = 1
        governor.learn(PaceReading(500, 400, 59))
    waiting = governor._ask(50, clock.now)
    assert waiting.sent is None
    clock.now = 61
    governor._admit(clock.now)
    assert waiting.sent == clock.now


def test_parts_of_a_fixed_window_of_which_nothing_is_told() -> None:
    """A quarter of sixty calls, however fast they are answered."""
    clock = Clock()
    governor = Governor(replace(PACE, per_window=60, weighs_megapixels=False), clock=clock)
    governor.share(4)
    for _ in range(15):
        with go(governor):
            clock.now += 0.5
    assert governor._ask(1, clock.now).sent is None


def test_calls_at_once_have_parts_until_the_provider_speaks() -> None:
    """One tells; then ten of forty for one of four, and all once the headers tell what is left."""
    clock = Clock()
    governor = Governor(PACE, clock=clock)
    governor.share(4)
    first, second = governor._ask(1, clock.now), governor._ask(1, clock.now)
    assert (first.sent, second.sent) == (clock.now, None)
    governor._land(first, None, clock.now)
    governor._land(second, None, clock.now)
    calls = [governor._ask(1, clock.now) for _ in range(40)]
    assert sum(call.sent is not None for call in calls) == 10
    governor._mine.call = calls[0]
    governor.learn(PaceReading(5000, 4999, 59))
    assert sum(call.sent is not None for call in calls) == 40


def test_idleness_counts_from_the_last_call() -> None:
    """Not while somebody waits or a call is in flight; being told of others is no work."""
    clock = Clock()
    governor = Governor(PACE, clock=clock)
    with go(governor):
        clock.now = 7
        assert governor.idle_seconds == 0
    clock.now = 12
    governor.share(2)
    assert governor.idle_seconds == 5


def test_every_window_that_is_told_holds() -> None:
    """A burst of three in ten seconds, within an hour of five hundred."""
    clock = Clock()
    governor = Governor(PACE, clock=clock)
    with go(governor):
        governor.learn(PaceReading(3, 2, 10, window_seconds=10))
    for _ in range(2):
        with go(governor):
            pass
    waiting = governor._ask(1, clock.now)
    assert waiting.sent is None
    clock.now = 9.9
    governor._admit(clock.now)
    assert waiting.sent is None
    clock.now = 10.1
    governor._admit(clock.now)
    assert waiting.sent == clock.now
