"""One picture of one SKU: its key, its address, and what disqualifies either."""

import posixpath
import re
from collections.abc import Callable
from hashlib import blake2b
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

LONGEST_SKU = 200
LONGEST_SHOWN = 500
"""A cell may hold a whole picture."""
_PORTS = {"http": ":80", "https": ":443"}
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+(?=:)", re.IGNORECASE)  # `C:\` is a drive, not a scheme
_PLAIN = re.compile(r"https?://[a-zA-Z0-9.-]*[a-zA-Z0-9]/[!$%&'()*+,\-./0-9:;=@A-Z_a-z~]*")
_SEVERAL = re.compile(r"[|,;]\s*https?://", re.IGNORECASE)
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)
_UNREADABLE = re.compile("[\x00\ud800-\udfff]")
_SECOND_PART = re.compile(r"[?#]|://")
_SPACE = re.compile(r"\s")
_SECRET = re.compile(
    r"(?:^|[^a-z])(?:sig|key|pass|pwd|sid|jwt|auth|expires|policy)[^a-z&]*="
    r"|(?:signature|token|secret|passw(?:or)?d|(?:api|access)_?key(?:_?id)?|credential|hmac|session)[^=&]*="
    r"|=eyJ|://[^/]*@",
    re.IGNORECASE,
)
"""A parameter that looks like a key, or holds an address with a login."""


class Fault(NamedTuple):
    """Why a row yields no picture: a stable code, and a sentence with the remedy."""

    code: str
    reason: str


class _Passing(NamedTuple):
    """Query parameters that say who may look, or which version, but never which picture."""

    source: str
    applies: Callable[[str, frozenset[str]], bool]
    """Asked with host and path, and the names in the query."""
    names: frozenset[str] = frozenset()
    prefix: str = "\0"
    signs: bool = True
    """Whether they let somebody in."""

    def has(self, name: str) -> bool:
        """Whether a parameter is one of these."""
        return name in self.names or name.startswith(self.prefix)


_PASSING = (
    _Passing(
        "shopify.dev, changelog: Standardization of asset URL version parameters",
        lambda place, _: place.startswith("cdn.shopify.com/") or "/cdn/shop/" in place,
        frozenset({"v"}),
        signs=False,
    ),
    _Passing(
        "Amazon S3 API reference: Authenticating requests, query parameters (Signature Version 4)",
        lambda _, names: "x-amz-signature" in names,
        prefix="x-amz-",
    ),
    _Passing(
        "Amazon S3 user guide: Query string request authentication (Signature Version 2)",
        lambda _, names: {"awsaccesskeyid", "signature"} <= names,
        frozenset({"awsaccesskeyid", "signature", "expires", "x-amz-security-token"}),
    ),
    _Passing(
        "Google Cloud Storage: V4 signing process with your own program",
        lambda _, names: "x-goog-signature" in names,
        prefix="x-goog-",
    ),
    _Passing(
        "Google Cloud Storage: V2 signing process",
        lambda _, names: {"googleaccessid", "signature"} <= names,
        frozenset({"googleaccessid", "signature", "expires"}),
    ),
    _Passing(
        "Amazon CloudFront developer guide: Signed URLs, canned and custom policies",
        lambda _, names: {"key-pair-id", "signature"} <= names,
        frozenset({"key-pair-id", "signature", "policy", "expires", "hash-algorithm"}),
    ),
    _Passing(
        "Azure Storage REST: Create a service, an account, a user delegation SAS",
        lambda _, names: {"sig", "sv"} <= names,
        frozenset(
            {"sig", "sv", "ss", "srt", "sr", "st", "se", "sp", "sip", "spr", "si", "sdd", "ses"}
            | {"scid", "skoid", "sktid", "skt", "ske", "sks", "skv", "saoid", "suoid"}
        ),
    ),
)


