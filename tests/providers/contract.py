"""What every provider behind an API is held to: how it is reached, and what it costs to ask."""

import io
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from packshot.facts.errors import NotYet
from packshot.facts.paid_options import content_hash
from packshot.providers.face import Provider, Result, Source, Ticket
from packshot.providers.registry import Access, build
from packshot.sandbox.server import BASE_PATHS, Sandbox

KEY = "plantedkey9d2b"


@dataclass(frozen=True, slots=True)
class Played:
    """A provider as the sandbox plays it."""

    name: str
    settings: Mapping[str, str] = field(default_factory=dict)
    unit: str = "credits"
    price: float = 1.0
    """What the sandbox charges for a picture of the contract."""
    has_balance: bool = True
    balance_step: float = 1e-6
    """In which the balance is told."""
    results_lie_elsewhere: bool = False
    """Whether a result is fetched from an address that the answer names."""

    @property
    def label(self) -> str:
        """For the names of tests."""
        return "-".join((self.name, *self.settings.values()))

    def address(self, sandbox: Sandbox) -> str:
        """Where its API begins."""
        return sandbox.url + BASE_PATHS.get(self.name, "")

    def client(self, sandbox: Sandbox, key: str = KEY) -> Provider:
        """An account of it."""
        return build(
            self.name,
            Access(
                api_key=key,
                base_url=self.address(sandbox),
                wire_format="zip",
                calls_at_once=4,
                provider_settings=self.settings,
            ),
        )

    def charged(self, sandbox: Sandbox) -> tuple[int, float]:
        """Calls and amount that the sandbox has charged, by its own books."""
        if self.name == "removebg":
            return sandbox.state.charged_calls, sandbox.state.credits_charged
        books = sandbox.state.snapshot()["providers"][self.name]
        return books["charged_calls"], books["charged"]

    def refill(self, sandbox: Sandbox, amount: float) -> None:
        """Let the account hold so much."""
        pots = {"subscription": amount} if self.name == "removebg" else {}
        sandbox.state.change(pots or {self.name: {"balance": amount}})


def _backgroundcut(**settings: str) -> Played:
    """It tells no balance."""
    return Played(
        "backgroundcut", settings, price=0.5, has_balance=False, results_lie_elsewhere=True
    )


def _leonardo(**settings: str) -> Played:
    """Its balance is told in tokens."""
    return Played(
        "leonardo",
        settings,
        unit="USD",
        price=0.1047,
        balance_step=0.002,
        results_lie_elsewhere=True,
    )


PROVIDERS = (
    Played("removebg"),
    _leonardo(mode="sync"),
    _leonardo(mode="async"),
    Played("photoroom", unit="images"),
    Played("photoroom", {"endpoint": "edit"}, unit="images", price=5.0),
    _backgroundcut(),
    _backgroundcut(generation="production"),
    Played("bgeraser", results_lie_elsewhere=True),
)
JOBS = tuple(played for played in PROVIDERS if played.settings.get("mode") == "async")
FETCHED = tuple(played for played in PROVIDERS if played.results_lie_elsewhere)
BY_ADDRESS = tuple(one for one in FETCHED if one.settings.get("generation") != "production")
"""Those that name addresses at once; that site has to be asked, and mislays results for a while."""


def picture(seed: int = 0, width: int = 800, height: int = 600) -> Source:
    """A photo above a quarter of a megapixel, different for each seed."""
    noise = np.random.default_rng(seed).integers(200, 255, (height, width, 3), np.uint8)
    noise[height // 4 : -height // 4, width // 4 : -width // 4] = (60, 80, 120)
    body = io.BytesIO()
    Image.fromarray(noise).save(body, "JPEG")
    content = body.getvalue()
    return Source(content, content_hash(content), "JPEG", width, height)


def obtained(provider: Provider, answer: Result | Ticket) -> Result:
    """The result, at once or by its ticket, once it is ready."""
    if not isinstance(answer, Ticket):
        return answer
    for _ in range(3):
        with suppress(NotYet):
            return provider.collect(answer)
    raise AssertionError("the job is never ready")
