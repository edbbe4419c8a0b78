"""Photoroom's HTTP API, played: `segment`, `edit` and both accounts, at one address.

Facts: Photoroom's OpenAPI description (tryAGI/Photoroom), its documentation pages, and a 402 as it
was seen in racky7/image-background-remover. Not played: HEIC and AVIF, watermarks, the number of
free tests a day, and all of `edit` that draws something new; such parameters are named in
`pr-unsupported-attributes`, as the API does.
"""

import base64
import json
import os
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from hashlib import blake2b
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import httpx
from anyio import CapacityLimiter, to_thread
from pydantic import Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from packshot.sandbox import photoroom_form
from packshot.sandbox.cutting import Cutout, cut_out
from packshot.sandbox.played import PlayedApi, PlayedSettings
from packshot.sandbox.product_cdn import PREFIX
from packshot.sandbox.removebg_api import DEGRADED
from packshot.sandbox.removebg_form import JSON, read_form
from packshot.sandbox.state import Refused, SandboxState

TEST_KEY: Final = "sandbox_"
PRICES: Final = {"segment": 1.0, "edit": 5.0}
PREVIEW_SHARE: Final = 0.25
PLUS_SHARE: Final = 0.2
EXHAUSTED: Final = (
    "API credits exhausted. Visit https://app.photoroom.com/api-dashboard to purchase more API "
    "credits"
)
UNEXPECTED: Final = "An unexpected error occurred. Please try again later or contact support."
GATEWAY: Final = frozenset({502, 503, 504})
_PATHS: Final = {
    ("POST", "/v1/segment"): "photoroom",
    ("GET", "/v2/edit"): "photoroom",
    ("POST", "/v2/edit"): "photoroom",
    ("GET", "/v1/account"): "photoroom_account",
    ("GET", "/v2/account"): "photoroom_account",
}
_FLAT: Final = "/v1/segment"
_path: ContextVar[str] = ContextVar("path", default=_FLAT)
"""Of the call being served: refusals are worded by it, those of faults too."""


class PhotoroomSettings(PlayedSettings):
    """How the played Photoroom behaves."""

    calls_per_window: Annotated[int, Field(ge=1)] | None = 60
    subscription: Annotated[int, Field(ge=0)] = 1_000  # images a month
    plan: Literal["basic", "plus"] = "basic"  # plus counts edits: a cutout is a fifth of one
    json_name: Literal["base64img", "result_b64", "both"] = "both"  # where JSON has the picture
    empty_is_403: bool = False  # an account without images answers as one without a key
    account_takes_test_keys: bool = False
    account_has_v2: bool = True
    uncertainty: Annotated[float, Field(ge=-1, le=1)] = 0.1  # -1: the picture shows people


@dataclass(frozen=True, slots=True)
class _Sale:
    """What is about to be sold."""

    price: float
    identity: str
    make: Callable[[], Cutout]


