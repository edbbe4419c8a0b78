"""Put the sandbox together and run it: in a thread for tests, until stopped for people."""

import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Self

import uvicorn
from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from packshot.sandbox.backgroundcut_api import BackgroundCutApi
from packshot.sandbox.bgeraser_api import BgeraserApi
from packshot.sandbox.gate import CLASS, CLASS_HEADER, Connection, Gate
from packshot.sandbox.leonardo_api import LeonardoApi
from packshot.sandbox.photoroom_api import PhotoroomApi
from packshot.sandbox.played import PlayedApi
from packshot.sandbox.product_cdn import PREFIX, ProductCdn
from packshot.sandbox.removebg_api import RemoveBgApi, on_refusal
from packshot.sandbox.state import Fault, Refused, SandboxState

LOOPBACK: Final = "127.0.0.1"
STARTING_SECONDS: Final = 10.0
PLAYED: Final[tuple[Callable[[SandboxState], PlayedApi[Any]], ...]] = (
    LeonardoApi,
    PhotoroomApi,
    BackgroundCutApi,
    BgeraserApi,
)
"""The APIs that are played beside remove.bg: one line each."""
BASE_PATHS: Final[Mapping[str, str]] = MappingProxyType(
    {"removebg": "/v1.0", "leonardo": "/api/rest"}
)
"""Where the API of a provider begins; the others begin at the root."""
_FAULTS: Final[TypeAdapter[list[Fault]]] = TypeAdapter(list[Fault])


class Admin:
    """Lets tests and people look inside, and change what happens next."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        """The paths under /_sandbox."""
        return [
            Route("/_sandbox/state", self.show, methods=["GET"]),
            Route("/_sandbox/state", self.change, methods=["PUT"]),
            Route("/_sandbox/faults", self.add_faults, methods=["POST"]),
            Route("/_sandbox/reset", self.reset, methods=["POST"]),
        ]

    async def show(self, _request: Request) -> Response:
        """Settings and counters."""
        return JSONResponse(self._state.snapshot())

    async def change(self, request: Request) -> Response:
        """Change the settings that are named."""
        self._state.change(dict(await request.json()))
        return await self.show(request)

    async def add_faults(self, request: Request) -> Response:
        """Append one fault or a list of them."""
        told = await request.json()
        for fault in _FAULTS.validate_python(told if isinstance(told, list) else [told]):
            self._state.add_fault(fault)
        return await self.show(request)

    async def reset(self, request: Request) -> Response:
        """Forget all but the settings."""
        self._state.reset()
        return await self.show(request)


def _unclear(_request: Request, error: Exception) -> Response:
    """What an administrator sent makes no sense."""
    return JSONResponse({"error": str(error)}, HTTPStatus.BAD_REQUEST)


def _broken(_request: Request, error: Exception) -> Response:
    """A mistake of the sandbox itself."""
    return Response(repr(error), 500, {CLASS_HEADER: CLASS}, "text/plain")


def create_app(state: SandboxState, folder: Path | None = None) -> Starlette:
    """Lay the pieces together: API, picture host, administration."""
    cdn = ProductCdn(state, folder)
    pictures = Route(PREFIX + "{path:path}", cdn.get, methods=["GET"])
    played = [make(state) for make in PLAYED]
    theirs = [route for api in played for route in api.routes()]
    return Starlette(
        routes=[*RemoveBgApi(state, cdn).routes(), *theirs, pictures, *Admin(state).routes()],
        middleware=[Middleware(Gate, state=state, played=played)],
        exception_handlers={
            Refused: on_refusal,
            ValidationError: _unclear,
            json.JSONDecodeError: _unclear,
            Exception: _broken,
        },
    )


def _server(host: str, port: int, state: SandboxState, folder: Path | None) -> uvicorn.Server:
    config = uvicorn.Config(
        create_app(state, folder),
        host=host,
        port=port,
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


class Sandbox:
    """A sandbox on a free port of loopback while a `with` block lasts."""

    def __init__(self, state: SandboxState | None = None, folder: Path | None = None) -> None:
        self.state = state or SandboxState()
        self._server = _server(LOOPBACK, 0, self.state, folder)
        self._socket = socket.socket()
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )

    @property
    def url(self) -> str:
        """Where it listens, without a path."""
        return f"http://{LOOPBACK}:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._socket.bind((LOOPBACK, 0))
        self._thread.start()
        until = time.monotonic() + STARTING_SECONDS
        while not self._server.started:
            if time.monotonic() > until or not self._thread.is_alive():
                raise RuntimeError("the sandbox did not start")
            time.sleep(0.005)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()


def serve(
    host: str = LOOPBACK,
    port: int = 8787,
    state: SandboxState | None = None,
    folder: Path | None = None,
) -> None:
    """Run until stopped."""
    _server(host, port, state or SandboxState(), folder).run()
