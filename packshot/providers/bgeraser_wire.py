"""What goes to bgeraser and what comes back, as plain data. Nothing here sends anything.

Its JSON answer is that of bgeraser.ink/blog/bgeraser-api-quickstart; the shapes of errors and of
the account are published nowhere, so they are searched, not read.
"""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from packshot.facts.errors import ImageRefused
from packshot.facts.paid_options import PaidOptions
from packshot.providers.own_settings import OwnSettings
from packshot.providers.result_address import is_address

WHO: Final = "bgeraser"
UNIT: Final = "credits"
PRICE: Final = 1.0
EMPTY: Final = re.compile(rb"INSUFFICIENT[_ -]?CREDITS", re.IGNORECASE)
"""In the body of a refusal, wherever it stands."""
WIRE_FORMATS: Final = ("zip", "png", "json")
"""The answer is a PNG; who may have a ZIP or JSON can have that."""
HONOURED: Final[Mapping[str, tuple[Any, ...]]] = MappingProxyType(
    {
        "resolution": ("full", "auto", "50MP"),
        "foreground_type": ("auto",),
        "type_level": ("latest", "none"),
        "region": (None,),
        "crop": (False,),
        "semitransparency": (True,),
        "shadow_type": ("none",),
    }
)
"""The values that a call without parameters lives up to; no parameter is documented."""
BALANCES: Final = (
    "remainingcredits",
    "creditsremaining",
    "availablecredits",
    "creditsavailable",
    "creditbalance",
    "creditsleft",
    "balance",
    "remaining",
    "available",
    "credits",
)
"""Names that a balance may go by, the least ambiguous first; without case, dashes and bars."""
_DEEPEST: Final = 4


class BgeraserSettings(OwnSettings):
    """What only this provider knows."""

    surface: Literal["tools", "removebg"] = "tools"
    """Which of the two published APIs: its own, or remove.bg's wire format at another host."""
    upload_field: Literal["image", "file"] = "image"
    """The form field of the picture, which the published text has lost."""
    account: Literal["ask", "skip"] = "ask"
    """Whether `/api/account` is asked, whose answer is documented nowhere."""
    calls_per_minute: Annotated[float, Field(gt=0, le=100_000)] = 60.0


def check_options(options: PaidOptions) -> None:
    """Refuse by name what the API has no parameter for; raises `ImageRefused`."""
    for option, values in HONOURED.items():
        if getattr(options, option) not in values:
            raise _cannot(option, getattr(options, option))
    if options.has_ground:
        raise _cannot("background_color", options.background_color)


def _cannot(option: str, wanted: object) -> ImageRefused:
    return ImageRefused(
        f"{WHO} cannot honour `{option}: {wanted}`: leave the option out, set `surface: removebg` "
        "or choose another provider.",
        "option_not_supported",
    )


def image_url(told: Any) -> str | None:  # noqa: ANN401  any JSON
    """Where the result is, if the answer says so."""
    data = told.get("data") if isinstance(told, dict) else None
    url = data.get("imageUrl") if isinstance(data, dict) else None
    return url if is_address(url) else None


def has_failed(told: Any) -> bool:  # noqa: ANN401  any JSON
    """Whether a good status covers a refusal."""
    return isinstance(told, dict) and told.get("success") is False


def balance_in(told: Any) -> float | None:  # noqa: ANN401  any JSON
    """The number that looks most like what the account holds; None where none does."""
    found: dict[str, float] = {}
    for name, amount in _numbers(told, _DEEPEST):
        found.setdefault(re.sub(r"[^a-z]", "", name.lower()), amount)
    return next((found[name] for name in BALANCES if name in found), None)


def _numbers(told: object, depth: int) -> Iterator[tuple[str, float]]:
    """Every named number that is no truth value, the outer ones first."""
    if not isinstance(told, dict) or not depth:
        return
    for name, value in told.items():
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
            yield name, float(value)
    for value in told.values():
        yield from _numbers(value, depth - 1)
