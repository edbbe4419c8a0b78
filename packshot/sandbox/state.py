"""What the sandbox remembers: its settings, the account it plays, its counters, faults to come."""

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, NamedTuple, Protocol

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

REMEMBERED_CALLS: Final = 10_000
POTS: Final = ("subscription", "payg", "enterprise")
FREE_CALLS: Final = "free_calls"
PREVIEW_PRICE: Final = 0.25

_SOURCES: Final = "image_url, image_file or image_file_b64 parameter."
_TITLES: Final = {
    "failed_bg_download": "Failed to download background image from given image_url",
    "failed_image_download": "Failed to download image from given image_url",
    "failed_to_read_image": "There was an error reading the image.",
    "file_too_large": "File too large",
    "invalid_bg_image_url": "Invalid bg_image_url: Please provide a valid URL.",
    "invalid_channels": "Invalid value for parameter 'channels'",
    "invalid_dimensions": "Failed to read image dimensions",
    "invalid_file_type": "Invalid file type",
    "invalid_image_url": "Invalid image_url: Please provide a valid URL.",
    "invalid_size": "Invalid value for parameter 'size'",
    "missing_source": "No image given",
    "multiple_bg_sources": "Multiple background sources given: Please provide either the "
    "bg_color, the bg_image_url or the bg_image_file parameter.",
    "multiple_sources": f"Multiple image sources given: Please provide either the {_SOURCES}",
    "resolution_too_high": "Image resolution too high",
    "roi_exceeds_bounds": "ROI exceeds image bounds",
    "roi_region_empty": "ROI region is empty",
    "unknown_foreground": "Could not identify foreground in image. For details and "
    "recommendations see https://www.remove.bg/supported-images.",
}
_PLAINLY_INVALID: Final = "bg_color crop_margin format position roi scale semitransparency"
ERRORS: Final[Mapping[str, str]] = MappingProxyType(
    {f"invalid_{name}": f"Invalid {name} parameter given" for name in _PLAINLY_INVALID.split()}
    | _TITLES
)
"""Code → title: the 24 of remove.bg's published OpenAPI description."""
DETAILS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "file_too_large": "File exceeds limit of 22MB",
        "invalid_dimensions": "The dimensions of the given image could not be read.",
        "invalid_file_type": "Expected jpg/png, received unknown",
        "missing_source": f"Please provide the source image in the {_SOURCES}",
        "resolution_too_high": "Input image has too many megapixels, "
        "maximum supported input resolution is 50 megapixels",
        "roi_exceeds_bounds": "The given roi parameter defines a region "
        "that exceeds the image bounds",
        "roi_region_empty": "The given roi parameter defines an empty region",
    }
)

_FAULT_NAMES: Final = (
    "status_402 status_403 status_409 status_429 status_500 status_502 status_503 "
    "status_400_without_code wrong_content_type truncated_body truncated_zip zip_other_names "
    "zip_bomb slow_body reset_before_read reset_after_read broken_pixels "
    "missing_charge_header degraded"
)
PLAIN_FAULTS: Final = frozenset(_FAULT_NAMES.split())
ERROR_FAULT: Final = "error_code:"


class Refused(Exception):
    """A call that gets no picture and costs nothing; `error` is what the caller is told."""

    def __init__(self, status: int, title: str, code: str = "", detail: str = "") -> None:
        super().__init__(status, title, code, detail)
        self.status = status
        told = {"title": title, "code": code, "detail": detail}
        self.error = {name: text for name, text in told.items() if text}
        self.headers: dict[str, str] = {}

    @classmethod
    def by_code(cls, code: str, *, title: str = "", detail: str = "") -> "Refused":
        """A 400 with one of the documented codes."""
        return cls(400, title or ERRORS[code], code, detail or DETAILS.get(code, ""))


def _as_range(value: object) -> object:
    return (value, value) if isinstance(value, int | float) else value


Seconds = Annotated[
    tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]], BeforeValidator(_as_range)
]
"""A least and a most; one number stands for both."""


