"""A network backend that connects only where pictures may come from, and never past a deadline.

Names are looked up here, every address found is judged, and the connection goes to an address
that was judged: a name that changes its answer in between gains nothing. TLS still verifies the
name, because httpcore hands it over separately.
"""

import math
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from ipaddress import ip_address

import httpcore
import httpx

from packshot.decisions.addresses import (
    Address,
    AllowedHost,
    as_address,
    is_allowed,
    is_disguised,
    refusal,
)
from packshot.facts.errors import SourceRefused
from packshot.world.trust import trusted_authorities

LOOKUPS_AT_ONCE = 16
SocketOption = (
    tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]
)
LookUp = Callable[[str], Iterable[str]]
"""From a host name to its addresses; raises `OSError` when there are none."""

_deadline: ContextVar[float] = ContextVar("_deadline", default=math.inf)


@contextmanager
def until(moment: float) -> Iterator[None]:
    """Let nothing this thread sends or receives wait past `moment` on the monotonic clock.

    A timeout per read is no limit: a server that sends a byte now and then never runs into it.
    """
    token = _deadline.set(moment)
    try:
        yield
    finally:
        _deadline.reset(token)


def _patience(timeout: float | None, late: type[httpcore.TimeoutException]) -> float | None:
    """How long one step may take: its own timeout or what is left, whichever is shorter."""
    left = _deadline.get() - time.monotonic()
    if left <= 0:
        raise late("the deadline has passed")
    shorter = min(left, math.inf if timeout is None else timeout)
    return None if math.isinf(shorter) else shorter


