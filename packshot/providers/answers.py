"""Where HTTP becomes ours: errors by remedy, headers as numbers, bodies within a cap.

Above this seam nobody imports `httpx` to catch something.
"""

import html
import io
import math
import re
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

import httpx
from PIL import Image

from packshot.facts.errors import Uncertain, Unreachable
from packshot.world.colours import DAMAGED

CHECK_NETWORK: Final = "check this machine's network and `--provider-url`, then run again."
COMPARE: Final = "Compare the account's balance with the report; the next run tries again."
TOO_LARGE: Final = "answer_too_large"
REFUSAL_BYTES: Final = 64 * 1024
REFUSAL_SECONDS: Final = 10.0
QUOTE_LENGTH: Final = 200
LONGEST_WAIT_SECONDS: Final = 86_400.0  # what asks for more is absurd, and clocks overflow
JPEG_TAIL_BYTES: Final = 1024  # some encoders pad after the end mark

UNSENT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.WriteError,  # a request that did not leave whole cannot be worked on
    httpx.WriteTimeout,
)
_READABLE: Final = ("PNG", "JPEG", "WEBP")
_FORMATS: Final = {"PNG": "png", "JPEG": "jpeg", "MPO": "jpeg", "WEBP": "webp"}  # Pillow's words
_UNREADABLE: Final = (
    *DAMAGED,  # zipfile's RuntimeError for an encrypted entry is among them
    zlib.error,
    zipfile.BadZipFile,
    Image.DecompressionBombError,
)
_LOGIN: Final = re.compile(r"://[^\s/?#]*@")
_QUERY: Final = re.compile(r"(://[^\s?#]*)(?:[?#]\S*)?")


@contextmanager
def in_our_words(who: str, *, may_cost: bool) -> Iterator[None]:
    """Re-raise what the network did: unsent is `Unreachable`, sent and unanswered `Uncertain`."""
    try:
        yield
    except UNSENT as error:
        raise Unreachable(
            f"{who} was not reached ({type(error).__name__}); {CHECK_NETWORK}"
        ) from error
    except httpx.RequestError as error:
        what = type(error).__name__
        if not may_cost:
            raise Unreachable(f"{who} did not answer ({what}); {CHECK_NETWORK}") from error
        raise Uncertain(
            f"{who} was sent the picture and never answered ({what}); it may have charged for it. "
            f"{COMPARE}"
        ) from error


def broken_answer(who: str, what: str, code: str = "broken_answer") -> Uncertain:
    """The error of an answer that is lost to us after the provider said it is good."""
    return Uncertain(
        f"{who} answered, but the answer {what}; it has probably charged for it. {COMPARE}",
        code,
    )


def read_whole(response: httpx.Response, who: str, *, at_most: int, seconds: float) -> bytes:
    """Read a good answer to its end; whatever goes wrong now was probably paid for."""
    declared = number(response.headers.get("content-length"))
    until = time.monotonic() + seconds
    body = bytearray()
    try:
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > at_most:
                raise broken_answer(who, f"is larger than {at_most:,} bytes", TOO_LARGE)
            if time.monotonic() > until:
                raise broken_answer(who, f"took longer than {seconds:g} seconds to arrive")
    except httpx.RequestError as error:
        raise broken_answer(who, f"broke off ({type(error).__name__})") from error
    plain = "content-encoding" not in response.headers
    if plain and declared is not None and len(body) != declared:
        raise broken_answer(who, f"holds {len(body):,} of {declared:,.0f} bytes")
    return bytes(body)


def read_some(response: httpx.Response) -> bytes:
    """Read a short answer, or what of it can be had: the status has already said what matters."""
    until = time.monotonic() + REFUSAL_SECONDS
    body = bytearray()
    with suppress(httpx.RequestError):
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) >= REFUSAL_BYTES or time.monotonic() > until:
                break
    return bytes(body[:REFUSAL_BYTES])


def number(text: str | None) -> float | None:
    """A header's number, or None where there is none that can be trusted."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def moment(text: str | None) -> float | None:
    """An HTTP date in epoch seconds."""
    try:
        when = parsedate_to_datetime(text or "")
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def seconds_until(epoch_seconds: float, headers: httpx.Headers) -> float:
    """Seconds from the answer to a moment the provider named, on the provider's own clock."""
    now = moment(headers.get("date"))
    return max(0.0, epoch_seconds - (time.time() if now is None else now))


def retry_after(headers: httpx.Headers) -> float | None:
    """Seconds to wait, whether the provider wrote seconds or a date."""
    said = headers.get("retry-after")
    seconds = number(said)
    if seconds is None and (when := moment(said)) is not None:
        seconds = seconds_until(when, headers)
    return None if seconds is None else min(seconds, LONGEST_WAIT_SECONDS)


def quotable(text: str, secret: str) -> str:
    """A provider's own words, fit for a report: no key, login or query, and one short line."""
    plain = _QUERY.sub(r"\1", _LOGIN.sub("://", text.replace(secret, "***")))
    return " ".join(plain.split())[:QUOTE_LENGTH]


def excerpt(body: bytes, secret: str) -> str | None:
    """How a body begins, fit for a report; what HTML or JSON escaped is found as well."""
    text = html.unescape(body.decode(errors="replace")).replace("\\/", "/")
    return quotable(text, secret) or None


class Look(NamedTuple):
    """What the bytes of an answer are."""

    format: str
    """zip, png, webp or jpeg."""
    width: int
    height: int

    @property
    def megapixels(self) -> float:
        """Width times height in millions."""
        return self.width * self.height / 1e6


def look_at(content: bytes, *, at_most: int) -> Look:
    """Tell format and size from the bytes, without decoding pixels.

    Raises `ValueError` when this is no whole picture or ZIP of colour and alpha.
    """
    try:
        return _look_into(content, at_most) if content[:4] == b"PK\x03\x04" else _look(content)
    except _UNREADABLE as error:
        raise ValueError("is no picture") from error


def _look(content: bytes) -> Look:
    with Image.open(io.BytesIO(content), formats=_READABLE) as picture:
        kind, (width, height) = _FORMATS[picture.format or ""], picture.size
        picture.verify()  # every checksum of a PNG; a cut WebP does not open
    if kind == "jpeg" and b"\xff\xd9" not in content[-JPEG_TAIL_BYTES:]:
        raise ValueError("a JPEG without its end")
    return Look(kind, width, height)


def _look_into(content: bytes, at_most: int) -> Look:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = {entry.filename.partition(".")[0]: entry for entry in archive.infolist()}
        pair = [entries.get("color"), entries.get("alpha")]
        found = [entry for entry in pair if entry is not None]
        if len(found) != len(pair) or sum(entry.file_size for entry in found) > at_most:
            raise ValueError("not a ZIP of colour and alpha")
        sizes = {_look(archive.read(entry))[1:] for entry in found}  # reading checks the checksum
    if len(sizes) != 1:
        raise ValueError("colour and alpha differ in size")
    return Look("zip", *sizes.pop())
