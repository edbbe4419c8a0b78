"""Serve the sandbox until somebody stops it."""

from pathlib import Path

from cli.shown import err
from packshot.facts.errors import BadOption
from packshot.sandbox.server import serve
from packshot.sandbox.state import SandboxState, Settings

HOST = "127.0.0.1"


def serve_sandbox(folder: Path | None, port: int, credits_: float, cutouts: str) -> None:
    """Blocks; only this machine can reach it."""
    if folder is not None and not folder.is_dir():
        raise BadOption(f"{folder} is not a folder of pictures")
    if cutouts not in {"studio", "canned"}:
        raise BadOption("--cutouts is `studio` or `canned`")
    state = SandboxState(Settings.model_validate({"subscription": credits_, "cutouts": cutouts}))
    err.print(f"remove.bg's API: http://{HOST}:{port}/v1.0   (any key but `invalid`)")
    if folder is not None:
        err.print(f"product CDN:     http://{HOST}:{port}/cdn/   from {folder}")
    err.print(f"state:           http://{HOST}:{port}/_sandbox/state   (Ctrl-C ends it)")
    serve(host=HOST, port=port, state=state, folder=folder)
