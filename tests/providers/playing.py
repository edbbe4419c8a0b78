"""Pictures, answers, and a stage on which a function plays a provider's API."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import Any

import httpx
from PIL import Image

from packshot.facts.paid_options import content_hash
from packshot.providers.face import Source
from packshot.providers.removebg import RemoveBg
from packshot.sandbox.backgroundcut_api import BackgroundCutAccount, BackgroundCutSettings
from packshot.sandbox.server import Sandbox

KEY = "plantedkey7f3a"
Size = tuple[int, int]


def encoded(width: int = 40, height: int = 30, kind: str = "PNG", mode: str = "RGBA") -> bytes:
    """One encoded picture."""
    body = io.BytesIO()
    Image.new(mode, (width, height)).save(body, kind)
    return body.getvalue()


def zipped(width: int = 40, height: int = 30) -> bytes:
    """A ZIP of colour and alpha, entries stored."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("color.jpg", encoded(width, height, "JPEG", "RGB"))
        archive.writestr("alpha.png", encoded(width, height, "PNG", "L"))
    return body.getvalue()


def full_backgroundcut(sandbox: Sandbox) -> BackgroundCutAccount:
    """A full account at the played BackgroundCut, an empty space and no faults."""
    account = sandbox.state.played["backgroundcut"]
    assert isinstance(account, BackgroundCutAccount)
    account.settings = BackgroundCutSettings(calls_per_window=None)
    sandbox.state.reset()
    return account


def good(*size: int, **headers: str) -> httpx.Response:
    """A ZIP with these headers; underscores in their names stand for dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(200, content=zipped(*size), headers=named)


def sent(
    width: int = 40, height: int = 30, content: bytes = b"source bytes", kind: str = "JPEG"
) -> Source:
    """A source that says it has this size."""
    return Source(content, content_hash(content), kind, width, height)


@dataclass
class Stage:
    """Plays remove.bg: hands out the answer it holds, and keeps what it was sent."""

    answer: httpx.Response | Exception = field(default_factory=good)
    requests: list[httpx.Request] = field(default_factory=list)

    def client(self, answer: httpx.Response | Exception | None = None, **settings: Any) -> RemoveBg:  # noqa: ANN401 - whatever RemoveBg takes
        """An account whose next answer is already known."""
        self.answer = answer or good()
        return RemoveBg(KEY, transport=httpx.MockTransport(self._reply), **settings)

    def _reply(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    @property
    def form(self) -> dict[str, str]:
        """The text fields of the last multipart request."""
        kind = self.requests[-1].headers["content-type"].encode()
        body = self.requests[-1].read()
        parts = message_from_bytes(b"Content-Type: " + kind + b"\r\n\r\n" + body).walk()
        named = ((part.get_param("name", header="content-disposition"), part) for part in parts)
        return {
            str(name): str(part.get_payload())
            for name, part in named
            if name and not part.get_filename()
        }


@dataclass
class Torn(httpx.SyncByteStream):
    """A body that breaks off, with an error or as if nothing were missing."""

    start: bytes
    error: Exception | None = None

    def __iter__(self) -> Iterator[bytes]:
        """Give what there is, then fail or end."""
        yield self.start
        if self.error:
            raise self.error
