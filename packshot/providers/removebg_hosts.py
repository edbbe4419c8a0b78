"""Hosts that speak remove.bg's wire format, and what each does otherwise.

Facts: Pixian's guide for those who come from remove.bg (pixian.ai/api/migrate) and PixMiller's
contract (github.com/PixMiller/remove-bg-migration). Nothing of either has been recorded.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from types import MappingProxyType
from typing import Final, Literal

from packshot.facts.errors import ImageRefused
from packshot.facts.paid_options import PaidOptions
from packshot.providers.face import Accepts
from packshot.providers.own_settings import OwnSettings

HostName = Literal["removebg", "pixian", "pixmiller"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What a client has to know of one of them."""

    base_url: str
    accepts: Accepts
    per_minute: float
    weighs_megapixels: bool
    tells_balance: bool = True
    ignores: frozenset[str] = frozenset()
    """Paid options that are passed over in silence, so they are refused here."""
    sells_previews: bool = True
    """Whether a preview is more than a watermarked sample."""
    tells_pace: bool = False
    """Whether `X-RateLimit-*` is known to mean what it does at remove.bg."""
    auto_is_full: bool = False
    """Whether `auto` costs what `full` does, however small the picture."""


_PLAIN: Final = frozenset({"JPEG", "PNG"})
ACCEPTS: Final = Accepts(formats=_PLAIN, max_bytes=22_000_000, max_pixels=50_000_000)
HOSTS: Final[Mapping[HostName, Host]] = MappingProxyType(
    {
        "removebg": Host(
            base_url="https://api.remove.bg/v1.0",
            accepts=ACCEPTS,
            per_minute=500.0,
            weighs_megapixels=True,
            tells_pace=True,
        ),
        "pixian": Host(
            base_url="https://api.pixian.ai/v1.0",
            accepts=Accepts(formats=_PLAIN, max_bytes=22_000_000, max_pixels=32_000_000),
            per_minute=500.0,  # no hard limit is said to exist
            weighs_megapixels=False,
            tells_balance=False,
            ignores=frozenset(
                {"region", "shadow_type", "foreground_type", "removebg.shadow_types"}
                | {"removebg.shadow_opacities", "removebg.scale", "removebg.position"}
            ),
            auto_is_full=True,
        ),
        "pixmiller": Host(
            base_url="https://api.pixmiller.com/v1.0",
            accepts=Accepts(formats=_PLAIN, max_bytes=20_000_000, max_pixels=50_000_000),
            per_minute=40.0,
            weighs_megapixels=False,
            ignores=frozenset(
                {"shadow_type", "semitransparency", "removebg.shadow_types"}
                | {"removebg.shadow_opacities"}
            ),
            auto_is_full=True,
            sells_previews=False,
        ),
    }
)


class RemoveBgSettings(OwnSettings):
    """What only this wire format knows."""

    host: HostName = "removebg"
    auth: Literal["key", "bearer"] = "key"
    """How the key is shown: in `X-API-Key`, or as an OAuth bearer token."""


def check_options(host: Host, name: str, options: PaidOptions) -> None:
    """Refuse what this host would not do. Raises `ImageRefused`."""
    plain = PaidOptions()
    for option in sorted(host.ignores):
        asks = attrgetter(option)
        if asks(options) != asks(plain):
            raise ImageRefused(
                f"`{name}` passes `{option}` over in silence; leave it out, or use another host.",
                "option_not_supported",
            )
    if options.resolution in {"preview", "auto"} and not host.sells_previews:
        raise ImageRefused(
            f"A preview of `{name}` is a watermarked sample, and `auto` may become one; choose "
            "another `resolution`.",
            "option_not_supported",
        )
