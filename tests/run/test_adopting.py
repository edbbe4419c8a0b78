"""Cutouts that a shop owns already are purchases: no night pays for them again."""

import csv
import io

import pytest
from PIL import Image

from packshot.facts.errors import BadManifest
from packshot.run.adopting import Adoption, adopt
from packshot.run.progress import Progress
from tests.run.nights import Shop, photo

SIZE = (80, 60)


def cutout(size: tuple[int, int] = SIZE, alpha: int | None = None, kind: str = "PNG") -> bytes:
    """A block on nothing; or the same alpha everywhere."""
    picture = Image.new("RGBA", size, (0, 0, 0, 0 if alpha is None else alpha))
    if alpha is None:
        picture.paste((200, 80, 40, 255), (size[0] // 4, size[1] // 4, size[0] // 2, size[1] // 2))
    body = io.BytesIO()
    picture.save(body, kind, **({"lossless": True} if kind == "WEBP" else {}))
    return body.getvalue()


def owned(shop: Shop, *rows: tuple[str, str, str], **changes: object) -> Adoption:
    """Adopt these rows of SKU, source and cutout, by the names of the shop's pictures."""
    shop.folder.mkdir(parents=True, exist_ok=True)
    with (shop.folder / "owned.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("sku", "image_url", "mine"))
        table.writerows(
            (sku, shop.url(source), shop.url(own) if own else "") for sku, source, own in rows
        )
    job = shop.job(manifest=str(shop.folder / "owned.csv"), **changes)
    return adopt(job, "mine", Progress())


@pytest.fixture
def pictures(shop: Shop) -> Shop:
    """Three sources, and what somebody has made of them."""
    for number in range(3):
        shop.put(f"{number}.png", photo(number, SIZE))
    shop.put("0-cut.png", cutout())
    shop.put("1-cut.webp", cutout(kind="WEBP"))
    return shop


def test_what_is_owned_is_not_bought(pictures: Shop) -> None:
    """The first night takes it from the shelf, pixel for pixel, and buys only the rest."""
    said = owned(pictures, ("A", "0.png", "0-cut.png"), ("B", "1.png", "1-cut.webp"))
    assert said == Adoption(adopted=2, owned=0, refused=0, reasons=[])
    pictures.list(*(pictures.row(sku, f"{n}.png") for n, sku in enumerate("ABC")))
    night = pictures.night()
    assert night.summary.outcomes == {"reused": 2, "cut": 1}
    assert (night.seen.posts, night.summary.money.charged) == (1, 1.0)
    mine = night.last_of("A")
    assert mine is not None
    assert (mine["provider"], mine["charged"], mine["paid_before"]) == ("adopted", 0.0, 0.0)
    (published,) = (pictures.folder / "out" / pictures.catalog / "A").glob("*.png")
    assert Image.open(published).tobytes() == Image.open(io.BytesIO(cutout())).tobytes()


def test_what_was_bought_or_adopted_before_stays(pictures: Shop) -> None:
    """Adopting is safe to repeat, and takes nothing from a purchase."""
    pictures.market.pass_for_real()
    pictures.list(pictures.row("B", "1.png"))
    pictures.night()
    rows = (("A", "0.png", "0-cut.png"), ("B", "1.png", "1-cut.webp"))
    assert owned(pictures, *rows).model_dump(exclude={"reasons"}) == {
        "adopted": 1,
        "owned": 1,
        "refused": 0,
    }
    assert owned(pictures, *rows).owned == 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no picture", "the cutout is no picture that can be kept; give a PNG or WebP"),
        (cutout((40, 30)), "the cutout has only 40 by 30 pixels, less than would be bought"),
        (cutout((60, 60)), "the cutout is 60 by 60 pixels and its source 80 by 60; give"),
        (cutout(alpha=255), "transparent nowhere or everywhere"),
        (cutout(alpha=0), "transparent nowhere or everywhere"),
        (cutout()[:-40], "the cutout is no picture that can be kept"),
        (None, "has nothing there (404); upload the picture"),
    ],
)
def test_what_cannot_be_a_purchase_is_refused(
    pictures: Shop, content: bytes | None, reason: str
) -> None:
    """With its row and what to give instead; the other rows are adopted."""
    if content is not None:
        pictures.put("bad.png", content)
    said = owned(pictures, ("BAD", "2.png", "bad.png"), ("A", "0.png", "0-cut.png"))
    assert (said.adopted, said.refused) == (1, 1)
    (sentence,) = said.reasons
    assert sentence.startswith("row 2: ")
    assert reason in sentence


def test_a_row_without_a_cutout_is_refused(pictures: Shop) -> None:
    """An empty cell is no cutout."""
    said = owned(pictures, ("A", "0.png", ""))
    assert said.reasons == ["row 2: The row has no image address; fill it in."]


def test_a_row_with_more_sources_than_cutouts_is_refused(pictures: Shop) -> None:
    """As many in all, and all would be laid under other products' sources."""
    two, one = f"{pictures.url('0.png')},{pictures.url('1.png')}", pictures.url("2.png")
    cut = pictures.url("0-cut.png")
    (pictures.folder / "owned.csv").write_text(
        f'sku,image_url,mine\nA,"{two}",{cut}\nB,{one},"{cut},{cut}"\n'
    )
    job = pictures.job(manifest=str(pictures.folder / "owned.csv"))
    with pytest.raises(BadManifest, match="row 2 has another number of sources than of cutouts"):
        adopt(job, "mine", Progress())
    assert not list(pictures.state.glob("masters/*/*/*.zip"))


def test_a_column_that_is_not_there_is_named(pictures: Shop) -> None:
    """Before anything is fetched."""
    owned(pictures)
    job = pictures.job(manifest=str(pictures.folder / "owned.csv"))
    with pytest.raises(BadManifest, match="has no column `cutout_url`"):
        adopt(job, "cutout_url", Progress())
