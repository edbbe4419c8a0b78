"""Keys of pictures, and what may be said of an address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packshot.facts.item import Fault, fetchable, item_key, public, recognisable, sku_fault

WEB = frozenset({"http", "https"})
SIGNED = [
    "X-Amz-Signature={}&X-Amz-Credential=me&X-Amz-Date=2026",
    "AWSAccessKeyId=me&Signature={}&Expires=99",
    "X-Goog-Signature={}&X-Goog-Expires=60",
    "GoogleAccessId=me&Signature={}&Expires=99",
    "Policy=p&Signature={}&Key-Pair-Id=me&Expires=99",
    "sv=2024-11-04&sp=r&se=2026-01-01&sr=b&sig={}",
]


def test_an_image_id_is_the_key() -> None:
    """A catalog's own id needs no help."""
    assert item_key("mug", "https://h/a.jpg", 2, "img-7") == "img-7"


def test_a_position_comes_before_the_address() -> None:
    """A picture that moves to another address stays the same picture."""
    assert item_key("mug", "https://h/a.jpg", 2, None) == "mug#2"


@pytest.mark.parametrize(
    "url",
    [
        "https://cdn.example.com/a/Mug.jpg",
        "http://CDN.Example.com:80/a/Mug.jpg",
        "https://me:secret@cdn.example.com:443/a/Mug.jpg#zoom",
        "//cdn.example.com/a/Mug.jpg",
        "HTTPS://cdn.example.com/a/Mug.jpg?",
    ],
)
def test_one_place_has_one_key(url: str) -> None:
    """Scheme, case of the host, default port, login and fragment do not tell pictures apart."""
    assert item_key("mug", url, None, None) == "mug@cdn.example.com/a/Mug.jpg"


def test_another_port_is_another_place() -> None:
    """Only the default port is dropped."""
    assert item_key("mug", "https://h:8443/a.jpg", None, None) == "mug@h:8443/a.jpg"


@pytest.mark.parametrize("query", SIGNED)
def test_a_new_signature_is_the_same_picture(query: str) -> None:
    """Known signatures leave the key, all their parameters with them."""
    assert item_key("mug", f"https://h/a.jpg?{query.format('xyz')}", None, None) == "mug@h/a.jpg"


@pytest.mark.parametrize("place", ["cdn.shopify.com/s/files/a.jpg", "shop.example/cdn/shop/a.jpg"])
def test_a_new_version_at_shopify_is_the_same_picture(place: str) -> None:
    """`v` is a version where Shopify says so, and a picture's name elsewhere."""
    assert item_key("mug", f"https://{place}?v=17", None, None) == f"mug@{place}"
    assert item_key("mug", "https://h/a.jpg?v=17", None, None).startswith("mug@h/a.jpg~")


@pytest.mark.parametrize("query", SIGNED)
def test_what_else_stands_beside_a_signature_counts(query: str) -> None:
    """A size beside a signature keeps two pictures apart, whoever signed when."""
    keys = {
        item_key("mug", f"https://h/a.jpg?{size}&{query.format(signature)}", None, None)
        for size in ("w=1", "w=2")
        for signature in ("one", "two")
    }
    assert len(keys) == 2


def test_a_key_does_not_change_between_releases() -> None:
    """A golden key: queries enter as the first eight hex digits of their BLAKE2b."""
    assert item_key("mug", "https://h/image?id=5&w=2", None, None) == "mug@h/image~cccf80e1"


@given(st.text("abcdefghijklmnop", min_size=9))
def test_no_secret_stands_in_a_key_or_in_print(secret: str) -> None:
    """Whatever a query or a login holds, neither key nor public form repeats it."""
    url = f"https://user:{secret}@h/a.jpg?token={secret}&sig={secret}#{secret}"
    assert secret not in item_key("mug", url, None, None)
    assert public(url) == "https://h/a.jpg"
    assert recognisable(url) == "https://h/a.jpg"


@pytest.mark.parametrize("query", SIGNED)
def test_a_signature_is_never_recognisable(query: str) -> None:
    """What stands beside it is."""
    url = f"https://h/image.php?id=5&{query.format('secret')}&w=2"
    assert recognisable(url) == "https://h/image.php?id=5&w=2"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h/image.php?id=1", "https://h/image.php?id=1"),
        ("//h/image.php?id=1#top", "https://h/image.php?id=1"),
        ("https://cdn.shopify.com/a.jpg?v=17", "https://cdn.shopify.com/a.jpg?v=17"),
        ("https://h/a?keyword=1&design=2&monkey=3", "https://h/a?keyword=1&design=2&monkey=3"),
        ("https://h/a?%74oken=x&id=1", "https://h/a?id=1"),
        ("https://h/a?accessKeyId=x&api-key=x&auth_key=x&k=eyJx&id=1", "https://h/a?id=1"),
        ("https://h/a?id=1&url=https://me:x@h/b.jpg", "https://h/a?id=1"),
        ("https://h/a?id=1;token=x", "https://h/a"),
        ("https://me:pa/ss@h/a.jpg?id=1", "https://"),
        ("s3://bucket/a.jpg?id=1", "s3://bucket/a.jpg"),
        ("shots/a.jpg?id=1", "shots/a.jpg"),
    ],
)
def test_a_query_that_may_tell_pictures_apart_is_recognisable(url: str, shown: str) -> None:
    """Names that look like a key's, and what holds a login, go."""
    assert recognisable(url) == shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pa/ss@h/a.jpg", "https://"),
        ("user:password@h/a.jpg", "h/a.jpg"),
        ("https://[::1]:80/a.jpg", "https://[::1]:80/a.jpg"),
        ("shots/mug@2x.jpg?x=1", "shots/mug@2x.jpg"),
        ("s3://bucket/mug #1.jpg", "s3://bucket/mug #1.jpg"),
    ],
)
def test_public_drops_whatever_could_be_secret(url: str, shown: str) -> None:
    """What is no web address is shown as far as that is safe."""
    assert public(url) == shown


