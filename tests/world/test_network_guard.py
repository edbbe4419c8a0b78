"""Which addresses are not fetched, however they are written and whoever points there."""

import logging
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpcore
import pytest
import stamina
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from packshot.facts.errors import (
    SourceRefused,
    Unreachable,
)
from packshot.world.network_guard import LOOKUPS_AT_ONCE, GuardedBackend
from tests.world.played_shop import PICTURE, Shop, Visit, get, open_shop, refused, through

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
    mixed = through(lambda _: ["93.184.216.34", "10.0.0.1"])
    with mixed as fetcher, pytest.raises(SourceRefused, match="private"):
        fetcher.fetch("http://mugs.example/a.png", deadline_seconds=2)


def test_the_address_that_was_judged_is_the_one_connected_to(shop: Shop) -> None:
    """A name is looked up once per connection, so a second answer has no effect on the first."""
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])
    shop.pages["/a.png"] = lambda visit: visit.answer(connection="close")
    with through(lambda _: next(answers), "127.0.0.1") as fetcher:
        assert fetcher.fetch(shop.url(host="mugs.example"), deadline_seconds=2).content == PICTURE
        with pytest.raises(SourceRefused):
            fetcher.fetch(shop.url(host="mugs.example"), deadline_seconds=2)


def test_the_next_address_is_tried_when_one_does_not_answer(shop: Shop) -> None:
    """A host with a dead address is still reached."""
    with through(lambda _: ["127.0.0.2", "127.0.0.1"], "mugs.example") as fetcher:
        assert fetcher.fetch(shop.url(host="mugs.example"), deadline_seconds=2).tries == 1


def test_a_host_without_an_answering_address_is_unreachable() -> None:
    """The last attempt's trouble is the one reported."""
    dead = through(lambda _: ["127.0.0.2"], "127.0.0.2")
    with dead as fetcher, pytest.raises(Unreachable):
        fetcher.fetch("http://a.example:9/", deadline_seconds=2)


def test_no_time_means_no_connection(shop: Shop) -> None:
    """A deadline that has passed is kept too."""
    assert refused(shop.url(), allow=("127.0.0.1",), seconds=0) == "unreachable"
    assert not shop.visits


def test_a_hanging_look_up_is_cut_off() -> None:
    """The resolver has its own limit."""
    start = time.monotonic()
    hanging = through(lambda _: time.sleep(3) or [])
    with hanging as fetcher, pytest.raises(Unreachable):
        fetcher.fetch("http://mugs.example/", deadline_seconds=0.4)
    assert time.monotonic() - start < 1.0


def test_a_name_whose_look_up_hangs_takes_nothing_from_others() -> None:
    """It is looked up once at a time, by whomever and however often it is asked."""
    asked, over = list[str](), threading.Event()

    def hangs(host: str) -> list[str]:
        asked.append(host)
        if host == "hangs.example":
            over.wait(10)
        return ["127.0.0.1"]

    backend = GuardedBackend(["127.0.0.1"], lookup_seconds=0.3, look_up=hangs)
    crew = [
        threading.Thread(target=unreached, args=(backend, "hangs.example"))
        for _ in range(2 * LOOKUPS_AT_ONCE)
    ]
    for thread in crew:
        thread.start()
    start = time.monotonic()
    unreached(backend, "other.example")
    assert time.monotonic() - start < 0.25
    for thread in crew:
        thread.join()
    over.set()
    assert sorted(asked) == ["hangs.example", "other.example"]


def unreached(backend: GuardedBackend, host: str) -> None:
    """Nobody listens there, once the name is known."""
    with pytest.raises((httpcore.ConnectError, httpcore.ConnectTimeout)):
        backend.connect_tcp(host, 1, timeout=1)


def test_an_unknown_name_may_be_known_later() -> None:
    """Resolvers fail too, so it is tried again."""
    asked = []

    def nowhere(host: str) -> list[str]:
        asked.append(host)
        raise OSError(-2, "Name or service not known")

    with through(nowhere) as fetcher, pytest.raises(Unreachable):
        fetcher.fetch("http://mugs.example/", deadline_seconds=2)
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
    with through(lambda _: ["127.0.0.1"], "127.0.0.1", context=trust) as fetcher:
        assert fetcher.fetch(shop.url(host="mugs.example"), deadline_seconds=3).content == PICTURE
        with pytest.raises(Unreachable):
            fetcher.fetch(shop.url(host="cups.example"), deadline_seconds=3)
