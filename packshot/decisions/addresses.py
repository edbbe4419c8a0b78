"""Which network addresses a picture may be fetched from. Nothing here connects."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Self
from urllib.parse import urlsplit

from packshot.facts.errors import BadOption

Address = IPv4Address | IPv6Address

_METADATA = frozenset(
    ip_address(address)
    for address in (
        "169.254.169.254",  # AWS, Azure, Google, DigitalOcean, OpenStack
        "169.254.170.2",  # AWS ECS credentials
        "169.254.0.23",  # Tencent
        "168.63.129.16",  # Azure's host agent, which lies in public space
        "100.100.100.200",  # Alibaba
        "192.0.0.192",  # Oracle
        "fd00:ec2::254",  # AWS
        "fd20:ce::254",  # Google
    )
)
_CLOSED_4 = (
    ("0.0.0.0/8", "unspecified"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "carrier-grade NAT"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "reserved"),
    ("192.0.2.0/24", "documentation"),
    ("192.88.99.0/24", "6to4 relay"),
    ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "benchmarking"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
)
_CLOSED_6 = (
    ("::/128", "unspecified"),
    ("::1/128", "loopback"),
    ("::ffff:0:0/96", "IPv4-mapped"),
    ("::/96", "IPv4-compatible"),
    ("fc00::/7", "private"),
    ("fe80::/10", "link-local"),
    ("ff00::/8", "multicast"),
    ("2001::/32", "Teredo tunnel"),
    ("2001::/23", "reserved"),
    ("2001:db8::/32", "documentation"),
    ("2002::/16", "6to4 tunnel"),
    ("3fff::/20", "documentation"),
)
_CLOSED: tuple[tuple[IPv4Network | IPv6Network, str], ...] = tuple(
    (ip_network(network), meaning) for network, meaning in _CLOSED_4 + _CLOSED_6
)
"""IANA's special-purpose registries; the tables in `ipaddress` differ between Python releases."""

_UNICAST_6 = IPv6Network("2000::/3")
"""All that is public today; whatever lies outside is refused without being listed."""

_NAT64 = IPv6Network("64:ff9b::/96")
"""Where an IPv6-only network finds public IPv4 addresses, in the last 32 bits (RFC 6052)."""

_ENTRY = re.compile(r"(?:\[([0-9a-f:.]+)\]|((?:\*\.)?[^\s:/@*\[\]]+))(?::([0-9]{1,5}))?")
_MAYBE_OWN = re.compile(r"https?://(?:[^/?#]*@)?(?:localhost\b|\d|\[)", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


def refusal(address: Address) -> str | None:
    """Say what kind of address this is if no picture may come from there."""
    if address in _METADATA:
        return "cloud metadata"
    if address in _NAT64:
        inner = refusal(IPv4Address(int(address) & 0xFFFFFFFF))
        return f"{inner} behind NAT64" if inner else None
    for network, meaning in _CLOSED:
        if address in network:
            return meaning
    return None if address.version == 4 or address in _UNICAST_6 else "reserved"


def is_disguised(host: str) -> bool:
    """Tell an address in decimal, octal, hexadecimal, short or percent-encoded form from a name.

    Systems read these forms in different ways, so none of them is resolved.
    """
    last = host.rstrip(".").rpartition(".")[2].lower()
    return ("%" in host or bool(_NUMBER.fullmatch(last))) and as_address(host) is None


def as_address(host: str) -> Address | None:
    """Read a literal address; a name is none."""
    try:
        return ip_address(host)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class AllowedHost:
    """A host on private addresses that the operator lets pictures come from.

    `cdn.shop.internal`, `*.shop.internal` (any depth, not the bare domain), `10.1.2.3` or
    `[fd00::1]`, each with or without `:port`. An address holds for every name that leads there.
    """

    name: str
    port: int | None = None

    @classmethod
    def parse(cls, entry: str) -> Self:
        """Read one entry of `allow_hosts`."""
        written = entry.strip().lower()
        if bare := as_address(written):
            return cls(str(bare))
        found = _ENTRY.fullmatch(written)
        if not found or (found[1] and as_address(found[1]) is None):
            raise BadOption(
                f"`{entry}` in allow_hosts is no host; write `cdn.example.com`, `*.example.com`, "
                "`10.1.2.3` or `[fd00::1]`, with `:port` if only one is meant."
            )
        literal = as_address(found[1] or found[2])
        return cls(str(literal or found[2].rstrip(".")), int(found[3]) if found[3] else None)

    def covers(self, host: str, port: int) -> bool:
        """Whether a host name, or an address in its plain form, is meant."""
        if self.port not in (None, port):
            return False
        name = host.rstrip(".").lower()
        return name.endswith(self.name[1:]) if self.name.startswith("*.") else name == self.name


def is_allowed(allowed: Iterable[AllowedHost], host: str, address: Address, port: int) -> bool:
    """Whether the operator has named this host or this very address."""
    return any(entry.covers(host, port) or entry.covers(str(address), port) for entry in allowed)


@dataclass(frozen=True, slots=True)
class Reach:
    """What a manifest may name: kinds of addresses, and hosts on private ones."""

    schemes: frozenset[str]
    hosts: tuple[AllowedHost, ...] = ()

    def is_nobodys(self, url: str) -> bool:
        """Whether only the machine that wrote this web address, or its neighbours, can read it.

        Nothing is looked up: a name that leads to a private address shows when it is fetched.
        """
        if not _MAYBE_OWN.match(url):
            return False
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        except ValueError:
            return False
        address = as_address(host)
        own = host == "localhost" or (address is not None and refusal(address) is not None)
        return own and not any(entry.covers(host, port) for entry in self.hosts)
