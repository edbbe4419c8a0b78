"""The embedded engine: studio pictures cut out on this machine, without key, network or price."""

import time
from typing import Final

import cv2
import numpy as np
from PIL import Image

from packshot.facts.errors import ImageRefused, Uncertain
from packshot.facts.money import FREE_UNIT
from packshot.facts.paid_options import PaidOptions
from packshot.facts.purchase import Account, Price, PurchaseClass
from packshot.providers.face import Accepts, Pace, Result, Source, Ticket
from packshot.providers.on_this_machine import as_png, check_options, ready_to_cut
from packshot.world.pictures import READABLE, decode_upright
from packshot.world.studio_cut import cut_from_studio

UNIT: Final = FREE_UNIT
CALLS_AT_ONCE: Final = 2


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
        check_options("The embedded engine", options)
        started = time.monotonic()
        picture = ready_to_cut(decode_upright(source.content), options)
        try:
            cut = cut_from_studio(np.asarray(picture))
        except cv2.error as error:
            raise ImageRefused(
                "The embedded engine failed on this picture: send it to another provider.",
                "engine_failed",
            ) from error
        return Result(
            content=as_png(Image.fromarray(np.dstack([cut.colour, cut.alpha]))),
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