class Settings(BaseModel):
    """How the sandbox behaves; every field may be changed while it runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subscription: Annotated[float, Field(ge=0)] = 10_000.0  # credits, as the next two
    payg: Annotated[float, Field(ge=0)] = 0.0
    enterprise: Annotated[float, Field(ge=0)] = 0.0
    free_calls: Annotated[int, Field(ge=0)] = 0  # previews that cost no credit
    api_key: str | None = None  # the one good key; None takes any but `invalid`
    limit_megapixels: Annotated[int, Field(ge=1)] | None = 500  # per window; None: no limit
    window_seconds: Annotated[float, Field(gt=0)] = 60.0
    latency_seconds: Seconds = (0.0, 0.0)
    cdn_latency_seconds: Seconds = (0.0, 0.0)
    account_lag_seconds: Annotated[float, Field(ge=0)] = 0.0
    cutouts: Literal["studio", "canned"] = "studio"


Endpoint = Literal[
    "removebg",
    "account",
    "leonardo",
    "leonardo_account",
    "leonardo_poll",
    "leonardo_result",
    "photoroom",
    "photoroom_account",
    "backgroundcut",
    "backgroundcut_result",
    "bgeraser",
    "bgeraser_account",
    "bgeraser_result",
]
"""What a fault may be made for; a provider's own name stands for the calls that cost."""


class Fault(BaseModel):
    """Something to go wrong on coming calls to `on`."""

    model_config = ConfigDict(extra="forbid")

    kind: str
    times: Annotated[int, Field(ge=1)] = 1
    on: Endpoint = "removebg"
    retry_after: float | Literal["date"] | None = None  # of status_429
    seconds: Annotated[float, Field(ge=0)] = 5.0  # how long a slow body takes

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        if kind not in PLAIN_FAULTS and kind.removeprefix(ERROR_FAULT) not in ERRORS:
            raise ValueError(f"no fault is called `{kind}`")
        return kind


class Call(NamedTuple):
    """One finished call of /removebg."""

    time: float
    status: int
    charged: float
    identity: str
    megapixels: float


@dataclass(frozen=True, slots=True)
class Admission:
    """A call that may go on, and what was taken for it."""

    price: float
    weight: int
    taken: Mapping[str, float]
    headers: Mapping[str, str]


class PlayedBooks(Protocol):
    """The account of a provider that is played beside remove.bg."""

    def reset(self) -> None:
        """Begin anew; settings stay."""

    def change(self, patch: Mapping[str, Any]) -> None:
        """Change some settings."""

    def snapshot(self) -> dict[str, Any]:
        """Settings and counters as plain data."""


