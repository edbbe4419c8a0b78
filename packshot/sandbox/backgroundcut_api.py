"""BackgroundCut's API v3, played in two of its documented generations.

Facts: the pages under stage.backgroundcut.co/api/docs/v3 (upload-image and process-image, Bearer)
and backgroundcut.co/api/docs/v3 (keys of the caller's own, Token). No answer of the real service
is on record: texts beside the documented ones, and prices between the documented ends, are the
simplest that fit.
"""

import os
import time
import uuid
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal, NamedTuple

from anyio import CapacityLimiter, to_thread
from pydantic import Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from packshot.sandbox.backgroundcut_form import (
    Order,
    identity,
    look_at,
    read_json,
    read_order,
)
from packshot.sandbox.cutting import Wanted, cut_out
from packshot.sandbox.played import PlayedAccount, PlayedApi, PlayedSettings
from packshot.sandbox.removebg_api import DEGRADED
from packshot.sandbox.removebg_form import read_form
from packshot.sandbox.state import Refused, SandboxState

Generation = Literal["basic", "production"]
SMALL_MEGAPIXELS: Final = 1.0
CROP_PRICE: Final = 0.5
FURTHER_PRICE: Final = 0.25
KEPT_BYTES: Final = 200_000_000
RESULTS: Final = "/v3/_results/"
UPLOADS: Final = "/v3/_uploads/"
FILE_GONE: Final = "File not found."
_GATEWAY: Final = frozenset({500, 502, 503})
_PATHS: Final = {
    ("POST", "/v3/remove-bg/process-image/"): "backgroundcut",
    ("POST", "/v3/tools/ai/remove-bg/process/"): "backgroundcut",
    ("POST", "/v3/file-ops/get-public-url/"): "backgroundcut_result",
}


class BackgroundCutSettings(PlayedSettings):
    """How the played BackgroundCut behaves."""

    calls_per_window: Annotated[int, Field(ge=1)] | None = 100
    generations: tuple[Generation, ...] = ("basic", "production")  # whose paths are there
    upload_seconds: Annotated[float, Field(gt=0)] | None = 7_200.0  # an upload's life
    small_price: Annotated[float, Field(ge=0)] = 0.5  # below a megapixel
    full_price: Annotated[float, Field(ge=0)] = 1.1


class BackgroundCutAccount(PlayedAccount[BackgroundCutSettings]):
    """Its books, and the files in its space."""

    def reset(self) -> None:
        """Begin anew; the space is empty."""
        with self.lock:
            super().reset()
            self.uploads = 0
            self._files: dict[str, tuple[float, bytes, str]] = {}

    def snapshot(self) -> dict[str, Any]:
        """Settings and counters as plain data."""
        return super().snapshot() | {"uploads": self.uploads}

    def keep(self, name: str, content: bytes, media_type: str = "") -> None:
        """Put a file into the space; the oldest go when it is full."""
        with self.lock:
            self._files.pop(name, None)
            self._files[name] = (time.time(), content, media_type)
            while sum(len(file[1]) for file in self._files.values()) > KEPT_BYTES:
                del self._files[next(iter(self._files))]

    def file(self, name: str, life: float | None) -> tuple[bytes, str]:
        """A file of the space; raises `Refused` (404) once its life is over."""
        with self.lock:
            laid_at, content, media_type = self._files.get(name, (0.0, b"", ""))
            if not content or (life is not None and time.time() > laid_at + life):
                raise Refused(404, FILE_GONE)
            return content, media_type


class _Made(NamedTuple):
    name: str
    content: bytes
    media_type: str


