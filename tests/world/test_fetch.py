"""Fetching pictures from hosts that are slow, broken or merely changed."""

import gzip
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
import stamina

from packshot.facts.errors import (
    PackshotError,
    SourceMissing,
    Throttled,
    TryTomorrow,
    Unreachable,
)
from packshot.world import silent_hosts
from packshot.world.fetch import SILENT_ROUNDS, Fetcher, FetchLimits
from packshot.world.fetch_answers import judge
from packshot.world.fetch_places import host_of
from tests.world.played_shop import (
    PICTURE,
    Page,
    Shop,
    Visit,
    get,
    in_turn,
    open_shop,
    refused,
)


@pytest.fixture
def shop() -> Iterator[Shop]:
    """Open one shop."""
    with open_shop() as opened:
        yield opened


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Retries happen; their pauses do not."""
    with stamina.set_testing(True, attempts=9, cap=True):
        yield


# What comes back ----------------------------------------------------------------------------------


def test_a_picture_comes_with_what_recognises_it(shop: Shop) -> None:
    """Bytes, validators, status, tries and the public address are all there."""
    shop.pages["/a.png"] = lambda visit: visit.answer(etag='"1"', last_modified="then")
    got = get(shop.url("/a.png?sig=secret"))
    assert (got.content, got.etag, got.last_modified) == (PICTURE, '"1"', "then")
    assert (got.status, got.tries, got.final_url) == (200, 1, shop.url())
    assert got.seconds > 0


def test_our_requests_say_who_asks_and_for_what(shop: Shop) -> None:
    """One fixed Accept, no packing, our own name, no cookies from earlier answers."""
    shop.pages["/a.png"] = lambda visit: visit.answer(set_cookie="id=1; Path=/")
    fetcher = Fetcher(allow_hosts=["127.0.0.1"])
    for _ in range(2):
        fetcher.fetch(shop.url(), deadline_seconds=5)
    sent = shop.visits[1].headers
    assert sent["Accept"].startswith("image/png,image/jpeg")
    assert sent["User-Agent"].startswith("packshot/")
    assert (sent["Accept-Encoding"], sent["Cookie"]) == ("identity", None)


def test_a_known_picture_is_not_sent_again(shop: Shop) -> None:
    """304 means: none; what recognised the picture stays known."""
    shop.pages["/a.png"] = lambda visit: visit.answer(304, b"")
    got = get(shop.url(), etag='"1"')
    assert (got.content, got.status, got.etag) == (None, 304, '"1"')
    assert shop.visits[0].headers["If-None-Match"] == '"1"'


def test_a_validator_that_cannot_be_sent_back_is_dropped(shop: Shop) -> None:
    """A host's odd ETag must not break every later night."""
    shop.pages["/a.png"] = lambda visit: visit.answer(etag='"\xe9"')
    assert get(shop.url(), etag='"\xe9\n"').etag is None
    assert "If-None-Match" not in shop.visits[0].headers


def test_a_304_nobody_asked_for_is_no_picture(shop: Shop) -> None:
    """Without a validator there is nothing it could be equal to."""
    shop.pages["/a.png"] = lambda visit: visit.answer(304, b"")
    assert refused(shop.url(), allow=("127.0.0.1",)) == "source_answered_304"


def test_what_was_done_is_counted(shop: Shop) -> None:
    """Requests, pictures not sent again, and bytes."""
    shop.pages["/same"] = lambda visit: visit.answer(304, b"")
    fetcher = Fetcher(allow_hosts=["127.0.0.1"])
    fetcher.fetch(shop.url(), deadline_seconds=5)
    fetcher.fetch(shop.url("/same"), etag='"1"', deadline_seconds=5)
    fetcher.close()
    tally = fetcher.tally
    assert (tally.requests, tally.not_modified, tally.bytes) == (2, 1, len(PICTURE))


