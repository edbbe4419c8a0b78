"""Serve the sandbox until somebody stops it."""

import json
import socket
from contextlib import suppress
from pathlib import Path
from typing import Literal

from cli.shown import err, say, say_json
from packshot.facts.errors import BadOption
from packshot.providers.registry import PROVIDERS
from packshot.sandbox.server import BASE_PATHS, serve
from packshot.sandbox.state import SandboxState, Settings

HOST = "127.0.0.1"


def serve_sandbox(
    folder: Path | None,
    port: int,
    credits_: float,
    cutouts: Literal["studio", "canned"],
    *,
    as_json: bool,
) -> None:
    """Blocks; only this machine can reach it."""
    if folder is not None and not folder.is_dir():
        raise BadOption(f"{folder} is not a folder of pictures; name one, or leave it out")
    port = _free(port)
    state = SandboxState(Settings(subscription=credits_, cutouts=cutouts))
    with suppress(KeyboardInterrupt):  # the way a sandbox ends
        _tell(f"http://{HOST}:{port}", folder, as_json=as_json)
        serve(host=HOST, port=port, state=state, folder=folder)


def _tell(url: str, folder: Path | None, *, as_json: bool) -> None:
    """Where everything is, before it is served."""
    others = {
        name: f"{url}{BASE_PATHS.get(name, '')}"
        for name, entry in PROVIDERS.items()
        if entry.key_variable and name != "removebg"
    }
    if as_json:
        cdn = f"{url}/cdn/" if folder is not None else None
        places = {
            "provider_url": f"{url}/v1.0",
            "others": others,
            "cdn": cdn,
            "state": f"{url}/_sandbox/state",
        }
        say_json(json.dumps(places))
        return
    say(f"remove.bg's API: {url}/v1.0   (any key but `invalid`)", on=err)
    for name, place in others.items():
        say(f"{name + ':':<17}{place}", on=err)
    if folder is not None:
        say(f"product CDN:     {url}/cdn/   from {folder}", on=err)
    say(f"state:           {url}/_sandbox/state   (Ctrl-C ends it)", on=err)


def _free(port: int) -> int:
    """The port, or any that is free for 0. Raises `BadOption` when somebody listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise BadOption(
                f"--port {port} cannot be used ({error.strerror}); choose another, or 0 for any"
            ) from None
        return int(probe.getsockname()[1])
