"""The sandbox as a process of its own: `python -m bench.sandbox_process PORT FOLDER`."""

import sys
from pathlib import Path

from packshot.sandbox.server import serve
from packshot.sandbox.state import SandboxState, Settings

if __name__ == "__main__":
    # A limit that is told but never felt: without one a client keeps to what it was built for.
    settings = Settings(cutouts="canned", limit_megapixels=1_000_000_000, subscription=1e9)
    serve(port=int(sys.argv[1]), state=SandboxState(settings), folder=Path(sys.argv[2]))
