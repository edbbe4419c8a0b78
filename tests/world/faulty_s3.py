"""An S3 endpoint that stands before another one and refuses what it is told to refuse."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import urlsplit

HOP_BY_HOP = frozenset({"connection", "transfer-encoding", "content-length", "date", "server"})


class Refusal(NamedTuple):
    """An answer of S3 that is no success; status 0 hangs up, and -1 says nothing at all."""

    status: int
    code: str


Rule = Callable[[str, str], Refusal | None]
"""Given method and path, what to refuse with; None lets the request through."""


class FaultyS3(ThreadingHTTPServer):
    """A real server on loopback; change `rule` while it runs."""

    daemon_threads = True

    def __init__(self, behind: str) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.behind = urlsplit(behind).netloc
        self.rule: Rule = lambda _method, _path: None
        self.refused = 0
        self.closed = threading.Event()
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        """Say nothing of callers that hang up."""


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyS3

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        refusal = self.server.rule(self.command, self.path)
        if refusal is None:
            self._pass_on(body)
            return
        self.server.refused += 1
        if refusal.status <= 0:
            self.close_connection = True
            if refusal.status < 0:
                self.server.closed.wait(60)
            self.connection.close()
            return
        said = f"<Error><Code>{refusal.code}</Code><Message>{refusal.code}</Message></Error>"
        self._answer(refusal.status, {"Content-Type": "application/xml"}, said.encode())

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve  # noqa: N815  the library's names

    def _pass_on(self, body: bytes) -> None:
        onwards = http.client.HTTPConnection(self.server.behind, timeout=60)
        try:
            onwards.request(self.command, self.path, body, dict(self.headers))
            answer = onwards.getresponse()
            self._answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            onwards.close()

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        length = headers.get("Content-Length") if self.command == "HEAD" else None
        for name, value in headers.items():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", length or str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def faulty_s3(behind: str) -> Iterator[FaultyS3]:
    """Open it and close it."""
    server = FaultyS3(behind)
    try:
        yield server
    finally:
        server.closed.set()
        server.shutdown()
        server.server_close()
