"""BackgroundCut, API v3: a picture is uploaded, then processed, then fetched from an address."""

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType
from typing import Final

import httpx
import stamina

from packshot.decisions.patience import BUYING, Patience, on
from packshot.facts.bought_output import BoughtOutput
from packshot.facts.errors import (
    BadOption,
    ImageRefused,
    PackshotError,
    Throttled,
    TryAgain,
    Uncertain,
    Unreachable,
)
from packshot.facts.paid_options import PaidOptions, content_hash
from packshot.facts.purchase import Account, Price, PurchaseClass
from packshot.providers.answers import broken_answer
from packshot.providers.backgroundcut_uploads import Uploads
from packshot.providers.backgroundcut_wire import (
    FORMATS,
    GENERATIONS,
    MINT_PATH,
    UNIT,
    UPLOADS,
    WHO,
    BackgroundCutSettings,
    all_asked,
    check_options,
    check_outputs,
    price_of,
    wanted_megapixels,
)
from packshot.providers.face import Accepts, FurtherPicture, Pace, Result, Source, Ticket
from packshot.providers.line import Answer, Bounds, Line, as_answered
from packshot.providers.removebg_wire import is_test
from packshot.providers.result_address import GONE, OrderedOutput, PaidCall, gone, is_address, torn
from packshot.providers.status_refusals import Refuser, check_source, of_no_picture

BASE_URL: Final = "https://api.backgroundcut.co"
CALLS_AT_ONCE: Final = 8
WINDOW_SECONDS: Final = 60.0
TIMEOUT_SECONDS: Final = 300.0
"""Of processing, by the documents' own examples."""
FETCHING: Final[Patience] = {**BUYING, "attempts": 3, "wait_max": 10.0}
"""For a picture that was made beside the cutout."""


