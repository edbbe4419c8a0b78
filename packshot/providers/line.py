"""One provider's API over HTTP: the key, the time a call may take, and answers within a cap."""

import json
import re
import time
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import httpx

from packshot.facts.errors import BadOption, PackshotError, SourceRefused, Unreachable
from packshot.providers.answers import (
    broken_answer,
    excerpt,
    in_our_words,
    read_some,
    read_whole,
)
from packshot.world.network_guard import guarded_transport, punctual_transport, until

CONNECT_SECONDS: Final = 10.0
_KEY: Final = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a good answer whole, any other as far as it says something."""

    status: int
    headers: httpx.Headers
    body: bytes
    seconds: float
    """From sending to the last byte."""
    redirects: bool = False

    @property
    def is_success(self) -> bool:
        """Whether the status is one of the two hundreds."""
        return httpx.codes.is_success(self.status)

    def json(self) -> Any:  # noqa: ANN401  any JSON
        """The body as JSON; None where it is none."""
        with suppress(ValueError, RecursionError):
            return json.loads(self.body)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one call may take."""

    timeout_seconds: float = 120.0
    """To the beginning of an answer, and as much more to its end."""
    calls_at_once: int = 32
    max_answer_bytes: int = 100_000_000


DEFAULT_BOUNDS: Final = Bounds()


class _Signed(httpx.Auth):
    """Adds the key as a request leaves, so that no client or bag of headers shows it."""

    def __init__(self, header: str, value: str) -> None:
        self._header, self._value = header, value

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign one request."""
        request.headers[self._header] = self._value
        yield request


class Line:
    """The line to one account of one provider. Threads may share it.

    The environment is not read: a proxy or a private certificate comes with `transport`.
    """

    def __init__(
        self,
        who: str,
        api_key: str,
        *,
        base_url: str,
        sign: tuple[str, str] = ("Authorization", "Bearer {key}"),
        accept: str = "*/*",
        bounds: Bounds = DEFAULT_BOUNDS,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`sign` is a header's name and its value, in which `{key}` is put."""
        self.who = who
        self.secret: Final = sound_key(who, api_key)
        self.base_url = plain_url(base_url)
        self.max_answer_bytes = bounds.max_answer_bytes
        self._timeout_seconds = bounds.timeout_seconds
        timeout = httpx.Timeout(bounds.timeout_seconds, connect=CONNECT_SECONDS)
        self._client = httpx.Client(
            base_url=self.base_url,
            auth=_Signed(sign[0], sign[1].format(key=self.secret)),
            headers={
                "Accept": accept,
                "Accept-Encoding": "identity",  # pictures do not shrink, and bombs stay out
            },
            timeout=timeout,
            # One connection more, to ask for the balance.
            transport=transport or punctual_transport(bounds.calls_at_once + 1),
            trust_env=False,
        )
        own = httpx.URL(self.base_url)
        self._results = httpx.Client(
            headers={"Accept-Encoding": "identity"},
            timeout=timeout,
            transport=transport or guarded_transport([own.netloc.decode()]),
            trust_env=False,
        )

    def __repr__(self) -> str:
        return f"Line({self.base_url!r})"

    def ask(self, method: str, path: str, *, may_cost: bool, **request: Any) -> Answer:  # noqa: ANN401  whatever httpx sends
        """One call: it begins to be answered within the timeout, and is whole within as much more.

        Raises `Unreachable` where nothing was sent or nothing can have been charged, and
        `Uncertain` where an answer that may have cost something is lost.
        """
        started = time.monotonic()
        with (
            until(started + self._timeout_seconds),
            in_our_words(self.who, may_cost=may_cost),
            self._client.stream(method, path, **request) as response,
        ):
            if response.is_success and may_cost:
                body = self._whole(response)
            else:
                body = read_some(response)
        return Answer(
            status=response.status_code,
            headers=response.headers,
            body=body,
            seconds=time.monotonic() - started,
            redirects=response.has_redirect_location,
        )

    def download(self, url: str) -> Answer:
        """Fetch a result that lies behind an address, without the key and where it may be fetched.

        Raises `Unreachable` where it can be tried again, and `Uncertain` where an answer is lost.
        """
        started = time.monotonic()
        try:
            with (
                until(started + self._timeout_seconds),
                in_our_words(self.who, may_cost=False),
                self._results.stream("GET", url) as response,
            ):
                body = self._whole(response) if response.is_success else read_some(response)
        except (httpx.InvalidURL, SourceRefused) as error:
            raise broken_answer(self.who, "names an address that is not fetched from") from error
        return Answer(response.status_code, response.headers, body, time.monotonic() - started)

    def hand_over(self, url: str, **request: Any) -> Answer:  # noqa: ANN401  whatever httpx sends
        """Post to an address that the provider named for uploads, without the key.

        It costs nothing: raises `Unreachable` whatever goes wrong.
        """
        started = time.monotonic()
        try:
            with (
                until(started + self._timeout_seconds),
                in_our_words(self.who, may_cost=False),
                self._results.stream("POST", url, **request) as response,
            ):
                body = read_some(response)
        except (httpx.InvalidURL, SourceRefused) as error:
            raise Unreachable(
                f"{self.who} names an address for uploads that nothing is sent to; check "
                "`--provider-url`.",
                "unsafe_address",
            ) from error
        return Answer(response.status_code, response.headers, body, time.monotonic() - started)

    def close(self) -> None:
        """Give back connections."""
        self._client.close()
        self._results.close()

    def _whole(self, response: httpx.Response) -> bytes:
        seconds = self._timeout_seconds
        with until(time.monotonic() + seconds):
            return read_whole(response, self.who, at_most=self.max_answer_bytes, seconds=seconds)


def as_answered(error: PackshotError, answer: Answer, secret: str) -> PackshotError:
    """The error with what the answer said, for the table of attempts; never the key."""
    error.http_status = answer.status
    error.body_excerpt = excerpt(answer.body, secret)
    return error


def sound_key(who: str, api_key: str) -> str:
    """A key that can stand in a header; one that cannot would be quoted in an error."""
    key = api_key.strip()
    if not _KEY.fullmatch(key):
        raise BadOption(
            f"The API key for {who} is empty or holds spaces or odd characters; set it as {who} "
            "shows it."
        )
    return key


def plain_url(url: str) -> str:
    """A base URL that can be shown, because it holds no secret."""
    try:
        parts = httpx.URL(url)
        plain = parts.scheme in {"http", "https"} and bool(parts.host)
    except httpx.InvalidURL:
        plain = False
    if not plain or any(sign in url for sign in "@?#"):
        raise BadOption(
            "`--provider-url` is an http(s) address without login, query or fragment; "
            "leave it out to reach the provider itself."
        )
    return url.rstrip("/")
