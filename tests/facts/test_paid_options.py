"""A purchase's name is frozen: a release must not buy a catalog again."""

from math import isqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from packshot.facts.colour import long_hex
from packshot.facts.paid_options import PaidOptions, content_hash, fingerprint, within

PICTURE = "2831e05f5b0544ead83f0a832b6790634a7c9ba8bfb92a341a52181e752d262f"

GOLDEN = [
    ({}, "b155e5b073890116b8565e94e63b6e7511f0a3dbcfe76ec3b212e2d2e7a03754"),
    ({"resolution": "full"}, "b155e5b073890116b8565e94e63b6e7511f0a3dbcfe76ec3b212e2d2e7a03754"),
    ({"resolution": "4k"}, "b155e5b073890116b8565e94e63b6e7511f0a3dbcfe76ec3b212e2d2e7a03754"),
    (
        {"resolution": "preview"},
        "9776fc6b0961d194bcea6e3df51ce7b36ab102f88c5f25048895269c886cf577",
    ),
    (
        {"resolution": "regular"},
        "9776fc6b0961d194bcea6e3df51ce7b36ab102f88c5f25048895269c886cf577",
    ),
    ({"resolution": "small"}, "9776fc6b0961d194bcea6e3df51ce7b36ab102f88c5f25048895269c886cf577"),
    (
        {"background_color": "fff"},
        "3a5c748e41977a7b3563137da1a63c8ddfa85712a28b510ebadca30916472ba2",
    ),
    (
        {"background_color": "#FFFFFF"},
        "3a5c748e41977a7b3563137da1a63c8ddfa85712a28b510ebadca30916472ba2",
    ),
    (
        {"resolution": "50mp", "foreground_type": "product", "crop": True},
        "87b0273fa96fd660a50ae2828a898ec8a6c8676ee6784151d0db84c274c6539c",
    ),
    (
        {"region": "10% 20% 90% 80%"},
        "e787c968eaee2496338e7fd42e62d2e29e49281326e4cfdc1bde8a9316e473be",
    ),
    (
        {"shadow_type": "drop", "shadow_opacity": 55},
        "72a7a5ecb212ac5d53964d9013d7599dc9a6968152952ef447cd8c596b839a58",
    ),
    (
        {"semitransparency": False, "type_level": "none"},
        "8ffab8ee0fd717a604c96ef36b224504ac936b21320bf3bc9d7e58d9d8617113",
    ),
    (
        {"purchase_megapixels": None},
        "b155e5b073890116b8565e94e63b6e7511f0a3dbcfe76ec3b212e2d2e7a03754",
    ),
    (
        {"purchase_megapixels": 4},
        "2b26e22a115c73fc202bf368fd794280a5b76d012ac36916924b460c86e14c2b",
    ),
]
"""Options and the fingerprint of `a picture` with them. Never change a line; add new ones."""


def test_bytes_are_named_by_blake2b() -> None:
    """The hash of a source is part of every fingerprint."""
    assert content_hash(b"a picture") == PICTURE


@pytest.mark.parametrize(("options", "name"), GOLDEN)
def test_fingerprints_never_change(options: dict[str, object], name: str) -> None:
    """What was bought under a name is found again by every later version."""
    assert fingerprint(PICTURE, PaidOptions.model_validate(options).canonical()) == name


def test_defaults_are_frozen() -> None:
    """Changing a default would silently ask for something else under an old name."""
    assert PaidOptions().model_dump() == {
        "resolution": "full",
        "foreground_type": "auto",
        "type_level": "latest",
        "region": None,
        "crop": False,
        "semitransparency": True,
        "shadow_type": "none",
        "shadow_opacity": 70,
        "background_color": None,
        "removebg": dict.fromkeys(
            (
                "crop_margin",
                "scale",
                "position",
                "background_image_url",
                "background_image_file",
                "shadow_types",
                "shadow_opacities",
            )
        )
        | {"channels": "rgba", "source_by_url": False, "add_shadow": False},
        "purchase_megapixels": None,
    }


def test_other_bytes_or_options_are_another_purchase() -> None:
    """Neither part of a fingerprint can stand in for the other."""
    names = {fingerprint(a, b) for a in ("00", "01") for b in ("{}", '{"crop":true}')}
    assert len(names) == 4


OPTIONS = st.builds(
    PaidOptions,
    resolution=st.sampled_from(["full", "4k", "preview", "small", "hd", "auto", "50MP"]),
    foreground_type=st.sampled_from(["auto", "car", "product"]),
    crop=st.booleans(),
    shadow_opacity=st.integers(0, 100),
    purchase_megapixels=st.none() | st.integers(1, 50),
    background_color=st.none()
    | st.from_regex(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{8})", fullmatch=True),
)


