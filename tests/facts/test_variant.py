"""A variant says how a picture looks; its digests change when the picture would."""

import pytest
from pydantic import ValidationError

from packshot.facts.variant import Variant, megapixels_needed, picture_id, recipe

RESULT = "ab" * 32


@pytest.mark.parametrize(
    "change",
    [
        {"format": "webp"},
        {"background": "ffffff"},
        {"crop": True},
        {"margin": 0.1},
        {"square": True},
        {"longest_side": 800},
        {"quality": 80},
    ],
)
def test_every_setting_changes_name_and_recipe(change: dict[str, object]) -> None:
    """A picture that looks different gets another file name and is made again."""
    changed = Variant.model_validate(change)
    assert picture_id(RESULT, changed) != picture_id(RESULT, Variant())
    assert recipe((changed,)) != recipe((Variant(),))


def test_digests_never_change() -> None:
    """A release must not make a catalog's pictures again."""
    webp = Variant(format="webp", background="#fff", square=True)
    assert (recipe((Variant(),)), picture_id(RESULT, Variant())) == ("93a96e2f951e606e", "de29e983")
    assert (recipe((webp,)), picture_id(RESULT, webp)) == ("72789de0391f7469", "526f38c2")


def test_the_order_of_variants_does_not_matter() -> None:
    """A job file may be sorted without work."""
    one, other = Variant(name="one"), Variant(name="other", crop=True)
    assert recipe((one, other)) == recipe((other, one)) != recipe((one,))


def test_a_name_alone_makes_no_other_picture() -> None:
    """The same look under another name is the same bytes, yet a recipe of its own."""
    named = Variant(name="front")
    assert picture_id(RESULT, named) == picture_id(RESULT, Variant())
    assert recipe((named,)) != recipe((Variant(),))


@pytest.mark.parametrize("background", [None, "ffffff80"])
def test_a_jpeg_needs_an_opaque_background(background: str | None) -> None:
    """JPEG has no transparency, and nobody guesses a colour for it."""
    with pytest.raises(ValidationError, match="JPEG has no transparency"):
        Variant(format="jpeg", background=background)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "../up"},
        {"name": "Front"},
        {"name": "a" * 32},
        {"name": "front\n"},
        {"margin": 0.5},
        {"longest_side": 15},
        {"quality": 0},
        {"background": "white"},
        {"colour": "fff"},
    ],
)
def test_a_setting_that_means_nothing_is_refused(wrong: dict[str, object]) -> None:
    """A name is part of a path; a number has a range."""
    with pytest.raises(ValidationError):
        Variant.model_validate(wrong)


@pytest.mark.parametrize(
    ("kind", "suffix", "content_type"),
    [("png", "png", "image/png"), ("webp", "webp", "image/webp"), ("jpeg", "jpg", "image/jpeg")],
)
def test_formats_know_suffix_and_type(kind: str, suffix: str, content_type: str) -> None:
    """Browsers and object stores are told what they get."""
    variant = Variant.model_validate({"format": kind, "background": "fff"})
    assert (variant.suffix, variant.content_type) == (suffix, content_type)


@pytest.mark.parametrize(
    ("variants", "needed"),
    [
        ([{"longest_side": 1000}], 1),
        ([{"longest_side": 1001}], 2),
        ([{"longest_side": 300}, {"longest_side": 2000, "square": True, "margin": 0.1}], 4),
        ([{"longest_side": 7071}], 50),
        ([{"longest_side": 7072}], None),
        ([{"longest_side": 300}, {}], None),
        ([{"longest_side": 300, "crop": True}], None),
    ],
)
def test_variants_need_so_many_megapixels(
    variants: list[dict[str, object]], needed: int | None
) -> None:
    """A square of the longest side decides; without one, or with a crop, only the whole will do."""
    assert megapixels_needed(map(Variant.model_validate, variants)) == needed
