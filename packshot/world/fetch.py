"""Fetches pictures: conditionally, in pieces, within limits, and again where that may help."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from threading import Lock, Semaphore

import fsspec
import httpx
import stamina

from packshot import __version__
from packshot.facts.errors import (
    BadOption,
    SourceMissing,
    SourceRefused,
    TryAgain,
    TryTomorrow,
    Unreachable,
)
from packshot.facts.item import public
from packshot.world.fetch_answers import (
    Validators,
    body,
    in_our_words,
    judge,
    stores_in_our_words,
    too_many,
)
from packshot.world.network_guard import guarded_transport, until
from packshot.world.quiet import quiet_libraries

WEB = frozenset({"http", "https"})
LONGEST_WAIT_SECONDS = 8.0
LEAST_SECONDS = 1.0
"""Whoever has waited for a place begins with so much time left, or not at all."""
HEADERS = {
    # One fixed Accept: services that choose a format by it always choose the same.
    "Accept": "image/png,image/jpeg,image/webp;q=0.9,image/*;q=0.8,*/*;q=0.5",
    "Accept-Encoding": "identity",  # pictures are packed already
    "User-Agent": f"packshot/{__version__}",
}
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+):", re.IGNORECASE)  # `C:\` is a drive, not a scheme


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """How much, how long, how often and how many at once."""

    max_bytes: int = 50_000_000
    connect_seconds: float = 10.0
    read_seconds: float = 20.0
    redirects: int = 5
    at_once: int = 16
    per_host: int = 6
    tries: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What came back."""

    content: bytes | None
    """None when the picture is the one we know."""
    etag: str | None
    last_modified: str | None
    status: int
    seconds: float
    tries: int
    final_url: str
    """Where the picture was in the end, in its public form."""


@dataclass(slots=True)
class Tally:
    """What a fetcher has done so far."""

    requests: int = 0
    not_modified: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    content: bytes | None
    said: Validators
    url: str


@dataclass(slots=True)
class _Queue:
    places: Semaphore
    users: int = 0


class _Places:
    """Widths: in total and per host. A host that nobody waits for is forgotten."""

    def __init__(self, at_once: int, per_host: int) -> None:
        self._all = Semaphore(at_once)
        self._per_host = per_host
        self._hosts: dict[str, _Queue] = {}
        self._lock = Lock()

    @contextmanager
    def take(self, host: str, end: float) -> Iterator[None]:
        """Wait for the host's place first: whoever waits for it keeps no place from others."""
        with self._lock:
            queue = self._hosts.setdefault(host, _Queue(Semaphore(self._per_host)))
            queue.users += 1
        try:
            with _held(queue.places, end), _held(self._all, end):
                yield
        finally:
            with self._lock:
                queue.users -= 1
                if not queue.users:
                    del self._hosts[host]


@contextmanager
def _held(places: Semaphore, end: float) -> Iterator[None]:
    left = max(end - LEAST_SECONDS - time.monotonic(), 0)
    if not places.acquire(blocking=False) and not places.acquire(timeout=left):
        raise Unreachable("No place to fetch from became free in time.", "fetch_queue")
    try:
        yield
    finally:
        places.release()


def _patience(end: float, longest: float) -> Callable[[Exception], bool | float]:
    """Try again what may succeed in a moment, if the wait for it ends in time."""

    def answer(error: Exception) -> bool | float:
        left = end - time.monotonic()
        match error:
            case TryAgain(wait_seconds=float() as seconds):
                return seconds if seconds < left else False
            case TryAgain():
                return left > longest
            case _:
                return False

    return answer


def _require_driver(scheme: str) -> None:
    try:
        fsspec.get_filesystem_class(scheme)
    except (ImportError, ValueError) as error:
        raise BadOption(f"Nothing installed reads `{scheme}:` addresses.") from error


