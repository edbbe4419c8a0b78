"""Leonardo.Ai's background removal, played: the synchronous call, jobs, uploads, the balance.

Facts: docs.leonardo.ai, and programs that use the API. Where these contradict one another there is
a switch in `LeonardoSettings`.
"""

import asyncio
import base64
import json
import os
import random
import re
import secrets
import time
import uuid
from functools import partial
from typing import Final, NamedTuple

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from packshot.sandbox.cutting import Cutout, cut_out
from packshot.sandbox.leonardo_books import Job, LeonardoAccount, LeonardoSettings
from packshot.sandbox.leonardo_form import (
    BAD_REQUEST,
    ImageSource,
    InitImage,
    Order,
    Parameters,
    SyncOrder,
    look_at,
    read,
    unpacked,
)
from packshot.sandbox.leonardo_webhook import Webhook
from packshot.sandbox.leonardo_words import (
    LATE,
    STORAGE,
    V1,
    account_told,
    cost_told,
    enveloped,
    job_told,
    refusal_told,
    sync_answer,
)
from packshot.sandbox.played import PlayedApi
from packshot.sandbox.removebg_api import DEGRADED
from packshot.sandbox.removebg_form import read_form
from packshot.sandbox.state import Refused, SandboxState

BASE: Final = "/api/rest"
RESULTS: Final = "/leonardo-cdn/"
STORE: Final = "/leonardo-store"
EXTENSIONS: Final = frozenset({"png", "jpg", "jpeg", "webp"})
UNKNOWN_IMAGE: Final = {
    "UPLOADED": "invalid init image id",
    "VARIATION": "failed to find init variation",
}
OCTETS: Final = "application/octet-stream"
_DATA_URL: Final = re.compile(r"data:image/[a-z]+;base64,(.*)", re.DOTALL)
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_ORDERS: Final = frozenset({f"{BASE}/v2/generationssync", f"{BASE}/v2/generations"})


class _Made(NamedTuple):
    """A cutout that has not been sold yet."""

    cutout: Cutout
    price: float
    identity: str