NO_PICTURE = Fault("no_picture", "The record names no picture; nothing is to be done.")
NOT_READ = Fault("not_read", "Such a record repeats what another says; nothing is to be done.")
NOT_CHOSEN = Fault("not_chosen", "Left out by `--where` or `--pictures`.")
NOBODYS = Fault(
    "own_machine",
    "The address is that of the shop's own machine or network; export from the public shop, or "
    "name the host with `--allow-host`.",
)
LEFT_OUT = MappingProxyType(dict((NO_PICTURE, NOT_READ, NOT_CHOSEN, NOBODYS)))
"""Code and sentence of records that are as they should be, and still nothing to work on."""


def item_key(sku: str, url: str, position: int | None, image_id: str | None) -> str:
    """Name a picture: by its own id, else SKU and position, else SKU and address."""
    if image_id:
        return image_id
    if position is not None:
        return f"{sku}#{position}"
    if _PLAIN.fullmatch(url):
        host, _, path = url[url.index("//") + 2 :].partition("/")
        return f"{sku}@{host.lower()}/{path}"
    return f"{sku}@{_address(url)}"


def _address(url: str) -> str:
    """Host and path of a URL; what remains of its query stands as a hash; a path as written."""
    scheme, rest = _taken_apart(url)
    if not scheme:
        return rest
    rest, _, query = (rest.partition("#")[0] if scheme in _PORTS else rest).partition("?")
    authority, _, path = rest.partition("/")
    host = authority.rpartition("@")[2].lower().removesuffix(_PORTS.get(scheme, "\0"))
    place = f"{host}/{path}"
    lasting = _lasting(place, query) if query else ""
    return f"{place}~{blake2b(lasting.encode(), digest_size=4).hexdigest()}" if lasting else place


def _taken_apart(url: str) -> tuple[str, str]:
    """Scheme in lower case and what follows `://`; a path has no scheme."""
    if url.startswith("//"):
        return "https", url[2:]
    scheme, mark, rest = url.partition("://")
    return (scheme.lower(), rest) if mark and _SCHEME.match(url) else ("", url)


def _lasting(place: str, query: str) -> str:
    """The query without parameters known to be a version or a signature."""
    pairs = [(pair.partition("=")[0].lower(), pair) for pair in query.split("&") if pair]
    names = frozenset(name for name, _ in pairs)
    for rule in _PASSING:
        if rule.applies(place, names):
            pairs = [(name, pair) for name, pair in pairs if not rule.has(name)]
    return "&".join(pair for _, pair in pairs)


def public(url: str) -> str:
    """Drop query, fragment and login, where signatures and passwords travel."""
    scheme, rest = _taken_apart(url)
    rest = rest.partition("?")[0]
    if not scheme:
        head, slash, tail = rest.partition("/")
        return (head.rpartition("@")[2] if ":" in head else head) + slash + tail
    rest = rest.partition("#")[0] if scheme in _PORTS else rest
    authority, slash, path = rest.partition("/")
    host, colon, port = authority.rpartition("@")[2].partition(":")
    if colon and not port.isdigit() and not host.startswith("["):
        return f"{scheme}://"  # a password with a slash in it: no part of the rest is safe
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"


def recognisable(url: str) -> str:
    """As `public`, with what of the query may say which picture: no signature, key or login."""
    bare, (scheme, rest) = public(url), _taken_apart(url)
    before, _, query = rest.partition("#")[0].partition("?")
    if scheme not in _PORTS or not query or bare.endswith("://"):
        return bare
    place = before.rpartition("@")[2].lower()
    pairs = [(unquote(pair.partition("=")[0]).lower(), pair) for pair in query.split("&")]
    names = frozenset(name for name, _ in pairs)
    rules = [rule for rule in _PASSING if rule.signs and rule.applies(place, names)]
    kept = [
        pair
        for name, pair in pairs
        if not (_SECRET.search(unquote(pair)) or any(rule.has(name) for rule in rules))
    ]
    return f"{bare}?{'&'.join(kept)}" if kept else bare


def shown(written: str) -> str:
    """What may be shown of a cell that is no address: no login, no query, no second address."""
    scheme, rest = _taken_apart(public(written))
    rest = _SECOND_PART.split(rest, maxsplit=1)[0]
    before, _, after = rest.rpartition("@")
    rest = after if ":" in before else rest
    return (f"{scheme}://{rest}" if scheme else rest)[:LONGEST_SHOWN]


