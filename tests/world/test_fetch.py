"""Fetching pictures from hosts that are slow, broken, hostile or merely changed."""

import gzip
import logging
import os
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import fsspec
import httpx
import pytest
import stamina
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from packshot.facts.errors import (
    BadOption,
    PackshotError,
    SourceMissing,
    SourceRefused,
    Throttled,
    TryTomorrow,
    Unreachable,
)
from packshot.world.fetch import Fetched, Fetcher, FetchLimits
from packshot.world.fetch_answers import judge
from packshot.world.network_guard import GuardedBackend, LookUp, guarded_transport

TRUST = httpx.create_ssl_context(trust_env=False)  # takes longer than most tests
PICTURE = b"\x89PNG picture"
PRIVATE = """
127.0.0.1 127.0.0.1. 127.1 0177.0.0.1 2130706433 0x7f000001 017700000001 0x7f.1 0 0.0.0.0
localhost LOCALHOST 10.0.0.1 169.254.169.254 168.63.129.16 100.100.100.200
[::1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1] [::127.0.0.1] [64:ff9b::7f00:1] [fd00:ec2::254]
[2002:7f00:1::] [2001::1] [fe80::1%25lo] user:pw@127.0.0.1 1.1.1.1:80@127.0.0.1
127\u30020\u30020\u30021 %31%32%37.0.0.1
"""
NO_ADDRESS = (
    "http:///a.png http://a:b/ http://u:pa/ss@h/ http://\uff11\uff12\uff17.0.0.1/ http://[::1/"
)
OTHER_SCHEMES = """
ftp://mugs.example/a.png file:///etc/passwd /etc/passwd gopher://127.0.0.1/
data:image/png;base64,AA s3://mugs/a.png simplecache::http://127.0.0.1/
"""
Page = Callable[["Visit"], None]


