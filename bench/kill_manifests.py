"""The catalogs that runs are killed over."""

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

SIDES: Final = (640, 480)
GRAIN: Final = 9


@dataclass
class Catalog:
    """A manifest, and what must become of it."""

    manifest: Path
    host: str
    rows: list[tuple[str, str]] = field(default_factory=list)
    bought: int = 0
    """Different pictures that a provider has to be paid for."""
    good: set[str] = field(default_factory=set)
    """SKUs that must have a picture in the end."""

    @property
    def pictures(self) -> Path:
        """The folder behind the picture host."""
        return self.manifest.parent

    def put(self, name: str, content: bytes) -> str:
        """Put a file up; answers its URL."""
        (self.pictures / name).write_bytes(content)
        return f"{self.host}/cdn/{self.pictures.name}/{name}"

    def add(self, sku: str, url: str, *, good: bool = False) -> None:
        """One more row."""
        self.rows.append((sku, url))
        if good:
            self.good.add(sku)

    def written(self) -> "Catalog":
        """With its manifest on disk."""
        with self.manifest.open("w", newline="") as file:
            csv.writer(file).writerows([("sku", "image_url"), *self.rows])
        return self


def distinct(catalog: Catalog, chance: np.random.Generator) -> None:
    """Forty-five pictures, all different."""
    catalog.bought = 45
    for number in range(catalog.bought):
        catalog.add(f"A{number}", catalog.put(f"{number}.jpg", photo(chance)), good=True)


def equal(catalog: Catalog, chance: np.random.Generator) -> None:
    """Thirty pictures; ten of them lie under three more SKUs each, side by side and far apart."""
    catalog.bought = 30
    contents = [photo(chance) for _ in range(catalog.bought)]
    again = [number for number in range(10) for _ in range(3)]
    order = [*range(catalog.bought), *again]
    for place, number in enumerate(chance.permutation(order)):
        url = catalog.put(f"{place}.jpg", contents[number])
        catalog.add(f"B{place}", url, good=True)


def flawed(catalog: Catalog, chance: np.random.Generator) -> None:
    """Thirty good pictures between rows and pictures with which something is wrong."""
    catalog.bought = 30
    whole = photo(chance)
    for number in range(catalog.bought):
        catalog.add(f"C{number}", catalog.put(f"{number}.jpg", photo(chance)), good=True)
        match number % 6:
            case 0:
                catalog.add(f"torn{number}", catalog.put(f"t{number}.jpg", whole[: 900 + number]))
            case 1:
                catalog.add(f"cut{number}", catalog.put(f"c{number}.png", transparent(chance)))
            case 2:
                catalog.add(f"page{number}", catalog.put(f"p{number}.jpg", b"<html>no picture"))
            case 3:
                catalog.add(f"gone{number}", f"{catalog.host}/cdn/nowhere/{number}.jpg")
            case 4:
                catalog.add(f"none{number}", "")
            case _:
                catalog.add(*catalog.rows[-1])


MANIFESTS: Final[dict[str, Callable[[Catalog, np.random.Generator], None]]] = {
    "all different": distinct,
    "equal pictures under several SKUs": equal,
    "with bad rows, broken and transparent pictures": flawed,
}


def laid_out(name: str, folder: Path, host: str, chance: np.random.Generator) -> Catalog:
    """A catalog of one kind, drawn into a folder that the picture host serves."""
    folder.mkdir(parents=True)
    catalog = Catalog(folder / "catalog.csv", host)
    MANIFESTS[name](catalog, chance)
    return catalog.written()


def photo(chance: np.random.Generator) -> bytes:
    """A grainy product on pale paper."""
    picture = Image.new("RGB", SIDES, (244, 244, 242))
    red, green, blue = (int(part) for part in chance.integers(30, 210, 3))
    ImageDraw.Draw(picture).ellipse((120, 90, 520, 400), (red, green, blue))
    grain = chance.integers(-GRAIN, GRAIN, (SIDES[1], SIDES[0], 3), np.int16)
    pixels = np.clip(np.asarray(picture).astype(np.int16) + grain, 0, 255)
    return _encoded(Image.fromarray(pixels.astype(np.uint8)), "JPEG")


def transparent(chance: np.random.Generator) -> bytes:
    """A picture that somebody has cut out before."""
    pixels = np.zeros((SIDES[1], SIDES[0], 4), np.uint8)
    pixels[90:400, 120:520, :3] = chance.integers(30, 210, 3)
    pixels[90:400, 120:520, 3] = 255
    return _encoded(Image.fromarray(pixels), "PNG")


def _encoded(picture: Image.Image, kind: str) -> bytes:
    body = BytesIO()
    picture.save(body, kind)
    return body.getvalue()
