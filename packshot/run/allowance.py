"""What remains of a provider's window, from its own word and from what we have sent.

A window is opened by its first counted call and ends by itself. Whether a call is counted when it
arrives or when it is answered is nowhere documented, so calls in flight weigh on top of the
provider's count. In a window that we opened the first answer tells: a count that already holds
what is still in flight was taken on arrival. From then on, while nobody else shows in the count,
our own sum is exact, and nothing is weighed twice.

Processes that know of each other have equal parts of a window, for what each has sent itself it
knows exactly, while the others show only in the answers to its own calls, seconds late. Most of a
part may leave at once, the rest little by little, so that all hear of each other to the end. In the
second half what is left is anybody's, by the provider's count, and each keeps few calls in flight,
that a reading is never far from the truth. So it is from the beginning in a window in which one
came or went, for some have used more than their part of it by then.
"""

import math

from packshot.providers.face import Pace, PaceReading
from packshot.run.one_window import Call, Sharers, Window

TELLING_WEIGHT = 8.0
"""With less than this in flight the first answer of a window tells nothing."""
MOST_SHARERS = 4.0
CALM = 4.0
"""A call in flight weighs so many times where what is left is anybody's: answers keep up."""
USUAL_LATENCY_SECONDS = 2.5
AT_ONCE = 0.8
"""So much of its part a process may send at once, and the rest until `ALL_BY` of the window."""
ALL_BY = 0.35
COMMON_FROM = 0.55
"""From here on, in parts of the window, what is left is anybody's: all has been answered."""
ROUNDING = 1e-9


