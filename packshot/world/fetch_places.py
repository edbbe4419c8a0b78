"""How many pictures are fetched at once, in total and from one host."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock, Semaphore

import httpx

from packshot.facts.errors import Unreachable

LEAST_SECONDS = 1.0
"""Whoever has waited for a place begins with so much time left, or not at all."""


def host_of(url: str) -> str:
    """Whose places a web address needs; empty for what is none."""
    try:
        return httpx.URL(url).host
    except httpx.InvalidURL:
        return ""


@dataclass(slots=True)
class _Queue:
    places: Semaphore
    users: int = 0


class Places:
    """Widths: in total and per host. A host that nobody waits for is forgotten."""

    def __init__(self, at_once: int, per_host: int) -> None:
        self._all = Semaphore(at_once)
        self._per_host = per_host
        self._hosts: dict[str, _Queue] = {}
        self._lock = Lock()

    def crowded(self, host: str) -> bool:
        """Whether as many wait for this host's places as there are."""
        with self._lock:
            queue = self._hosts.get(host)
            return queue is not None and queue.users >= 2 * self._per_host

    @contextmanager
    def take(self, host: str, end: float) -> Iterator[None]:
        """Wait for the host's place first: whoever waits for it keeps no place from others."""
        with self._lock:
            queue = self._hosts.setdefault(host, _Queue(Semaphore(self._per_host)))
            queue.users += 1
        try:
            with _held(queue.places, end), _held(self._all, end):
                yield
        finally:
            with self._lock:
                queue.users -= 1
                if not queue.users:
                    del self._hosts[host]


@contextmanager
def _held(places: Semaphore, end: float) -> Iterator[None]:
    left = max(end - LEAST_SECONDS - time.monotonic(), 0)
    if not places.acquire(blocking=False) and not places.acquire(timeout=left):
        raise Unreachable(
            "No place to fetch from became free in time; a later run tries again, and a higher "
            "`limits.item_seconds` lets it wait longer.",
            "fetch_queue",
        )
    try:
        yield
    finally:
        places.release()
