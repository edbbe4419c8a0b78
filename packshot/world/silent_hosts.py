"""Hosts that let us wait: after so many tries in vain their other pictures are left alone.

Every so often one try is let through, and any answer to it ends the silence.
"""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from packshot.facts.errors import PackshotError, TryTomorrow

LEFT_ALONE_SECONDS = 60.0
"""After so long one more try may find out whether a host answers again."""


class SilentHosts:
    """Thread-safe: counts the tries in a row that a host did not answer in time."""

    def __init__(self, most_in_a_row: int) -> None:
        self._most = most_in_a_row
        self._lock = threading.Lock()
        self._in_vain: dict[str, int] = {}
        self._left_alone_until: dict[str, float] = {}

    @contextmanager
    def listening(self, host: str) -> Iterator[None]:
        """Ask a host within; raises `TryTomorrow` at once for one that is silent."""
        self._check(host)
        try:
            yield
        except httpx.TimeoutException:
            self._waited(host)
            raise
        except httpx.RequestError:  # quick to fail, which says nothing either way
            raise
        except PackshotError:
            self._heard(host)
            raise
        else:
            self._heard(host)

    def _check(self, host: str) -> None:
        now = time.monotonic()
        with self._lock:
            if now >= self._left_alone_until.get(host, math.inf):
                self._left_alone_until[host] = now + LEFT_ALONE_SECONDS  # one finds out for all
                return
            if host not in self._left_alone_until:
                return
        raise TryTomorrow(
            f"{host} did not answer in time {self._most} times in a row, so its other pictures "
            "are left for a later run; see whether it is well.",
            "host_silent",
        )

    def _waited(self, host: str) -> None:
        with self._lock:
            self._in_vain[host] = self._in_vain.get(host, 0) + 1
            if self._in_vain[host] == self._most:
                self._left_alone_until[host] = time.monotonic() + LEFT_ALONE_SECONDS

    def _heard(self, host: str) -> None:
        with self._lock:
            self._in_vain.pop(host, None)
            self._left_alone_until.pop(host, None)