class Visit(BaseHTTPRequestHandler):
    """One request to a shop that is played."""

    protocol_version = "HTTP/1.1"
    server: "Shop"

    def do_GET(self) -> None:
        """Show the page that is set for this path."""
        self.server.visits.append(self)
        try:
            self.server.pages[self.path.partition("?")[0]](self)
        except OSError:
            self.close_connection = True

    def answer(self, status: int = 200, body: bytes = PICTURE, **headers: str) -> None:
        """Send an answer; `retry_after` stands for `Retry-After`."""
        self.send_response(status)
        sent = {"content_length": str(len(body))} | headers
        for name, value in sent.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Shop(ThreadingHTTPServer):
    """A real server on loopback."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Visit)
        self.pages: dict[str, Page] = {"/a.png": Visit.answer}
        self.visits: list[Visit] = []
        self.scheme = "http"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def url(self, path: str = "/a.png", host: str = "127.0.0.1") -> str:
        """Where a page is."""
        return f"{self.scheme}://{host}:{self.server_port}{path}"

    def handle_error(self, *_: object) -> None:
        """Say nothing of callers that hang up."""


@contextmanager
def open_shop() -> Iterator[Shop]:
    """Open a shop and close it."""
    shop = Shop()
    try:
        yield shop
    finally:
        shop.shutdown()
        shop.server_close()


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


def get(
    url: str,
    *,
    limits: FetchLimits | None = None,
    allow: tuple[str, ...] = ("127.0.0.1",),
    schemes: frozenset[str] = frozenset({"http", "https"}),
    etag: str | None = None,
    seconds: float = 5.0,
) -> Fetched:
    """Fetch one picture with a fetcher of its own."""
    transport = guarded_transport(allow, ssl_context=TRUST)
    fetcher = Fetcher(limits, allowed_schemes=schemes, transport=transport)
    try:
        return fetcher.fetch(url, etag=etag, deadline_seconds=seconds)
    finally:
        fetcher.close()


def refused(url: str, *, allow: tuple[str, ...] = (), **options: object) -> str:
    """Fetch in vain and tell the code."""
    with pytest.raises(PackshotError) as caught:
        get(url, allow=allow, **options)  # type: ignore[arg-type]
    return caught.value.code


def through(look_up: LookUp, *allow: str, context: ssl.SSLContext | None = None) -> Fetcher:
    """Make a fetcher whose resolver is played."""
    transport = guarded_transport(allow, look_up=look_up, ssl_context=context, lookup_seconds=0.3)
    return Fetcher(transport=transport)


def in_turn(pages: list[Page]) -> Page:
    """Show one page per visit."""
    left = iter(pages)
    return lambda visit: next(left)(visit)  # noqa: PLW0108  # the next one at each visit


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


# Addresses that are not fetched -------------------------------------------------------------------


@pytest.mark.parametrize("host", PRIVATE.split())
def test_no_spelling_of_a_private_address_is_fetched(shop: Shop, host: str) -> None:
    """Names, numbers, mappings and logins all lead to the same refusal, before any connection."""
    assert refused(shop.url(host=host)) in {"unsafe_address", "bad_url"}
    assert not shop.visits


@pytest.mark.parametrize("url", [*NO_ADDRESS.split(), "http://x/\n"])
def test_what_is_no_address_is_refused(url: str) -> None:
    """It is nobody's turn but the shop's to repair it."""
    assert refused(url) == "bad_url"


@pytest.mark.parametrize("url", OTHER_SCHEMES.split())
def test_other_schemes_are_refused(url: str) -> None:
    """Files and buckets are read only when the operator lists them."""
    assert refused(url) == "scheme_not_allowed"


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("http://169.254.169.254/latest/meta-data/", "unsafe_address"),
        ("//localhost:{other}/a.png", "unsafe_address"),
        ("http://[::1]:{other}/a.png", "unsafe_address"),
        ("http://2130706433:{other}/a.png", "unsafe_address"),
        ("http://127.0.0.1:{other}/a.png", "unsafe_address"),
        ("file:///etc/passwd", "scheme_not_allowed"),
        ("ftp://mugs.example/a.png", "scheme_not_allowed"),
    ],
)
def test_a_redirect_is_judged_like_an_address(shop: Shop, target: str, code: str) -> None:
    """The first hop is allowed; the second is refused without a request."""
    with open_shop() as other:
        aim = target.format(other=other.server_port)
        shop.pages["/a.png"] = lambda visit: visit.answer(302, location=aim)
        assert refused(shop.url(), allow=(f"127.0.0.1:{shop.server_port}",)) == code
        assert not other.visits


def test_a_redirect_is_followed_without_reading_it(shop: Shop) -> None:
    """An endless body on the way does not matter."""

    def away(visit: Visit) -> None:
        visit.close_connection = True
        visit.send_response(301)
        visit.send_header("Location", "/a.png?sig=secret")
        visit.end_headers()
        while True:
            visit.wfile.write(bytes(65536))

    shop.pages["/old"] = away
    assert get(shop.url("/old")).final_url == shop.url()


def test_redirects_come_to_an_end(shop: Shop) -> None:
    """Five are enough for anybody."""
    shop.pages["/a.png"] = lambda visit: visit.answer(302, location="/a.png")
    assert refused(shop.url(), allow=("127.0.0.1",)) == "redirect_loop"
    assert len(shop.visits) == 6


def test_every_address_of_a_name_must_be_public() -> None:
    """One private address among public ones is one too many."""
    fetcher = through(lambda _: ["93.184.216.34", "10.0.0.1"])
    with pytest.raises(SourceRefused, match="private"):
        fetcher.fetch("http://mugs.example/a.png", deadline_seconds=2)


def test_the_address_that_was_judged_is_the_one_connected_to(shop: Shop) -> None:
    """A name is looked up once per connection, so a second answer has no effect on the first."""
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])
    shop.pages["/a.png"] = lambda visit: visit.answer(connection="close")
    fetcher = through(lambda _: next(answers), "127.0.0.1")
    assert fetcher.fetch(shop.url(host="mugs.example"), deadline_seconds=2).content == PICTURE
    with pytest.raises(SourceRefused):
        fetcher.fetch(shop.url(host="mugs.example"), deadline_seconds=2)


def test_the_next_address_is_tried_when_one_does_not_answer(shop: Shop) -> None:
    """A host with a dead address is still reached."""
    fetcher = through(lambda _: ["127.0.0.2", "127.0.0.1"], "mugs.example")
    assert fetcher.fetch(shop.url(host="mugs.example"), deadline_seconds=2).tries == 1


def test_a_host_without_an_answering_address_is_unreachable() -> None:
    """The last attempt's trouble is the one reported."""
    with pytest.raises(Unreachable):
        through(lambda _: ["127.0.0.2"], "127.0.0.2").fetch(
            "http://a.example:9/", deadline_seconds=2
        )