class BackgroundCutApi(PlayedApi[BackgroundCutSettings]):
    """The endpoints of both generations, side by side."""

    name = "backgroundcut"
    account: BackgroundCutAccount

    def __init__(self, state: SandboxState, settings: BackgroundCutSettings | None = None) -> None:
        super().__init__(state, settings or BackgroundCutSettings())
        self.account = BackgroundCutAccount(self.settings)
        state.played[self.name] = self.account
        self._workers = CapacityLimiter(max(2, os.cpu_count() or 2))

    def routes(self) -> list[Route]:
        """The paths of the API, and where results lie."""
        return [
            self.route("/v3/remove-bg/upload-image/", self.upload_image),
            self.route("/v3/remove-bg/process-image/", self.process_image),
            self.route("/v3/file-ops/upload/", self.upload_file),
            self.route("/v3/tools/ai/remove-bg/process/", self.process_file),
            self.route("/v3/file-ops/get-public-url/", self.public_url),
            self.route(UPLOADS + "{name}", self.upload, "GET"),
            self.results_route(RESULTS + "{token}"),
        ]

    def endpoint(self, method: str, path: str) -> str | None:
        """Faults are made for processing, for asking for an address, and for fetching."""
        if method == "GET" and path.startswith(RESULTS):
            return "backgroundcut_result"
        return _PATHS.get((method, path))

    def refused(self, refusal: Refused) -> Response:
        """`detail` and nothing else; a gateway answers in HTML."""
        words = refusal.error.get("detail") or refusal.error["title"]
        waits = refusal.headers.get("Retry-After")
        headers = {"Retry-After": waits} if waits else {}
        if refusal.status in _GATEWAY:
            return HTMLResponse(f"<html><h1>{words}</h1></html>", refusal.status, headers)
        return JSONResponse({"detail": words}, refusal.status, headers)

    async def upload_image(self, request: Request) -> Response:
        """Take a picture and name it."""
        self._enter(request, "basic", "Bearer")
        content = (await read_form(request)).files.get("image", b"")
        name = str(uuid.uuid4())
        self._take(name, content)
        return JSONResponse({"unique_filename": name})

    async def process_image(self, request: Request) -> Response:
        """Make the pictures that are asked for, and say where they lie."""
        self._enter(request, "basic", "Bearer")
        order = await read_order(request, "variant_name")
        made = await self._process(request, order.unique_filename, order)
        urls = {each.name: self._address(request, each) for each in made}
        told = {
            "unique_filename": order.unique_filename,
            "input_url": f"{_host(request)}{UPLOADS}{order.unique_filename}",
            "output_urls": urls,
        }
        return JSONResponse(told)

    async def upload(self, request: Request) -> Response:
        """Show what was uploaded, to whoever knows its name."""
        name, life = request.path_params["name"], self.settings.upload_seconds
        content, media_type = self.account.file(name, life)
        return Response(content, media_type=media_type)

    async def upload_file(self, request: Request) -> Response:
        """Take a picture under the caller's own key."""
        self._enter(request, "production", "Token")
        form = await read_form(request)
        key = form.texts.get("key", "")
        if not key:
            raise Refused(400, "key is required.")
        self._take(key, form.files.get("file", b""))
        return JSONResponse({"success": True})

    async def process_file(self, request: Request) -> Response:
        """Make the pictures that are asked for, and keep them under the caller's keys."""
        self._enter(request, "production", "Token")
        order = await read_order(request, "output_key")
        made = await self._process(request, order.input_key, order)
        for each in made:
            self.account.keep(*each)
        return JSONResponse({"output_keys": [each.name for each in made]})

    async def public_url(self, request: Request) -> Response:
        """Give a short-lived address for a key."""
        self._enter(request, "production", "Token")
        told = await read_json(request)
        key = str(told.get("key", ""))
        content, media_type = self.account.file(key, self.settings.upload_seconds)
        return JSONResponse({"url": self._address(request, _Made(key, content, media_type))})

    def _enter(self, request: Request, generation: Generation, scheme: str) -> None:
        """Is there such a path, is the key good, is there room; raises `Refused`."""
        if generation not in self.settings.generations:
            raise Refused(404, "Not Found")
        said, _, key = request.headers.get("authorization", "").partition(" ")
        known = self.settings.api_key in {None, key}
        if said != scheme or key.strip() in {"", "invalid"} or not known:
            raise Refused(401, "API-KEY missing or invalid API-KEY")
        self.account.admit()

    def _take(self, name: str, content: bytes) -> None:
        look_at(content)
        self.account.keep(name, content, "image/*")
        with self.account.lock:
            self.account.uploads += 1

    async def _process(self, request: Request, name: str, order: Order) -> list[_Made]:
        content, _ = self.account.file(name, self.settings.upload_seconds)
        source, degraded = look_at(content), DEGRADED in request.scope
        wishes = [each.wanted(source, degraded=degraded) for each in order.output_variants]
        price = self._price(wishes)
        if self.account.balance < price:
            raise Refused(402, "Payment required. No credits left.")
        make = _maker(content, wishes, self.state.settings.cutouts)
        pictures = await to_thread.run_sync(make, limiter=self._workers)
        asked = [each.asked() for each in order.output_variants]
        self.account.charge(price, identity(content, asked))
        named = zip(order.output_variants, pictures, strict=True)
        return [_Made(each.name, *picture) for each, picture in named]

    def _price(self, wishes: list[Wanted]) -> float:
        first = wishes[0].width * wishes[0].height / 1e6
        settings = self.settings
        price = settings.small_price if first < SMALL_MEGAPIXELS else settings.full_price
        further = FURTHER_PRICE * (len(wishes) - 1)
        return price + further + CROP_PRICE * sum(wish.crop for wish in wishes)

    def _address(self, request: Request, made: _Made) -> str:
        token = self.account.put_result(made.content, made.media_type)
        return f"{_host(request)}{RESULTS}{token}"


def _host(request: Request) -> str:
    return f"{request.url.scheme}://{request.headers['host']}"


def _maker(
    content: bytes, wishes: list[Wanted], kind: Literal["studio", "canned"]
) -> Callable[[], list[tuple[bytes, str]]]:
    """Everything that takes time, for a thread of its own; raises `Refused`."""

    def make() -> list[tuple[bytes, str]]:
        cutouts = [cut_out(content, wish, kind) for wish in wishes]
        return [(cutout.content, cutout.content_type) for cutout in cutouts]

    return make