def test_gzip_is_unpacked_up_to_the_cap(shop: Shop) -> None:
    """A server that packs unasked is understood; a bomb is not."""
    shop.pages["/a"] = lambda visit: visit.answer(
        200, gzip.compress(PICTURE), content_encoding="gzip"
    )
    bomb = gzip.compress(bytes(30_000_000))
    shop.pages["/b"] = lambda visit: visit.answer(200, bomb, content_encoding="gzip")
    half = gzip.compress(bytes(range(256)))[:-9]
    shop.pages["/half"] = lambda visit: visit.answer(200, half, content_encoding="gzip")
    shop.pages["/no"] = lambda visit: visit.answer(200, b"no", content_encoding="gzip")
    shop.pages["/c"] = lambda visit: visit.answer(200, b"?", content_encoding="zstd")
    small = FetchLimits(max_bytes=1_000_000)
    assert get(shop.url("/a")).content == PICTURE
    assert refused(shop.url("/b"), allow=("127.0.0.1",), limits=small) == "too_many_bytes"
    assert refused(shop.url("/half"), allow=("127.0.0.1",)) == "unreachable"
    assert refused(shop.url("/no"), allow=("127.0.0.1",)) == "unreachable"
    assert refused(shop.url("/c"), allow=("127.0.0.1",)) == "source_encoded"


# Hosts that refuse or fail ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "remedy", "code"),
    [
        (401, TryTomorrow, "source_forbidden"),
        (403, TryTomorrow, "source_forbidden"),
        (404, SourceMissing, "source_missing"),
        (410, SourceMissing, "source_gone"),
        (418, TryTomorrow, "source_answered_418"),
        (301, TryTomorrow, "source_answered_301"),
    ],
)
def test_a_refusal_is_final_for_tonight(
    shop: Shop, status: int, remedy: type[PackshotError], code: str
) -> None:
    """One request, the right remedy, and no secret in the sentence."""
    shop.pages["/a.png"] = lambda visit: visit.answer(status)
    with pytest.raises(remedy) as caught:
        get(shop.url("/a.png?sig=secret"))
    assert caught.value.code == code
    assert len(shop.visits) == 1
    assert "secret" not in str(caught.value)


def test_a_server_error_is_tried_again(shop: Shop) -> None:
    """503, a hang-up, then the picture: three tries."""
    turns = [lambda visit: visit.answer(503), lambda visit: visit.wfile.close(), Visit.answer]
    shop.pages["/a.png"] = in_turn(turns)
    assert get(shop.url()).tries == 3


def test_tries_are_limited(shop: Shop) -> None:
    """A host that stays broken is left alone."""
    shop.pages["/a.png"] = lambda visit: visit.answer(500)
    with pytest.raises(Unreachable):
        get(shop.url(), limits=FetchLimits(tries=3))
    assert len(shop.visits) == 3


def test_we_wait_as_long_as_we_are_asked(shop: Shop) -> None:
    """Retry-After counts, not our own pauses."""
    turns = [lambda visit: visit.answer(429, retry_after="1"), Visit.answer]
    shop.pages["/a.png"] = in_turn(turns)
    with stamina.set_testing(False):
        got = get(shop.url())
    assert got.tries == 2
    assert 1.0 <= got.seconds < 2.0


def test_a_wait_beyond_the_deadline_is_not_begun(shop: Shop) -> None:
    """The caller learns at once how long the host wants to be left alone."""
    shop.pages["/a.png"] = lambda visit: visit.answer(429, retry_after="3600")
    with pytest.raises(Throttled) as caught:
        get(shop.url())
    assert caught.value.wait_seconds == 3600
    assert len(shop.visits) == 1


def test_retry_after_may_be_a_date_or_nonsense() -> None:
    """A date is understood, anything else is no advice."""
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    waits = []
    for said in (later, "soon", "-5", "", "Thu, 01 Jan 1970 00:00:00 GMT"):
        request = httpx.Request("GET", "http://mugs.example/")
        with pytest.raises(Throttled) as caught:
            judge(httpx.Response(429, headers={"Retry-After": said}, request=request))
        waits.append(caught.value.wait_seconds)
    assert waits[0] == pytest.approx(60, abs=5)
    assert waits[1:] == [None] * 4


