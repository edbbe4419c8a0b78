"""Put the sandbox together and run it: for tests in a thread, for the command line until stopped."""

import asyncio
import io
import socket
import threading
import time
import zipfile
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from packshot.sandbox.product_cdn import PREFIX, ProductCdn
from packshot.sandbox.removebg_api import DEGRADED, RemoveBgApi, refusal_response
from packshot.sandbox.state import ERROR_FAULT, Call, Fault, Refused, SandboxState, Settings

LOOPBACK: Final = "127.0.0.1"
ADMIN: Final = "/_sandbox"
CLASS_HEADER: Final = "X-Packshot-Class"
ENDPOINTS: Final = {
    ("POST", "/v1.0/removebg"): "removebg",
    ("GET", "/v1.0/account"): "account",
}
DRIBBLES: Final = 20
STARTING_SECONDS: Final = 10.0

_transports: dict[tuple[Any, Any], asyncio.Transport] = {}
"""Open connections by client and server address: ASGI has no word for hanging up."""


class _Connection(H11Protocol):
    """A connection that can be found again, so that a fault may close it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its parent
        super().connection_made(transport)
        self._address = (self.client, self.server)
        _transports[self._address] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        _transports.pop(self._address, None)
        super().connection_lost(exc)


class Gate:
    """Stands before the app: counts calls, marks answers as tests, and lets faults happen."""

    def __init__(self, app: ASGIApp, state: SandboxState) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        endpoint = ENDPOINTS.get((scope["method"], scope["path"]))
        marked = _Marked(send)
        if endpoint is None:
            await self._app(scope, receive, marked)
            return
        fault = self._state.next_fault(endpoint)
        if endpoint == "account":
            await self._serve(fault, scope, receive, marked)
            return
        self._state.opened(1)
        try:
            await self._serve(fault, scope, receive, marked)
        finally:
            self._state.opened(-1)
            if marked.status != HTTPStatus.OK and not marked.sold:
                call = Call(time.time(), marked.status, 0.0, "", 0.0)
                self._state.count(call, charged=False)

    async def _serve(
        self, fault: Fault | None, scope: Scope, receive: Receive, send: "_Marked"
    ) -> None:
        if fault is None:
            await self._app(scope, receive, send)
        elif fault.kind == "reset_before_read":
            _hang_up(scope)
        elif (refusal := self._refusal(fault)) is not None:
            request = Request(scope, receive)
            with suppress(ClientDisconnect):
                await request.body()
            await refusal_response(request, refusal)(scope, receive, send)
        elif fault.kind == "degraded":
            await self._app({**scope, DEGRADED: True}, receive, send)
        else:
            await self._app(scope, receive, _Spoiled(send, fault, scope))
...
