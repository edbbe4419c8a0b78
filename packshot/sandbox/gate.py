"""What stands between the wire and the app: marks answers as tests, counts calls, makes faults."""

import asyncio
import io
import struct
import time
import zipfile
import zlib
from collections.abc import Callable, Sequence
from email.utils import formatdate
from functools import cache
from http import HTTPStatus
from typing import Any, Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from packshot.sandbox.played import PlayedApi
from packshot.sandbox.removebg_api import DEGRADED, refusal_response
from packshot.sandbox.state import ERROR_FAULT, Call, Fault, Refused, SandboxState

CLASS_HEADER: Final = "X-Packshot-Class"
CLASS: Final = "test"
ENDPOINTS: Final = {
    ("POST", "/v1.0/removebg"): "removebg",
    ("GET", "/v1.0/account"): "account",
}
BOMB_MEGABYTES: Final = 500
DRIBBLES: Final = 20

_transports: dict[tuple[Any, Any], asyncio.Transport] = {}
"""Open connections by client and server address: ASGI has no word for hanging up."""


class Connection(H11Protocol):
    """A connection that can be found again, so that a fault may close it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its parent
        """Note a new connection."""
        super().connection_made(transport)
        _transports[self.client, self.server] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a closed one."""
        _transports.pop((self.client, self.server), None)
        super().connection_lost(exc)


async def _hang_up(scope: Scope) -> None:
    """Close the connection when what was written has left."""
    transport = _transports.get((scope["client"], scope["server"]))
    if transport is not None:
        transport.close()
        await asyncio.sleep(0)  # lets the server notice before the request ends


