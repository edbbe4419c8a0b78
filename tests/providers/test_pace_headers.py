"""Every usual way in which a provider tells its windows."""

import httpx
import pytest

from packshot.providers.face import PaceReading
from packshot.providers.pace_headers import pace_readings

NOW = "Mon, 01 Jun 2020 15:48:36 GMT"  # 1591026516
TOLD: list[tuple[str, dict[str, str], list[PaceReading]]] = [
    (
        "remove.bg",
        {"X-RateLimit-Limit": "500", "X-RateLimit-Remaining": "494", "Date": NOW}
        | {"X-RateLimit-Reset": "1591026546"},
        [PaceReading(500, 494, 30)],
    ),
    (
        "drafts up to 06, one window",
        {"RateLimit-Limit": "60", "RateLimit-Remaining": "12", "RateLimit-Reset": "7"},
        [PaceReading(60, 12, 7)],
    ),
    (
        "drafts up to 06, three windows of which the first is told",
        {"RateLimit-Limit": '10, 10;w=1, 50;w=60;comment="fair", 1000;w=3600'}
        | {"RateLimit-Remaining": "9", "RateLimit-Reset": "1"},
        [
            PaceReading(10, 9, 1, 1),
            PaceReading(50, None, 60, 60),
            PaceReading(1000, None, 3600, 3600),
        ],
    ),
    (
        "drafts 04 to 06, with a policy",
        {"RateLimit-Limit": "100", "RateLimit-Policy": "100;w=30, 5000;w=86400"}
        | {"RateLimit-Remaining": "50", "RateLimit-Reset": "20"},
        [PaceReading(100, 50, 20, 30), PaceReading(5000, None, 86400, 86400)],
    ),
    (
        "draft 07",
        {"RateLimit": "limit=100, remaining=50, reset=5", "RateLimit-Policy": "100;w=60"},
        [PaceReading(100, 50, 5, 60)],
    ),
    (
        "draft 08 and later",
        {"RateLimit": '"burst";r=3;t=9, "daily";r=900;t=4000'}
        | {"RateLimit-Policy": '"burst";q=10;w=10, "daily";q=1000;w=86400;qu="requests"'},
        [PaceReading(10, 3, 9, 10), PaceReading(1000, 900, 4000, 86400)],
    ),
    (
        "a moment instead of seconds, on the provider's clock",
        {"RateLimit-Limit": "60", "RateLimit-Remaining": "12", "Date": NOW}
        | {"RateLimit-Reset": "1591026526"},
        [PaceReading(60, 12, 10)],
    ),
    (
        "a longer window than was declared",
        {"RateLimit-Limit": "60", "RateLimit-Remaining": "12", "RateLimit-Reset": "120"},
        [PaceReading(60, 12, 120)],
    ),
    (
        "more seconds than any window has",
        {"RateLimit-Limit": "60", "RateLimit-Remaining": "12", "RateLimit-Reset": "7777"},
        [PaceReading(60, 12, 60)],
    ),
]


@pytest.mark.parametrize(("headers", "readings"), [t[1:] for t in TOLD], ids=[t[0] for t in TOLD])
def test_what_is_told_is_read(headers: dict[str, str], readings: list[PaceReading]) -> None:
    """Each window with its limit, what is left of it, and its end."""
    assert list(pace_readings(httpx.Headers(headers), 60)) == readings


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"RateLimit-Limit": "60", "RateLimit-Remaining": "12"},
        {"RateLimit-Limit": "soon", "RateLimit-Remaining": "1", "RateLimit-Reset": "1"},
        {"RateLimit-Limit": "60", "RateLimit-Remaining": "-1", "RateLimit-Reset": "1"},
        {"RateLimit": '"burst";r=3;t=9'},
        {"RateLimit": '"burst";r=3;t=9', "RateLimit-Policy": '"burst";q=0;w=10'},
        {"RateLimit": '"burst;r=3', "RateLimit-Policy": '"burst";q=5;w=10'},
        {"RateLimit": "limit=ten, remaining=1, reset=1"},
        {"RateLimit": b"\x00\xff", "RateLimit-Policy": b";;;"},
    ],
    ids=str,
)
def test_what_cannot_be_trusted_is_nothing(headers: dict[str, str] | dict[str, bytes]) -> None:
    """Half a reading is none."""
    assert pace_readings(httpx.Headers(headers), 60) == ()


def test_windows_that_cannot_be_read_leave_the_one_that_can() -> None:
    """A policy in words of its own takes nothing from the plain numbers."""
    headers = {"RateLimit-Limit": "60, fair use", "RateLimit-Remaining": "9"}
    told = pace_readings(httpx.Headers(headers | {"RateLimit-Reset": "1"}), 60)
    assert told == (PaceReading(60, 9, 1),)
