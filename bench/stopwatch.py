"""Time functions of other modules while they run, without a word in these modules."""

import resource
import threading
import time
from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any


class Stopwatch:
    """Seconds on the wall per watched function, in the order of their first call."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def watch(self, owner: ModuleType | type, name: str, label: str | None = None) -> None:
        """Count the time that `owner.name` takes from now on."""
        setattr(owner, name, self._timed(getattr(owner, name), label or name.strip("_")))

    def _timed(self, function: Callable[..., Any], label: str) -> Callable[..., Any]:
        @wraps(function)
        def timed(*args: Any, **named: Any) -> Any:  # noqa: ANN401  it stands for any function
            self.seconds.setdefault(label, 0.0)
            started = time.perf_counter()
            try:
                return function(*args, **named)
            finally:
                self.seconds[label] += time.perf_counter() - started

        return timed


class ProcessorWatch:
    """Processor seconds per watched function; what a watched one calls is not counted twice."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._lock = threading.Lock()
        self._mine = threading.local()

    def watch(self, owner: ModuleType | type, name: str, label: str) -> None:
        """Count what `owner.name` uses from now on, of whichever thread."""
        setattr(owner, name, self._counted(getattr(owner, name), label))

    def _counted(self, function: Callable[..., Any], label: str) -> Callable[..., Any]:
        @wraps(function)
        def counted(*args: Any, **named: Any) -> Any:  # noqa: ANN401  it stands for any function
            outer, self._mine.within = getattr(self._mine, "within", 0.0), 0.0
            started = time.thread_time()
            try:
                return function(*args, **named)
            finally:
                used = time.thread_time() - started
                with self._lock:
                    own = used - self._mine.within
                    self.seconds[label] = self.seconds.get(label, 0.0) + own
                self._mine.within = outer + used

        return counted


def processor_seconds() -> float:
    """What this process has used so far, all threads together."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_megabytes() -> float:
    """The most memory this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
