"""What may go wrong around one picture, by the words of `docs/faults.md`, and how to read these."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from packshot.sandbox.state import Fault
from tests.run.nights import Night, Shop, photo
from tests.world.played_shop import Visit

Page = Callable[[Visit], None]
Prepare = Callable[[Shop], None]
DOCUMENT = Path(__file__).parents[2] / "docs/faults.md"
ITEM_SECONDS = 12
LIMITS = {"workers": 1, "item_seconds": ITEM_SECONDS, "source_megabytes": 1}
TRIES = 99
"""More than anybody tries in a night."""


def rows(heading: str) -> list[tuple[str, ...]]:
    """The rows of the table below a heading, its head and rule left out."""
    below = DOCUMENT.read_text().split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    table = [line for line in below.splitlines() if line.startswith("|")]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in table[2:]]


def told(night: Night) -> tuple[str, ...]:
    """A night in the words of a table: outcome, reason, calls, charged, uncertain."""
    (row,) = (dict(row) for _, row in night.report.iterrows())
    sums = (row["calls"], row["charged"], row["uncertain"])
    assert row["charged"] + row["uncertain"] >= night.seen.credits
    reason = row["reason_code"] if isinstance(row["reason_code"], str) else ""
    return (row["outcome"], reason, *(f"{part:g}" for part in sums))


def stocked(shop: Shop) -> None:
    """One picture, real money, and little time."""
    shop.market.pass_for_real()
    shop.settings = {"limits": LIMITS}
    shop.draw("mug.png", size=(640, 480))
    shop.list(shop.row("mug", "mug.png"))


def _next(kind: str, times: int = 1, **how: Any) -> Prepare:  # noqa: ANN401
    def prepare(shop: Shop) -> None:
        shop.market.state.add_fault(Fault(kind=kind, times=times, **how))

    return prepare


def _account(**settings: Any) -> Prepare:  # noqa: ANN401
    def prepare(shop: Shop) -> None:
        shop.market.state.change(settings)

    return prepare


PROVIDER: Final[Mapping[str, Prepare]] = MappingProxyType(
    {
        "429 and the seconds to wait": _next("status_429", retry_after=1),
        "429 and a date": _next("status_429", retry_after="date", seconds=2),
        "429 and nothing else": _next("status_429"),
        "429 to thirty calls": _next("status_429", 30, retry_after=0),
        "500 and an HTML page": _next("status_500"),
        "500 to every call": _next("status_500", TRIES),
        "503 and an HTML page": _next("status_503"),
        "503 to every call": _next("status_503", TRIES),
        "502 and an HTML page": _next("status_502"),
        "502 to every call": _next("status_502", TRIES),
        "402, no credits": _next("status_402"),
        "403, the key": _next("status_403"),
        "400 and a code": _next("error_code:unknown_foreground"),
        "400 without a code": _next("status_400_without_code"),
        "a body of another type than stated": _next("wrong_content_type"),
        "half a body": _next("truncated_body"),
        "half a body to every call": _next("truncated_body", TRIES),
        "half a ZIP": _next("truncated_zip"),
        "half a ZIP to every call": _next("truncated_zip", TRIES),
        "a ZIP with other names": _next("zip_other_names"),
        "a ZIP with other names, every time": _next("zip_other_names", TRIES),
        "a ZIP bomb": _next("zip_bomb"),
        "a ZIP bomb to every call": _next("zip_bomb", TRIES),
        "a body that dribbles for 2 s": _next("slow_body", seconds=2),
        "a body that dribbles for 15 s": _next("slow_body", TRIES, seconds=15),
        "a reset before it reads": _next("reset_before_read"),
        "a reset before it reads, every time": _next("reset_before_read", TRIES),
        "a reset after it read": _next("reset_after_read"),
        "a reset after it read, every time": _next("reset_after_read", TRIES),
        "a picture, but not what it charged": _next("missing_charge_header"),
        "a smaller picture than asked": _next("degraded"),
        "a balance that lags": _account(account_lag_seconds=30),
    }
)


def _status(status: int, times: int = TRIES, **headers: str) -> Page:
    """An answer without a body, so many times, and the picture after that."""
    left = [times]

    def page(visit: Visit) -> None:
        left[0] -= 1
        if left[0] < 0:
            visit.answer(body=photo())
        else:
            visit.answer(status, b"", **headers)

    return page


def _body(body: bytes, **headers: str) -> Page:
    return lambda visit: visit.answer(200, body, **headers)


def _cut_off(visit: Visit) -> None:
    body = photo()
    visit.close_connection = True
    visit.answer(200, body[: len(body) // 2], content_length=str(len(body)))


def _endless(visit: Visit) -> None:
    visit.close_connection = True
    visit.send_response(200)
    visit.end_headers()
    while True:
        visit.wfile.write(bytes(65536))


def _dribbling(visit: Visit) -> None:
    visit.close_connection = True
    visit.send_response(200)
    visit.end_headers()
    for byte in photo():
        visit.wfile.write(bytes([byte]))
        time.sleep(0.5)


def _silent(visit: Visit) -> None:
    visit.close_connection = True
    time.sleep(15)


def _hang_up(visit: Visit) -> None:
    visit.close_connection = True
    visit.connection.close()


def _etag_of_the_moment(visit: Visit) -> None:
    visit.answer(body=photo(), etag=f'"{time.monotonic_ns()}"')


HOST: Final[Mapping[str, Page]] = MappingProxyType(
    {
        "404": _status(404),
        "403": _status(403),
        "410": _status(410),
        "500 once": _status(500, 1),
        "500 every time": _status(500),
        "503 once, with the seconds to wait": _status(503, 1, retry_after="1"),
        "429 once, with the seconds to wait": _status(429, 1, retry_after="1"),
        "429 for an hour": _status(429, retry_after="3600"),
        "a redirect to itself": _status(302, location="/a.png"),
        "a redirect to a private address": _status(302, location="http://10.0.0.1/a.png"),
        "a redirect to a file": _status(302, location="file:///etc/passwd"),
        "an HTML page with 200": _body(b"<!doctype html><p>Not here."),
        "an empty body": _body(b""),
        "a body without end": _endless,
        "half of the stated length": _cut_off,
        "a byte now and then": _dribbling,
        "silence": _silent,
        "a connection that closes": _hang_up,
        "another ETag each time": _etag_of_the_moment,
    }
)
"""What the picture's host does, by the words of the table."""
ADDRESSES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "no TLS where it should be": "https://127.0.0.1:{port}/a.png",
        "nobody at the port": "http://127.0.0.1:1/a.png",
        "an unknown name": "http://no-such-shop.invalid/a.png",
    }
)
"""Where there is no host to speak of; `port` is one of a host without TLS."""
