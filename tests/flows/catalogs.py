"""A small catalog on disk for deployments to work on."""

import json
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from packshot.sandbox.server import Sandbox
from tests.flows.served import Prefect, Row, soon

STORED_KEY = "planted-key"
STORE_A_KEY = f"""
from prefect.blocks.system import Secret
Secret(value="{STORED_KEY}").save("packshot-removebg-key", overwrite=True)
"""


@dataclass
class Catalog:
    """Two pictures, their manifest, and the places of a run."""

    folder: Path

    @property
    def state(self) -> Path:
        """What the run remembers of this catalog."""
        return self.folder / "shoes-state" / "shoes"

    def asked(self, **options: object) -> dict[str, object]:
        """Parameters of a run of this catalog."""
        return {
            "manifest": str(self.folder / "catalog.csv"),
            "destination": str(self.folder / "shoes"),
            "options": {"allow_local": True, **options},
        }

    def lease(self) -> Row:
        """Who holds the catalog, or held it last."""
        newest = max(self.state.glob("lease/*.json"))
        return dict(json.loads(newest.read_text()))


def drawn(folder: Path) -> Catalog:
    """A catalog of two pictures, drawn."""
    for name, colour in (("red", "#c02020"), ("blue", "#2020c0")):
        picture = Image.new("RGB", (300, 300), "white")
        ImageDraw.Draw(picture).ellipse((60, 90, 240, 210), fill=colour)
        picture.save(folder / f"{name}.jpg", quality=95)
    (folder / "catalog.csv").write_text("sku,image_url\nRED,red.jpg\nBLUE,blue.jpg\n")
    return Catalog(folder)


def calling(prefect: Prefect, catalog: Catalog, api: Sandbox, **limits: object) -> str:
    """A run that waits for the provider with both pictures; its id."""
    asked = catalog.asked(provider_url=f"{api.url}/v1.0", limits=limits)
    run_id = prefect.start("packshot/on-demand", **asked, provider="removebg")
    soon(lambda: api.state.snapshot()["open_calls"] == 2, 60, "two calls to the provider")
    return run_id
