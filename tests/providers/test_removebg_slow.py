"""A call ends, however slowly it is answered: a byte now and then is no answer."""

import time
from collections.abc import Iterator

import pytest

from packshot.facts.errors import PackshotError, Uncertain, Unreachable
from packshot.facts.paid_options import PaidOptions
from packshot.providers.removebg import RemoveBg
from tests.providers.playing import KEY, sent, zipped
from tests.world.played_shop import Page, Shop, Visit, open_shop

PATIENCE = 0.5


@pytest.fixture
def api() -> Iterator[Shop]:
    """A real server that plays the API."""
    with open_shop() as api:
        yield api


def client(api: Shop) -> RemoveBg:
    """An account whose calls begin to be answered within half a second."""
    return RemoveBg(KEY, base_url=api.url("/v1.0"), timeout_seconds=PATIENCE)


def dribble_headers(visit: Visit) -> None:
    """Never come to the body."""
    visit.close_connection = True
    visit.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(40):
        visit.wfile.write(b".")
        time.sleep(0.1)


def dribble_the_body(visit: Visit) -> None:
    """Send the answer byte by byte."""
    visit.close_connection = True
    visit.send_response(200)
    visit.end_headers()
    for byte in zipped()[:40]:
        visit.wfile.write(bytes([byte]))
        time.sleep(0.1)


def say_nothing(visit: Visit) -> None:
    """Take the request and think about it."""
    visit.close_connection = True
    time.sleep(3)


@pytest.mark.parametrize("page", [dribble_headers, say_nothing])
def test_an_answer_begins_in_time_or_is_uncertain(api: Shop, page: Page) -> None:
    """It was sent, so it may be charged."""
    api.pages["/v1.0/removebg"] = page
    begun = time.monotonic()
    with pytest.raises(Uncertain):
        client(api).submit(sent(), PaidOptions())
    assert time.monotonic() - begun < 3 * PATIENCE


def test_a_body_has_as_long_again(api: Shop) -> None:
    """What has begun is probably paid for; it is given up when it never ends."""
    api.pages["/v1.0/removebg"] = dribble_the_body
    begun = time.monotonic()
    with pytest.raises(Uncertain) as refusal:
        client(api).submit(sent(), PaidOptions())
    assert refusal.value.code == "broken_answer"
    assert PATIENCE < time.monotonic() - begun < 4 * PATIENCE


def test_the_balance_is_told_in_time(api: Shop) -> None:
    """Asking costs nothing and can be done again."""
    api.pages["/v1.0/account"] = dribble_headers
    begun = time.monotonic()
    with pytest.raises(PackshotError) as refusal:
        client(api).account()
    assert type(refusal.value) is Unreachable
    assert time.monotonic() - begun < 3 * PATIENCE


def test_a_connection_that_was_idle_is_not_used_again(api: Shop) -> None:
    """The other side may be hanging up; until then it is."""
    ports = []

    def answer(visit: Visit) -> None:
        ports.append(visit.client_address[1])
        visit.answer(body=zipped(), content_type="application/zip")

    api.pages["/v1.0/removebg"] = answer
    account = RemoveBg(KEY, base_url=api.url("/v1.0"), timeout_seconds=5)
    for pause in (0.0, 0.1, 3.3):
        time.sleep(pause)
        account.submit(sent(), PaidOptions())
    assert ports[0] == ports[1] != ports[2]
