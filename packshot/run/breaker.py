"""Stops the buying when the provider fails picture after picture.

Pictures are counted, not calls: each has had its own tries and waits before it counts, so a few
bad seconds with forty calls in flight are lived through. Whatever the provider answers in good
order, a refusal of this very picture too, begins the count anew; one that is charged all the same
counts as a failure, and so does a refusal that may have nothing to do with the picture.
"""

import threading

from packshot.facts.errors import (
    PackshotError,
    ProviderFailing,
    SkipImage,
    TryTomorrow,
    Uncertain,
    Unreachable,
)

FAILURES_IN_A_ROW = 20
IN_VAIN = (Unreachable, Uncertain, TryTomorrow)
NOT_CALLED = "deadline"
"""Code of a picture whose time was up before it was its turn to call."""


class Breaker:
    """Thread-safe: counts pictures in a row that the provider was called for in vain."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._lock = threading.Lock()
        self._in_a_row = 0

    def heard(self, failure: PackshotError | None = None) -> ProviderFailing | None:
        """One more picture was bought, refused, or given up; answers why to stop, once it is so."""
        with self._lock:
            in_vain = isinstance(failure, SkipImage) and bool(failure.charged)
            if failure is None or (isinstance(failure, SkipImage) and not in_vain):
                self._in_a_row = 0
            elif in_vain or (isinstance(failure, IN_VAIN) and failure.code != NOT_CALLED):
                self._in_a_row += 1
            if self._in_a_row < FAILURES_IN_A_ROW or failure is None:
                return None
        return ProviderFailing(
            f"`{self._provider}` failed for {FAILURES_IN_A_ROW} pictures in a row, so nothing more "
            f"is bought; the last time: {failure} See how the service is, then run again"
        )