def test_no_time_means_no_connection(shop: Shop) -> None:
    """A deadline that has passed is kept too."""
    assert refused(shop.url(), allow=("127.0.0.1",), seconds=0) == "unreachable"
    assert not shop.visits


def test_a_hanging_look_up_is_cut_off() -> None:
    """The resolver has its own limit."""
    start = time.monotonic()
    with pytest.raises(Unreachable):
        through(lambda _: time.sleep(3) or []).fetch("http://mugs.example/", deadline_seconds=0.4)
    assert time.monotonic() - start < 1.0


def test_an_unknown_name_may_be_known_later() -> None:
    """Resolvers fail too, so it is tried again."""
    asked = []

    def nowhere(host: str) -> list[str]:
        asked.append(host)
        raise OSError(-2, "Name or service not known")

    with pytest.raises(Unreachable):
        through(nowhere).fetch("http://mugs.example/", deadline_seconds=2)
    assert asked == ["mugs.example"] * 4


def test_local_sockets_are_refused() -> None:
    """No picture lives there."""
    with pytest.raises(SourceRefused):
        GuardedBackend().connect_unix_socket("/run/some.sock")


def test_the_environments_proxy_is_not_used(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would connect where we may not."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert get(shop.url()).content == PICTURE


def test_httpx_does_not_log_addresses(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """Signatures would be in them."""
    with caplog.at_level(logging.DEBUG):
        get(shop.url("/a.png?sig=secret"))
    assert "secret" not in caplog.text


def with_certificate(shop: Shop, folder: Path, name: str) -> ssl.SSLContext:
    """Give the shop a certificate for a name, and the caller the trust in it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), 1, now, now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(pem)
    )
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(folder / "pem")
    shop.socket = serving.wrap_socket(shop.socket, server_side=True)
    shop.scheme = "https"
    return ssl.create_default_context(cadata=certificate.public_bytes(pem).decode())


def test_tls_verifies_the_name_though_the_address_is_pinned(shop: Shop, tmp_path: Path) -> None:
    """The right name passes; another name at the same address does not."""
    trust = with_certificate(shop, tmp_path, "mugs.example")
    fetcher = through(lambda _: ["127.0.0.1"], "127.0.0.1", context=trust)
    assert fetcher.fetch(shop.url(host="mugs.example"), deadline_seconds=3).content == PICTURE
    with pytest.raises(Unreachable):
        fetcher.fetch(shop.url(host="cups.example"), deadline_seconds=3)


# Files and buckets --------------------------------------------------------------------------------


def test_a_file_is_read_when_files_are_allowed(tmp_path: Path) -> None:
    """Its size and time recognise it; a change of either is seen."""
    path = tmp_path / "a.png"
    path.write_bytes(PICTURE)
    files = frozenset({"file"})
    first = get(path.as_uri(), schemes=files)
    assert first.content == PICTURE
    assert get(str(path), schemes=files, etag=first.etag).content is None
    os.utime(path, (1, 1))
    assert get(str(path), schemes=files, etag=first.etag).content == PICTURE


def test_files_have_the_same_refusals(tmp_path: Path) -> None:
    """Missing, no file, a pipe that would hang, too large, empty."""
    files, small = frozenset({"file"}), FetchLimits(max_bytes=3)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(PICTURE)
    (tmp_path / "empty").touch()
    assert refused(str(tmp_path / "none"), schemes=files) == "source_missing"
    assert refused(str(tmp_path), schemes=files) == "source_missing"
    assert refused(str(tmp_path / ("a" * 300)), schemes=files) == "unreachable"
    assert refused(str(tmp_path / "pipe"), schemes=files) == "source_missing"
    assert refused(str(tmp_path / "large"), schemes=files, limits=small) == "too_many_bytes"
    assert get(str(tmp_path / "empty"), schemes=files).content == b""


def test_other_stores_are_read_through_fsspec() -> None:
    """A bucket is a place like any other once its scheme is allowed."""
    url = f"memory://{uuid4()}/a.png"
    fsspec.filesystem("memory").pipe_file(url, PICTURE)
    memory = frozenset({"memory"})
    got = get(url, schemes=memory)
    assert (got.content, got.final_url) == (PICTURE, url)
    assert get(url, schemes=memory, etag=got.etag).status == 304


def test_a_scheme_that_nothing_reads_is_said_at_the_start() -> None:
    """Not when the first picture fails."""
    with pytest.raises(BadOption):
        Fetcher(allowed_schemes=frozenset({"carrier-pigeon"}))
