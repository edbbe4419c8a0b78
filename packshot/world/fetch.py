"""Fetches pictures: conditionally, in pieces, within limits, and again where that may help."""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from threading import Lock
from typing import Any

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
    LATER,
    Validators,
    body,
    in_our_words,
    judge,
    stores_in_our_words,
    too_many,
)
from packshot.world.fetch_places import Places
from packshot.world.network_guard import guarded_transport, until
from packshot.world.own_places import OwnPlaces
from packshot.world.quiet import quiet_libraries
from packshot.world.silent_hosts import SilentHosts

WEB = frozenset({"http", "https"})
LONGEST_WAIT_SECONDS = 8.0
SILENT_ROUNDS = 3
"""A host is silent once all its places have waited so many times and nobody was answered."""
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
    request_seconds: float = 120.0
    """One request in all, so that a dribble does not use up the time of four tries."""
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


def _time_left(store: Any, end: float) -> dict[str, float]:  # noqa: ANN401  fsspec is untyped
    """A limit for one request, where the file system takes one: those over a network do."""
    return {"timeout": max(end - time.monotonic(), 0.001)} if store.async_impl else {}


def _require_driver(scheme: str) -> None:
    try:
        fsspec.get_filesystem_class(scheme)
    except (ImportError, ValueError) as error:
        raise BadOption(
            f"Nothing installed reads `{scheme}:` addresses; give an https or s3 address, or "
            "install fsspec's package for it."
        ) from error


class Fetcher:
    """Fetches pictures for all threads of a process; close it in the end."""

    def __init__(
        self,
        limits: FetchLimits | None = None,
        *,
        allow_hosts: Iterable[str] = (),
        allowed_schemes: frozenset[str] = WEB,
        storage_options: Mapping[str, object] | None = None,
        own_places: Iterable[str] = (),
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        quiet_libraries()
        for scheme in allowed_schemes - WEB:
            _require_driver(scheme)
        self.tally = Tally()
        self._limits = limits = limits or FetchLimits()
        self._schemes = allowed_schemes
        self._own_places = OwnPlaces(own_places)
        self._storage_options = dict(storage_options or {})
        self._places = Places(limits.at_once, limits.per_host)
        self._silent = SilentHosts(SILENT_ROUNDS * limits.per_host)
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

    def is_crowded(self, host: str) -> bool:
        """Whether a host has enough to do, and those who wait for it besides."""
        return self._places.crowded(host)

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
            f"{public(url)} redirects more than {self._limits.redirects} times; give the address "
            "that it ends at.",
            "redirect_loop",
        )

    def _permit(self, scheme: str) -> None:
        if scheme not in self._schemes:
            raise SourceRefused(
                f"`{scheme}:` addresses are not fetched; give one with {' or '.join(sorted(WEB))}.",
                "scheme_not_allowed",
            )

    def _hop(
        self, request: httpx.Request, known: Validators, end: float
    ) -> _Answer | httpx.Request:
        """Send one request; a redirect's own body is never read, for it may not end."""
        if not request.url.host:
            raise SourceRefused("The address names no host; write https://host/path.", "bad_url")
        self._permit(request.url.scheme)
        host = request.url.host
        with self._places.take(host, end), self._silent.listening(host):
            self._count(requests=1)
            with (
                until(min(end, time.monotonic() + self._limits.request_seconds)),
                closing(self._client.send(request, stream=True)) as response,
            ):
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
        """Read a file or an object; a disk that hangs, such as a network's, knows no deadline."""
        place, most = public(url), self._limits.max_bytes
        if self._own_places.hold(url):
            raise SourceRefused(
                f"{place} lies where this catalog keeps its state or its pictures; name the source "
                "that it was made from.",
                "own_place",
            )
        bucket = place.partition("://")[2].partition("/")[0]
        with self._places.take(f"{scheme}://{bucket}", end), stores_in_our_words(place):
            self._count(requests=1)
            store = fsspec.filesystem(scheme, **self._storage_options)
            info = store.info(url, **_time_left(store, end))
            said = Validators.of_file(info)
            if info["type"] != "file":
                raise SourceMissing(f"{place} is no file; give the address of a picture.")
            if said.etag and said.etag == known.etag:
                self._count(not_modified=1)
                return _Answer(304, None, said, url)
            if info["size"] > most:
                raise too_many(place, most)
            # A range of nothing is an error to S3.
            whole = {"start": 0, "end": most} | _time_left(store, end)
            content = bytes(store.cat_file(url, **whole)) if info["size"] else b""
        if len(content) != info["size"]:
            raise Unreachable(f"{place} changed while it was read; {LATER}.")
        self._count(size=len(content))
        return _Answer(200, content, said, url)

    def _count(self, *, requests: int = 0, not_modified: int = 0, size: int = 0) -> None:
        with self._lock:
            self.tally.requests += requests
            self.tally.not_modified += not_modified
            self.tally.bytes += size
