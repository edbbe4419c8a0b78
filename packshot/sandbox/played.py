"""What the played APIs have in common: an account, a pace, words for refusals, results to fetch.

remove.bg's own API is older than this module and keeps its books in `SandboxState`.
"""

import asyncio
import random
import secrets
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from copy import copy
from typing import Annotated, Any, ClassVar, Final, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from packshot.sandbox.state import Refused, SandboxState, Seconds

KEPT_RESULTS: Final = 10_000
Handler = Callable[[Request], Awaitable[Response]]


class PlayedSettings(BaseModel):
    """How one played API behaves; every field may be changed while it runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    balance: Annotated[float, Field(ge=0)] = 1_000.0  # in the provider's own unit
    api_key: str | None = None  # the one good key; None takes any but `invalid`
    calls_per_window: Annotated[int, Field(ge=1)] | None = 500  # None: no limit
    window_seconds: Annotated[float, Field(gt=0)] = 60.0
    retry_after: bool = True  # whether a 429 says how long to wait
    latency_seconds: Seconds = (0.0, 0.0)
    result_seconds: Annotated[float, Field(gt=0)] | None = None  # an address's life; None: for good
    result_location: str | None = None  # where fetching a result is led to instead
    result_bytes: Annotated[int, Field(ge=1)] | None = None  # so many zeros instead of a result
    gone_status: Literal[403, 404, 410] = 404  # of an address whose life is over


SettingsT = TypeVar("SettingsT", bound=PlayedSettings)


class PlayedAccount(Generic[SettingsT]):
    """One provider's books; safe to use from several threads."""

    def __init__(self, settings: SettingsT) -> None:
        self.lock = threading.RLock()
        self.settings = settings
        self.reset()

    def reset(self) -> None:
        """Forget counters and results, refill the account, close the window; settings stay."""
        with self.lock:
            self.balance = self.settings.balance
            self.posts = self.charged_calls = self.throttled_429 = self.fetched_results = 0
            self.charged = 0.0
            self.sold: Counter[str] = Counter()
            """Charged calls by what was asked, so that a second purchase shows."""
            self.results: dict[str, tuple[float, bytes, str]] = {}
            self._used = 0
            self._window_ends_at = 0.0

    def change(self, patch: Mapping[str, Any]) -> None:
        """Change some settings; a balance given here becomes the balance."""
        with self.lock:
            model = type(self.settings)
            self.settings = model.model_validate(self.settings.model_dump() | dict(patch))
            self.balance = float(patch.get("balance", self.balance))

    def snapshot(self) -> dict[str, Any]:
        """Settings and counters as plain data."""
        with self.lock:
            names = "balance posts charged_calls throttled_429 fetched_results charged sold"
            told = {name: copy(getattr(self, name)) for name in names.split()}
            return {"settings": self.settings.model_dump(mode="json"), **told}

    def admit(self, weight: int = 1) -> None:
        """Count a call against the window; raises `Refused` (429)."""
        with self.lock:
            now, limit = time.time(), self.settings.calls_per_window
            self.posts += 1
            if now >= self._window_ends_at:
                self._used, self._window_ends_at = 0, now + self.settings.window_seconds
            if limit is not None and self._used + weight > limit:
                self.throttled_429 += 1
                refusal = Refused(429, "Too many requests")
                if self.settings.retry_after:
                    wait = max(1, round(self._window_ends_at - now + 0.5))
                    refusal.headers = {"Retry-After": str(wait)}
                raise refusal
            self._used += weight

    def charge(self, price: float, identity: str) -> None:
        """Take the price; raises `Refused` (402) where the account does not hold it."""
        with self.lock:
            if self.balance < price:
                raise Refused(402, "Insufficient credits")
            self.balance -= price
            self.charged += price
            self.charged_calls += 1
            self.sold[identity] += 1

    def put_result(self, content: bytes, media_type: str) -> str:
        """Lay a result down; answers the last part of its address."""
        with self.lock:
            token = secrets.token_urlsafe(12)
            self.results[token] = (time.time(), content, media_type)
            while len(self.results) > KEPT_RESULTS:
                del self.results[next(iter(self.results))]
            return token

    def result(self, token: str) -> tuple[bytes, str] | None:
        """A result whose address still answers."""
        with self.lock:
            laid_at, content, media_type = self.results.get(token, (0.0, b"", ""))
            life = self.settings.result_seconds
            if not media_type or (life is not None and time.time() > laid_at + life):
                return None
            self.fetched_results += 1
            return content, media_type


class PlayedApi(ABC, Generic[SettingsT]):
    """One provider's endpoints. Handlers raise `Refused`; `refused` words it as the provider."""

    name: ClassVar[str]
    """As in `--provider`, and in the settings of the sandbox."""

    def __init__(self, state: SandboxState, settings: SettingsT) -> None:
        self.state = state
        self.account: PlayedAccount[SettingsT] = PlayedAccount(settings)
        state.played[self.name] = self.account

    @abstractmethod
    def routes(self) -> list[Route]:
        """The paths of the API; each handler goes through `route`."""

    @abstractmethod
    def endpoint(self, method: str, path: str) -> str | None:
        """The name under which faults are made for a call: `name` where it costs something.

        `name_account` for the balance, `name_result` for fetching results, None for others' paths.
        """

    @abstractmethod
    def refused(self, refusal: Refused) -> Response:
        """A refusal in the provider's own words."""

    @property
    def settings(self) -> SettingsT:
        """As they are now."""
        return self.account.settings

    def route(self, path: str, handler: Handler, method: str = "POST") -> Route:
        """A path whose refusals are worded here, after the latency that was set."""

        async def handle(request: Request) -> Response:
            try:
                answer = await handler(request)
            except Refused as refusal:
                return self.refused(refusal)
            await asyncio.sleep(random.uniform(*self.settings.latency_seconds))
            return answer

        return Route(path, handle, methods=[method])

    def results_route(self, path: str) -> Route:
        """Where results are fetched, without a key: `path` holds `{token}`."""

        async def fetch(request: Request) -> Response:
            found = self.account.result(request.path_params["token"])
            if found is None:
                return PlainTextResponse("Not Found", self.settings.gone_status)
            return self.handed_out(*found)

        return Route(path, fetch, methods=["GET"])

    def handed_out(self, content: bytes, media_type: str) -> Response:
        """A result, or what is played in its place."""
        if self.settings.result_location is not None:
            return Response(status_code=302, headers={"Location": self.settings.result_location})
        if self.settings.result_bytes is not None:
            return Response(bytes(self.settings.result_bytes), media_type=media_type)
        return Response(content, media_type=media_type)
