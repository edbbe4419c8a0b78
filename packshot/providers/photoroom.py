"""Photoroom: cutouts from `segment`, or from `edit`, which also draws shadows, at another host."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

import httpx

from packshot.facts.errors import (
    BadOption,
    KeyRejected,
    OutOfCredits,
    PackshotError,
    Uncertain,
)
from packshot.facts.paid_options import PaidOptions
from packshot.facts.purchase import Account, Price, PurchaseClass
from packshot.providers.answers import broken_answer, look_at
from packshot.providers.face import Accepts, Pace, Result, Source, Ticket
from packshot.providers.line import Answer, Bounds, Line, as_answered
from packshot.providers.pace_headers import pace_readings
from packshot.providers.photoroom_refusals import (
    NO_IMAGES,
    REMEDIES,
    WHO,
    refusal,
    refusal_of_account,
)
from packshot.providers.photoroom_wire import (
    FORMATS,
    TEST_KEY,
    UNIT,
    PhotoroomSettings,
    account_of,
    check_options,
    class_of,
    doubt_of,
    edit_form,
    segment_form,
    unwrapped,
)
from packshot.providers.removebg_wire import is_test
from packshot.providers.status_refusals import check_source

SEGMENT_HOST: Final = "https://sdk.photoroom.com"
IMAGE_HOST: Final = "https://image-api.photoroom.com"
WINDOW_SECONDS: Final = 60.0
CALLS_AT_ONCE: Final = 8
EDIT_PRICE: Final = 5.0
PREVIEW_SHARE: Final = 0.25
PLUS_SHARE: Final = 0.2
"""Of an image that a cutout takes where the account counts edits."""
UPLOADS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "JPEG": ("source.jpg", "image/jpeg"),
        "PNG": ("source.png", "image/png"),
        "WEBP": ("source.webp", "image/webp"),
    }
)
"""File name and type per format."""
_ASK_THE_FIRST_VERSION: Final = frozenset({403, 404, 405, 410})


class Photoroom:
    """One Photoroom account. Threads may share it.

    The environment is not read: a proxy or a private certificate comes with `transport`.
    """

    name: Final = "photoroom"
    unit: Final = UNIT
    hands_out_tickets: Final = False
    accepts: Final = Accepts(
        formats=frozenset(UPLOADS), max_bytes=50_000_000, max_pixels=36_000_000
    )

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str | None = None,
        wire_format: str = "png",
        settings: Mapping[str, str] = MappingProxyType({}),
        timeout_seconds: float = 120.0,
        calls_at_once: int = CALLS_AT_ONCE,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`base_url` stands for both hosts: that of `segment`, and that of `edit` and accounts."""
        if wire_format not in FORMATS:
            raise BadOption(f"`wire_format` is not known; choose {', '.join(FORMATS)}.")
        self._wire_format = wire_format
        self._settings = PhotoroomSettings.of(WHO, settings)
        self._key_is_test = api_key.strip().startswith(TEST_KEY)
        self.pace: Final = Pace(
            per_window=self._settings.calls_per_minute,
            window_seconds=WINDOW_SECONDS,
            calls_at_once=calls_at_once,
            weighs_megapixels=False,
            slides=True,  # nothing is documented, and it holds for a fixed window too
        )

        def line(host: str, accept: str = "*/*") -> Line:
            return Line(
                WHO,
                api_key,
                base_url=base_url or host,
                sign=("x-api-key", "{key}"),
                accept=accept,
                bounds=Bounds(timeout_seconds=timeout_seconds, calls_at_once=calls_at_once),
                transport=transport,
            )

        self._segment = line(SEGMENT_HOST, "application/json" if wire_format == "json" else "*/*")
        self._image_api = line(IMAGE_HOST)
        self._line = self._segment if self._settings.endpoint == "segment" else self._image_api

    def __repr__(self) -> str:
        return f"Photoroom({self._line.base_url!r}, {self._settings.endpoint!r})"

    def price(self, options: PaidOptions, megapixels: float | None) -> Price:  # noqa: ARG002 - the face
        """An image for a cutout, five for an edit; a fifth of it where edits are counted.

        That a preview takes a quarter is told by older pages only, so it is no more than likely.
        A test costs nothing.
        """
        if self._key_is_test:
            return Price(at_most=0.0, likely=0.0)
        edits = self._settings.endpoint == "edit"
        images = EDIT_PRICE if edits else 1.0
        if self._settings.plan == "plus":
            images *= PLUS_SHARE
        cheap = options.resolution == "preview" and not edits
        return Price(at_most=images, likely=images * PREVIEW_SHARE if cheap else images)

    def account(self) -> Account:
        """Ask for the images left. A sandbox key may have no account, and needs none."""
        answer = self._image_api.ask("GET", "/v2/account", may_cost=False)
        if answer.status in _ASK_THE_FIRST_VERSION:
            answer = self._image_api.ask("GET", "/v1/account", may_cost=False)
        if answer.is_success:
            return account_of(answer.body, is_test=self._key_is_test or is_test(answer.headers))
        error = refusal_of_account(answer, self._line.secret)
        if self._key_is_test and isinstance(error, KeyRejected):
            return Account(unit=UNIT, total=0.0, purchase_class=PurchaseClass.TEST)
        raise error

    def validate(self, source: Source, options: PaidOptions) -> None:
        """Refuse what the API would refuse, before a call is spent on it."""
        too_wide = max(source.width, source.height) > self._settings.longest_side
        accepts = replace(self.accepts, max_pixels=0) if too_wide else self.accepts
        check_source(WHO, source, accepts, REMEDIES)
        check_options(options, self._settings, self._wire_format)

    def submit(self, source: Source, options: PaidOptions) -> Result:
        """Cut one picture out, once."""
        self.validate(source, options)
        if self._settings.endpoint == "edit":
            path, field = "/v2/edit", "imageFile"
            form = edit_form(options, self._wire_format, source, self._settings.shadow_mode)
        else:
            path, field = "/v1/segment", "image_file"
            form = segment_form(options, self._wire_format)
        name, media_type = UPLOADS[source.format]
        upload = {field: (name, source.content, media_type)}
        answer = self._line.ask("POST", path, may_cost=True, data=form, files=upload)
        if not answer.is_success:
            raise self._refused(answer, options)
        return self._result(answer, source, options)

    def collect(self, ticket: Ticket) -> Result:
        """There is nothing to collect: Photoroom answers at once and hands out no tickets."""
        raise Uncertain(f"{WHO} knows no job {ticket.job_id}; run again.", "unknown_job")

    def close(self) -> None:
        """Give back connections."""
        self._segment.close()
        self._image_api.close()

    def _refused(self, answer: Answer, options: PaidOptions) -> PackshotError:
        """A 403 means a bad key or no images left: the account knows which."""
        error = refusal(answer, self._line.secret)
        if answer.status != httpx.codes.FORBIDDEN or not isinstance(error, KeyRejected):
            return error
        try:
            is_empty = self.account().total < self.price(options, None).likely
        except PackshotError:
            return error
        return (
            as_answered(OutOfCredits(NO_IMAGES), answer, self._line.secret) if is_empty else error
        )

    def _result(self, answer: Answer, source: Source, options: PaidOptions) -> Result:
        try:
            content = unwrapped(answer.body)
            look = look_at(content, at_most=self._line.max_answer_bytes)
        except ValueError as error:
            raise broken_answer(WHO, "is no whole picture") from error
        return Result(
            content=content,
            format=look.format,
            width=look.width,
            height=look.height,
            charged=self.price(options, None).likely,
            unit=self.unit,
            charge_stated=False,
            purchase_class=class_of(
                answer.headers, look, source, options, key_is_test=self._key_is_test
            ),
            pace=pace_readings(answer.headers, WINDOW_SECONDS),
            seconds=answer.seconds,
            status=answer.status,
            doubt=doubt_of(answer.headers, self._line.secret),
        )
