"""The embedded engine: studio pictures cut out on this machine, without key, network or price."""

import time
from typing import Final

import cv2
import numpy as np
from PIL import Image

from packshot.facts.errors import ImageRefused
from packshot.facts.paid_options import PaidOptions
from packshot.facts.purchase import PurchaseClass
from packshot.providers.face import Result, Source
from packshot.providers.on_this_machine import OnThisMachine, as_png, check_options, ready_to_cut
from packshot.world.pictures import decode_upright
from packshot.world.studio_cut import cut_from_studio

CALLS_AT_ONCE: Final = 2


class Local(OnThisMachine):
    """Cuts one product out of a smooth ground. Threads may share it."""

    name: Final = "local"
    who = "The embedded engine"

    def __init__(self, *, calls_at_once: int = CALLS_AT_ONCE) -> None:
        super().__init__(calls_at_once)

    def submit(self, source: Source, options: PaidOptions) -> Result:
        """Cut one picture out; options that the engine cannot honour are refused by name."""
        check_options(self.who, options)
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
            unit=self.unit,
            charge_stated=True,
            purchase_class=PurchaseClass.FREE,
            seconds=time.monotonic() - started,
            doubt=cut.unsure,
        )
