"""A shop's picture host, played: a folder over HTTP with validators, delays and counters."""

import asyncio
import mimetypes
import random
import re
from collections import Counter
from email.utils import formatdate, parsedate_to_datetime
from hashlib import blake2b
from http import HTTPStatus
from pathlib import Path
from typing import Final

from anyio import to_thread
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from packshot.sandbox.state import SandboxState

PREFIX: Final = "/cdn/"
STATUS_PREFIX: Final = "_status/"


class ProductCdn:
    """Serves one folder at `/cdn/{path}`, and any status at `/cdn/_status/{code}`."""

    def __init__(self, state: SandboxState, folder: Path | None) -> None:
        self._state = state
        self._folder = None if folder is None else folder.resolve()

    async def get(self, request: Request) -> Response:
        """Answer a GET or HEAD."""
        path: str = request.path_params["path"]
        self._count(self._state.cdn_gets, path)
        await asyncio.sleep(random.uniform(*self._state.settings.cdn_latency_seconds))
        status, file = self._found(path)
        if file is None:
            return _bare(status)
        content = await to_thread.run_sync(file.read_bytes)
        modified = file.stat().st_mtime
        headers = {"ETag": _etag(content), "Last-Modified": formatdate(modified, usegmt=True)}
        if _is_current(request.headers, headers["ETag"], int(modified)):
            self._count(self._state.cdn_not_modified, path)
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        return Response(content, headers=headers, media_type=kind)

    def fetched(self, path: str) -> bytes | int:
        """What a provider that was given a URL of this host gets: the bytes, or a status."""
        self._count(self._state.cdn_gets, path)
        status, file = self._found(path)
        return status if file is None else file.read_bytes()

    def _count(self, counter: Counter[str], path: str) -> None:
        with self._state.lock:
            counter[path] += 1

    def _found(self, path: str) -> tuple[int, Path | None]:
        if path.startswith(STATUS_PREFIX):
            return _status(path.removeprefix(STATUS_PREFIX)), None
        if self._folder is None:
            return HTTPStatus.NOT_FOUND, None
        file = (self._folder / path).resolve()
        inside = file.is_relative_to(self._folder) and file.is_file()
        return (HTTPStatus.OK, file) if inside else (HTTPStatus.NOT_FOUND, None)


def _bare(status: int) -> Response:
    """An answer that is only a status; some may not have a body."""
    if status in {HTTPStatus.NO_CONTENT, HTTPStatus.RESET_CONTENT, HTTPStatus.NOT_MODIFIED}:
        return Response(status_code=status)
    return PlainTextResponse(HTTPStatus(status).phrase, status)


def _status(text: str) -> int:
    final = re.fullmatch(r"[2-5]\d\d", text)
    known = final is not None and int(text) in set(HTTPStatus)
    return int(text) if known else HTTPStatus.NOT_FOUND


def _etag(content: bytes) -> str:
    return f'"{blake2b(content, digest_size=16).hexdigest()}"'


def _is_current(asked: Headers, etag: str, modified: int) -> bool:
    """Whether the caller's copy is good; an ETag outranks a date (RFC 9110, 13.2.2)."""
    tags = asked.get("if-none-match")
    if tags is not None:
        known = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        return not known.isdisjoint({etag, "*"})
    try:
        since = parsedate_to_datetime(asked.get("if-modified-since", ""))
    except ValueError:
        return False
    return modified <= since.timestamp()
