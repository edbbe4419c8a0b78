"""How many decoded pixels are in memory at once."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class PixelBudget:
    """How many decoded pixels may be in memory at once, shared by all threads.

    First come, first served, so that small pictures do not keep a large one waiting.
    One that is larger than the whole budget is let in alone. A thread that holds
    a share must not ask for another.
    """

    def __init__(self, pixels: int) -> None:
        self._whole = self._free = pixels
        self._queue: deque[object] = deque()
        self._changed = Condition()

    @contextmanager
    def hold(self, pixels: int) -> Iterator[None]:
        """Wait for room and keep it until the block ends."""
        share = min(pixels, self._whole)
        self._enter(share)
        try:
            yield
        finally:
            with self._changed:
                self._free += share
                self._changed.notify_all()

    def _enter(self, share: int) -> None:
        place = object()
        with self._changed:
            self._queue.append(place)
            try:
                self._changed.wait_for(lambda: self._queue[0] is place and share <= self._free)
                self._free -= share
            finally:
                self._queue.remove(place)
                self._changed.notify_all()
