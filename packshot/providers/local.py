"""The embedded engine: studio pictures cut out on this machine, without key, network or price."""

import time
from collections.abc import Mapping
from io import BytesIO
from types import MappingProxyType
from typing import Any, Final

import cv2
import numpy as np
from PIL import Image

from packshot.facts.errors import ImageRefused, Uncertain
from packshot.facts.money import FREE_UNIT
from packshot.facts.paid_options import PaidOptions
from packshot.facts.purchase import Account, Price, PurchaseClass
from packshot.providers.face import Accepts, Pace, Result, Source, Ticket
from packshot.providers.removebg_wire import LARGEST_MEGAPIXELS
from packshot.world.pictures import READABLE, decode_upright
from packshot.world.studio_cut import StudioCut, cut_from_studio

UNIT: Final = FREE_UNIT
CALLS_AT_ONCE: Final = 2

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
"""The values this engine lives up to. It never makes glass half transparent, so
`semitransparency` is met either way; without a shadow, so is its opacity."""


class Local:
    """Cuts one product out of a smooth ground. Threads may share it."""

    name: Final = "local"
    unit: Final = UNIT
    hands_out_tickets: Final = False
    accepts: Final = Accepts(
        formats=frozenset(READABLE), max_bytes=200_000_000, max_pixels=50_000_000
    )

    def __init__(self, *, calls_at_once: int = CALLS_AT_ONCE) -> None:
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
        return Account(unit=UNIT, total=0.0, purchase_class=PurchaseClass.FREE)

    def submit(self, source: Source, options: PaidOptions) -> Result:
        """Cut one picture out; options that the engine cannot honour are refused by name."""
        _check(options)
        started = time.monotonic()
        picture = _within(
            _on_white(decode_upright(source.content)), LARGEST_MEGAPIXELS[options.resolution]
        )
        try:
            cut = cut_from_studio(np.asarray(picture))
        except cv2.error as error:
            raise ImageRefused(
                "The embedded engine failed on this picture: send it to another provider.",
                "engine_failed",
            ) from error
        return Result(
            content=_png(cut),
            format="png",
            width=picture.width,
            height=picture.height,
            charged=0.0,
            unit=UNIT,
            charge_stated=True,
            purchase_class=PurchaseClass.FREE,
            seconds=time.monotonic() - started,
            doubt=cut.unsure,
        )

    def collect(self, ticket: Ticket) -> Result:
        """There is nothing to collect: the engine answers at once and hands out no tickets."""
        raise Uncertain(
            f"The embedded engine knows no job {ticket.job_id}; run again.", "unknown_job"
        )

    def close(self) -> None:
        """Nothing is held."""


def _check(options: PaidOptions) -> None:
    for option, values in HONOURED.items():
        wanted = getattr(options, option)
        if wanted not in values:
            raise ImageRefused(
                f"The embedded engine cannot honour `{option}: {wanted}`: "
                "leave the option out or choose another provider.",
                "option_not_supported",
            )


def _on_white(picture: Image.Image) -> Image.Image:
    """What is transparent becomes paper, the ground this engine knows best."""
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


def _png(cut: StudioCut) -> bytes:
    """Lossless, at the level that is five times as fast and hardly larger."""
    body = BytesIO()
    pixels = np.dstack([cut.colour, cut.alpha])
    Image.fromarray(pixels).save(body, "PNG", compress_level=1)
    return body.getvalue()