def sku_fault(sku: str, column: str, code: str = "bad_sku") -> Fault | None:
    """What disqualifies a SKU, or an image id, that was found in `column`."""
    if _UNREADABLE.search(sku):
        return Fault(
            "not_utf8", f"Column `{column}` holds bytes that are not UTF-8; save the file as UTF-8."
        )
    if found := _INVISIBLE.search(sku):
        return Fault(
            code,
            f"Column `{column}` holds the invisible character U+{ord(found[0]):04X}; remove it.",
        )
    if len(sku) > LONGEST_SKU:
        return Fault(
            "sku_too_long" if code == "bad_sku" else code,
            f"Column `{column}` holds {len(sku)} characters; shorten it to {LONGEST_SKU}.",
        )
    return None


def fetchable(written: str, folder: str, allowed: frozenset[str]) -> str | Fault:
    """The address to fetch for a cell as written, or why there is none.

    `folder` is where the manifest lies: a local path or a URL, without a slash at its end.
    """
    alone = written.find("://", len("https://")) < 0
    if alone and _PLAIN.fullmatch(written) and written.partition(":")[0] in allowed:
        return written
    if written.lstrip("[ ").startswith("{"):
        return Fault(
            "holds_objects",
            "The cell holds objects, not addresses; write the addresses alone, such as "
            '["https://shop.example/mug.jpg"].',
        )
    if _UNREADABLE.search(written):
        return Fault("not_utf8", "The address holds bytes that are not UTF-8; percent-encode them.")
    if _INVISIBLE.search(written):
        return Fault("bad_url", "The address holds control characters; remove them.")
    url = f"https:{written}" if written.startswith("//") else written
    found = _SCHEME.match(url)
    if not found:
        return _local(url, folder, allowed)
    scheme = found[0].lower()
    if scheme not in allowed:
        return _forbidden(scheme)
    return (_web_fault(url) if scheme in _PORTS else _store_fault(url)) or url


def _forbidden(scheme: str) -> Fault:
    if scheme == "file":
        return _no_local()
    if scheme == "data":
        return Fault("scheme_not_allowed", "The cell holds a picture itself; give its address.")
    return Fault(
        "scheme_not_allowed",
        f"`{scheme}:` addresses are not fetched; use https://, or put the manifest in the same "
        "store and use `--allow-local`.",
    )


def _no_local() -> Fault:
    return Fault(
        "local_path",
        "This is a path, not a web address; write https:// in front or use `--allow-local`.",
    )


def _local(path: str, folder: str, allowed: frozenset[str]) -> str | Fault:
    """A path, seen from the manifest's folder."""
    scheme, rest = _taken_apart(folder)
    if (scheme or "file") not in allowed:
        return _no_local()
    if "::" in path:
        return Fault("bad_url", "A path with `::` in it is not read; rename the file.")
    if not scheme:
        return posixpath.normpath(posixpath.join(folder, path))
    root, _, below = rest.partition("/")
    inside = posixpath.normpath(posixpath.join("/", below, path)).lstrip("/")
    url = f"{scheme}://{root}/{inside}"
    return (_web_fault(url) or url) if scheme in _PORTS else url


def _web_fault(url: str) -> Fault | None:
    if _SEVERAL.search(url):
        return Fault("bad_url", "The cell holds several addresses; give each its own row.")
    if _SPACE.search(url):
        return Fault("bad_url", "The address holds a space; write it as %20.")
    try:
        parts = urlsplit(url)
        sound = bool(parts.hostname) and "\\" not in parts.netloc and parts.port != 0
    except ValueError:
        sound = False
    return None if sound else Fault("bad_url", "The address has no valid host; write it in full.")


def _store_fault(url: str) -> Fault | None:
    """A second address behind `::` would not have to be of an allowed scheme."""
    if "::" in url or not url.partition("://")[2].strip("/"):
        return Fault("bad_url", "The address is incomplete or chained; write scheme://bucket/path.")
    return None
