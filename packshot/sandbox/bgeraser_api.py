"""bgeraser's own API, played; its copy of remove.bg's is rehearsed at the sandbox's `/v1.0`.

Facts: bgeraser.ink/blog/bgeraser-api-quickstart and its guide to bulk removal. Unpublished, and
therefore switches here: the form field, the shapes of errors and of the account, the life of a
result's address, and whether an answer may be the picture itself.
"""

import os
import time
from hashlib import blake2b
from typing import Annotated, Any, Final, Literal

from anyio import CapacityLimiter, to_thread
from pydantic import Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from packshot.sandbox.cutting import Cutout, Wanted, cut_out, fitted
from packshot.sandbox.played import PlayedApi, PlayedSettings
from packshot.sandbox.removebg_api import DEGRADED
from packshot.sandbox.removebg_form import Size, look_at, read_form
from packshot.sandbox.state import Refused, SandboxState

PRICE: Final = 1.0
MOST_MEGAPIXELS: Final = 50.0
PREVIEW_MEGAPIXELS: Final = 0.25
RESULTS: Final = "/api/_results/"
CODES: Final = {
    401: "UNAUTHORIZED",
    402: "INSUFFICIENT_CREDITS",
    403: "UNAUTHORIZED",
    429: "RATE_LIMITED",
}
_GATEWAY: Final = frozenset({500, 502, 503})
_PATHS: Final = {
    ("POST", "/api/tools/bg-removal"): "bgeraser",
    ("GET", "/api/account"): "bgeraser_account",
}


class BgeraserSettings(PlayedSettings):
    """How the played bgeraser behaves."""

    calls_per_window: Annotated[int, Field(ge=1)] | None = None
    calls_at_once: Annotated[int, Field(ge=1)] | None = 10
    upload_field: Literal["image", "file", "any"] = "image"
    answer: Literal["json", "binary"] = "json"
    error_shape: Literal["nested", "flat", "success_false", "text"] = "nested"
    account_shape: Literal["credits", "data", "nested", "silent", "missing"] = "credits"
    empty_status: Annotated[int, Field(ge=200, le=499)] = 402  # of an account without credits


class BgeraserApi(PlayedApi[BgeraserSettings]):
    """The endpoints under /api."""

    name = "bgeraser"

    def __init__(self, state: SandboxState, settings: BgeraserSettings | None = None) -> None:
        super().__init__(state, settings or BgeraserSettings())
        self._workers = CapacityLimiter(max(2, os.cpu_count() or 2))
        self._open = 0

    def routes(self) -> list[Route]:
        """The paths of the API, and where results lie."""
        return [
            self.route("/api/tools/bg-removal", self.bg_removal),
            self.route("/api/account", self.balance, "GET"),
            self.results_route(RESULTS + "{token}"),
        ]

    def endpoint(self, method: str, path: str) -> str | None:
        """Faults are made for each of the three."""
        if method == "GET" and path.startswith(RESULTS):
            return "bgeraser_result"
        return _PATHS.get((method, path))

    def refused(self, refusal: Refused) -> Response:
        """In the shape that was chosen; a gateway answers in HTML."""
        status, words = refusal.status, refusal.error.get("detail") or refusal.error["title"]
        waits = refusal.headers.get("Retry-After")
        headers = {"Retry-After": waits} if waits else {}
        if status in _GATEWAY:
            return HTMLResponse(f"<html><h1>{words}</h1></html>", status, headers)
        code = CODES.get(status, "INVALID_IMAGE")
        if status == 402:
            status = self.settings.empty_status
        told: dict[str, Any]
        match self.settings.error_shape:
            case "nested":
                told = {"error": {"code": code, "message": words}}
            case "flat":
                told = {"error": code, "message": words}
            case "success_false":
                told = {"success": False, "error": {"code": code, "message": words}}
            case "text":
                return PlainTextResponse(f"{code}: {words}", status, headers)
        return JSONResponse(told, status, headers)

    async def bg_removal(self, request: Request) -> Response:
        """Cut one picture out; the answer says where it lies, or is the picture."""
        self._check_key(request)
        if self._open >= (self.settings.calls_at_once or self._open + 1):
            raise Refused(429, "Too many concurrent requests")
        self._open += 1
        try:
            return await self._removed(request)
        finally:
            self._open -= 1

    async def balance(self, request: Request) -> Response:
        """Tell the balance in the shape that was chosen."""
        self._check_key(request)
        left = self.account.balance
        match self.settings.account_shape:
            case "credits":
                return JSONResponse({"credits": left, "creditsUsed": self.account.charged})
            case "data":
                told = {"email": "a@shop.example", "plan": "free", "creditsRemaining": left}
                return JSONResponse({"success": True, "data": told})
            case "nested":
                told = {"limit": left + self.account.charged, "remaining": left}
                return JSONResponse({"user": {"credits": told}})
            case "silent":
                return JSONResponse({"success": True, "data": {"plan": "free"}})
            case "missing":
                raise Refused(404, "Not Found")

    def _check_key(self, request: Request) -> None:
        said, _, key = request.headers.get("authorization", "").partition(" ")
        known = self.settings.api_key in {None, key}
        if said != "Bearer" or key.strip() in {"", "invalid"} or not known:
            raise Refused(401, "Missing or invalid API key")

    async def _removed(self, request: Request) -> Response:
        started = time.monotonic()
        self.account.admit()
        files = (await read_form(request)).files
        asked = self.settings.upload_field
        names = ("image", "file") if asked == "any" else (asked,)
        content = next((files[name] for name in names if files.get(name)), None)
        if content is None:
            raise Refused(400, "No image file provided")
        source = look_at(content)
        if self.account.balance < PRICE:
            raise Refused(402, "Not enough credits")
        most = PREVIEW_MEGAPIXELS if DEGRADED in request.scope else MOST_MEGAPIXELS
        cutout = await to_thread.run_sync(self._cut, content, source, most, limiter=self._workers)
        self.account.charge(PRICE, blake2b(content, digest_size=16).hexdigest())
        if self.settings.answer == "binary":
            return Response(cutout.content, media_type=cutout.content_type)
        token = self.account.put_result(cutout.content, cutout.content_type)
        data = {
            "imageUrl": f"{request.url.scheme}://{request.headers['host']}{RESULTS}{token}",
            "width": cutout.width,
            "height": cutout.height,
            "format": "png",
            "processingTimeMs": round((time.monotonic() - started) * 1000),
        }
        return JSONResponse({"success": True, "data": data})

    def _cut(self, content: bytes, source: Size, megapixels: float) -> Cutout:
        wanted = Wanted(*fitted(*source, megapixels), format="png")
        return cut_out(content, wanted, self.state.settings.cutouts)
