"""How far a long work has come: written by whoever works, read by whoever shows it."""

import threading
from typing import NamedTuple


class Step(NamedTuple):
    """What is being done, how much of it is, and of how much; None where nobody knows."""

    doing: str
    done: int = 0
    total: int | None = None


class Progress:
    """Thread-safe: the step that a work is at."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._step = Step("getting ready")

    def begin(self, doing: str, total: int | None = None) -> None:
        """The next step begins."""
        with self._lock:
            self._step = Step(doing, 0, total)

    def add(self, count: int = 1) -> None:
        """So much more of this step is done."""
        with self._lock:
            self._step = self._step._replace(done=self._step.done + count)

    def step(self) -> Step:
        """The step as it stands."""
        with self._lock:
            return self._step
