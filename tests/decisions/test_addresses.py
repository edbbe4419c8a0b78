"""Which addresses pictures may come from."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packshot.decisions.addresses import AllowedHost, is_allowed, is_disguised, refusal
from packshot.facts.errors import BadOption

CLOSED = {
    "0.0.0.0": "unspecified",  # noqa: S104  # nothing is bound
    "0.1.2.3": "unspecified",
    "10.0.0.1": "private",
    "100.64.0.1": "carrier-grade NAT",
    "100.127.255.255": "carrier-grade NAT",
    "100.100.100.200": "cloud metadata",
    "127.0.0.1": "loopback",
    "127.255.0.1": "loopback",
    "168.63.129.16": "cloud metadata",
    "169.254.1.1": "link-local",
    "169.254.169.254": "cloud metadata",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.0.0.8": "reserved",
    "192.168.1.1": "private",
    "198.18.0.1": "benchmarking",
    "203.0.113.9": "documentation",
    "224.0.0.1": "multicast",
    "239.255.255.250": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "::": "unspecified",
    "::1": "loopback",
    "::7f00:1": "IPv4-compatible",
    "::ffff:127.0.0.1": "IPv4-mapped",
    "::ffff:8.8.8.8": "IPv4-mapped",
    "::ffff:0:8.8.8.8": "reserved",
    "64:ff9b::7f00:1": "loopback behind NAT64",
    "64:ff9b::a9fe:a9fe": "cloud metadata behind NAT64",
    "64:ff9b:1::a00:1": "reserved",
    "100::1": "reserved",
    "2001::1": "Teredo tunnel",
    "2001:db8::1": "documentation",
    "2002:7f00:1::": "6to4 tunnel",
    "2002:a00:1::1": "6to4 tunnel",
    "3fff::1": "documentation",
    "4000::1": "reserved",
    "fc00::1": "private",
    "fd00:ec2::254": "cloud metadata",
    "fd12:3456::1": "private",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "fec0::1": "reserved",
    "ff02::1": "multicast",
}
OPEN = (
    "1.1.1.1",
    "93.184.216.34",
    "100.63.255.255",
    "100.128.0.1",
    "172.32.0.1",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "64:ff9b::808:808",
)

DISGUISES = """
2130706433 017700000001 0x7f000001 0177.0.0.1 127.1 0x7f.1 1.2.3.4.5 127.0.0.1. 0 1.2.3.256 10.0x1
shop.123 %31%32%37.0.0.1 a%20b
"""


@pytest.mark.parametrize(("address", "kind"), CLOSED.items())
def test_a_closed_address_is_refused_by_its_kind(address: str, kind: str) -> None:
    """The reason is named, so that an operator can tell a mistake from an attack."""
    assert refusal(ip_address(address)) == kind


@pytest.mark.parametrize("address", OPEN)
def test_a_public_address_passes(address: str) -> None:
    """The neighbours of closed networks are not closed."""
    assert refusal(ip_address(address)) is None


@given(st.ip_addresses(v=4))
def test_no_ipv4_address_is_open_that_python_calls_private(address: IPv4Address) -> None:
    """Our table is never laxer than the standard library's."""
    if address.is_private or address.is_multicast or address.is_reserved:
        assert refusal(address)


@given(st.ip_addresses(v=6))
def test_no_ipv6_address_is_open_that_python_calls_private(address: IPv6Address) -> None:
    """Nor in IPv6, apart from what NAT64 makes of public IPv4 addresses."""
    if address.is_private or address.is_multicast or address.is_link_local:
        assert refusal(address)


@given(st.ip_addresses(v=4))
def test_nat64_is_judged_by_the_address_inside(inner: IPv4Address) -> None:
    """An IPv6-only network reaches public hosts and no others."""
    outer = IPv6Address(int(IPv6Address("64:ff9b::")) + int(inner))
    assert bool(refusal(outer)) == bool(refusal(inner))


@pytest.mark.parametrize("host", DISGUISES.split())
def test_a_disguised_address_is_recognised(host: str) -> None:
    """Whatever ends in a number is an address, and only the plain form of one is read."""
    assert is_disguised(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "shop.example", "3com.com", "a1", "1.b2"])
def test_names_and_plain_addresses_are_no_disguise(host: str) -> None:
    """Digits in a name are not suspicious."""
    assert not is_disguised(host)


@pytest.mark.parametrize(
    ("entry", "host", "address", "port", "meant"),
    [
        ("cdn.shop.internal", "CDN.shop.internal.", "10.0.0.1", 443, True),
        ("cdn.shop.internal", "evil-cdn.shop.internal", "10.0.0.1", 443, False),
        ("*.shop.internal", "a.b.shop.internal", "10.0.0.1", 443, True),
        ("*.shop.internal", "shop.internal", "10.0.0.1", 443, False),
        ("*.shop.internal", "evilshop.internal", "10.0.0.1", 443, False),
        ("cdn:8443", "cdn", "10.0.0.1", 8443, True),
        ("cdn:8443", "cdn", "10.0.0.1", 443, False),
        ("10.0.0.1", "any.name", "10.0.0.1", 80, True),
        ("10.0.0.1:81", "10.0.0.1", "10.0.0.1", 80, False),
        ("[fd00:0::1]:81", "fd00::1", "fd00::1", 81, True),
        ("fd00::1", "fd00::1", "fd00::1", 80, True),
        ("10.0.0.1", "any.name", "10.0.0.2", 80, False),
    ],
)
def test_a_named_host_is_let_through(
    entry: str, host: str, address: str, port: int, *, meant: bool
) -> None:
    """A shop's own CDN passes by name, by wildcard or by address, and no other host does."""
    assert is_allowed([AllowedHost.parse(entry)], host, ip_address(address), port) is meant


@pytest.mark.parametrize("entry", ["", "https://cdn.shop", "a*.shop", "cdn/x", "[nope]", "a:b"])
def test_an_entry_that_is_no_host_is_refused(entry: str) -> None:
    """A mistake in allow_hosts is said at the start, not when the first picture fails."""
    with pytest.raises(BadOption):
        AllowedHost.parse(entry)