def test_a_date_to_wait_for_is_one_of_the_hosts_clock() -> None:
    """Whatever our own clock shows, the host has said what it takes for now."""
    said = {"Date": "Thu, 01 Jan 2026 12:00:00 GMT", "Retry-After": "Thu, 01 Jan 2026 12:00:30 GMT"}
    request = httpx.Request("GET", "http://mugs.example/")
    with pytest.raises(Throttled) as caught:
        judge(httpx.Response(429, headers=said, request=request))
    assert caught.value.wait_seconds == 30


def test_a_body_shorter_than_stated_is_no_picture(shop: Shop) -> None:
    """Half a picture must not be bought."""

    def short(visit: Visit) -> None:
        visit.answer(content_length="999")
        visit.close_connection = True

    shop.pages["/a.png"] = short
    with pytest.raises(Unreachable):
        get(shop.url(), limits=FetchLimits(tries=2))
    assert len(shop.visits) == 2


# Hosts that do not stop ---------------------------------------------------------------------------


def test_a_picture_that_is_stated_too_large_is_not_read(shop: Shop) -> None:
    """Its length is enough."""
    shop.pages["/a.png"] = lambda visit: visit.answer(content_length="51000000")
    assert refused(shop.url(), allow=("127.0.0.1",)) == "too_many_bytes"


def endless(visit: Visit) -> None:
    """Send for as long as somebody listens."""
    visit.close_connection = True
    visit.send_response(200)
    visit.end_headers()
    while True:
        visit.wfile.write(bytes(65536))


def dribble(visit: Visit) -> None:
    """Send a byte now and then."""
    visit.close_connection = True
    visit.send_response(200)
    visit.end_headers()
    for _ in range(100):
        visit.wfile.write(b".")
        time.sleep(0.05)


def dribble_headers(visit: Visit) -> None:
    """Never come to the body."""
    visit.close_connection = True
    visit.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(100):
        visit.wfile.write(b".")
        time.sleep(0.05)


def test_an_endless_body_ends_at_the_cap(shop: Shop) -> None:
    """No length was stated, so the bytes are counted."""
    shop.pages["/a.png"] = endless
    limits = FetchLimits(max_bytes=300_000)
    assert refused(shop.url(), allow=("127.0.0.1",), limits=limits) == "too_many_bytes"


@pytest.mark.parametrize("page", [dribble, dribble_headers])
def test_a_dribble_ends_at_the_deadline(shop: Shop, page: Page) -> None:
    """Each byte comes in time, the picture does not."""
    shop.pages["/a.png"] = page
    start = time.monotonic()
    with pytest.raises(Unreachable):
        get(shop.url(), seconds=0.5)
    assert time.monotonic() - start < 1.0


def test_a_slow_host_does_not_hold_up_another(shop: Shop) -> None:
    """Its pictures queue for its own places and leave the others free."""
    release = threading.Event()
    shop.pages["/a.png"] = lambda visit: (release.wait(5), visit.answer())[1]
    fetcher = Fetcher(FetchLimits(at_once=3, per_host=2), allow_hosts=["127.0.0.1", "localhost"])
    with open_shop() as quick, ThreadPoolExecutor(9) as pool:
        slow = [pool.submit(fetcher.fetch, shop.url(), deadline_seconds=5) for _ in range(8)]
        start = time.monotonic()
        fetcher.fetch(quick.url(host="localhost"), deadline_seconds=5)
        assert time.monotonic() - start < 1.0
        assert len(shop.visits) <= 2
        release.set()
        assert all(one.result().content == PICTURE for one in slow)
    assert not fetcher._places._hosts


def test_waiting_for_a_place_ends_at_the_deadline(shop: Shop) -> None:
    """The queue is part of the time a picture may take."""
    release = threading.Event()
    shop.pages["/a.png"] = lambda visit: (release.wait(5), visit.answer())[1]
    fetcher = Fetcher(FetchLimits(per_host=1), allow_hosts=["127.0.0.1"])
    with ThreadPoolExecutor(1) as pool:
        pool.submit(fetcher.fetch, shop.url(), deadline_seconds=5)
        while not shop.visits:
            time.sleep(0.01)
        with pytest.raises(Unreachable) as caught:
            fetcher.fetch(shop.url(), deadline_seconds=0.2)
        release.set()
    assert caught.value.code == "fetch_queue"


