"""A result that lies behind an address: what its ticket keeps of the paid call, and its download.

The ticket is noted before anything is fetched, so what was paid for outlives a crash; for as long
as the address answers, fetching can be tried again.
"""

import json
import math
from contextlib import suppress
from typing import Annotated, Any, Final, Self
from urllib.parse import urljoin, urlsplit

import httpx
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from packshot.facts.bought_output import BoughtOutput
from packshot.facts.errors import (
    ImageRefused,
    PackshotError,
    SourceRefused,
    Throttled,
    Uncertain,
    Unreachable,
)
from packshot.facts.purchase import PurchaseClass
from packshot.providers.answers import COMPARE, TOO_LARGE, look_at, retry_after
from packshot.providers.face import FurtherPicture, Result, Ticket
from packshot.providers.line import Answer, Line, as_answered
from packshot.providers.removebg_wire import CLEARLY, is_test
from packshot.providers.status_refusals import is_momentary

GONE: Final = "result_gone"
BROKEN: Final = "broken_download"
OVERSIZED: Final = "result_too_large"
NOWHERE: Final = "result_address_refused"
MOST_HOPS: Final = 4


class OrderedOutput(BaseModel):
    """A further picture, and where it is; no address where the answer did not say."""

    model_config = ConfigDict(frozen=True)

    output: BoughtOutput
    address: str

    def picture_of(self, made: Result) -> FurtherPicture | None:
        """What was fetched for it; None for a ZIP, which cannot be published as it is."""
        if made.format == "zip":
            return None
        return FurtherPicture(
            asked=self.output.canonical(),
            content=made.content,
            format=made.format,
            width=made.width,
            height=made.height,
        )

    def is_met_by(self, picture: FurtherPicture, cutout_megapixels: float) -> bool:
        """Whether it came as asked: by format, and by size where that is known, not of a crop.

        `cutout_megapixels` is the size asked for the cutout; 0 where any will do.
        """
        known = 0.0 if self.output.crop else cutout_megapixels
        wanted = min(known, self.output.megapixels or math.inf)
        large = picture.width * picture.height / 1e6 >= wanted * CLEARLY
        return picture.format == self.output.format and large


def _from_json(told: object) -> object:
    return json.loads(told) if isinstance(told, str) else told


class PaidCall(BaseModel):
    """What is known of an answered call before its picture is here."""

    model_config = ConfigDict(frozen=True)

    address: str
    """Where the picture is, or its name in the provider's storage."""
    charged: float
    charge_stated: bool = False
    """Whether that is the provider's word."""
    unit: str
    is_test: bool = False
    wanted_megapixels: float = 0.0
    """A result that is clearly smaller is `degraded`; 0 where any size will do."""
    seconds: float = 0.0
    status: int = 200
    kept_until: float = 0.0
    """Epoch seconds; before that a result that is not found is only mislaid. 0 where unknown."""
    further: Annotated[tuple[OrderedOutput, ...], BeforeValidator(_from_json)] = ()
    """What was made beside the picture."""

    @classmethod
    def of(cls, ticket: Ticket, who: str) -> Self:
        """Read a ticket back; raises `Uncertain` for one of unknown origin."""
        try:
            return cls.model_validate(dict(ticket.facts))
        except ValidationError:
            raise Uncertain(
                f"{who} knows no job {ticket.job_id}; run again.", "unknown_job"
            ) from None

    def facts(self) -> dict[str, str]:
        """As a ticket keeps it."""
        plain = self.model_dump(exclude={"further"})
        orders = [ordered.model_dump(mode="json") for ordered in self.further]
        further = {"further": json.dumps(orders)} if orders else {}
        return {name: str(value) for name, value in plain.items()} | further

    def result(self, content: bytes, line: Line, *, is_test: bool, seconds: float) -> Result:
        """What the call returned, now that its picture is here; `ValueError` if it is broken."""
        look = look_at(content, at_most=line.max_answer_bytes)
        worth = PurchaseClass.PAID
        if look.megapixels < self.wanted_megapixels * CLEARLY:
            worth = PurchaseClass.DEGRADED
        return Result(
            content=content,
            format=look.format,
            width=look.width,
            height=look.height,
            charged=self.charged,
            unit=self.unit,
            charge_stated=self.charge_stated,
            purchase_class=PurchaseClass.TEST if self.is_test or is_test else worth,
            seconds=self.seconds + seconds,
            status=self.status,
        )

    def fetched(self, line: Line, url: str) -> Result:
        """Fetch the picture; raises as `downloaded` does, and where it did not arrive whole."""
        try:
            answer = downloaded(line, url)
        except ImageRefused as error:
            error.charged = self.charged
            raise
        test = is_test(answer.headers)
        try:
            return self.result(answer.body, line, is_test=test, seconds=answer.seconds)
        except ValueError as error:
            raise torn(line) from error


