"""What a header is taken for, and what is said about it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packshot.facts.columns import MEANINGS, ColumnNames, Understanding, plain, understand
from packshot.facts.errors import BadManifest


def seen(header: str, **wanted: str | list[str]) -> Understanding:
    """What is understood of a comma separated header."""
    return understand(header.split(","), ColumnNames.model_validate(wanted))


@pytest.mark.parametrize("sku", ["sku", "SKU", "Variant SKU", "product_id", "Article-Number", "id"])
@pytest.mark.parametrize("image", ["image_url", "Image Link", "photo", "IMAGE-1", "images", "url"])
def test_usual_names_are_known(sku: str, image: str) -> None:
    """Case, spaces, underscores and hyphens do not matter."""
    meaning = seen(f"{sku},{image}")
    assert (meaning.sku, meaning.images) == (sku, (image,))


def test_numbered_columns_follow_the_main_image_in_their_order() -> None:
    """The number decides, not the place in the header."""
    meaning = seen("sku,image_10,image2,image_url,image_url_3,additional_image_link")
    assert meaning.images[:2] == ("image_url", "additional_image_link")
    assert meaning.numbered == ("image2", "image_url_3", "image_10")


def test_everything_else_is_carried() -> None:
    """Each column has exactly one use."""
    meaning = seen("sku,image,title,position,image_id,skip,resolution,foreground_type,price")
    assert meaning.carried == ("title", "price")


def test_what_was_understood_is_said() -> None:
    """The sentences name every column that matters."""
    assert seen("sku,image_url,image_1,image_2,image_3,title,price").sentences() == [
        "SKU from column `sku`",
        "image from `image_url`, 3 numbered columns",
        "carried to the report: title, price",
    ]


def test_an_ambiguous_header_is_decided_and_said() -> None:
    """The better name wins, the other is carried, and both are named."""
    meaning = seen("id,photo,sku,image_url")
    assert (meaning.sku, meaning.images) == ("sku", ("image_url",))
    assert any("`id`" in said and "--sku-column" in said for said in meaning.sentences())
    assert any("`photo`" in said and "--image-column" in said for said in meaning.sentences())


def test_the_users_word_comes_first() -> None:
    """A named column is used for nothing else."""
    meaning = seen("sku,ean,image,picture", sku="EAN", image=["picture"], image_id="image")
    assert (meaning.sku, meaning.images, meaning.image_id) == ("ean", ("picture",), "image")
    assert meaning.carried == ("sku",)


def test_several_images_are_read_in_the_users_order() -> None:
    """The first one named is the main image; numbers are not looked for."""
    assert seen("sku,a,b,image_1", image=["b", "a"]).images == ("b", "a")


def test_a_position_beside_several_images_is_said_to_be_limited() -> None:
    """One number cannot name three pictures."""
    assert "position from `sort`, for rows with one image" in seen("sku,img1,img2,sort").sentences()


@pytest.mark.parametrize(
    ("header", "option"), [("image,title", "--sku-column"), ("sku,title", "--image-column")]
)
def test_a_header_without_sku_or_image_names_the_way_out(header: str, option: str) -> None:
    """The message holds the columns found and the option to use."""
    with pytest.raises(BadManifest, match=f"`title`.*{option}"):
        seen(header)


def test_a_column_that_is_not_there_is_an_error() -> None:
    """A misspelt option is not answered with a guess."""
    with pytest.raises(BadManifest, match="no column `sko`"):
        seen("sku,image", sku="sko")


@given(st.permutations(["id", "sku", "image", "photo", "title", "sort", "skip"]))
def test_the_order_of_columns_changes_nothing(header: list[str]) -> None:
    """Names decide, so a re-sorted export is understood alike."""
    meaning = understand(header, ColumnNames())
    assert (meaning.sku, meaning.images, meaning.position) == ("sku", ("image",), "sort")


def test_every_known_name_is_written_as_it_is_compared() -> None:
    """A name with a capital or an underscore could never match."""
    assert all(plain(name) == name for names in MEANINGS.values() for name in names)


@pytest.mark.parametrize(
    ("header", "sku", "images"),
    [
        (
            "id,title,image_link,additional_image_link,gtin",
            "id",
            ["image_link", "additional_image_link"],
        ),
        ("id,mpn,ean,image_link", "id", ["image_link"]),
        ("sku,image_2_url,image_1_url", "sku", ["image_1_url", "image_2_url"]),
        ("sku,image2url,image1url", "sku", ["image1url", "image2url"]),
        ("sku,image #1,image #2", "sku", ["image #1", "image #2"]),
        ("sku,url_2,url_1", "sku", ["url_1", "url_2"]),
        ("sku,url,url_2", "sku", ["url", "url_2"]),
        ("sku,image,url_2", "sku", ["image"]),
    ],
)
def test_feeds_and_numbers_in_any_place(header: str, sku: str, images: list[str]) -> None:
    """A feed's `id` comes before codes that not every product has; a number may stand inside."""
    found = understand(header.split(","), ColumnNames())
    assert (found.sku, list(found.images)) == (sku, images)
