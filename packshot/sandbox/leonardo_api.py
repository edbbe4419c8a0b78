"""Leonardo.Ai's background removal, played: at once, as a job, with uploads and both envelopes.

Facts: docs.leonardo.ai (remove-bg, the guide for those who come from remove.bg, OpenAPI of v1 and
v2). Where documents and programs disagree there is a switch.
"""

import base64
import binascii
import json
import os
import time
import uuid
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Annotated, Any, Final, Literal

from anyio import CapacityLimiter, to_thread
from pydantic import Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from packshot.sandbox.cutting import (
    Wanted,
    cut_out,
    fitted,
    parsed_colour,
    parsed_margins,
    parsed_region,
)
from packshot.sandbox.photoroom_form import look_at
from packshot.sandbox.played import PlayedApi, PlayedSettings
from packshot.sandbox.removebg_form import Size
from packshot.sandbox.state import Refused, SandboxState

BASE: Final = "/api/rest"
RESULTS: Final = f"{BASE}/_results/"
UPLOADS: Final = f"{BASE}/_uploads/"
PRICE: Final = 0.1047
PREVIEW_PRICE: Final = 0.0269
PREVIEW_MEGAPIXELS: Final = 0.25
USD_PER_TOKEN: Final = 0.0015
SIZES: Final = {"preview": 0.25, "auto": 25.0, "full": 25.0, "50MP": 50.0}
PNG_MEGAPIXELS: Final = 10.0
INLINE_BYTES: Final = 7_450_000
_NAMES: Final = (
    "size format type type_level channels bg_color crop crop_margin roi scale position "
    "semitransparency shadow_type shadow_opacity quantity guidances"
)
PARAMETERS: Final = frozenset(_NAMES.split())
SYNC_ONLY: Final = frozenset({"ephemeral", "base64"})
TOP_LEVEL: Final = frozenset({"model", "public", "parameters"})
_GATEWAY: Final = frozenset({500, 502, 503, 504})


class LeonardoSettings(PlayedSettings):
    """How the played Leonardo behaves; the balance is in dollars."""

    calls_per_window: Annotated[int, Field(ge=1)] | None = None
    envelope: Literal["wrapped", "flat"] = "wrapped"
    cost: Literal["dollars", "credits", "absent"] = "dollars"
    error_style: Literal["errors", "list", "v1"] = "errors"
    pending_polls: Annotated[int, Field(ge=0)] = 1
    job_fails: bool = False
    blocked: bool = False
    upload_seconds: Annotated[float, Field(gt=0)] = 120.0
    octet_stream: bool = False


@dataclass
class _Job:
    """One removal that was asked for, and paid for."""

    content: bytes
    wanted: Wanted
    polls: int = 0
    address: str | None = None


@dataclass
class _Upload:
    """A place for one source."""

    opened: float = field(default_factory=time.monotonic)
    content: bytes | None = None