def is_address(told: Any) -> bool:  # noqa: ANN401  any JSON
    """Whether an answer names something that can be fetched."""
    return isinstance(told, str) and told.startswith(("https://", "http://"))


def gone(line: Line, answer: Answer) -> PackshotError:
    """The error of a result that was paid for and is there no more."""
    error = Uncertain(
        f"{line.who} answered {answer.status} where the result was; it has been charged and is "
        f"lost. {COMPARE}",
        GONE,
    )
    return as_answered(error, answer, line.secret)


def downloaded(line: Line, url: str) -> Answer:
    """Fetch a result whole.

    Raises `Uncertain` where it is gone, `Throttled` and `Unreachable` where it may be tried again:
    what broke off on its way is still there. Raises `ImageRefused` where it will never be fetched.
    """
    for _ in range(MOST_HOPS):
        try:
            answer = line.download(url)
        except Uncertain as error:
            if isinstance(error.__cause__, httpx.InvalidURL | SourceRefused):
                raise
            if error.code == TOO_LARGE:
                raise _oversized(line) from error
            raise torn(line) from error
        if answer.is_success:
            return answer
        if not answer.headers.get("location"):
            raise _refused(line, answer)
        url = _redirected(line, url, answer)
    raise gone(line, answer)


def torn(line: Line) -> Unreachable:
    """The error of a picture that did not arrive whole."""
    return Unreachable(f"{line.who}'s result broke off on its way; run again.", BROKEN)


def _redirected(line: Line, url: str, answer: Answer) -> str:
    """Where a result is to be looked for next; the guard judges its host anew."""
    with suppress(ValueError):  # of an address that is none
        there = urljoin(url, answer.headers["location"])
        if urlsplit(there).scheme in {"http", "https"}:
            return there
    error = ImageRefused(
        f"{line.who} leads to its result by an address that is not http(s), so it is not fetched; "
        f"it has been charged; check with {line.who}'s support, then run `packshot retry`.",
        NOWHERE,
    )
    raise as_answered(error, answer, line.secret)


def _oversized(line: Line) -> ImageRefused:
    return ImageRefused(
        f"{line.who}'s result is larger than {line.max_answer_bytes:,} bytes, so it is not "
        "fetched; it has been charged. Set a smaller `resolution` or `purchase_megapixels`.",
        OVERSIZED,
    )


def _refused(line: Line, answer: Answer) -> PackshotError:
    wait = retry_after(answer.headers)
    if answer.status == httpx.codes.TOO_MANY_REQUESTS:
        error: PackshotError = Throttled(
            f"{line.who} asks us to slow down; wait before fetching more.", wait_seconds=wait
        )
    elif is_momentary(answer.status):
        error = Unreachable(
            f"{line.who} answered {answer.status} for a result; run again.", wait_seconds=wait
        )
    else:
        return gone(line, answer)
    return as_answered(error, answer, line.secret)