class Allowance:
    """Follows a provider's windows; whoever uses it brings the lock and the time."""

    def __init__(self, pace: Pace) -> None:
        self.limit = pace.per_window
        self.sharers = 1
        """Processes of this account that are known of; others show in the count."""
        self.window = Window(0)
        self.flying: list[Call] = []
        self.busy_sent = self.busy_limit = 0.0
        """Used, by whomever, and allowed in windows that ended with work waiting."""
        self._length = pace.window_seconds
        self._unread: list[Call] = []
        self._last_end = -math.inf
        self._counts_arrivals = False
        self.told = False
        """The provider has said what is left; until then each process keeps to its part."""
        self._known_at = -math.inf
        """When the call left that brought the latest count."""
        self._came = -math.inf
        """When this process came to others."""
        self._latency = USUAL_LATENCY_SECONDS
        # Ends are told in whole seconds and heard late.
        self._guard = min(0.15, pace.window_seconds / 100)
        self._blur = min(1.2, pace.window_seconds / 10)

    @property
    def next_start(self) -> float:
        """When the present window has certainly ended."""
        return self.window.ends + self._guard

    def share(self, sharers: Sharers) -> None:
        """So many processes use the account from now on.

        In a window in which that changes parts are worth nothing: some have used theirs already.
        """
        window = self.window
        if sharers.here > self.sharers:
            window.by_count, window.landed = True, False  # what was known may be long ago
        elif sharers.here < self.sharers and self.told:
            window.by_count = True
        if sharers.came is not None:
            self._came = sharers.came
        self.sharers = sharers.here + sharers.expected
        window.sharers = max(window.sharers, self.sharers)

    def roll(self, now: float, *, waiting: bool) -> None:
        """Begin the next window if the present one has ended."""
        if now >= self.next_start:
            self._turn(self.window.ends, now, waiting=waiting)

    def send(self, call: Call, now: float) -> None:
        """A call leaves; the first one opens the window."""
        call.known = self.window.counted
        self.flying.append(call)
        self.window.sent += call.weight
        if self.window.opened is None:
            self.window.opened, self.window.ends = now, now + self._length

    def take_back(self, call: Call) -> None:
        """A call that had leave did not go after all."""
        self.flying.remove(call)
        if not call.carried:  # else it left in a window that has been summed up
            self.window.sent -= call.weight

    def land(self, call: Call, now: float) -> None:
        """A call has ended; without a reading it stays on our own count."""
        window = self.window
        self.flying.remove(call)
        call.landed = now
        if call.sent is not None:
            self._latency += (now - call.sent - self._latency) / 20
        if not call.counted:
            self._unread.append(call)
        if not (window.confirmed or window.landed or call.carried):
            window.ends = now + self._length  # it may have opened as late as this answer
        window.landed |= not call.carried

    def hear(self, reading: PaceReading, call: Call | None, now: float) -> None:
        """Take the provider's word, which came with the answer to `call`."""
        if reading.remaining is None:
            return
        ends, used = now + reading.reset_seconds, max(0.0, reading.limit - reading.remaining)
        stale = reading.limit <= 0 or ends <= self._last_end + 2 * self._blur
        window = self.window
        # Answers overtake each other, so only less than was known before the call left tells.
        restarted = call is not None and not call.carried and used < call.known / 2
        if restarted and window.confirmed and ends > window.ends + self._blur:
            self._turn(now, now, waiting=False)
            window = self.window
        if call is not None and not call.counted:
            self._settle(call, stale=stale)
        if stale:
            return
        self.limit, self.told = reading.limit, True
        if not window.confirmed:
            self._confirm(window, ends, used - (call.weight if call else 0.0), now)
        window.ends = max(window.ends, min(ends, window.latest_end))
        if used >= window.counted and call is not None and call.sent is not None:
            self._known_at = call.sent
        window.counted = max(window.counted, used)

    def fits(self, weight: float, now: float) -> bool:
        """Whether a call may leave; one larger than any part waits for an untouched window."""
        if self._is_parted(now):
            part = self.limit / self.window.sharers
            free = weight > part and self._used() == 0
            return free or self._sent_here() + weight <= part * self._released(now) + ROUNDING
        if self.window.by_count and not self.window.landed and (self.flying or not self.told):
            return not self.flying  # the first answer tells what the others have used
        if not self.told and now < self._came + self._length:
            return not self.flying  # others have used our part of a window that we do not see
        used, sharers = self._used(), self._sharers()
        room = self.limit - used + ROUNDING
        needed = weight * sharers * self._doubt(weight, now)
        return needed <= room or (weight > self.limit / sharers and used == 0)

    def may_be_overtaken(self, call: Call) -> bool:
        """Whether smaller calls may go before one that does not fit: in one window, near its end.

        Where the account is shared, what remains is for whoever asks for little.
        """
        window = self.window
        window.backlog = True
        if call.passed_in is None:
            call.passed_in = window.number
        if call.passed_in != window.number:
            return False
        return self.sharers > 1 or call.weight > self.limit - max(window.counted, self._own())

    def _settle(self, call: Call, *, stale: bool) -> None:
        """A reading holds its own call, and all that had ended when that call left."""
        call.counted = True
        if call.carried and not stale:
            self.window.carried += call.weight
        elif not stale:
            self.window.answered += call.weight
        left = call.asked if call.sent is None else call.sent
        self._unread = [c for c in self._unread if c is not call and c.landed > left]

    def _confirm(self, window: Window, ends: float, beside: float, now: float) -> None:
        """Take a window's end from its first reading, and judge how calls are counted."""
        due = math.inf if window.opened is None else window.opened + self._length
        ours = ends >= due - self._blur
        window.confirmed = True
        window.opened = now if window.opened is None else window.opened
        window.ends = max(ends, due) if ours else ends
        window.latest_end = window.ends + self._blur
        flying = self._weight_in_flight()
        if ours and not window.carries and flying >= TELLING_WEIGHT:
            self._counts_arrivals = beside >= flying / 2

    def _turn(self, ended: float, now: float, *, waiting: bool) -> None:
        """Begin the next window; what is in flight weighs on it."""
        old = self.window
        if old.backlog or waiting:
            self.busy_sent += max(old.sent, old.counted)
            self.busy_limit += self.limit
        self._last_end = ended
        self._known_at = now
        self._unread.clear()
        for call in self.flying:
            call.carried = call.sent is None or call.sent < now - self._blur
        self.window = Window(old.number + 1, carries=bool(self.flying), sharers=self.sharers)

    def _is_parted(self, now: float) -> bool:
        """Whether we may send our part whatever the others do, and no more."""
        window = self.window
        if window.by_count or window.sharers == 1:
            return False
        return not self.told or now < window.ends - self._length * (1 - COMMON_FROM)

    def _released(self, when: float) -> float:
        """How much of its part every process may have sent by then, from 0 to 1."""
        if not self.told:
            return 1.0
        if math.isinf(self.window.ends):
            return AT_ONCE
        passed = 1 - (self.window.ends - when) / self._length
        return AT_ONCE + (1 - AT_ONCE) * max(0.0, min(1.0, passed / ALL_BY))

    def _sent_here(self) -> float:
        """Weight of our own calls that the present window may hold."""
        return self._own() + self.window.carried + sum(call.weight for call in self._unread)

    def _unseen(self) -> float:
        """What the others may have sent of their parts since the latest reading."""
        window = self.window
        if window.by_count or window.opened is None or self._known_at <= window.opened:
            return 0.0
        seen = max(0.0, window.counted - window.answered - window.carried)
        parts = self.limit * (1 - 1 / window.sharers)
        return max(0.0, min(parts, seen / self._released(self._known_at - self._latency)) - seen)

    def _used(self) -> float:
        """The most that the present window may have used."""
        counted, own = self.window.counted, self._own()
        unread = sum(call.weight for call in self._unread)
        sharers = self._sharers()
        if self.sharers > 1:
            flying = self._weight_in_flight() * CALM * sharers
            return flying + (counted + unread + self._unseen() if self.told else unread * sharers)
        if self._counts_arrivals and counted <= own:
            return own + unread
        twice = 1.0 if self._counts_arrivals else 2 * sharers - 1
        return counted + self._weight_in_flight() * twice + unread

    def _doubt(self, weight: float, now: float) -> float:
        """How much an old reading is to be doubted; the smallest call is ventured, and tells."""
        if self.sharers == 1 or not self.told or weight <= 1:
            return 1.0
        return 1 + max(0.0, now - self._known_at) / (3 * self._latency)

    def _sharers(self) -> float:
        """How many use this account at once: as many as are known of, or as the count shows.

        Those that are known of and show in no count have nothing to send, or are no more.
        """
        window = self.window
        ours = window.answered + window.carried
        if self.sharers > 1 and ours and not window.by_count:
            return max(1.0, min(self.sharers, window.counted / ours))
        if window.counted > ours + self._weight_in_flight():
            return max(float(self.sharers), min(MOST_SHARERS, window.counted / max(ours, 1.0)))
        return float(self.sharers)

    def _own(self) -> float:
        return self.window.answered + self._weight_in_flight()

    def _weight_in_flight(self) -> float:
        return sum(call.weight for call in self.flying if not call.counted)