class LeonardoApi(PlayedApi[LeonardoSettings]):
    """The endpoints under /api/rest."""

    name = "leonardo"

    def __init__(self, state: SandboxState, settings: LeonardoSettings | None = None) -> None:
        super().__init__(state, settings or LeonardoSettings(balance=100.0))
        self._workers = CapacityLimiter(max(2, os.cpu_count() or 2))
        self._jobs: dict[str, _Job] = {}
        self._uploads: dict[str, _Upload] = {}

    def routes(self) -> list[Route]:
        """The paths of the API, of its store, and where results lie."""
        return [
            self.route(f"{BASE}/v2/generationssync", self.remove),
            self.route(f"{BASE}/v2/generations", self.begin),
            self.route(f"{BASE}/v1/generations/{{job}}", self.poll, "GET"),
            self.route(f"{BASE}/v1/init-image", self.open_upload),
            self.route(UPLOADS + "{name}", self.take_upload),
            self.route(f"{BASE}/v1/me", self.me, "GET"),
            self.results_route(RESULTS + "{token}"),
        ]

    def endpoint(self, method: str, path: str) -> str | None:
        """Faults are made for removals, the account, and results and jobs."""
        if path.startswith((RESULTS, f"{BASE}/v1/generations/")):
            return "leonardo_result"
        if path == f"{BASE}/v1/me":
            return "leonardo_account"
        costs = path in {f"{BASE}/v2/generationssync", f"{BASE}/v2/generations"}
        if method == "POST" and costs:
            return "leonardo"
        return None

    def refused(self, refusal: Refused) -> Response:
        """Under 200 in one of two shapes, or as v1 does; a gateway answers in HTML."""
        status, words = refusal.status, refusal.error.get("detail") or refusal.error["title"]
        if status in _GATEWAY:
            return HTMLResponse(f"<html><h1>{words}</h1></html>", status)
        if status == 403:
            told = {"error": "Authentication hook unauthorized this request", "path": "$"}
            return JSONResponse(told | {"code": "access-denied"}, 401)
        if status == 429:
            return JSONResponse({"error": words}, 429, refusal.headers)
        if status == 402:
            words = f"not enough api tokens userId: {uuid.UUID(int=1)}"
        extensions = {"code": "VALIDATION_ERROR", "statusCode": status}
        match self.settings.error_style:
            case "errors":
                return JSONResponse({"errors": [{"message": words, "extensions": extensions}]})
            case "list":
                details = {"message": words, "errors": [{"message": words}]}
                return JSONResponse([{"extensions": {"details": details}}])
            case "v1":
                told = {"error": words, "path": "$", "code": "unexpected"}
                return JSONResponse(told, 400)

    async def remove(self, request: Request) -> Response:
        """Cut one picture out at once."""
        asked = await self._asked(request, TOP_LEVEL | SYNC_ONLY)
        job, size = await self._sold(request, asked)
        told: dict[str, Any] = {"id": str(uuid.uuid4()), "blockedCount": 0, "results": []}
        if self.settings.blocked:
            told["blockedCount"] = 1
        else:
            await self._cut(request, job)
            told["results"] = [{"url": job.address, "contentType": "image/png", "dataB64": None}]
        return self._enveloped("generateSync", told | self._cost(size))

    async def begin(self, request: Request) -> Response:
        """Take a job on."""
        asked = await self._asked(request, TOP_LEVEL)
        job, size = await self._sold(request, asked)
        name = str(uuid.uuid4())
        self._jobs[name] = job
        return self._enveloped("generate", {"generationId": name} | self._cost(size))

    async def poll(self, request: Request) -> Response:
        """Tell how far a job has come."""
        self._check_key(request)
        job = self._jobs.get(request.path_params["job"])
        if job is None:
            return JSONResponse({"generations_by_pk": None})
        job.polls += 1
        told: dict[str, Any] = {"id": request.path_params["job"], "generated_images": []}
        if job.polls <= self.settings.pending_polls:
            return JSONResponse({"generations_by_pk": told | {"status": "PENDING"}})
        if self.settings.job_fails:
            return JSONResponse({"generations_by_pk": told | {"status": "FAILED"}})
        if not self.settings.blocked:
            if job.address is None:
                await self._cut(request, job)
            told["generated_images"] = [{"id": str(uuid.uuid4()), "url": job.address}]
        return JSONResponse({"generations_by_pk": told | {"status": "COMPLETE"}})

    async def open_upload(self, request: Request) -> Response:
        """Offer a place for one source; its fields are JSON within a string."""
        self._check_key(request)
        asked = await request.json()
        if asked.get("extension") not in {"png", "jpg", "jpeg", "webp"}:
            raise Refused(400, "invalid file extension")
        name = str(uuid.uuid4())
        self._uploads[name] = _Upload()
        host = f"{request.url.scheme}://{request.headers['host']}"
        place = {
            "id": name,
            "url": f"{host}{UPLOADS}{name}",
            "key": f"uploads/{name}",
            "fields": json.dumps({"key": f"uploads/{name}", "Policy": "cGxheWVk"}),
        }
        return JSONResponse({"uploadInitImage": place})

    async def take_upload(self, request: Request) -> Response:
        """Play the store: no key, every field, and not too late."""
        upload = self._uploads.get(request.path_params["name"])
        late = upload and time.monotonic() > upload.opened + self.settings.upload_seconds
        if upload is None or late or "authorization" in request.headers:
            return PlainTextResponse("<Error><Code>AccessDenied</Code></Error>", 403)
        form = await request.form(max_part_size=64 * 1024 * 1024)
        file = form.get("file")
        if file is None or isinstance(file, str) or form.get("key") is None:
            return PlainTextResponse("<Error><Code>InvalidArgument</Code></Error>", 400)
        upload.content = await file.read()
        return Response(status_code=204)

    async def me(self, request: Request) -> Response:
        """Tell the balance, in tokens."""
        self._check_key(request)
        tokens = round(self.account.balance / USD_PER_TOKEN)
        user = {"user": {"id": str(uuid.UUID(int=1))}, "apiPaidTokens": tokens}
        return JSONResponse({"user_details": [user | {"apiSubscriptionTokens": 0}]})

    def _check_key(self, request: Request) -> None:
        said, _, key = request.headers.get("authorization", "").partition(" ")
        known = self.settings.api_key in {None, key}
        if said != "Bearer" or key.strip() in {"", "invalid"} or not known:
            raise Refused(403, "Authentication hook unauthorized this request")

    async def _asked(self, request: Request, known: frozenset[str]) -> dict[str, Any]:
        self._check_key(request)
        self.account.admit()
        try:
            asked = json.loads(await request.body())
        except ValueError:
            raise Refused(400, "Expected a JSON body") from None
        for strange in asked.keys() - known:
            raise Refused(400, f"Unexpected variable {strange}")
        parameters = asked.get("parameters", {})
        for strange in parameters.keys() - PARAMETERS:
            raise Refused(400, f"parameters must NOT have additional properties: {strange}")
        if asked.get("model") != "remove-bg" or "public" not in asked:
            raise Refused(400, "model and public are required")
        for name in ("crop", "semitransparency"):
            if not isinstance(parameters.get(name, True), bool):
                raise Refused(400, "expected a boolean for type 'Boolean', but found a string")
        return dict(parameters)

    async def _sold(self, request: Request, asked: dict[str, Any]) -> tuple[_Job, Size]:
        del request
        content = self._source(asked)
        source = look_at(content)
        wanted = _wanted(asked, source)
        price = self._price(wanted)
        if self.account.balance < price:
            raise Refused(402, "Insufficient credits")
        said = json.dumps({k: v for k, v in asked.items() if k != "guidances"}, sort_keys=True)
        self.account.charge(price, blake2b(content + said.encode(), digest_size=16).hexdigest())
        return _Job(content, wanted), Size(wanted.width, wanted.height)

    def _source(self, asked: dict[str, Any]) -> bytes:
        references = asked.get("guidances", {}).get("image_reference", [])
        if len(references) != 1:
            raise Refused(400, "image_reference must hold exactly one item")
        image = references[0].get("image", {})
        match image.get("type"):
            case "BASE64":
                return _unpacked(image.get("data", ""))
            case "UPLOADED":
                upload = self._uploads.get(image.get("id", ""))
                if upload is None or upload.content is None:
                    raise Refused(400, "invalid init image id")
                return upload.content
            case _:
                raise Refused(400, "image type must be BASE64 or UPLOADED here")

    def _price(self, wanted: Wanted) -> float:
        small = wanted.width * wanted.height <= PREVIEW_MEGAPIXELS * 1e6
        return PREVIEW_PRICE if small else PRICE

    async def _cut(self, request: Request, job: _Job) -> None:
        kind = self.state.settings.cutouts
        made = await to_thread.run_sync(
            cut_out, job.content, job.wanted, kind, limiter=self._workers
        )
        octets = "application/octet-stream"
        media_type = octets if self.settings.octet_stream else made.content_type
        token = self.account.put_result(made.content, media_type)
        job.address = f"{request.url.scheme}://{request.headers['host']}{RESULTS}{token}"

    def _cost(self, size: Size) -> dict[str, Any]:
        small = size.width * size.height <= PREVIEW_MEGAPIXELS * 1e6
        price = PREVIEW_PRICE if small else PRICE
        match self.settings.cost:
            case "dollars":
                return {"cost": {"amount": f"{price}", "unit": "DOLLARS"}}
            case "credits":
                return {"cost": {"amount": f"{price / USD_PER_TOKEN:.0f}", "unit": "CREDITS"}}
            case "absent":
                return {}

    def _enveloped(self, name: str, told: dict[str, Any]) -> Response:
        return JSONResponse({name: told} if self.settings.envelope == "wrapped" else told)


def _unpacked(data: str) -> bytes:
    try:
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(400, "data must be raw base64") from None
    if len(content) > INLINE_BYTES:
        raise Refused(400, "base64 image is too large")
    return content


def _wanted(asked: dict[str, Any], source: Size) -> Wanted:
    size, format_ = asked.get("size", "full"), asked.get("format", "png")
    if size not in SIZES or format_ not in {"png", "jpg", "webp"}:
        raise Refused(400, f"size or format must be one of the allowed values: {size}, {format_}")
    if asked.get("quantity", 1) != 1:
        raise Refused(400, "quantity must be 1")
    most = min(SIZES[size], PNG_MEGAPIXELS) if format_ == "png" else SIZES[size]
    colour = asked.get("bg_color")
    roi = asked.get("roi")
    width, height = source.width, source.height
    wanted = Wanted(
        *fitted(width, height, most),
        format=format_,
        channels=asked.get("channels", "rgba"),
        colour=parsed_colour(colour) if colour else None,
        crop=asked.get("crop", False),
    )
    if roi:
        wanted = replace(wanted, region=parsed_region(roi, width, height))
    if "crop_margin" in asked:
        wanted = replace(wanted, margins=parsed_margins(asked["crop_margin"]))
    return wanted
