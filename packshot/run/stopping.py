"""One flag that says whether a run may go on, and why not."""

import threading
import time
from datetime import datetime, timedelta

from packshot.facts.errors import StopRequested, StopRun


class StopFlag:
    """The first reason stays, unless a later one stops more. Signal handlers may set it."""

    def __init__(self, finish_by: str | None = None) -> None:
        self._reason: StopRun | None = None
        self._lock = threading.RLock()  # a signal may interrupt the thread that holds it
        self._end = None if finish_by is None else time.monotonic() + seconds_until(finish_by)
        self._finish_by = finish_by

    def set(self, reason: StopRun) -> None:
        """Let nothing more begin; or, unless the reason stops everything, nothing paid."""
        with self._lock:
            if self._reason is None or (reason.everything and not self._reason.everything):
                self._reason = reason

    @property
    def reason(self) -> StopRun | None:
        """Why the run must stop, or `None`."""
        if self._end is not None and time.monotonic() >= self._end:
            self.set(StopRequested(f"it is {self._finish_by}, the time to finish by", "finish_by"))
        return self._reason

    def check(self) -> None:
        """Raise the reason to stop, if there is one.

        Each time a new instance: one that is raised again and again keeps the locals of every
        frame it has passed.
        """
        if (reason := self.reason) is not None:
            raise type(reason)(reason.message, reason.code)

    def said(self) -> str | None:
        """The reason as a sentence, or `None`."""
        reason = self.reason
        return None if reason is None else str(reason)


def seconds_until(clock_time: str, now: datetime | None = None) -> float:
    """Seconds from now until the next local HH:MM."""
    now = now or datetime.now().astimezone()
    hour, minute = (int(part) for part in clock_time.split(":"))
    then = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if then <= now:
        then += timedelta(days=1)
    return (then - now).total_seconds()
