"""What a run writes while it works: events in small files, and intents before calls."""

import json
import threading
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from packshot.facts.errors import StoreUnavailable
from packshot.world.store import Store

FLUSH_SECONDS = 1.0
FLUSH_EVENTS = 500


class Call(NamedTuple):
    """One call to a provider that is about to leave."""

    call_id: str
    key: str
    fingerprint: str
    price: float
    """At most; in the provider's unit."""


class Journal:
    """Events of one run by one process, written in waves as JSON Lines."""

    def __init__(
        self, store: Store, run_folder: str, trouble: Callable[[StoreUnavailable], None]
    ) -> None:
        self._store = store
        self._folder = f"{run_folder}/parts"
        self._trouble = trouble
        self._writer = uuid.uuid4().hex[:8]
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._events: list[bytes] = []
        self._oldest = time.monotonic()
        self._waves = 0

    def record(self, event: dict[str, object]) -> None:
        """Note an event; writes a wave when one is due.

        A store that is away is reported to `trouble`; the events are kept for later.
        """
        text = json.dumps(event, default=_plain, ensure_ascii=False)
        line = text.encode("utf-8", "replace")  # half a surrogate would spoil the whole file
        with self._lock:
            if not self._events:
                self._oldest = time.monotonic()
            self._events.append(line)
            due = (
                len(self._events) >= FLUSH_EVENTS
                or time.monotonic() - self._oldest >= FLUSH_SECONDS
            )
        if due:
            try:
                self.flush()
            except StoreUnavailable as error:
                self._trouble(error)

    def flush(self) -> None:
        """Write what has been noted; raises `StoreUnavailable`, keeping it for the next try."""
        with self._writing:
            with self._lock:
                wave, self._events = self._events, []
            if not wave:
                return
            name = f"{self._folder}/{self._writer}-{self._waves:06d}.jsonl"
            self._waves += 1  # a write that was given up may land later
            try:
                self._store.write(name, b"\n".join(wave), "application/x-ndjson")
            except BaseException:
                with self._lock:
                    self._events = wave + self._events
                raise


class IntentLog:
    """Says which calls are about to leave, before they do.

    Calls that are ready at the same moment share one write. `gate` is asked before
    every wave and may raise, for example because the lease has been lost.
    """

    def __init__(self, store: Store, run_folder: str, gate: Callable[[], None]) -> None:
        self._store = store
        self._folder = f"{run_folder}/intents"
        self._gate = gate
        self._writer = uuid.uuid4().hex[:8]
        self._changed = threading.Condition()
        self._is_writing = False
        self._undeclared: list[Call] = []
        """In no file yet; those of the wave that is being written among them."""
        self._waves = 0

    def declare(self, call: Call) -> None:
        """Return once the intent to make this call is stored. Raises `StopRun`.

        Whoever finds nobody writing takes everyone along; nobody waits for a wave behind its own.
        """
        with self._changed:
            self._undeclared.append(call)
            self._changed.wait_for(lambda: not self._is_writing or call not in self._undeclared)
            if call not in self._undeclared:
                return
            self._is_writing, wave = True, list(self._undeclared)
        try:
            self._write(wave)
        except BaseException:
            wave = [call]  # the others are declared by the next wave
            raise
        finally:
            with self._changed:
                self._undeclared = [each for each in self._undeclared if each not in wave]
                self._is_writing = False
                self._changed.notify_all()

    def _write(self, wave: list[Call]) -> None:
        self._gate()
        body = "\n".join(json.dumps(declared._asdict()) for declared in wave)
        name = f"{self._folder}/{self._writer}-{self._waves:06d}.jsonl"
        self._waves += 1  # a write that was given up may land later, under a name of its own
        self._store.write(name, body.encode(), "application/x-ndjson")


def _plain(value: object) -> str:
    """Times for JSON, in UTC without a zone, as the ledger writes them."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    raise TypeError(f"{type(value).__name__} cannot be an event's value")
