"""Any model that rembg can load from a file of this machine, without key, network or price.

rembg (github.com/danielgatis/rembg) is an optional extra: `pip install 'packshot[rembg]'`. It would
download its models; here a model is only ever read from the path that is given.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from packshot.facts.errors import BadOption, ImageRefused
from packshot.facts.paid_options import PaidOptions
from packshot.facts.purchase import PurchaseClass
from packshot.providers.face import Result, Source
from packshot.providers.on_this_machine import OnThisMachine, as_png, check_options, ready_to_cut
from packshot.providers.own_settings import OwnSettings
from packshot.world.pictures import decode_upright

WHO: Final = "`rembg`"
NOT_CUTTERS: Final = frozenset({"sam", "u2net_cloth_seg"})
"""What needs to be shown a point of the product, or cuts clothes apart."""


class RembgSettings(OwnSettings):
    """What only this engine knows."""

    model_path: Path
    """The ONNX file."""
    model: str = "u2net_custom"
    """What kind of model it is, in rembg's words; how it wants its pictures depends on that."""
    alpha_matting: bool = False
    """Whether rembg refines the edge, in some seconds a picture."""


class Rembg(OnThisMachine):
    """One model in memory. Threads may share it."""

    name: Final = "rembg"
    who = WHO

    def __init__(
        self, *, settings: Mapping[str, str] = MappingProxyType({}), calls_at_once: int = 1
    ) -> None:
        if "model_path" not in settings:
            raise BadOption(
                "`rembg` has no model: name its ONNX file, for example "
                "`--set provider_settings.rembg.model_path=models/u2net.onnx`."
            )
        self._own = RembgSettings.of(WHO, settings)
        self._session, self._remove = _loaded(self._own)
        super().__init__(calls_at_once)

    def submit(self, source: Source, options: PaidOptions) -> Result:
        """Cut one picture out; raises `ImageRefused` where the model fails on it."""
        check_options(WHO, options)
        started = time.monotonic()
        picture = ready_to_cut(decode_upright(source.content), options)
        try:
            cut = self._remove(
                picture, session=self._session, alpha_matting=self._own.alpha_matting
            )
        except Exception as error:
            raise ImageRefused(
                f"{WHO} failed on this picture ({type(error).__name__}): "
                "send it to another provider.",
                "engine_failed",
            ) from error
        return Result(
            content=as_png(cut),
            format="png",
            width=cut.width,
            height=cut.height,
            charged=0.0,
            unit=self.unit,
            charge_stated=True,
            purchase_class=PurchaseClass.FREE,
            seconds=time.monotonic() - started,
        )


def _loaded(own: RembgSettings) -> tuple[Any, Any]:
    """A session of rembg's with this file, and what uses it. Raises `BadOption`."""
    try:
        import onnxruntime  # noqa: PLC0415  only those who have it pay for its start
        from rembg import remove  # noqa: PLC0415
        from rembg.sessions import sessions_class  # noqa: PLC0415
    except ImportError as error:
        raise BadOption(
            f"{WHO} is not installed, {error.name} is missing; run `pip install "
            "'packshot[rembg]'` where the pictures are cut."
        ) from None
    kinds = {kind.name(): kind for kind in sessions_class if _cuts_here(kind)}
    if own.model not in kinds:
        raise BadOption(
            f"{WHO} knows no model `{own.model}` that cuts out here; there are "
            f"{', '.join(sorted(kinds))}."
        )
    if not own.model_path.is_file():
        raise BadOption(f"{own.model_path} is no file; give the path of an ONNX model.")
    from_file = type(
        "FromFile",
        (kinds[own.model],),
        {"download_models": classmethod(lambda *_, **__: str(own.model_path))},
    )
    threads = onnxruntime.SessionOptions()
    threads.intra_op_num_threads = 1  # pictures are worked on side by side already
    try:
        session = from_file(
            own.model,
            threads,
            providers=["CPUExecutionProvider"],
            model_path=str(own.model_path),  # some kinds ask for it before they look for a file
        )
    except Exception as error:
        said = type(error).__name__
        raise BadOption(
            f"{own.model_path} cannot be loaded as `{own.model}` ({said}); "
            "check that it is a whole ONNX file."
        ) from error
    return session, remove


def _cuts_here(kind: Any) -> bool:  # noqa: ANN401  rembg has no types
    """Whether it works on this machine, with one file, and cuts one product out."""
    here = getattr(kind, "is_local", lambda: True)()
    return bool(here) and kind.name() not in NOT_CUTTERS