def test_a_host_that_is_silent_is_left_alone(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """After some tries in vain others learn it at once, until somebody finds it well again."""
    monkeypatch.setattr(silent_hosts, "LEFT_ALONE_SECONDS", 0.5)
    silent = threading.Event()
    shop.pages["/a.png"] = lambda visit: (silent.wait(2), visit.answer())[1]
    limits = FetchLimits(per_host=1, tries=1, read_seconds=0.1)
    fetcher = Fetcher(limits, allow_hosts=["127.0.0.1"])
    for _ in range(SILENT_ROUNDS):
        with pytest.raises(Unreachable, match="took too long"):
            fetcher.fetch(shop.url(), deadline_seconds=5)
    for _ in range(5):
        with pytest.raises(TryTomorrow, match=r"127\.0\.0\.1 did not answer in time 3 times") as no:
            fetcher.fetch(shop.url(), deadline_seconds=5)
    assert no.value.code == "host_silent"
    assert len(shop.visits) == SILENT_ROUNDS
    silent.set()
    time.sleep(0.5)
    assert [fetcher.fetch(shop.url(), deadline_seconds=5).tries for _ in range(3)] == [1, 1, 1]


def test_a_host_that_still_answers_is_not_silent(shop: Shop) -> None:
    """A refusal is an answer, too."""
    slow = threading.Event()
    turns = 2 * [lambda visit: (slow.wait(0.5), visit.answer())[1]]
    turns = 3 * [*turns, lambda visit: visit.answer(404)]
    shop.pages["/a.png"] = in_turn(turns)
    fetcher = Fetcher(FetchLimits(per_host=1, tries=1, read_seconds=0.1), allow_hosts=["127.0.0.1"])
    codes = []
    for _ in turns:
        with pytest.raises(PackshotError) as refusal:
            fetcher.fetch(shop.url(), deadline_seconds=5)
        codes.append(refusal.value.code)
    assert codes == 3 * ["unreachable", "unreachable", "source_missing"]


def test_one_request_has_its_own_limit(shop: Shop) -> None:
    """A dribble is given up early enough for another try."""
    shop.pages["/a.png"] = in_turn([dribble, Visit.answer])
    limits = FetchLimits(request_seconds=0.3)
    assert get(shop.url(), limits=limits, seconds=5).tries == 2


def test_waiting_for_a_place_takes_nothing_from_a_request(shop: Shop) -> None:
    """Its own limit begins when it does."""
    shop.pages["/a.png"] = lambda visit: (time.sleep(0.4), visit.answer())[1]
    limits = FetchLimits(per_host=1, request_seconds=0.7, tries=1)
    fetcher = Fetcher(limits, allow_hosts=["127.0.0.1"])
    with ThreadPoolExecutor(3) as pool:
        three = [pool.submit(fetcher.fetch, shop.url(), deadline_seconds=5) for _ in range(3)]
        assert [one.result().tries for one in three] == [1, 1, 1]


def test_a_host_with_enough_to_do_is_crowded(shop: Shop) -> None:
    """As many may wait as are fetched; whoever comes then does better to come back."""
    release = threading.Event()
    shop.pages["/a.png"] = lambda visit: (release.wait(5), visit.answer())[1]
    fetcher = Fetcher(FetchLimits(per_host=1), allow_hosts=["127.0.0.1"])
    with ThreadPoolExecutor(2) as pool:
        crowd = [pool.submit(fetcher.fetch, shop.url(), deadline_seconds=5) for _ in range(2)]
        while not fetcher.is_crowded(host_of(shop.url("/other.png"))):
            time.sleep(0.01)
        assert not fetcher.is_crowded("elsewhere.example")
        release.set()
        assert all(one.result() for one in crowd)
    assert not fetcher.is_crowded(host_of(shop.url()))