def test_a_path_is_its_own_key() -> None:
    """A path stays as written, so that a folder can be moved."""
    assert item_key("mug", "shots/Mug #1.jpg", None, None) == "mug@shots/Mug #1.jpg"


@pytest.mark.parametrize(
    ("written", "folder", "fetched"),
    [
        ("shots/a b.jpg", "/data/shop", "/data/shop/shots/a b.jpg"),
        ("/elsewhere/a.jpg", "/data/shop", "/elsewhere/a.jpg"),
        ("./a.jpg", "s3://bucket/feeds", "s3://bucket/feeds/a.jpg"),
        ("../../../a.jpg", "s3://bucket/feeds", "s3://bucket/a.jpg"),
        ("/a.jpg", "https://h/feeds", "https://h/a.jpg"),
        ("//h/a.jpg", "/data", "https://h/a.jpg"),
        ("S3://bucket/a.jpg", "/data", "S3://bucket/a.jpg"),
        ("https://h/bild-ä.jpg?x=1", "/data", "https://h/bild-ä.jpg?x=1"),
    ],
)
def test_an_address_is_seen_from_the_manifests_folder(
    written: str, folder: str, fetched: str
) -> None:
    """Paths lead from where the manifest lies, and never out of its bucket or site."""
    assert fetchable(written, folder, WEB | {"file", "s3"}) == fetched


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("shots/a.jpg", "local_path"),
        ('[{"src": "https://cdn.example.com/a.jpg"}]', "holds_objects"),
        ("file:///etc/passwd", "local_path"),
        ("C:\\shots\\a.jpg", "local_path"),
        ("ftp://h/a.jpg", "scheme_not_allowed"),
        ("data:image/png;base64,AAAA", "scheme_not_allowed"),
        ("https://h/a b.jpg", "bad_url"),
        ("https:///a.jpg", "bad_url"),
        ("https://user:pa/ss@h/a.jpg", "bad_url"),
        ("https://h\\a.jpg", "bad_url"),
        ("https://[::1/a.jpg", "bad_url"),
        ("https://h/1.jpg, https://h/2.jpg", "bad_url"),
        ("https://h/1.jpg,https://h/2.jpg", "bad_url"),
        ("https://h/1.jpg;http://h/2.jpg", "bad_url"),
        ("https://h/a\u200b.jpg", "bad_url"),
        ("https://h/\udcff.jpg", "not_utf8"),
        ("https://h/\0.jpg", "not_utf8"),
    ],
)
def test_an_address_that_cannot_be_fetched_says_why(written: str, code: str) -> None:
    """The code is stable; the sentence repeats nothing secret and ends with a remedy."""
    fault = fetchable(written, "/data", WEB)
    assert isinstance(fault, Fault)
    assert fault.code == code
    assert written not in fault.reason


@pytest.mark.parametrize("url", ["s3://bucket/a.jpg::file:///etc/passwd", "s3://"])
def test_an_allowed_scheme_opens_no_other(url: str) -> None:
    """A chained address is refused, whatever it begins with."""
    fault = fetchable(url, "/data", frozenset({"s3"}))
    assert isinstance(fault, Fault)
    assert fault.code == "bad_url"


@pytest.mark.parametrize(
    ("sku", "code"),
    [("\ufeffmug", "bad_sku"), ("mu\tg", "bad_sku"), ("m" * 201, "sku_too_long")],
)
def test_a_sku_with_hidden_parts_is_refused(sku: str, code: str) -> None:
    """What nobody can see would make two SKUs of one."""
    fault = sku_fault(sku, "sku")
    assert fault is not None
    assert fault.code == code


def test_a_sku_may_hold_spaces_and_any_script() -> None:
    """Only what is invisible or too long is refused."""
    assert sku_fault("Tasse Ü 7 / 茶碗", "sku") is None


def test_an_address_of_another_scheme_is_refused_with_what_can_be_done() -> None:
    """There is no option that allows a scheme; a manifest in the same store does."""
    fault = fetchable("s3://shop/a.jpg", "/catalog", frozenset({"http", "https"}))
    assert isinstance(fault, Fault)
    assert "use https://, or put the manifest in the same store and use `--allow-local`" in fault[1]
