"""A sandbox that notes when calls come and go: `python -m bench.watched_sandbox PORT FOLDER`.

Who asks after a kill learns from the times which calls were open at that moment.
"""

import sys
import time
from pathlib import Path
from typing import Any

from packshot.sandbox.server import serve
from packshot.sandbox.state import SandboxState, Settings

LATENCY_SECONDS = (0.2, 0.6)


class Watched(SandboxState):
    """Remembers the moment each call was answered."""

    def reset(self) -> None:
        """Forget these, too."""
        super().reset()
        self.came, self.answered_at = 0, list[float]()

    def opened(self, change: int) -> None:
        """Note that a call came (1) or went (-1)."""
        with self.lock:
            super().opened(change)
            if change > 0:
                self.came += 1
            else:
                self.answered_at.append(time.time())

    def snapshot(self) -> dict[str, Any]:
        """Counters and times as plain data."""
        with self.lock:
            return super().snapshot() | {"came": self.came, "answered_at": [*self.answered_at]}


if __name__ == "__main__":
    settings = Settings(
        cutouts="canned",
        limit_megapixels=1_000_000_000,
        subscription=1e9,
        latency_seconds=LATENCY_SECONDS,
    )
    serve(port=int(sys.argv[1]), state=Watched(settings), folder=Path(sys.argv[2]))