@given(OPTIONS)
def test_canonical_options_can_be_read_back(options: PaidOptions) -> None:
    """A receipt's options are enough to buy the same thing again."""
    again = PaidOptions.from_canonical(options.canonical())
    assert again == options
    assert again.canonical() == options.canonical()


@pytest.mark.parametrize(
    "wrong",
    [
        {"resolution": "huge"},
        {"region": "10% 20% 90%"},
        {"region": "10%20%90%80%"},
        {"region": "\u0661% 2% 3% 4%"},
        {"background_color": "red"},
        {"background_color": "fffff"},
        {"shadow_opacity": 101},
        {"colour": "fff"},
        {"purchase_megapixels": 0},
        {"purchase_megapixels": 51},
        {"purchase_megapixels": 2.5},
        {"purchase_megapixels": "-1"},
        {"purchase_megapixels": "most"},
        {"purchase_megapixels": True},
        {"purchase_megapixels": 4, "region": "10px 10px 90px 90px"},
        {"purchase_megapixels": "auto", "region": "10% 10% 90% 90px"},
    ],
)
def test_an_option_that_means_nothing_is_refused(wrong: dict[str, object]) -> None:
    """Nothing is quietly replaced or dropped."""
    with pytest.raises(ValidationError):
        PaidOptions.model_validate(wrong)


def test_spaces_in_a_region_do_not_matter() -> None:
    """One region has one spelling, so it is bought once."""
    assert PaidOptions(region=" 10%  20% 90% 80% ").region == "10% 20% 90% 80%"


def test_a_cell_that_is_filled_in_wins() -> None:
    """A row may ask for its own options; an empty cell leaves the job's."""
    job = PaidOptions(resolution="hd", foreground_type="car")
    row = job.overridden(resolution="4k", foreground_type="")
    assert (row.resolution, row.foreground_type) == ("full", "car")
    assert job.overridden(resolution=None) is job


@pytest.mark.parametrize(
    ("short", "long"), [("#FFF", "ffffff"), ("abcd", "aabbccdd"), (" a0b1c2 ", "a0b1c2")]
)
def test_colours_have_one_spelling(short: str, long: str) -> None:
    """Hash sign, case and short forms make no difference."""
    assert long_hex(short) == long


@given(st.integers(1, 12_000), st.integers(1, 12_000), st.integers(1, 50))
def test_a_picture_is_shrunk_to_no_more_and_hardly_less(width: int, height: int, most: int) -> None:
    """Of the same shape, never enlarged, and at least as long as a square of as many pixels."""
    small = within(width, height, most)
    pixels = most * 1_000_000
    if width * height <= pixels:
        assert small == (width, height)
        return
    assert small[0] * small[1] <= pixels
    assert max(small) >= min(max(width, height), isqrt(pixels))
    assert small[0] * height / width == pytest.approx(small[1], abs=1 + height / width)
    assert (small[0] > small[1]) <= (width > height)


def test_auto_is_settled_before_it_names_a_purchase() -> None:
    """What suffices for the variants takes its place; what the provider crops is sent whole."""
    asked = PaidOptions(purchase_megapixels="auto")
    assert asked.settled(4).canonical() == '{"purchase_megapixels":4}'
    assert asked.settled(None).canonical() == "{}"
    assert asked.model_copy(update={"crop": True}).settled(4).shrunk_to is None
    assert PaidOptions(purchase_megapixels=9).settled(4).shrunk_to == 9
    with pytest.raises(ValueError, match="must be settled"):
        asked.canonical()


def test_a_picture_that_is_not_shrunk_is_an_ordinary_purchase() -> None:
    """Its name is that of the whole picture, whatever number was asked for."""
    asked = PaidOptions(purchase_megapixels=2)
    assert asked.of_source(1000, 2000) == PaidOptions()
    assert asked.of_source(1001, 2000) == asked


def test_larger_purchases_will_do() -> None:
    """First the very one, then those of more megapixels that this picture has, then the whole."""

    def sizes(*source: int, **asked: object) -> list[int | None]:
        wanted = PaidOptions.model_validate(asked)
        return [one.shrunk_to for one in wanted.that_do(*source, {9, 1, 4, 6})]

    assert sizes(3000, 2000, purchase_megapixels=3) == [3, 4, None]
    assert sizes(3000, 2000, purchase_megapixels=9) == [None]
    assert sizes(3000, 2000) == [None]