def look_up(host: str) -> list[str]:
    """Ask the system's resolver."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


class PunctualStream(httpcore.NetworkStream):
    """A connection whose every step ends by the deadline."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Receive what has arrived."""
        return self._stream.read(max_bytes, _patience(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it."""
        self._stream.write(buffer, _patience(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        """Hang up."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """Shake hands; Python holds the whole handshake to its timeout."""
        limit = _patience(timeout, httpcore.ConnectTimeout)
        return PunctualStream(self._stream.start_tls(ssl_context, server_hostname, limit))

    def get_extra_info(self, info: str) -> object:
        """Answer what httpcore asks about the socket."""
        return self._stream.get_extra_info(info)


class PunctualBackend(httpcore.NetworkBackend):
    """Looks a host up and connects, and never past the deadline."""

    def __init__(self, *, lookup_seconds: float = 10.0, look_up: LookUp = look_up) -> None:
        self._lookup_seconds = lookup_seconds
        self._look_up = look_up
        self._lookups = threading.BoundedSemaphore(LOOKUPS_AT_ONCE)
        self._under_way: dict[str, Future[list[Address]]] = {}
        self._lock = threading.Lock()
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that answers; together they have `timeout`."""
        addresses = self._permitted(host, port)
        limit = _patience(timeout, httpcore.ConnectTimeout)
        end = time.monotonic() + (math.inf if limit is None else limit)
        trouble: Exception = httpcore.ConnectError("no address")
        for count, address in enumerate(addresses):
            left = end - time.monotonic()
            share = None if math.isinf(left) else max(left, 0.001) / (len(addresses) - count)
            try:
                stream = self._plain.connect_tcp(
                    str(address), port, share, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                trouble = error
            else:
                return PunctualStream(stream)
        raise trouble

    def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002  # httpcore's signature
        timeout: float | None = None,  # noqa: ARG002
        socket_options: Iterable[SocketOption] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """Refuse: neither a picture nor a provider lives behind a local socket."""
        raise SourceRefused(
            "Pictures are not fetched from local sockets; give an http or https address.",
            "unsafe_address",
        )

    def _permitted(self, host: str, port: int) -> list[Address]:  # noqa: ARG002  judges may ask
        """The host's addresses, as far as a connection to them may be made."""
        literal = as_address(host)
        return [literal] if literal else self._addresses(host)

    def _addresses(self, host: str) -> list[Address]:
        """Look the host up, together with whoever asks for the same name."""
        end = time.monotonic() + (
            _patience(self._lookup_seconds, httpcore.ConnectTimeout) or self._lookup_seconds
        )
        answer = self._asked(host, end)
        try:
            return answer.result(timeout=max(end - time.monotonic(), 0))
        except TimeoutError as error:
            raise httpcore.ConnectTimeout("the look-up of the host name hangs") from error
        except (OSError, ValueError) as error:
            raise httpcore.ConnectError("the host name is not known") from error

    def _asked(self, host: str, end: float) -> Future[list[Address]]:
        """The look-up of this name: a name whose look-up hangs has one, however often it is asked.

        Each has a thread of its own, which is left behind if it hangs. The threads are daemons,
        unlike an executor's, so a hanging look-up cannot hold up the exit.
        """
        with self._lock:
            if (there := self._under_way.get(host)) is not None:
                return there
        if not self._lookups.acquire(timeout=max(end - time.monotonic(), 0)):
            raise httpcore.ConnectTimeout("too many look-ups are hanging")
        with self._lock:
            if (there := self._under_way.get(host)) is not None:
                self._lookups.release()
                return there
            answer = self._under_way[host] = Future()
        threading.Thread(target=self._ask, args=(host, answer), name="look-up", daemon=True).start()
        return answer

    def _ask(self, host: str, answer: Future[list[Address]]) -> None:
        try:
            answer.set_result([ip_address(found) for found in self._look_up(host)])
        except (OSError, ValueError) as error:  # ValueError: no host name at all
            answer.set_exception(error)
        finally:
            with self._lock:
                del self._under_way[host]
            self._lookups.release()


class GuardedBackend(PunctualBackend):
    """Judges every address of a host, and connects to one that was judged."""

    def __init__(
        self,
        allow_hosts: Iterable[str] = (),
        *,
        lookup_seconds: float = 10.0,
        look_up: LookUp = look_up,
    ) -> None:
        super().__init__(lookup_seconds=lookup_seconds, look_up=look_up)
        self._allowed = tuple(AllowedHost.parse(entry) for entry in allow_hosts)

    def _permitted(self, host: str, port: int) -> list[Address]:
        """The host's addresses, once every one of them has passed."""
        if is_disguised(host):
            raise SourceRefused(
                f"`{host}` is an address in disguise; write it as four plain numbers.",
                "unsafe_address",
            )
        addresses = super()._permitted(host, port)
        for address in addresses:
            kind = refusal(address)
            if kind and not is_allowed(self._allowed, host, address, port):
                raise SourceRefused(
                    f"`{host}` leads to a {kind} address; pictures come from public addresses "
                    "only. Name the host with `--allow-host` if it is yours.",
                    "unsafe_address",
                )
        return addresses


def guarded_transport(
    allow_hosts: Iterable[str] = (),
    *,
    kept_alive: int = 16,
    ssl_context: ssl.SSLContext | None = None,
    lookup_seconds: float = 10.0,
    look_up: LookUp = look_up,
) -> httpx.BaseTransport:
    """An httpx transport that connects through `GuardedBackend` and knows no proxies."""
    backend = GuardedBackend(allow_hosts, lookup_seconds=lookup_seconds, look_up=look_up)
    pool = httpcore.ConnectionPool(
        ssl_context=ssl_context or trusted_authorities(),
        max_connections=None,  # the callers' own widths are the limit
        max_keepalive_connections=kept_alive,
        keepalive_expiry=30.0,
        network_backend=backend,
    )
    return _through(pool)


IDLE_SECONDS = 3.0
"""A connection idle for longer is not used again: Node's and uvicorn's servers hang up after five,
and a call that is sent in that moment is not answered and may have been charged."""


def punctual_transport(connections: int) -> httpx.BaseTransport:
    """An httpx transport that `until` holds to a moment; it goes anywhere and knows no proxies."""
    pool = httpcore.ConnectionPool(
        ssl_context=trusted_authorities(),
        max_connections=connections,
        keepalive_expiry=IDLE_SECONDS,
        network_backend=PunctualBackend(),
    )
    return _through(pool)


def _through(pool: httpcore.ConnectionPool) -> httpx.BaseTransport:
    """A transport over this pool: httpx has no argument for one, so its own, still empty, goes."""
    transport = httpx.HTTPTransport(verify=trusted_authorities(), trust_env=False)
    transport._pool = pool  # noqa: SLF001
    return transport
