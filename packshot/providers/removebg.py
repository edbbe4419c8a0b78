"""remove.bg, and the services that speak its wire format at another base URL."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import httpx

from packshot.facts.errors import BadOption, ImageRefused, Uncertain
from packshot.facts.paid_options import PaidOptions
from packshot.facts.purchase import Account, Price
from packshot.facts.removebg_options import named_by_content
from packshot.providers.answers import broken_answer, look_at, number
from packshot.providers.bare_mask import with_colours
from packshot.providers.face import Accepts, Pace, Result, Source, Ticket
from packshot.providers.line import Answer, Bounds, Line
from packshot.providers.pace_headers import pace_readings
from packshot.providers.removebg_hosts import HOSTS, RemoveBgSettings, check_options
from packshot.providers.removebg_refusals import (
    REMEDIES,
    WHO,
    WINDOW_SECONDS,
    refusal,
    refusal_of_account,
    refusal_of_gift,
)
from packshot.providers.removebg_wire import (
    PREVIEW_MEGAPIXELS,
    UNIT,
    WIRE_FORMATS,
    account_of,
    box_of,
    class_of,
    fell_short,
    form_fields,
    format_for,
    is_opaque,
    unwrapped,
)
from packshot.providers.status_refusals import check_source

BASE_URL: Final = HOSTS["removebg"].base_url
CALLS_AT_ONCE: Final = 32
PREVIEW_PRICE: Final = 0.25
FULL_PRICE: Final = 1.0

SIGNS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {"key": ("X-API-Key", "{key}"), "bearer": ("Authorization", "Bearer {key}")}
)
UPLOADS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {"JPEG": ("source.jpg", "image/jpeg"), "PNG": ("source.png", "image/png")}
)
"""File name and type per format. The API reference promises JPG and PNG, and nothing else."""


class RemoveBg:
    """One remove.bg account. Threads may share it.

    The environment is not read: a proxy or a private certificate comes with `transport`.
    """

    name: Final = "removebg"
    unit: Final = UNIT
    hands_out_tickets: Final = False

    def __init__(  # noqa: PLR0913  each bound may be set alone
        self,
        api_key: str,
        *,
        base_url: str | None = None,
        wire_format: str = "zip",
        settings: Mapping[str, str] = MappingProxyType({}),
        timeout_seconds: float = 120.0,
        calls_at_once: int = CALLS_AT_ONCE,
        background: bytes | None = None,
        max_answer_bytes: int = 100_000_000,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        if wire_format not in WIRE_FORMATS:
            raise BadOption(f"`wire_format` is not known; choose {', '.join(WIRE_FORMATS)}.")
        self._wire_format = wire_format
        self._background = background
        """The file that `background_image_file` named."""
        self._own = RemoveBgSettings.of(WHO, settings)
        self._host = HOSTS[self._own.host]
        self.accepts: Final[Accepts] = self._host.accepts
        self.pace: Final = Pace(
            per_window=self._host.per_minute,
            window_seconds=WINDOW_SECONDS,
            calls_at_once=calls_at_once,
            weighs_megapixels=self._host.weighs_megapixels,
        )
        self._line = Line(
            WHO,
            api_key,
            base_url=base_url or self._host.base_url,
            sign=SIGNS[self._own.auth],
            accept="application/json" if wire_format == "json" else "*/*",
            bounds=Bounds(
                timeout_seconds=timeout_seconds,
                calls_at_once=calls_at_once,
                max_answer_bytes=max_answer_bytes,
            ),
            transport=transport,
        )

    def __repr__(self) -> str:
        return f"RemoveBg({self._line.base_url!r})"

    def price(self, options: PaidOptions, megapixels: float | None) -> Price:
        """A preview costs a quarter, everything else one; `auto` goes by the picture's size."""
        small = megapixels is not None and megapixels <= PREVIEW_MEGAPIXELS
        by_size = options.resolution == "auto" and not self._host.auto_is_full
        cheap = options.resolution == "preview" or (by_size and small)
        amount = PREVIEW_PRICE if cheap else FULL_PRICE
        return Price(at_most=amount, likely=amount)

    def account(self) -> Account:
        """Ask for the balance, which may lag behind the last calls by several seconds."""
        if not self._host.tells_balance:
            return Account(unit=self.unit, total=math.inf)
        answer = self._line.ask("GET", "/account", may_cost=False)
        if answer.is_success:
            return account_of(answer.body, answer.headers)
        raise refusal_of_account(answer, self._line.secret)

    def validate(self, source: Source, options: PaidOptions) -> None:
        """Refuse what the API would refuse, before a call is spent on it."""
        check_source(WHO, source, self.accepts, REMEDIES)
        check_options(self._host, self._own.host, options)
        self._check_background(options)
        if self._wire_format == "jpg" and not is_opaque(options.background_color):
            raise ImageRefused(
                "A JPEG cannot be transparent: set `wire_format` to zip, png or webp, "
                "or ask for an opaque `background_color`.",
                "option_not_supported",
            )

    def submit(self, source: Source, options: PaidOptions) -> Result:
        """Cut one picture out, once."""
        self.validate(source, options)
        fields = form_fields(options, format_for(self._wire_format, source, options))
        files = {}
        if options.removebg.source_by_url and source.url is not None:
            fields["image_url"] = source.url
        else:
            name, media_type = UPLOADS[source.format]
            files["image_file"] = (name, source.content, media_type)
        if options.removebg.background_image_file and self._background is not None:
            files["bg_image_file"] = ("background", self._background, "application/octet-stream")
        answer = self._line.ask(
            "POST", "/removebg", may_cost=True, data=fields, files=files or None
        )
        if not answer.is_success:
            raise refusal(answer, self._line.secret, knows_pace=self._host.tells_pace)
        return self._result(answer, source, options)

    def improve(self, source: Source) -> str:
        """Hand over a picture that was cut badly; answers the name under which it is filed.

        It costs nothing, and 100 files a day are taken (API reference, `/improve`).
        """
        self.validate(source, PaidOptions())
        name, media_type = UPLOADS[source.format]
        files = {"image_file": (name, source.content, media_type)}
        answer = self._line.ask("POST", "/improve", may_cost=False, files=files)
        told = answer.json()
        if not answer.is_success or not isinstance(told, dict):
            raise refusal_of_gift(answer, self._line.secret)
        return str(told.get("id"))

    def collect(self, ticket: Ticket) -> Result:
        """There is nothing to collect: remove.bg answers at once and hands out no tickets."""
        raise Uncertain(f"{WHO} knows no job {ticket.job_id}; run again.", "unknown_job")

    def close(self) -> None:
        """Give back connections."""
        self._line.close()

    def _check_background(self, options: PaidOptions) -> None:
        """What was planned with one file is not bought with another."""
        wanted = options.removebg.background_image_file
        held = None if self._background is None else named_by_content(self._background)
        if wanted is not None and wanted != held:
            raise ImageRefused(
                "The file of `background_image_file` is not the one this was planned with; "
                "make the plan again.",
                "option_not_supported",
            )

    def _result(self, answer: Answer, source: Source, options: PaidOptions) -> Result:
        """Read a good answer. Its size is the picture's own: `X-Width` may describe another."""
        headers = answer.headers
        try:
            content, data = unwrapped(answer.body)
            look = look_at(content, at_most=self._line.max_answer_bytes)
            if is_mask := options.removebg.channels == "alpha":
                content = with_colours(source, content, look)
        except ValueError as error:
            raise broken_answer(WHO, "is no whole picture") from error
        charged = number(headers.get("x-credits-charged"))
        size = None if options.crop else round(look.megapixels, 2)
        return Result(
            content=content,
            format="zip" if is_mask else look.format,
            width=look.width,
            height=look.height,
            charged=self.price(options, size).at_most if charged is None else charged,
            unit=self.unit,
            charge_stated=charged is not None,
            purchase_class=class_of(headers, short=fell_short(look, charged, source, options)),
            foreground_type=headers.get("x-type") or None,
            box=box_of(headers, data),
            pace=pace_readings(headers, WINDOW_SECONDS) if self._host.tells_pace else (),
            seconds=answer.seconds,
            status=answer.status,
        )
