"""The seam to HTTP: what bytes, headers and texts of strangers are taken for."""

import io
import zipfile

import httpx
import pytest

from packshot.providers.answers import (
    Look,
    excerpt,
    look_at,
    moment,
    number,
    quotable,
    read_some,
)
from tests.providers.playing import Torn, encoded, zipped


def archive(**entries: bytes) -> bytes:
    """A ZIP with these entries."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in entries.items():
            made.writestr(name.replace("_", "."), content)
    return body.getvalue()


GREY = encoded(mode="L")


def test_a_zip_is_as_large_as_what_it_holds() -> None:
    """Size comes from the pictures, not from a header."""
    assert look_at(zipped(40, 30), at_most=10_000) == Look("zip", 40, 30)


@pytest.mark.parametrize(
    "content",
    [
        archive(color_jpg=GREY),
        archive(color_jpg=GREY, alpha_png=encoded(30, 40, mode="L")),
        archive(color_jpg=GREY, alpha_png=b"<html>"),
        archive(color_jpg=GREY, alpha_png=GREY + bytes(100_000)),
        zipped().replace(b"\x89PNG", b"\x88PNG"),
        encoded(kind="GIF", mode="L"),
        encoded(kind="JPEG", mode="RGB")[:-2],
        encoded(kind="WEBP", mode="RGBA")[:-2],
        encoded(kind="PNG")[:-20],
        b"",
    ],
    ids=["no alpha", "two sizes", "HTML", "bomb", "damaged", "GIF", "JPEG", "WebP", "PNG", "empty"],
)
def test_what_is_not_whole_is_no_picture(content: bytes) -> None:
    """Pixels are not decoded for it, and a bomb is not unpacked."""
    with pytest.raises(ValueError, match="is no picture"):
        look_at(content, at_most=10_000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0.25", 0.25), ("1", 1.0), (None, None), ("", None), ("inf", None), ("-1", None)],
)
def test_a_number_is_finite_and_not_negative(text: str | None, expected: float | None) -> None:
    """Everything else is no number."""
    assert number(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mon, 01 Jun 2020 15:48:36 GMT", 1591026516),
        ("Mon, 01 Jun 2020 15:48:36 -0000", 1591026516),
        ("tomorrow", None),
        (None, None),
        (f"Mon, 01 Jun {'9' * 20} 15:48:36 GMT", None),
        (f"Mon, 01 Jun 2020 15:48:36 +{'9' * 20}", None),
        (f"Mon, 01 Jun {'9' * 5000} 15:48:36 GMT", None),
    ],
)
def test_a_moment_is_an_http_date(text: str | None, expected: float | None) -> None:
    """With or without a time zone, it is meant as Greenwich time."""
    assert moment(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "see https://me:pw@cdn.example/a.jpg?sig=abc#top now",
            "see https://cdn.example/a.jpg now",
        ),
        ("see https://cdn.example?sig=abc", "see https://cdn.example"),
        (
            '{"a":"https://a.example/x","b":"https://me:pw@b.example/y?sig=abc"}',
            '{"a":"https://a.example/x","b":"https://b.example/y',
        ),
        ("key hush is\n wrong", "key *** is wrong"),
        ("x" * 500, "x" * 200),
    ],
)
def test_a_quotation_is_short_and_holds_no_secret(text: str, expected: str) -> None:
    """Logins, queries and the key are dropped, not filtered by name."""
    assert quotable(text, "hush") == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (rb'{"u":"https:\/\/me:pw@a.example\/b?sig=abc"}', '{"u":"https://a.example/b'),
        (b"<p>https:&#x2F;&#x2F;me:pw@a.example&#x2F;b?sig=abc</p>", "<p>https://a.example/b"),
        (b"key hush\xff", "key ***\N{REPLACEMENT CHARACTER}"),
        (b"a" * 65_536, "a" * 200),
        (b" \n", None),
    ],
)
def test_an_excerpt_of_a_body_holds_no_secret(body: bytes, expected: str | None) -> None:
    """Not even one that was escaped, or that is followed by what is no text."""
    assert excerpt(body, "hush") == expected


@pytest.mark.parametrize("error", [AttributeError, KeyError, TypeError, ZeroDivisionError])
def test_whatever_pillow_raises_is_no_picture(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its readers trip over damaged data in many ways."""

    def trip(*_: object, **__: object) -> None:
        raise error("damaged")

    monkeypatch.setattr("PIL.Image.open", trip)
    with pytest.raises(ValueError, match="is no picture"):
        look_at(encoded(), at_most=10_000)


def test_a_refusal_is_read_as_far_as_it_is_short() -> None:
    """A refusal without end, or one that breaks off, is still a refusal."""
    assert len(read_some(httpx.Response(502, stream=Torn(bytes(200_000))))) == 65_536
    assert read_some(httpx.Response(502, stream=Torn(b"<ht", httpx.ReadError("reset")))) == b"<ht"
