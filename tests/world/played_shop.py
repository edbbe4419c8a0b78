"""A shop on loopback that answers as it is told, and ways to fetch from it."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from packshot.facts.errors import (
    PackshotError,
)
from packshot.world.fetch import Fetched, Fetcher, FetchLimits
from packshot.world.network_guard import LookUp, guarded_transport

PICTURE = b"\x89PNG picture"
Page = Callable[["Visit"], None]


class Visit(BaseHTTPRequestHandler):
    """One request to a shop that is played."""

    protocol_version = "HTTP/1.1"
    server: "Shop"

    def do_GET(self) -> None:
        """Show the page that is set for this path."""
        self.server.visits.append(self)
        try:
            self.server.pages[self.path.partition("?")[0]](self)
        except OSError:
            self.close_connection = True

    def do_POST(self) -> None:
        """The same, once what was sent is read."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def answer(self, status: int = 200, body: bytes = PICTURE, **headers: str) -> None:
        """Send an answer; `retry_after` stands for `Retry-After`."""
        self.send_response(status)
        sent = {"content_length": str(len(body))} | headers
        for name, value in sent.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Shop(ThreadingHTTPServer):
    """A real server on loopback."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Visit)
        self.pages: dict[str, Page] = {"/a.png": Visit.answer}
        self.visits: list[Visit] = []
        self.scheme = "http"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def url(self, path: str = "/a.png", host: str = "127.0.0.1") -> str:
        """Where a page is."""
        return f"{self.scheme}://{host}:{self.server_port}{path}"

    def handle_error(self, *_: object) -> None:
        """Say nothing of callers that hang up."""


@contextmanager
def open_shop() -> Iterator[Shop]:
    """Open a shop and close it."""
    shop = Shop()
    try:
        yield shop
    finally:
        shop.shutdown()
        shop.server_close()


def get(
    url: str,
    *,
    limits: FetchLimits | None = None,
    allow: tuple[str, ...] = ("127.0.0.1",),
    schemes: frozenset[str] = frozenset({"http", "https"}),
    etag: str | None = None,
    seconds: float = 5.0,
) -> Fetched:
    """Fetch one picture with a fetcher of its own."""
    transport = guarded_transport(allow)
    fetcher = Fetcher(limits, allowed_schemes=schemes, transport=transport)
    try:
        return fetcher.fetch(url, etag=etag, deadline_seconds=seconds)
    finally:
        fetcher.close()


def refused(url: str, *, allow: tuple[str, ...] = (), **options: object) -> str:
    """Fetch in vain and tell the code."""
    with pytest.raises(PackshotError) as caught:
        get(url, allow=allow, **options)  # type: ignore[arg-type]
    return caught.value.code


@contextmanager
def through(
    look_up: LookUp, *allow: str, context: ssl.SSLContext | None = None
) -> Iterator[Fetcher]:
    """Lend a fetcher whose resolver is played."""
    transport = guarded_transport(allow, look_up=look_up, ssl_context=context, lookup_seconds=0.3)
    with closing(Fetcher(transport=transport)) as fetcher:
        yield fetcher


def in_turn(pages: list[Page]) -> Page:
    """Show one page per visit."""
    left = iter(pages)
    return lambda visit: next(left)(visit)  # noqa: PLW0108  # the next one at each visit
