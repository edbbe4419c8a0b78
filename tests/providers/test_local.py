"""The embedded engine behind the provider's face."""

import io

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from packshot.facts.errors import ImageRefused, SourceRefused, Uncertain
from packshot.facts.paid_options import PaidOptions, Resolution
from packshot.facts.purchase import Account, Price, PurchaseClass
from packshot.providers.face import Ticket
from packshot.providers.local import Local
from tests.providers.playing import encoded, sent

PLAIN = PaidOptions()


def studio_shot(width: int = 240, height: int = 180, mode: str = "RGB") -> bytes:
    """A dark block on light paper."""
    picture = Image.new(mode, (width, height), "#f4f4f2" if mode == "RGB" else (0, 0, 0, 0))
    middle = (width // 3, height // 3, width * 2 // 3, height * 2 // 3)
    ImageDraw.Draw(picture).rectangle(middle, fill="#7a1f1f")
    body = io.BytesIO()
    picture.save(body, "PNG")
    return body.getvalue()


def pixels(content: bytes) -> NDArray[np.uint8]:
    """Red, green, blue, alpha."""
    with Image.open(io.BytesIO(content)) as picture:
        assert (picture.format, picture.mode) == ("PNG", "RGBA")
        return np.asarray(picture)


def test_a_cutout_is_free_and_lossless() -> None:
    """PNG of the source's size, at no charge, of class `free`."""
    result = Local().submit(sent(240, 180, content=studio_shot()), PLAIN)
    assert (result.format, result.width, result.height) == ("png", 240, 180)
    assert (result.charged, result.unit, result.charge_stated) == (0.0, "free", True)
    assert (result.purchase_class, result.doubt) == (PurchaseClass.FREE, None)


def test_the_product_stays_and_the_ground_goes() -> None:
    """Where nothing is seen, colour is zero."""
    result = Local().submit(sent(240, 180, content=studio_shot()), PLAIN)
    cut = pixels(result.content)
    assert (cut[90, 120, 3], cut[5, 5, 3]) == (255, 0)
    assert not cut[cut[..., 3] == 0].any()


def test_what_the_engine_is_unsure_of_is_said() -> None:
    """An empty picture gives an empty cutout, with a sentence for the merchandiser."""
    empty = encoded(240, 180, mode="RGB")
    result = Local().submit(sent(240, 180, content=empty), PLAIN)
    assert result.doubt
    assert result.doubt.endswith(".")


def test_transparency_counts_as_paper() -> None:
    """A product on nothing is a product on white."""
    content = studio_shot(mode="RGBA")
    cut = pixels(Local().submit(sent(240, 180, content=content), PLAIN).content)
    assert (cut[90, 120, 3], cut[5, 5, 3]) == (255, 0)


@pytest.mark.parametrize(
    ("resolution", "size"), [("full", (1000, 600)), ("auto", (1000, 600)), ("preview", (645, 387))]
)
def test_the_resolution_is_honoured(resolution: Resolution, size: tuple[int, int]) -> None:
    """Smaller when asked for, never larger than the source."""
    source = sent(1000, 600, content=studio_shot(1000, 600))
    result = Local().submit(source, PaidOptions(resolution=resolution))
    assert (result.width, result.height) == size


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("foreground_type", "car"),
        ("type_level", "2"),
        ("region", "0% 0% 50% 50%"),
        ("crop", True),
        ("shadow_type", "drop"),
        ("background_color", "ffffff"),
    ],
)
def test_an_option_it_cannot_honour_is_refused_by_name(option: str, value: object) -> None:
    """No option is dropped in silence."""
    source = sent(240, 180, content=studio_shot())
    with pytest.raises(ImageRefused, match=f"`{option}: {value}`") as caught:
        Local().submit(source, PaidOptions.model_validate({option: value}))
    assert caught.value.code == "option_not_supported"


def test_a_source_that_is_no_picture_is_refused() -> None:
    """In our own words, not in those of the library that reads pictures."""
    with pytest.raises(SourceRefused):
        Local().submit(sent(content=b"<html>"), PLAIN)


def test_a_failure_of_the_engine_is_told_in_our_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """One picture that OpenCV chokes on does not end the run."""

    def choke(_: object) -> None:
        raise cv2.error

    monkeypatch.setattr("packshot.providers.local.cut_from_studio", choke)
    with pytest.raises(ImageRefused) as caught:
        Local().submit(sent(240, 180, content=studio_shot()), PLAIN)
    assert caught.value.code == "engine_failed"


def test_nothing_is_charged_and_nothing_is_held() -> None:
    """Price and balance are both zero, so every plan can be afforded."""
    local = Local()
    assert local.price(PLAIN, None) == Price(0.0, 0.0)
    assert local.account() == Account(unit="free", total=0.0, purchase_class=PurchaseClass.FREE)
    local.close()


def test_there_is_nothing_to_collect() -> None:
    """The engine hands out no tickets."""
    with pytest.raises(Uncertain, match="knows no job 7"):
        Local().collect(Ticket("local", "7"))
