"""What engines on this machine have in common: options, sizes, and the picture handed over."""

from collections.abc import Mapping
from io import BytesIO
from types import MappingProxyType
from typing import Any, ClassVar, Final

from PIL import Image

from packshot.facts.errors import ImageRefused, Uncertain
from packshot.facts.money import FREE_UNIT
from packshot.facts.paid_options import PaidOptions
from packshot.facts.purchase import Account, Price, PurchaseClass
from packshot.providers.face import Accepts, Pace, Result, Ticket
from packshot.providers.removebg_wire import LARGEST_MEGAPIXELS
from packshot.world.pictures import READABLE

HONOURED: Final[Mapping[str, tuple[Any, ...]]] = MappingProxyType(
    {
        "foreground_type": ("auto", "product"),
        "type_level": ("latest", "none"),
        "region": (None,),
        "crop": (False,),
        "shadow_type": ("none",),
        "background_color": (None,),
    }
)
"""The values such an engine lives up to. Without a shadow its opacity is met, and what becomes of
glass is the engine's own affair, so `semitransparency` is met either way."""


class OnThisMachine:
    """What an engine is whose pictures never leave the machine: free, and as fast as it is."""

    who: ClassVar[str]
    """In sentences."""
    unit: Final = FREE_UNIT
    hands_out_tickets: Final = False
    accepts: Final = Accepts(
        formats=frozenset(READABLE), max_bytes=200_000_000, max_pixels=50_000_000
    )

    def __init__(self, calls_at_once: int) -> None:
        self.pace: Final = Pace(
            per_window=1e9,  # as good as endless, and still a number that JSON knows
            window_seconds=60.0,
            calls_at_once=calls_at_once,
            weighs_megapixels=False,
        )

    def price(self, options: PaidOptions, megapixels: float | None) -> Price:  # noqa: ARG002 - the face
        """Nothing."""
        return Price(at_most=0.0, likely=0.0)

    def account(self) -> Account:
        """An account that holds nothing: every price is 0, so 0 always suffices."""
        return Account(unit=self.unit, total=0.0, purchase_class=PurchaseClass.FREE)

    def collect(self, ticket: Ticket) -> Result:
        """There is nothing to collect: an engine answers at once and hands out no tickets."""
        raise Uncertain(f"{self.who} knows no job {ticket.job_id}; run again.", "unknown_job")

    def close(self) -> None:
        """Nothing is held that would not go by itself."""


def check_options(engine: str, options: PaidOptions) -> None:
    """Refuse by name what no engine here does. Raises `ImageRefused`."""
    for option, values in HONOURED.items():
        wanted = getattr(options, option)
        if wanted not in values:
            raise ImageRefused(
                f"{engine} cannot honour `{option}: {wanted}`: "
                "leave the option out or choose another provider.",
                "option_not_supported",
            )


def ready_to_cut(picture: Image.Image, options: PaidOptions) -> Image.Image:
    """RGB on paper where it was transparent, and no larger than was asked for."""
    return _within(_on_white(picture), LARGEST_MEGAPIXELS[options.resolution])


def as_png(picture: Image.Image) -> bytes:
    """Lossless, at the level that is five times as fast and hardly larger."""
    body = BytesIO()
    picture.save(body, "PNG", compress_level=1)
    return body.getvalue()


def _on_white(picture: Image.Image) -> Image.Image:
    if "A" not in picture.getbands():
        return picture.convert("RGB")
    paper = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(paper, picture.convert("RGBA")).convert("RGB")


def _within(picture: Image.Image, megapixels: float) -> Image.Image:
    """Shrink to the resolution asked for; never enlarge."""
    scale = (megapixels * 1e6 / (picture.width * picture.height)) ** 0.5
    if scale >= 1:
        return picture
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS)