class LeonardoApi(PlayedApi[LeonardoSettings]):
    """The endpoints under /api/rest, the storage for uploads, and where results lie."""

    name = "leonardo"
    account: LeonardoAccount

    def __init__(self, state: SandboxState, settings: LeonardoSettings | None = None) -> None:
        super().__init__(state, settings or LeonardoSettings())
        self.account = LeonardoAccount(self.settings)
        state.played[self.name] = self.account
        self._workers = CapacityLimiter(max(2, os.cpu_count() or 2))
        self._webhook = Webhook()

    def routes(self) -> list[Route]:
        """The paths of the API, of its storage and of its results."""
        return [
            self.route(f"{BASE}/v2/generationssync", self.sync),
            self.route(f"{BASE}/v2/generations", self.begin),
            self.route(f"{BASE}/v1/generations/{{id}}", self.poll, "GET"),
            self.route(f"{BASE}/v1/generations/{{id}}", self.delete, "DELETE"),
            self.route(f"{BASE}/v1/init-image", self.init_image),
            self.route(f"{BASE}/v1/init-image/{{id}}", self.delete, "DELETE"),
            self.route(f"{BASE}/v1/me", self.me, "GET"),
            self.route(STORE, self.store),
            self.route(RESULTS + "{token}", self.result, "GET"),
        ]

    def endpoint(self, method: str, path: str) -> str | None:
        """Faults are made for orders, for the balance, for polls, and for downloads."""
        if method == "POST":
            return self.name if path in _ORDERS else None
        if path == f"{BASE}/v1/me":
            return "leonardo_account"
        if path.startswith(f"{BASE}/v1/generations/"):
            return "leonardo_poll" if method == "GET" else None
        return "leonardo_result" if path.startswith(RESULTS) and method == "GET" else None

    def refused(self, refusal: Refused) -> Response:
        """In the shape that was set."""
        return refusal_told(refusal, self.settings)

    async def sync(self, request: Request) -> Response:
        """Cut one picture out within the call, or run out of time."""
        self._enter(request)
        order = await read(request, SyncOrder)
        made = await self._make(request, order.parameters)
        if order.base64 and len(made.cutout.content) > self.settings.data_b64_bytes:
            raise Refused(400, "result too large for base64", BAD_REQUEST)
        await self._work(made)
        if self.settings.blocked:
            return self._blocked(made)
        self.account.charge(made.price, made.identity)
        return self._sold(request, order, made)

    async def begin(self, request: Request) -> Response:
        """Take a job on."""
        key = self._enter(request)
        order = await read(request, Order)
        made = await self._make(request, order.parameters)
        settings, job_id, image_id = self.settings, str(uuid.uuid4()), str(uuid.uuid4())
        fails = settings.job_ends == "FAILED"
        if not fails or settings.failed_is_charged:
            self.account.charge(made.price, made.identity)
        hidden = fails or settings.blocked
        address = None if hidden else self._address(request, made, ephemeral=False)
        size = (made.cutout.width, made.cutout.height)
        job = Job(settings.pending_polls, settings.job_ends, address, image_id, size)
        self.account.jobs[job_id] = job
        self.account.keep(image_id, made.cutout.content)
        self._webhook.announce(job_id, job, key, settings)
        cost = cost_told(made.price, settings)
        told = {"generationId": job_id, "apiCreditCost": None, "cost": cost}
        return enveloped(told, "generate", settings)

    async def poll(self, request: Request) -> Response:
        """Say how far a job is; one that is not known is null."""
        self._check_key(request)
        job_id = request.path_params["id"]
        found = self.account.polled(job_id)
        told = None if found is None else job_told(job_id, found[0], done=found[1])
        return JSONResponse({"generations_by_pk": told})

    async def delete(self, request: Request) -> Response:
        """Forget an upload or a job."""
        self._check_key(request)
        self.account.forget(request.path_params["id"])
        return JSONResponse({"id": request.path_params["id"]})

    async def init_image(self, request: Request) -> Response:
        """Say where a picture may be uploaded to, in the next two minutes."""
        self._check_key(request)
        extension = (await read(request, InitImage)).extension
        if extension not in EXTENSIONS:
            raise Refused(400, "invalid file extension", V1)
        upload_id = self.account.open_slot()
        key = f"users/u/initImages/{upload_id}.{extension}"
        fields = {"key": key, "Policy": upload_id, "X-Amz-Signature": secrets.token_hex(8)}
        place = {"id": upload_id, "key": key, "url": f"{_host(request)}{STORE}"}
        return JSONResponse({"uploadInitImage": place | {"fields": json.dumps(fields)}})

    async def store(self, request: Request) -> Response:
        """Take an upload: no key, every field, and the file."""
        form = await read_form(request)
        content = form.files.get("file", b"")
        if "authorization" in request.headers or not form["X-Amz-Signature"]:
            raise Refused(403, "Forbidden", STORAGE, "AccessDenied")
        if not content or len(content) > self.settings.upload_bytes:
            raise Refused(400, "Bad Request", STORAGE, "EntityTooLarge")
        try:
            self.account.fill_slot(form["Policy"], content)
        except Refused:
            raise Refused(403, "Forbidden", STORAGE, "AccessDenied") from None
        return Response(status_code=204)

    async def me(self, request: Request) -> Response:
        """Tell the balance."""
        self._check_key(request)
        return JSONResponse(account_told(self.account.told_tokens()))

    async def result(self, request: Request) -> Response:
        """Hand a result out, as long as its address lives and its query is untouched."""
        token = request.path_params["token"]
        dies_at, query = self.account.signed.get(token, (float("inf"), ""))
        if request.url.query != query:
            raise Refused(403, "Forbidden", STORAGE, "SignatureDoesNotMatch")
        found = self.account.result(token)
        if found is None or time.time() > dies_at:
            raise Refused(self.settings.gone_status, "Forbidden", STORAGE, "AccessDenied")
        return self.handed_out(found[0], OCTETS if self.settings.octet_stream else found[1])

    def _enter(self, request: Request) -> str:
        """Is the key good, is there room; raises `Refused`."""
        key = self._check_key(request)
        self.account.admit()
        return key

    def _check_key(self, request: Request) -> str:
        said, _, key = request.headers.get("authorization", "").partition(" ")
        if self.settings.keys_are_uuids and not _UUID.fullmatch(key):
            raise Refused(500, "Invalid response from authorization hook", V1)
        if said != "Bearer" or key in {"", "invalid"} or self.settings.api_key not in {None, key}:
            raise Refused(401, "Unauthorized")
        return key

    async def _make(self, request: Request, asked: Parameters) -> _Made:
        """Everything that takes time, on a thread of its own; raises `Refused`."""
        guidances = asked.guidances
        content = self._picture(guidances.image_reference[0].image)
        behind = guidances.background_image_reference
        backdrop = None if behind is None else self._picture(behind[0].image)
        degraded = DEGRADED in request.scope
        wanted = asked.wanted(look_at(content), self.settings.png_megapixels, degraded=degraded)
        price = self.account.price(asked.size)
        if self.account.balance < price:
            raise Refused(402, "Insufficient credits")
        make = partial(cut_out, content, wanted, self.state.settings.cutouts, backdrop)
        try:
            cutout = await to_thread.run_sync(make, limiter=self._workers)
        except Refused as refusal:
            raise Refused(400, refusal.error["title"], BAD_REQUEST) from None
        return _Made(cutout, price, asked.identity(content))

    def _picture(self, source: ImageSource) -> bytes:
        if source.type == "BASE64":
            return unpacked(source.data or "", self.settings.base64_bytes)
        if source.type == "URL":
            data = _DATA_URL.fullmatch(source.url or "")
            if data is None:  # the sandbox goes nowhere
                raise Refused(400, "couldn't access image", V1)
            return unpacked(data[1], self.settings.base64_bytes)
        content = self.account.picture(source.id or "")
        if content is None:
            wrong = {
                "UPLOADED": "invalid init image id",
                "VARIATION": "failed to find init variation",
            }
            raise Refused(400, wrong.get(source.type, "couldn't access image"), V1)
        return content

    async def _work(self, made: _Made) -> None:
        """Take as long as was set; raises `Refused` when the time is up."""
        seconds = random.uniform(*self.settings.work_seconds)
        limit = self.settings.time_limit_seconds
        await asyncio.sleep(min(seconds, limit))
        if seconds > limit:
            if self.settings.late_is_charged:
                self.account.charge(made.price, made.identity)
            code = LATE if self.settings.at_limit == "error" else ""
            raise Refused(504, "Gateway Timeout", code)

    def _blocked(self, made: _Made) -> Response:
        price = made.price if self.settings.blocked_is_charged else None
        if price is not None:
            self.account.charge(price, made.identity)
        return sync_answer(None, price, self.settings)

    def _sold(self, request: Request, order: SyncOrder, made: _Made) -> Response:
        content, media_type, width, height, _ = made.cutout
        inline = order.base64
        url = None if inline else self._address(request, made, ephemeral=order.ephemeral)
        result = {
            "contentType": media_type,
            "url": url,
            "dataB64": base64.b64encode(content).decode() if inline else None,
            "width": width,
            "height": height,
        }
        return sync_answer(result, made.price, self.settings)

    def _address(self, request: Request, made: _Made, *, ephemeral: bool) -> str:
        token = self.account.put_result(made.cutout.content, made.cutout.content_type)
        url = f"{_host(request)}{RESULTS}{token}"
        if not ephemeral:
            return url
        life = self.settings.ephemeral_seconds
        query = f"X-Amz-Expires={life:g}&X-Amz-Signature={secrets.token_hex(8)}"
        self.account.signed[token] = (time.time() + life, query)
        return f"{url}?{query}"


def _host(request: Request) -> str:
    return f"{request.url.scheme}://{request.headers['host']}"
