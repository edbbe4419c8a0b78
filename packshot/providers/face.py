"""All that the rest of the program knows about a provider."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from packshot.facts.paid_options import PaidOptions
from packshot.facts.purchase import Account, Box, Price, PurchaseClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepts:
    """What a provider takes without complaint."""

    formats: frozenset[str]
    """Pillow's names: JPEG, PNG, WEBP …"""
    max_bytes: int
    max_pixels: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """A provider's declared patience, in its own unit."""

    per_window: float
    """Megapixel-images, or calls where `weighs_megapixels` is false, per window."""
    window_seconds: float
    calls_at_once: int
    weighs_megapixels: bool
    slides: bool = False
    """Counted at any moment over the seconds before, not from the first call on."""


@dataclass(frozen=True, slots=True)
class PaceReading:
    """The provider's own word on one of its windows."""

    limit: float
    remaining: float | None
    """None where only the limit is told."""
    reset_seconds: float
    """Seconds from the answer until the window ends."""
    window_seconds: float | None = None
    """How long it is; None for the declared one."""


@dataclass(frozen=True, slots=True)
class Source:
    """One picture, ready to be sent."""

    content: bytes
    content_hash: str
    format: str
    """Pillow's name of the encoding."""
    width: int
    """Pixels of the upright picture."""
    height: int
    url: str | None = None
    """Where these very bytes lie on the web, if they do."""

    @property
    def megapixels(self) -> float:
        """Width times height in millions."""
        return self.width * self.height / 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class FurtherPicture:
    """A further picture, as it came."""

    asked: str
    """`BoughtOutput.canonical` of what it was to look like."""
    content: bytes
    format: str
    """png, webp or jpeg."""
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one answered call returned."""

    content: bytes
    """The answer as it came: a ZIP of colour and alpha, or one encoded picture."""
    format: str
    """zip, png, webp or jpeg."""
    width: int
    height: int
    charged: float
    unit: str
    charge_stated: bool
    purchase_class: PurchaseClass
    foreground_type: str | None = None
    box: Box | None = None
    pace: tuple[PaceReading, ...] = ()
    seconds: float = 0.0
    status: int = 200
    doubt: str | None = None
    """What the provider itself is unsure of, in a sentence."""
    further: Mapping[str, FurtherPicture] = field(default_factory=dict)
    """What was made beside it, by the names of the outputs that were asked for."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A job that will finish later, or whose result lies behind an address."""

    provider: str
    job_id: str
    facts: Mapping[str, str] = field(default_factory=dict)
    """All that `collect` needs to make a result: it is kept over nights, and holds no key."""


class Provider(Protocol):
    """A service that turns a source into a cutout. Every method is one attempt.

    Methods raise by remedy (`packshot.facts.errors`): `StopRun`, `TryAgain`,
    `SkipImage` or `Uncertain`; never an error of an HTTP library.
    """

    @property
    def name(self) -> str:
        """The word in `provider`, in receipts and in file names."""
        ...

    @property
    def unit(self) -> str:
        """What the account is counted in, for example `credits`."""
        ...

    @property
    def accepts(self) -> Accepts:
        """What may be sent."""
        ...

    @property
    def pace(self) -> Pace:
        """The declared pace a governor starts from."""
        ...

    @property
    def hands_out_tickets(self) -> bool:
        """Whether `submit` may answer with a ticket."""
        ...

    def price(self, options: PaidOptions, megapixels: float | None) -> Price:
        """Price of one call; `megapixels` of the source when known."""
        ...

    def account(self) -> Account:
        """Ask for the balance; free of charge."""
        ...

    def submit(self, source: Source, options: PaidOptions) -> Result | Ticket:
        """Cut one picture out, once."""
        ...

    def collect(self, ticket: Ticket) -> Result:
        """Fetch the result of a job; safe to call again, and free of charge.

        Raises `NotYet` while it is under way, `Unreachable` where it may be asked again,
        `ImageRefused` where the job came to nothing, and `Uncertain` where it is lost.
        """
        ...

    def close(self) -> None:
        """Give back connections."""
        ...
