"""Every provider there is, and how one is made."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import Field

import packshot.facts.job as words
from packshot.facts.bought_output import BoughtOutput
from packshot.facts.errors import BadOption
from packshot.facts.purchase import PurchaseClass
from packshot.facts.removebg_options import RemoveBgOptions
from packshot.providers.backgroundcut import BackgroundCut
from packshot.providers.bgeraser import bgeraser
from packshot.providers.face import Provider
from packshot.providers.leonardo import Leonardo
from packshot.providers.local import Local
from packshot.providers.photoroom import Photoroom
from packshot.providers.rembg_models import Rembg
from packshot.providers.removebg import RemoveBg


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to reach a provider."""

    api_key: str = field(default="", repr=False)
    base_url: str | None
    wire_format: str
    calls_at_once: int
    provider_settings: Mapping[str, str] = field(default_factory=dict)
    background: bytes | None = field(default=None, repr=False)
    """The file of `background_image_file`; only remove.bg's wire format knows it."""
    outputs: Sequence[BoughtOutput] = ()
    """Further pictures; who makes none leaves them out."""


@dataclass(frozen=True, slots=True)
class ProviderEntry:
    """What is known of a provider before it is made."""

    make: Callable[[Access], Provider]
    key_variable: str | None
    """Environment variable that holds the key; None where there is no key."""
    description: str
    purchase_class: PurchaseClass
    removebg_words: Callable[[Mapping[str, str]], frozenset[str]] = lambda _: frozenset()
    """Options of `paid.removebg` that it honours, by its own settings."""
    makes_outputs: bool = False
    """Whether one call brings further pictures, too."""


def _all_of_removebg(settings: Mapping[str, str]) -> frozenset[str]:
    del settings
    return frozenset(RemoveBgOptions.model_fields)


def _some_of_removebg(settings: Mapping[str, str]) -> frozenset[str]:
    """By Leonardo's schema; a file behind the product would have to be uploaded each time."""
    del settings
    return frozenset({"crop_margin", "scale", "position", "background_image_url"})


def _removebg_by_surface(settings: Mapping[str, str]) -> frozenset[str]:
    """One of bgeraser's APIs takes remove.bg's parameters, the other one none."""
    if settings.get("surface") != "removebg":
        return frozenset()
    return _all_of_removebg(settings) - {"background_image_file"}


def _with_settings(make: Callable[..., Provider]) -> Callable[[Access], Provider]:
    """A provider that has settings of its own."""

    def made(access: Access) -> Provider:
        return make(
            access.api_key,
            base_url=access.base_url,
            wire_format=access.wire_format,
            settings=access.provider_settings,
            calls_at_once=access.calls_at_once,
        )

    return made


def _removebg(access: Access) -> Provider:
    return _with_settings(partial(RemoveBg, background=access.background))(access)


def _backgroundcut(access: Access) -> Provider:
    return _with_settings(partial(BackgroundCut, outputs=access.outputs))(access)


def _local(access: Access) -> Provider:
    if access.provider_settings:
        raise BadOption("`local` has no settings of its own: remove `provider_settings.local`.")
    return Local(calls_at_once=_on_this_machine("local", access))


def _rembg(access: Access) -> Provider:
    at_once = _on_this_machine("rembg", access)
    return Rembg(settings=access.provider_settings, calls_at_once=at_once)


def _on_this_machine(name: str, access: Access) -> int:
    """How many pictures at once; an address would be passed over."""
    if access.base_url:
        raise BadOption(f"`{name}` works on this machine: leave `--provider-url` out.")
    return min(access.calls_at_once, os.cpu_count() or 1)


PROVIDERS: Final[Mapping[str, ProviderEntry]] = MappingProxyType(
    {
        "local": ProviderEntry(
            _local, None, "OpenCV on this machine, for studio grounds", PurchaseClass.FREE
        ),
        "removebg": ProviderEntry(
            _removebg,
            "REMOVEBG_API_KEY",
            "remove.bg, or a host that speaks its wire format",
            PurchaseClass.PAID,
            _all_of_removebg,
        ),
        "leonardo": ProviderEntry(
            _with_settings(Leonardo),
            "LEONARDO_API_KEY",
            "Leonardo.Ai's remove-bg, at once or as a job",
            PurchaseClass.PAID,
            _some_of_removebg,
        ),
        "photoroom": ProviderEntry(
            _with_settings(Photoroom),
            "PHOTOROOM_API_KEY",
            "Photoroom: segment, or edit",
            PurchaseClass.PAID,
        ),
        "backgroundcut": ProviderEntry(
            _backgroundcut,
            "BACKGROUNDCUT_API_KEY",
            "BackgroundCut, API v3",
            PurchaseClass.PAID,
            makes_outputs=True,
        ),
        "bgeraser": ProviderEntry(
            _with_settings(bgeraser),
            "BGERASER_API_KEY",
            "bgeraser, either of its APIs",
            PurchaseClass.PAID,
            _removebg_by_surface,
        ),
        "rembg": ProviderEntry(
            _rembg, None, "a model of yours on this machine, through rembg", PurchaseClass.FREE
        ),
    }
)


ProviderName = Annotated[words.ProviderName, Field(json_schema_extra={"enum": list(PROVIDERS)})]
"""For forms, which offer what there is."""


def key_block(name: str) -> str:
    """Name of the Prefect Secret block that may hold a provider's key."""
    return f"packshot-{name}-key"


def build(name: str, access: Access) -> Provider:
    """Make a provider; a missing key or an unknown name is answered with what would do."""
    entry = PROVIDERS.get(name)
    if entry is None:
        raise BadOption(f"There is no provider `{name}`; there are {', '.join(PROVIDERS)}.")
    if entry.key_variable and not access.api_key.strip():
        raise BadOption(
            f"`{name}` needs an API key: set {entry.key_variable} in the environment, "
            f"or store it in the Prefect Secret block `{key_block(name)}`."
        )
    return entry.make(access)