class PhotoroomApi(PlayedApi[PhotoroomSettings]):
    """The endpoints of both hosts."""

    name = "photoroom"

    def __init__(self, state: SandboxState, settings: PhotoroomSettings | None = None) -> None:
        super().__init__(state, settings or PhotoroomSettings())
        self._workers = CapacityLimiter(max(2, os.cpu_count() or 2))

    def routes(self) -> list[Route]:
        """The paths of the API."""
        return [
            self.route("/v1/segment", self.segment),
            self.route("/v2/edit", self.edit),
            self.route("/v2/edit", self.edit_by_url, "GET"),
            self.route("/v1/account", self.credits, "GET"),
            self.route("/v2/account", self.images, "GET"),
        ]

    def endpoint(self, method: str, path: str) -> str | None:
        """Faults are made for calls that cost and for the account; the path words refusals."""
        _path.set(path)
        return _PATHS.get((method, path))

    def refused(self, refusal: Refused) -> Response:
        """Flat where `segment` refuses, nested at the other host; a gateway answers in HTML."""
        status = refusal.status
        words = {402: EXHAUSTED, 403: "Unauthorized", 500: UNEXPECTED}.get(
            status, refusal.error.get("detail") or refusal.error["title"]
        )
        waits = refusal.headers.get("Retry-After")
        headers = {"Retry-After": waits} if waits else {}
        if status in GATEWAY:
            return HTMLResponse(f"<html><body><h1>{words}</h1></body></html>", status, headers)
        if _path.get() == _FLAT and status != 403:  # its body is known nested only
            kind = refusal.error.get("code", "unknown_error")
            told: object = {"detail": words, "status_code": status, "type": kind}
        else:
            told = {"error": {"detail" if status == 402 else "message": words}}
        return JSONResponse(told, status, headers)

    async def segment(self, request: Request) -> Response:
        """Cut one picture out; as base64 for a caller who asked for plain JSON and nothing else."""
        form = await read_form(request)
        test = self._check_key(request)
        self.account.admit()
        asked = dict(form.texts)
        content = form.files.get("image_file") or _unpacked(asked.pop("image_file_b64", ""))
        source = photoroom_form.look_at(content)
        wanted = photoroom_form.segment(asked, source, degraded=DEGRADED in request.scope)
        price = PRICES["segment"] * (PREVIEW_SHARE if asked.get("size") == "preview" else 1)
        kind = self.state.settings.cutouts
        asked.pop("format", None)
        cutout = await self._sold(
            _Sale(
                0 if test else price,
                _identity("segment", content, asked),
                lambda: cut_out(content, wanted, kind),
            )
        )
        if request.headers.get("accept", "").strip().lower() != JSON:
            return Response(cutout.content, headers=self._scored(), media_type=cutout.content_type)
        encoded, name = base64.b64encode(cutout.content).decode(), self.settings.json_name
        names = ("base64img", "result_b64") if name == "both" else (name,)
        return JSONResponse(dict.fromkeys(names, encoded), headers=self._scored())

    async def edit(self, request: Request) -> Response:
        """Edit an upload."""
        form = await read_form(request)
        test = self._check_key(request)
        self.account.admit()
        content = form.files.get("imageFile")
        if not content:
            raise Refused(400, "imageFile: Required")
        return await self._edited(request, content, form.texts, test=test)

    async def edit_by_url(self, request: Request) -> Response:
        """Edit a picture that lies at an address."""
        test = self._check_key(request)
        self.account.admit()
        content = await _fetched(request, request.query_params.get("imageUrl", ""))
        return await self._edited(request, content, request.query_params, test=test)

    async def credits(self, request: Request) -> Response:
        """Tell the balance in the words of the first version."""
        return JSONResponse({"credits": self._balance(request)})

    async def images(self, request: Request) -> Response:
        """Tell the balance in the words of the second."""
        if not self.settings.account_has_v2:
            raise Refused(404, "Not Found")
        return JSONResponse({"images": self._balance(request), "plan": self.settings.plan})

    def _balance(self, request: Request) -> Mapping[str, float]:
        if not request.headers.get("x-api-key"):
            raise Refused(400, "apiKey: Required")
        if self._check_key(request) and not self.settings.account_takes_test_keys:
            raise Refused(403, "Unauthorized")
        left = self.account.balance
        available = int(left) if left.is_integer() else left
        return {"available": available, "subscription": self.settings.subscription}

    def _check_key(self, request: Request) -> bool:
        """Whether a good key is one for tests; raises `Refused`."""
        said = request.headers.get("x-api-key", "")
        key = said.removeprefix(TEST_KEY)
        if key in {"", "invalid"} or self.settings.api_key not in {None, key}:
            raise Refused(403, "Unauthorized")
        return key != said

    async def _edited(
        self, request: Request, content: bytes, given: Mapping[str, str], *, test: bool
    ) -> Response:
        asked = {name: value for name, value in given.items() if value and name != "imageUrl"}
        source = photoroom_form.look_at(content)
        wish = photoroom_form.edit(asked, source, degraded=DEGRADED in request.scope)
        if asked.get("removeBackground") == "false":
            raise Refused(400, "this sandbox plays removeBackground=true only")
        kind = self.state.settings.cutouts
        meant = {name: value for name, value in asked.items() if name != "export.format"}
        cutout = await self._sold(
            _Sale(
                0 if test else PRICES["edit"],
                _identity("edit", content, meant),
                lambda: photoroom_form.edited(content, wish, kind),
            )
        )
        headers = self._scored()
        if unknown := sorted(asked.keys() - photoroom_form.PLAYED):
            headers["pr-unsupported-attributes"] = f"Unsupported attributes: {', '.join(unknown)}"
        return Response(cutout.content, headers=headers, media_type=cutout.content_type)

    async def _sold(self, sale: _Sale) -> Cutout:
        """Cut on a thread of its own, and charge for what was made; raises `Refused`."""
        price = sale.price * (PLUS_SHARE if self.settings.plan == "plus" else 1)
        if self.account.balance < price:
            raise Refused(403 if self.settings.empty_is_403 else 402, "Insufficient credits")
        cutout = await to_thread.run_sync(sale.make, limiter=self._workers)
        self.account.charge(price, sale.identity)
        return cutout

    def _scored(self) -> dict[str, str]:
        return {"x-uncertainty-score": f"{self.settings.uncertainty:g}"}


def _identity(endpoint: str, content: bytes, asked: Mapping[str, str]) -> str:
    """Name what is being bought: equal for equal pictures asked for in equal ways."""
    said = {name: value for name, value in asked.items() if value}
    digest = blake2b(content, digest_size=16)
    digest.update(json.dumps([endpoint, said], sort_keys=True).encode())
    return digest.hexdigest()


def _unpacked(encoded: str) -> bytes:
    if not encoded:
        raise Refused(400, "Please provide an image.", "missing_image")
    try:
        return base64.b64decode(encoded)
    except ValueError:
        raise Refused(400, "The image could not be read.", "invalid_image") from None


async def _fetched(request: Request, url: str) -> bytes:
    """Fetch a picture of the sandbox's own host, without leaving it; no other is there."""
    if not url:
        raise Refused(400, "imageUrl: Required")
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.netloc == request.headers.get("host") and parts.path.startswith(PREFIX):
        inside = httpx.ASGITransport(request.app)
        async with httpx.AsyncClient(transport=inside, base_url=f"http://{parts.netloc}") as http:
            answer = await http.get(parts.path)
        if answer.is_success:
            return answer.content
    raise Refused(400, "imageUrl could not be downloaded")
