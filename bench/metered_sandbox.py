"""A sandbox that notes each window's use: `python -m bench.metered_sandbox PORT WINDOW_SECONDS`.

It holds the documented limit of 500 megapixels, and answers after a time that is to a window what
1 to 4 seconds are to a minute. Limits of other lengths keep their shape that way.
"""

import math
import sys
import tempfile
from pathlib import Path
from typing import Any

from packshot.sandbox.server import serve
from packshot.sandbox.state import Admission, SandboxState, Settings

SHORTEST, LONGEST, MINUTE = 1.0, 4.0, 60.0


class Metered(SandboxState):
    """Remembers how much of each window was used."""

    def reset(self) -> None:
        """Forget the windows, too."""
        super().reset()
        self.windows: list[dict[str, float]] = []

    def admit(self, weight: int, price: float) -> Admission:
        """Count a call, and note where the window stands."""
        with self.lock:
            admission = super().admit(weight, price)
            if not self.windows or self.windows[-1]["ends"] != self._window_ends_at:
                self.windows.append({"ends": self._window_ends_at})
            self.windows[-1]["used"] = self._used
            return admission

    def _told(self, moment: float) -> float:
        """Shorter windows end at shorter steps."""
        step = self.settings.window_seconds / MINUTE
        return math.ceil(moment / step) * step

    def snapshot(self) -> dict[str, Any]:
        """Counters and windows as plain data."""
        with self.lock:
            return super().snapshot() | {"windows": [dict(window) for window in self.windows]}


if __name__ == "__main__":
    window = float(sys.argv[2])
    settings = Settings(
        cutouts="canned",
        subscription=1e9,
        window_seconds=window,
        latency_seconds=(SHORTEST * window / MINUTE, LONGEST * window / MINUTE),
    )
    with tempfile.TemporaryDirectory() as folder:
        serve(port=int(sys.argv[1]), state=Metered(settings), folder=Path(folder))
