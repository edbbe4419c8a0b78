"""What lies at BackgroundCut's for a while and need not be uploaded again."""

import math
import threading
import time
from collections import OrderedDict
from typing import Final

KEPT_UPLOADS: Final = 10_000
UPLOAD_SECONDS: Final = 3_600.0
"""For so long an upload is processed again; the production site deletes it after two hours."""


class Uploads:
    """What lies at the provider's, by the hash of what was sent. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def find(self, digest: str) -> str | None:
        """The name of an upload that is surely still there."""
        with self._lock:
            until, name = self._names.get(digest, (-math.inf, ""))
        return name if time.monotonic() < until else None

    def note(self, digest: str, name: str) -> None:
        """Remember an upload."""
        with self._lock:
            self._names[digest] = (time.monotonic() + UPLOAD_SECONDS, name)
            self._names.move_to_end(digest)
            while len(self._names) > KEPT_UPLOADS:
                self._names.popitem(last=False)

    def forget(self, digest: str) -> None:
        """It is there no more."""
        with self._lock:
            self._names.pop(digest, None)