class Fetcher:
    """Fetches pictures for all threads of a process; close it in the end."""

    def __init__(
        self,
        limits: FetchLimits | None = None,
        *,
        allow_hosts: Iterable[str] = (),
        allowed_schemes: frozenset[str] = WEB,
        storage_options: Mapping[str, object] | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        quiet_libraries()
        for scheme in allowed_schemes - WEB:
            _require_driver(scheme)
        self.tally = Tally()
        self._limits = limits = limits or FetchLimits()
        self._schemes = allowed_schemes
        self._storage_options = dict(storage_options or {})
        self._places = _Places(limits.at_once, limits.per_host)
        self._lock = Lock()
        self._client = httpx.Client(
            transport=transport or guarded_transport(allow_hosts, kept_alive=limits.at_once),
            headers=HEADERS,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # none are kept
            timeout=httpx.Timeout(limits.read_seconds, connect=limits.connect_seconds),
            trust_env=False,
        )

    def close(self) -> None:
        """Hang up everywhere."""
        self._client.close()

    def fetch(
        self,
        url: str,
        *,
        etag: str | None = None,
        last_modified: str | None = None,
        deadline_seconds: float,
    ) -> Fetched:
        """Fetch one picture; the deadline covers queueing, redirects, tries and waits between."""
        start = time.monotonic()
        end = start + deadline_seconds
        longest = min(LONGEST_WAIT_SECONDS, deadline_seconds / 4)
        known = Validators.sound(etag, last_modified)
        for attempt in stamina.retry_context(
            on=_patience(end, longest),
            attempts=self._limits.tries,
            timeout=None,  # `_patience` keeps the deadline, the next wait included
            wait_initial=min(0.5, longest),
            wait_max=longest,
            wait_jitter=min(1.0, longest),
        ):
            with attempt:
                answer = self._try_once(url, known, end)
                return Fetched(
                    content=answer.content,
                    etag=answer.said.etag,
                    last_modified=answer.said.last_modified,
                    status=answer.status,
                    seconds=time.monotonic() - start,
                    tries=attempt.num,
                    final_url=public(answer.url),
                )
        raise AssertionError("the last attempt returns or raises")

    def _try_once(self, url: str, known: Validators, end: float) -> _Answer:
        found = _SCHEME.match(url)
        scheme = found[1].lower() if found else "file"
        self._permit(scheme)
        if scheme not in WEB:
            return self._from_store(scheme, url, known, end)
        with until(end), in_our_words(url):
            request = self._client.build_request("GET", url, headers=known.headers())
            for _ in range(self._limits.redirects + 1):
                answer = self._hop(request, known, end)
                if isinstance(answer, _Answer):
                    return answer
                request = answer
        raise TryTomorrow(
            f"{public(url)} redirects more than {self._limits.redirects} times.", "redirect_loop"
        )

    def _permit(self, scheme: str) -> None:
        if scheme not in self._schemes:
            raise SourceRefused(f"`{scheme}:` addresses are not fetched.", "scheme_not_allowed")

    def _hop(
        self, request: httpx.Request, known: Validators, end: float
    ) -> _Answer | httpx.Request:
        """Send one request; a redirect's own body is never read, for it may not end."""
        if not request.url.host:
            raise SourceRefused("The address names no host; write https://host/path.", "bad_url")
        self._permit(request.url.scheme)
        with self._places.take(request.url.host, end):
            self._count(requests=1)
            with closing(self._client.send(request, stream=True)) as response:
                return response.next_request or self._read(response, known)

    def _read(self, response: httpx.Response, known: Validators) -> _Answer:
        said, url = Validators.said(response), str(response.url)
        if response.status_code == httpx.codes.NOT_MODIFIED and known:
            self._count(not_modified=1)
            return _Answer(response.status_code, None, said.or_else(known), url)
        judge(response)
        content = body(response, self._limits.max_bytes)
        self._count(size=len(content))
        return _Answer(response.status_code, content, said, url)

    def _from_store(self, scheme: str, url: str, known: Validators, end: float) -> _Answer:
        """Read a file or an object; the store's own client keeps the time, we keep the size."""
        place, most = public(url), self._limits.max_bytes
        bucket = place.partition("://")[2].partition("/")[0]
        with self._places.take(f"{scheme}://{bucket}", end), stores_in_our_words(place):
            self._count(requests=1)
            store = fsspec.filesystem(scheme, **self._storage_options)
            info = store.info(url)
            said = Validators.of_file(info)
            if info["type"] != "file":
                raise SourceMissing(f"{place} is no file.")
            if said.etag and said.etag == known.etag:
                self._count(not_modified=1)
                return _Answer(304, None, said, url)
            if info["size"] > most:
                raise too_many(place, most)
            # A range of nothing is an error to S3.
            content = bytes(store.cat_file(url, start=0, end=most)) if info["size"] else b""
        if len(content) != info["size"]:
            raise Unreachable(f"{place} changed while it was read.")
        self._count(size=len(content))
        return _Answer(200, content, said, url)

    def _count(self, *, requests: int = 0, not_modified: int = 0, size: int = 0) -> None:
        with self._lock:
            self.tally.requests += requests
            self.tally.not_modified += not_modified
            self.tally.bytes += size
