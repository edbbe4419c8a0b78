"""A model of the user's own, through rembg: a tiny one that the tests make."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pooch
import pytest
from PIL import Image

from packshot.facts.errors import BadOption, ImageRefused
from packshot.facts.paid_options import PaidOptions
from packshot.facts.purchase import PurchaseClass
from packshot.providers.rembg_models import Rembg
from packshot.world.cutouts import read_cutout
from tests.providers.playing import sent
from tests.providers.tiny_model import tiny_model
from tests.run.nights import photo

PLAIN = PaidOptions()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny one."""
    return tiny_model(tmp_path_factory.mktemp("model"))


def engine(file: Path, **settings: str) -> Rembg:
    """An engine with the model in this file."""
    return Rembg(settings={"model_path": str(file)} | settings)


def block() -> bytes:
    """A black block in the middle of white paper, 200 x 100, PNG."""
    pixels = np.full((100, 200, 3), 255, np.uint8)
    pixels[30:70, 60:140] = 0
    body = BytesIO()
    Image.fromarray(pixels).save(body, "PNG")
    return body.getvalue()


def test_the_models_mask_cuts_the_product_out(model: Path) -> None:
    """Solid where the model says so, nothing elsewhere, and it costs nothing."""
    result = engine(model).submit(sent(200, 100, kind="PNG", content=block()), PLAIN)
    assert (result.purchase_class, result.charged, result.format) == (PurchaseClass.FREE, 0, "png")
    alpha = np.asarray(
        read_cutout(result.content, "png", max_pixels=100_000).picture.getchannel("A")
    )
    assert alpha.shape == (100, 200)
    assert alpha[35:65, 70:130].min() > 250
    assert alpha[:20].max() == 0


def test_no_model_is_ever_downloaded(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another kind of model is read from the same file, and the network is not asked."""

    def never(*_: object, **__: object) -> str:
        raise AssertionError("a model was to be downloaded")

    monkeypatch.setattr(pooch, "retrieve", never)
    assert engine(model, model="u2netp").account().purchase_class is PurchaseClass.FREE


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "name its ONNX file"),
        ({"model_path": "nowhere.onnx"}, "nowhere.onnx is no file"),
        ({"model_path": __file__}, "cannot be loaded as `u2net_custom`"),
        ({"model_path": __file__, "model": "sam"}, "knows no model `sam` that cuts out here"),
        ({"model_path": __file__, "speed": "9"}, "no setting `speed`"),
    ],
)
def test_what_cannot_be_loaded_is_a_sentence(settings: dict[str, str], said: str) -> None:
    """Before the night begins."""
    with pytest.raises(BadOption, match=said):
        Rembg(settings=settings)


def test_what_the_model_fails_on_is_one_pictures_affair(model: Path) -> None:
    """And so is an option that no engine here honours."""
    with pytest.raises(ImageRefused, match="cannot honour `crop: True`"):
        engine(model).submit(sent(content=photo(0)), PaidOptions(crop=True))