class Gate:
    """Stands before the app: counts calls, marks answers as tests, and lets faults happen."""

    def __init__(
        self, app: ASGIApp, state: SandboxState, played: Sequence[PlayedApi[Any]] = ()
    ) -> None:
        self._app = app
        self._state = state
        self._played = played

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        method, path = scope.get("method", ""), scope.get("path", "")
        endpoint = ENDPOINTS.get((method, path))
        if scope["type"] != "http" or endpoint is None:
            await self._serve_another(scope, receive, send)
            return
        fault = self._state.next_fault(endpoint)
        answer = _Answer(send, scope, fault)
        if endpoint != "removebg":
            await self._serve(fault, scope, receive, answer)
            return
        self._state.opened(1)
        try:
            await self._serve(fault, scope, receive, answer)
        finally:
            self._state.opened(-1)
            if answer.status != HTTPStatus.OK:  # the API counts what it sold
                self._state.count(Call(time.time(), answer.status, 0, "", 0), charged=False)

    async def _serve_another(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request for a provider that is played beside remove.bg, or for none."""
        method, path = scope.get("method", ""), scope.get("path", "")
        for api in self._played:
            if (endpoint := api.endpoint(method, path)) is not None:
                fault = self._state.next_fault(endpoint)
                await self._serve(fault, scope, receive, _Answer(send, scope, fault), api.refused)
                return
        await self._app(scope, receive, _Answer(send, scope, None))

    async def _serve(
        self,
        fault: Fault | None,
        scope: Scope,
        receive: Receive,
        answer: "_Answer",
        worded: Callable[[Refused], Response] = refusal_response,
    ) -> None:
        if fault is not None and fault.kind == "reset_before_read":
            await _hang_up(scope)
        elif fault is not None and (refusal := self._refusal(fault)):
            request = Request(scope, receive)
            await request.body()
            await worded(refusal)(scope, receive, answer)
        elif fault is not None and fault.kind == "degraded":
            await self._app({**scope, DEGRADED: True}, receive, answer)
        else:
            await self._app(scope, receive, answer)

    def _refusal(self, fault: Fault) -> Refused | None:
        """What a fault refuses with, if it refuses."""
        if fault.kind.startswith(ERROR_FAULT):
            return Refused.by_code(fault.kind.removeprefix(ERROR_FAULT))
        match fault.kind:
            case "status_400_without_code":
                return Refused(
                    400, "Failed to download image from given image_url: HTTP Status 404"
                )
            case "status_402":
                return Refused(402, "Insufficient credits")
            case "status_403":
                return Refused(403, "API Key invalid", "auth_failed")
            case "status_429":
                refusal = self._state.throttled()
                refusal.headers |= {"Retry-After": _retry_after(fault)}
                if fault.retry_after is None:
                    del refusal.headers["Retry-After"]
                return refusal
            case "status_409" | "status_500" | "status_502" | "status_503":
                status = HTTPStatus(int(fault.kind.removeprefix("status_")))
                return Refused(status, status.phrase)
            case _:
                return None


def _retry_after(fault: Fault) -> str:
    if fault.retry_after == "date":
        return formatdate(time.time() + fault.seconds, usegmt=True)
    return f"{fault.retry_after or 0:g}"


class _Answer:
    """Sends an answer on, marked as a test and spoiled where a fault says so."""

    def __init__(self, send: Send, scope: Scope, fault: Fault | None) -> None:
        self.status = 0
        self._send = send
        self._scope = scope
        self._fault = fault
        self._start: Message = {}

    async def __call__(self, message: Message) -> None:
        """Pass one ASGI message on; an answer to be spoiled waits until it is whole."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)[CLASS_HEADER] = CLASS
            self._start = message
        if self._fault is None or self.status != HTTPStatus.OK:
            await self._send(message)
        elif message["type"] == "http.response.body":
            await self._spoil(message.get("body", b""), self._fault)

    async def _spoil(self, body: bytes, fault: Fault) -> None:
        headers = MutableHeaders(scope=self._start)
        match fault.kind:
            case "reset_after_read":
                await _hang_up(self._scope)
                return
            case "wrong_content_type":
                headers["Content-Type"] = "text/html"
            case "missing_charge_header":
                del headers["X-Credits-Charged"]
            case "truncated_zip":
                body = body[: len(body) // 2]
            case "zip_other_names":
                body = _renamed(body)
            case "zip_bomb" | "broken_pixels":
                body = _bomb() if fault.kind == "zip_bomb" else _unreadable()
            case _:
                pass
        if fault.kind != "truncated_body":
            headers["Content-Length"] = str(len(body))
        await self._send(self._start)
        if fault.kind == "truncated_body":
            half = {"body": body[: len(body) // 2], "more_body": True}
            await self._send({"type": "http.response.body", **half})
            await _hang_up(self._scope)
        elif fault.kind == "slow_body":
            await self._dribble(body, fault.seconds)
        else:
            await self._send({"type": "http.response.body", "body": body})

    async def _dribble(self, body: bytes, seconds: float) -> None:
        step = len(body) // DRIBBLES + 1
        starts = range(0, len(body), step)
        for start in starts:
            await asyncio.sleep(seconds / len(starts))
            piece = body[start : start + step]
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})


@cache
def _unreadable() -> bytes:
    """A PNG whose checksums are right and whose pixels cannot be unpacked."""
    header = struct.pack(">IIBBBBB", 800, 600, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", b"no deflated pixels"), (b"IEND", b""))
    told = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(told)


@cache
def _bomb() -> bytes:
    """A small ZIP with the expected names that unpacks to half a gigabyte."""
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in ("color.jpg", "alpha.png"):
            with archive.open(name, "w") as entry:
                for _ in range(BOMB_MEGABYTES // 2):
                    entry.write(bytes(1_000_000))
    return bomb.getvalue()


def _renamed(body: bytes) -> bytes:
    """The same ZIP with other entry names; anything that is no ZIP stays as it is."""
    if not zipfile.is_zipfile(io.BytesIO(body)):
        return body
    renamed = io.BytesIO()
    names = {"color.jpg": "picture.jpg", "alpha.png": "matte.png"}
    with zipfile.ZipFile(io.BytesIO(body)) as old, zipfile.ZipFile(renamed, "w") as new:
        for name in old.namelist():
            new.writestr(names.get(name, name), old.read(name))
    return renamed.getvalue()
