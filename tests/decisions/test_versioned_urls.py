"""Which URLs carry a version of their picture."""

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packshot.decisions.versioned_urls import SHAPES, VERSIONED_URL, is_versioned

CLOUD = "https://res.cloudinary.com/demo/image"
SHA1 = "0123456789abcdef0123456789abcdef01234567"
VERSIONED = (
    "https://cdn.shopify.com/s/files/1/0496/1950/1218/products/mug_480x480.jpg?v=1601961395",
    "HTTPS://CDN.Shopify.com/s/files/1/a.jpg?width=800&v=1601961395#top",
    "https://mugs.example/cdn/shop/files/mug.jpg?v=4246568442683817558&width=1",
    f"{CLOUD}/upload/v1312461204/sample.jpg",
    f"{CLOUD}/upload/c_scale,w_500/s--abc--/v1312461204/dir/sample.jpg",
    f"{CLOUD}/private/v1312461204/sample.jpg",
    "https://mugs-res.cloudinary.com/image/upload/v1312461204/a.jpg",
    f"https://cdn.sanity.io/images/abc/production/{SHA1}-300x200.jpg?w=100",
    "https://shop.example/file/v7875483805069966233/products/mug_full.jpg",
)
UNVERSIONED = (
    "https://cdn.shopify.com/s/files/1/a.jpg",
    "https://cdn.shopify.com/s/files/1/a.jpg?v=2",
    "https://cdn.shopify.com/s/files/1/a.jpg?rev=1601961395",
    "https://cdn.shopify.com/s/files/1/a.jpg#?v=1601961395",
    "https://mugs.example/a.jpg?v=1601961395",
    "https://mugs.example/a.jpg?from=/cdn/shop/&v=1601961395",
    "https://cdn.shopify.com.evil.example/a.jpg?v=1601961395",
    "https://cdn.shopify.com@evil.example/a.jpg?v=1601961395",
    "https://evil.example/?u=https://cdn.shopify.com/a.jpg?v=1601961395",
    f"{CLOUD}/upload/v1/dir/sample.jpg",
    f"{CLOUD}/upload/sample.jpg",
    f"{CLOUD}/fetch/https://mugs.example/v1312461204/a.jpg",
    f"{CLOUD}/upload/sample.jpg?x=/v1312461204/",
    "https://mugs.example/image/upload/v1312461204/a.jpg",
    "https://shop.example/media/catalog/product/cache/9df78eab33525d08d6e5fb8d27136e95/m/u/mug.jpg",
    "https://cdn11.bigcommerce.com/s-abc/images/stencil/1/products/1/2/mug.1601961395.jpg?c=2",
    f"https://cdn.sanity.io/files/abc/production/{SHA1}-300x200.jpg",
    "ftp://cdn.shopify.com/a.jpg?v=1601961395",
    "",
)
PIECES = """
https:// HTTP:// cdn.shopify.com /cdn/shop/ /image/upload/ /v1312461204/ /v1/ ? & # v= 16019613 @ /
\u0130 \u017f \u212a \u0661 a
"""


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """Return an example with a piece put in or a part taken out."""
    url = draw(st.sampled_from(VERSIONED + UNVERSIONED))
    start = draw(st.integers(0, len(url)))
    piece = draw(st.sampled_from(["", "\n", " ", *PIECES.split()]))
    return url[:start] + piece + url[start + draw(st.integers(0, 5)) :]


def in_duckdb(url: str) -> bool:
    """Ask RE2."""
    row = duckdb.execute("select regexp_matches(?, ?)", [url, VERSIONED_URL]).fetchone()
    assert row
    return bool(row[0])


@pytest.mark.parametrize("url", VERSIONED)
def test_a_sourced_shape_is_versioned(url: str) -> None:
    """The shapes that platforms document are recognised, on their hosts only."""
    assert is_versioned(url)
    assert in_duckdb(url)


@pytest.mark.parametrize("url", UNVERSIONED)
def test_anything_else_is_not(url: str) -> None:
    """What merely looks like a version is asked again like any other URL."""
    assert not is_versioned(url)
    assert not in_duckdb(url)


@given(damaged())
@settings(max_examples=500, deadline=None)
def test_python_and_duckdb_agree(url: str) -> None:
    """The plan's SQL and the library answer alike, whatever the manifest holds."""
    assert is_versioned(url) == in_duckdb(url)


def test_every_shape_names_its_source() -> None:
    """A shape without a page that documents it is a guess."""
    assert all("." in shape.source and "/" in shape.source for shape in SHAPES)
