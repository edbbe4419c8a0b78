"""What a host's answer means to us: the one place where foreign errors become ours."""

import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Self

import httpx
from botocore.exceptions import BotoCoreError

from packshot.facts.errors import (
    SourceMissing,
    SourceRefused,
    Throttled,
    TryTomorrow,
    Unreachable,
)
from packshot.facts.item import public

LONGEST_VALIDATOR = 500
_NOT_TONIGHT: Mapping[int, tuple[type[TryTomorrow], str, str, str]] = {
    401: (TryTomorrow, "source_forbidden", "wants a login", "give a public or a signed address"),
    403: (
        TryTomorrow,
        "source_forbidden",
        "does not let us in",
        "give a public or a signed address, or let the host admit this machine",
    ),
    404: (
        SourceMissing,
        "source_missing",
        "has nothing there",
        "upload the picture, or correct its address",
    ),
    410: (
        SourceMissing,
        "source_gone",
        "says that the picture is gone for good",
        "remove the row, or give a new address",
    ),
}
LATER = "a later run tries again; if it stays so, check the address and its host"


@dataclass(frozen=True, slots=True)
class Validators:
    """By what a host recognises the picture that we have."""

    etag: str | None = None
    last_modified: str | None = None

    @classmethod
    def sound(cls, etag: str | None, last_modified: str | None) -> Self:
        """Keep only what can be sent back: hosts write all sorts of things."""
        return cls(_sendable(etag), _sendable(last_modified))

    @classmethod
    def said(cls, response: httpx.Response) -> Self:
        """Take them from an answer."""
        return cls.sound(response.headers.get("etag"), response.headers.get("last-modified"))

    @classmethod
    def of_file(cls, info: Mapping[str, object]) -> Self:
        """Take an object's ETag, or a file's size and time, from what fsspec knows of it."""
        tag = info.get("ETag") or info.get("etag")
        moment = info.get("mtime") or info.get("LastModified") or info.get("created")
        if isinstance(moment, float):
            moment = int(moment * 1e9)
        if tag is None and moment is not None:
            tag = f"{info.get('size')}-{moment}"
        return cls.sound(None if tag is None else str(tag), None)

    def __bool__(self) -> bool:
        return bool(self.etag or self.last_modified)

    def or_else(self, known: "Validators") -> "Validators":
        """Fill what is missing from what was known before."""
        return Validators(self.etag or known.etag, self.last_modified or known.last_modified)

    def headers(self) -> dict[str, str]:
        """Ask for the picture only if it has changed."""
        asked = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in asked.items() if value}


def _sendable(value: str | None) -> str | None:
    if value and len(value) <= LONGEST_VALIDATOR and value.isascii() and value.isprintable():
        return value
    return None


@contextmanager
def in_our_words(url: str) -> Iterator[None]:
    """Re-raise what the network did to us; httpx's own messages may quote the URL."""
    try:
        yield
    except httpx.InvalidURL:
        raise SourceRefused(f"{public(url)} is no valid address; correct it.", "bad_url") from None
    except httpx.TimeoutException as error:
        raise Unreachable(
            f"{public(url)} took too long ({type(error).__name__}); {LATER}."
        ) from error
    except httpx.RequestError as error:
        raise Unreachable(
            f"{public(url)} gave no sound answer ({type(error).__name__}); {LATER}."
        ) from error


@contextmanager
def stores_in_our_words(place: str) -> Iterator[None]:
    """Re-raise what a file system or an object store did to us."""
    try:
        yield
    except FileNotFoundError as error:
        raise SourceMissing(
            f"{place} does not exist; put the file there, or correct its address."
        ) from error
    except PermissionError as error:
        raise TryTomorrow(
            f"{place} may not be read; give the account of this run the right to read it.",
            "source_forbidden",
        ) from error
    except (OSError, BotoCoreError) as error:
        raise Unreachable(f"{place} cannot be read ({type(error).__name__}); {LATER}.") from error


def judge(response: httpx.Response) -> None:
    """Raise what a refusal means to us; pass a good answer."""
    place, status = public(str(response.url)), response.status_code
    if response.is_success:
        return
    if status in _NOT_TONIGHT:
        kind, code, meaning, remedy = _NOT_TONIGHT[status]
        raise kind(f"{place} {meaning} ({status}); {remedy}.", code)
    if status == httpx.codes.TOO_MANY_REQUESTS:
        raise Throttled(
            f"{place} asks us to slow down; set `limits.fetches_per_host` lower.",
            wait_seconds=_retry_after(response),
        )
    if response.is_server_error:
        raise Unreachable(
            f"{place} answered {status}; {LATER}.", wait_seconds=_retry_after(response)
        )
    raise TryTomorrow(f"{place} answered {status}; {LATER}.", f"source_answered_{status}")


def _retry_after(response: httpx.Response) -> float | None:
    """How long we are asked to wait, given in seconds or as a date on the host's own clock."""
    written = response.headers.get("retry-after", "").strip()
    if written.isascii() and written.isdigit():
        return float(written[:9]) or None
    moment, now = _epoch_seconds(written), _epoch_seconds(response.headers.get("date", ""))
    if moment is None:
        return None
    return max(moment - (time.time() if now is None else now), 0.0) or None


def _epoch_seconds(written: str) -> float | None:
    try:
        return parsedate_to_datetime(written).timestamp()
    except (ValueError, OverflowError):
        return None


def body(response: httpx.Response, most: int) -> bytes:
    """Read an answer to its end, or to one byte too many; h11 holds it to the length it stated."""
    place = public(str(response.url))
    stated = response.headers.get("content-length", "")
    if stated.isdigit() and int(stated[:19]) > most:
        raise too_many(place, most)
    content = bytearray()
    for piece in _pieces(response, place, most):
        content += piece
        if len(content) > most:
            raise too_many(place, most)
    return bytes(content)


def too_many(place: str, most: int) -> SourceRefused:
    """The refusal of a source that is too large."""
    return SourceRefused(
        f"{place} is larger than {most / 1e6:g} MB; make it smaller or raise the limit.",
        "too_many_bytes",
    )


def _pieces(response: httpx.Response, place: str, most: int) -> Iterator[bytes]:
    """The body as it arrives. We ask for it unpacked; gzip is common enough to be met anyway.

    httpx would unpack without a limit, and a few packed bytes can stand for gigabytes.
    """
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        yield from response.iter_raw()
        return
    if encoding != "gzip":
        raise TryTomorrow(
            f"{place} came packed in a way we did not ask for; let its host send it unpacked.",
            "source_encoded",
        )
    unpacker = zlib.decompressobj(wbits=31)
    try:
        for piece in response.iter_raw():
            yield unpacker.decompress(piece, most + 1)
    except zlib.error as error:
        raise Unreachable(f"{place} came damaged; {LATER}.") from error
    if not unpacker.eof:
        raise Unreachable(f"{place} came incomplete; {LATER}.")
