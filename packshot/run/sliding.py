"""A limit over the seconds just past, whenever they began.

What keeps to it keeps to a window of any beginning as well, so it also serves windows of which
nothing but their length is known.
"""

import math
from collections import deque

from packshot.providers.face import PaceReading
from packshot.run.allowance import ROUNDING
from packshot.run.one_window import Call, Sharers


class SlidingAllowance:
    """Follows a sliding window; whoever uses it brings the lock and the time."""

    def __init__(self, limit: float, window_seconds: float) -> None:
        self.limit = limit
        self.sharers = 1
        self.told = False
        """The provider has said what is left."""
        self.busy_sent = self.busy_limit = 0.0
        """Sent and allowed in stretches of one window that ended with work waiting."""
        self._length = window_seconds
        self._guard = window_seconds / 400  # what was counted late leaves late
        self._flying: list[Call] = []
        self._landed: deque[tuple[float, float]] = deque()
        """When calls ended, and their weight: counted by then at the latest."""
        self._beside = 0.0
        """What the provider has counted and we have not sent."""
        self._beside_until = -math.inf
        self._stretch_ends = math.inf
        self._came, self._heard = -math.inf, True
        """When this process came to others, and whether the provider has spoken since."""
        self._sent = 0.0

    @property
    def next_start(self) -> float:
        """When something that was counted leaves the window."""
        oldest = self._landed[0][0] + self._length + self._guard if self._landed else math.inf
        return min(oldest, self._beside_until if self._beside else math.inf)

    def share(self, sharers: Sharers) -> None:
        """So many processes use the account from now on."""
        self.sharers = sharers.here + sharers.expected
        if sharers.came is not None:
            self._came, self._heard = sharers.came, False

    def roll(self, now: float, *, waiting: bool) -> None:
        """Let go of what has left the window."""
        while self._landed and self._landed[0][0] + self._length + self._guard <= now:
            self._landed.popleft()
        if now >= self._beside_until:
            self._beside = 0.0
        if now >= self._stretch_ends:
            if waiting:
                self.busy_sent += self._sent
                self.busy_limit += self.limit
            self._stretch_ends, self._sent = math.inf, 0.0

    def send(self, call: Call, now: float) -> None:
        """A call leaves."""
        self._flying.append(call)
        self._sent += call.weight
        self._stretch_ends = min(self._stretch_ends, now + self._length)

    def take_back(self, call: Call) -> None:
        """A call that had leave did not go after all."""
        self._flying.remove(call)
        self._sent -= call.weight

    def land(self, call: Call, now: float) -> None:
        """A call has ended."""
        self._flying.remove(call)
        self._landed.append((now, call.weight))

    def hear(self, reading: PaceReading, call: Call | None, now: float) -> None:
        """Take the provider's word; what exceeds our own sum is of others."""
        del call  # whichever it was, its answer tells of all
        if reading.limit <= 0:
            return
        self.limit = reading.limit
        if reading.remaining is not None:
            self.told = self._heard = True
            self._beside = max(0.0, reading.limit - reading.remaining - self._own())
            self._beside_until = now + self._length + self._guard

    def fits(self, weight: float, now: float) -> bool:
        """Whether a call may leave; one larger than any window waits for an empty one."""
        own = self._own()
        if not (self._heard or own):
            return True  # its answer tells what the others have used
        part = self.limit / self.sharers * self._vacant(now)
        room = min(part - own, self.limit - own - self._beside) + ROUNDING
        return weight <= room or (weight > part and own + self._beside == 0)

    def _vacant(self, now: float) -> float:
        """How much of a newcomer's part the others have left by now: they had used it."""
        return 1.0 if self._heard else min(1.0, max(0.0, now - self._came) / self._length)

    def may_be_overtaken(self, call: Call) -> bool:
        """Never: room comes back bit by bit, and a large picture would wait for ever."""
        del call
        return False

    def _own(self) -> float:
        landed = sum(weight for _, weight in self._landed)
        return landed + sum(call.weight for call in self._flying)