class BackgroundCut:
    """One BackgroundCut account. Threads may share it.

    The environment is not read: a proxy or a private certificate comes with `transport`.
    """

    name: Final = "backgroundcut"
    unit: Final = UNIT
    hands_out_tickets: Final = True
    accepts: Final = Accepts(
        formats=frozenset(UPLOADS), max_bytes=12_000_000, max_pixels=50_000_000
    )

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str | None = None,
        wire_format: str = "png",
        settings: Mapping[str, str] = MappingProxyType({}),
        calls_at_once: int = CALLS_AT_ONCE,
        outputs: Sequence[BoughtOutput] = (),
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        if wire_format not in FORMATS:
            raise BadOption(f"`wire_format` is not known; choose {', '.join(FORMATS)}.")
        self._wire_format = wire_format
        self._settings = BackgroundCutSettings.of(WHO, settings)
        self._wire = GENERATIONS[self._settings.generation]
        check_outputs(outputs)
        self._outputs = tuple(outputs)
        self._is_proven = False
        """Whether an order of ours was taken once: before that, no picture is to blame."""
        self.pace: Final = Pace(
            per_window=self._settings.calls_per_minute / self._wire.requests(len(outputs)),
            window_seconds=WINDOW_SECONDS,
            calls_at_once=calls_at_once,
            weighs_megapixels=False,
            slides=True,  # nothing is documented, and it holds for a fixed window too
        )
        self._line = Line(
            WHO,
            api_key,
            base_url=base_url or BASE_URL,
            sign=self._wire.sign,
            bounds=Bounds(timeout_seconds=TIMEOUT_SECONDS, calls_at_once=calls_at_once),
            transport=transport,
        )
        self._refuser = Refuser(
            WHO,
            self._line.secret,
            f"check `--provider-url`, such as {BASE_URL}, and the setting `generation`.",
        )
        self._uploads = Uploads()

    def __repr__(self) -> str:
        return f"BackgroundCut({self._line.base_url!r}, {self._settings.generation!r})"

    def price(self, options: PaidOptions, megapixels: float | None) -> Price:
        """By resolution; an estimate, because the API never says what it charged."""
        return price_of(options, self._outputs, megapixels)

    def account(self) -> Account:
        """An account without a known balance: the API has no endpoint that tells it.

        Whatever the API's host answers shows no more than whether it is the sandbox.
        """
        worth = PurchaseClass.PAID
        with suppress(PackshotError):
            if is_test(self._line.ask("GET", "/", may_cost=False).headers):
                worth = PurchaseClass.TEST
        return Account(unit=UNIT, total=math.inf, purchase_class=worth)

    def validate(self, source: Source, options: PaidOptions) -> None:
        """Refuse what the API would refuse, before a call is spent on it."""
        check_source(WHO, source, self.accepts)
        check_options(options, source, self._wire_format)

    def submit(self, source: Source, options: PaidOptions) -> Ticket:
        """Cut one picture out, once; it is uploaded unless it was a short while ago."""
        self.validate(source, options)
        digest = content_hash(source.content)  # of what is sent: it may have been shrunk
        name = self._uploads.find(digest) or self._upload(source, digest)
        jpeg = self._settings.jpeg or self._wire.jpeg
        asked = all_asked(options, self._outputs, self._wire_format, jpeg)
        order = self._wire.order(name, asked)
        answer = self._line.ask("POST", self._wire.process_path, may_cost=True, json=order)
        if answer.status == httpx.codes.NOT_FOUND:
            self._uploads.forget(digest)
            raise as_answered(_upload_gone(), answer, self._line.secret)
        if not answer.is_success:
            raise self._order_refused(answer)
        self._is_proven = True
        result, *further = self._wire.results_in(answer.json(), order)
        if not result:
            raise broken_answer(WHO, "names no result")
        call = PaidCall(
            address=result,
            further=tuple(
                OrderedOutput(output=output, address=where)
                for output, where in zip(self._outputs, further, strict=True)
            ),
            charged=self.price(options, source.megapixels).likely,
            unit=UNIT,
            is_test=is_test(answer.headers),
            wanted_megapixels=wanted_megapixels(source, options),
            seconds=answer.seconds,
            status=answer.status,
            kept_until=self._wire.kept_seconds and time.time() + self._wire.kept_seconds,
        )
        return Ticket(self.name, name, call.facts())

    def collect(self, ticket: Ticket) -> Result:
        """Fetch a result and what was made beside it; they are there for hours at most.

        A further picture that is lost does not take the cutout with it.
        """
        call = PaidCall.of(ticket, WHO)
        result = self._fetched(call, call.address)
        further, lost = {}, list[str]()
        for ordered in call.further:
            picture = self._further(call, ordered)
            if picture is not None:
                further[ordered.output.name] = picture
            if picture is None or not ordered.is_met_by(picture, call.wanted_megapixels):
                lost.append(f"`{ordered.output.name}`")
        doubt = (
            f"{WHO} was paid for {', '.join(lost)} and did not hand it out as asked; the cutout is "
            "there."
        )
        return replace(result, further=further, doubt=doubt if lost else None)

    def _further(self, call: PaidCall, ordered: OrderedOutput) -> FurtherPicture | None:
        """A picture that was made beside the cutout; None for one that will not be had.

        Tried again here: a caller that tries again fetches the cutout once more, too. Raises
        `Throttled`, for then everybody has to wait, which the caller sees to.
        """
        if not ordered.address:
            return None
        any_size = call.model_copy(update={"wanted_megapixels": 0.0})
        try:
            for attempt in stamina.retry_context(on=_in_a_moment, **FETCHING):
                with attempt:
                    made = self._fetched(any_size, ordered.address)
        except Throttled:
            raise
        except (TryAgain, ImageRefused, Uncertain):
            return None
        return ordered.picture_of(made)

    def _fetched(self, call: PaidCall, where: str) -> Result:
        """Fetch one picture by its address or key.

        Storage of the production site is regional: what is not found where a request was led may
        be found the next time, until it is surely deleted.
        """
        try:
            url = where if is_address(where) else self._address_of(where)
            return call.fetched(self._line, url)
        except Uncertain as error:
            if error.code != GONE or time.time() >= call.kept_until:
                raise
            raise Unreachable(f"{WHO} mislaid a result; run again.", "result_mislaid") from error

    def close(self) -> None:
        """Give back connections."""
        self._line.close()

    def _upload(self, source: Source, digest: str) -> str:
        """Lay a picture down at the provider's, which costs nothing."""
        form = self._wire.upload_form(source, digest)
        answer = self._line.ask("POST", self._wire.upload_path, may_cost=False, **form)
        if not answer.is_success:
            raise self._refuser.refusal(answer, may_cost=False)
        name = self._wire.uploaded(answer.json(), source, digest)
        if name is None:
            error = Unreachable(
                f"{WHO} took an upload and gave it no name; check the setting `generation`.",
                "broken_answer",
            )
            raise as_answered(error, answer, self._line.secret)
        self._uploads.note(digest, name)
        return name

    def _order_refused(self, answer: Answer) -> PackshotError:
        """Its documents contradict one another, so the order itself may be what it dislikes."""
        error = self._refuser.refusal(answer, may_cost=True)
        if self._is_proven or not isinstance(error, ImageRefused):
            return error
        doubt = of_no_picture(
            error,
            "No picture has been taken since this program started: if every one is declined, try "
            "the settings `generation` and `jpeg`.",
        )
        return as_answered(doubt, answer, self._line.secret)

    def _address_of(self, key: str) -> str:
        """A short-lived address of a result that lies under a key."""
        answer = self._line.ask("POST", MINT_PATH, may_cost=False, json={"key": key})
        if answer.status in {httpx.codes.NOT_FOUND, httpx.codes.GONE}:
            raise gone(self._line, answer)
        if not answer.is_success:
            raise self._refused_address(answer)
        told = answer.json()
        url = told.get("url") if isinstance(told, dict) else None
        if not is_address(url):
            raise torn(self._line)
        return str(url)

    def _refused_address(self, answer: Answer) -> PackshotError:
        """A picture that was made cannot be declined any more."""
        error = self._refuser.refusal(answer, may_cost=False)
        return gone(self._line, answer) if isinstance(error, ImageRefused) else error


def _in_a_moment(error: Exception) -> bool | float:
    return not isinstance(error, Throttled) and on(error)


def _upload_gone() -> Unreachable:
    return Unreachable(
        f"{WHO} does not find the upload any more; run again, and it is uploaded anew.",
        "upload_gone",
    )