class SandboxState:
    """Safe to use from several threads; counters may be read at any time."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.lock = threading.RLock()
        self.settings = settings or Settings()
        self.played: dict[str, PlayedBooks] = {}
        """The accounts of the other APIs, by the names of their providers."""
        self.reset()

    def reset(self) -> None:
        """Forget counters and faults, refill the account, close the window; settings stay."""
        with self.lock:
            self.started_at = time.time()
            self.posts = self.charged_calls = self.throttled_429 = self.account_calls = 0
            self.open_calls = self.max_open = self.improve_calls = 0
            self.credits_charged = 0.0
            self.identities: Counter[str] = Counter()
            self.calls: deque[Call] = deque(maxlen=REMEMBERED_CALLS)
            self.cdn_gets: Counter[str] = Counter()
            self.cdn_not_modified: Counter[str] = Counter()
            self.faults: list[Fault] = []
            self._used = 0
            self._window_ends_at = 0.0  # epoch seconds; 0 while no window is open
            self.balance = {pot: float(getattr(self.settings, pot)) for pot in (*POTS, FREE_CALLS)}
            self._past_balances = deque([(-math.inf, dict(self.balance))])
            for books in self.played.values():
                books.reset()

    def change(self, patch: Mapping[str, Any]) -> None:
        """Change some settings; credits given here become the balance.

        What is given under the name of another provider changes that one's settings.
        """
        with self.lock:
            for name in self.played.keys() & patch.keys():
                self.played[name].change(patch[name])
            patch = {name: value for name, value in patch.items() if name not in self.played}
            self.settings = Settings.model_validate(self.settings.model_dump() | dict(patch))
            self.balance |= {pot: float(patch[pot]) for pot in self.balance if pot in patch}
            self._past_balances.append((time.monotonic(), dict(self.balance)))

    def add_fault(self, fault: Fault) -> None:
        """Queue a fault behind those already waiting."""
        with self.lock:
            self.faults.append(fault)

    def next_fault(self, on: str) -> Fault | None:
        """Take the next fault meant for an endpoint."""
        with self.lock:
            fault = next((fault for fault in self.faults if fault.on == on), None)
            if fault is not None:
                fault.times -= 1
                self.faults = [fault for fault in self.faults if fault.times]
            return fault

    def admit(self, weight: int, price: float) -> Admission:
        """Count a call against window and account at once; raises `Refused` (402, 429)."""
        with self.lock:
            limit = self.settings.limit_megapixels
            if time.time() >= self._window_ends_at:
                self._used, self._window_ends_at = 0, 0.0
            if limit is not None and self._used and self._used + weight > limit:
                raise self.throttled()
            taken = self._payment(price)
            self._pay(taken, 1)
            if not self._window_ends_at:
                self._window_ends_at = math.ceil(time.time() + self.settings.window_seconds)
            self._used += weight
            return Admission(0.0 if FREE_CALLS in taken else price, weight, taken, self._pace())

    def give_back(self, admission: Admission) -> None:
        """Undo an admission whose picture could not be made."""
        with self.lock:
            self._used = max(0, self._used - admission.weight)
            self._pay(admission.taken, -1)

    def count(self, call: Call, *, charged: bool) -> None:
        """Log a finished call."""
        with self.lock:
            self.posts += 1
            self.calls.append(call)
            if charged:
                self.charged_calls += 1
                self.credits_charged += call.charged
                self.identities[call.identity] += 1

    def opened(self, change: int) -> None:
        """Note that a call came (1) or went (-1)."""
        with self.lock:
            self.open_calls += change
            self.max_open = max(self.max_open, self.open_calls)

    @property
    def credits(self) -> float:
        """What the account truly holds."""
        return sum(self.balance[pot] for pot in POTS)

    def told_balance(self) -> dict[str, float]:
        """What /account says: the balance as it was some seconds ago."""
        with self.lock:
            self.account_calls += 1
            then = time.monotonic() - self.settings.account_lag_seconds
            while len(self._past_balances) > 1 and self._past_balances[1][0] <= then:
                self._past_balances.popleft()
            return dict(self._past_balances[0][1])

    def snapshot(self) -> dict[str, Any]:
        """Settings and counters as plain data."""
        with self.lock:
            names = (
                "started_at posts charged_calls credits_charged throttled_429 account_calls "
                "open_calls max_open improve_calls identities balance cdn_gets cdn_not_modified"
            )
            return {
                "settings": self.settings.model_dump(mode="json"),
                **{name: copy(getattr(self, name)) for name in names.split()},
                "calls": [call._asdict() for call in self.calls],
                "faults": [fault.model_dump() for fault in self.faults],
                "providers": {name: books.snapshot() for name, books in self.played.items()},
            }

    def throttled(self) -> Refused:
        """Count a refusal for haste, and word it."""
        with self.lock:
            self.throttled_429 += 1
            wait = max(1, math.ceil(self._window_ends_at - time.time()))
            refusal = Refused(429, "Rate limit exceeded")
            refusal.headers = {**self._pace(), "Retry-After": str(wait)}
            return refusal

    def _payment(self, price: float) -> dict[str, float]:
        """Which pots a price comes out of, in order."""
        if price <= PREVIEW_PRICE and self.balance[FREE_CALLS] >= 1:
            return {FREE_CALLS: 1.0}
        if self.credits < price:
            raise Refused(402, "Insufficient credits")
        taken: dict[str, float] = {}
        for pot in POTS:
            taken[pot] = min(self.balance[pot], price - sum(taken.values()))
        return taken

    def _pay(self, taken: Mapping[str, float], sign: int) -> None:
        for pot, amount in taken.items():
            self.balance[pot] -= sign * amount
        self._past_balances.append((time.monotonic(), dict(self.balance)))

    def _pace(self) -> dict[str, str]:
        limit = self.settings.limit_megapixels
        if limit is None:
            return {}
        ends_at = self._window_ends_at or time.time() + self.settings.window_seconds
        return {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(0, limit - self._used)),
            "X-RateLimit-Reset": f"{math.ceil(ends_at)}",
        }
