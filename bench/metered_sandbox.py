"""A sandbox that notes each window's use: `python -m bench.metered_sandbox PORT SECONDS LIMIT`.

It holds a limit of so many megapixels in so many seconds, and answers after 1 to 4 seconds.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from packshot.sandbox.server import serve
from packshot.sandbox.state import Admission, Refused, SandboxState, Settings

LATENCY_SECONDS = (1.0, 4.0)


class Metered(SandboxState):
    """Remembers how much of each window was used."""

    def reset(self) -> None:
        """Forget the windows, too."""
        super().reset()
        self.windows: list[dict[str, float]] = []

    def admit(self, weight: int, price: float) -> Admission:
        """Count a call, and note where the window stands."""
        with self.lock:
            try:
                admission = super().admit(weight, price)
            except Refused:
                self.windows[-1]["refused"] = self.windows[-1].get("refused", 0) + 1
                raise
            if not self.windows or self.windows[-1]["ends"] != self._window_ends_at:
                self.windows.append({"ends": self._window_ends_at})
            self.windows[-1]["used"] = self._used
            return admission

    def snapshot(self) -> dict[str, Any]:
        """Counters and windows as plain data."""
        with self.lock:
            return super().snapshot() | {"windows": [dict(window) for window in self.windows]}


if __name__ == "__main__":
    settings = Settings(
        cutouts="canned",
        subscription=1e9,
        latency_seconds=LATENCY_SECONDS,
        window_seconds=float(sys.argv[2]),
        limit_megapixels=int(sys.argv[3]),
    )
    with tempfile.TemporaryDirectory() as folder:
        serve(port=int(sys.argv[1]), state=Metered(settings), folder=Path(folder))
