"""remove.bg's HTTP API, played.

Facts: remove.bg's OpenAPI description (APIs-guru/openapi-directory) and the answers recorded in
remove-bg/ruby. Where neither says anything the simplest behaviour was chosen: an account with
less than one credit turns `auto` into a preview, and a free preview is charged `0`.
"""

import asyncio
import base64
import binascii
import json
import math
import os
import random
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha1
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from packshot.sandbox.cutting import Box, Cutout, cut_out
from packshot.sandbox.product_cdn import PREFIX, ProductCdn
from packshot.sandbox.removebg_form import (
    JSON,
    SIZES,
    Form,
    Size,
    check,
    look_at,
    read_form,
    shape,
)
from packshot.sandbox.state import ERRORS, PREVIEW_PRICE, Admission, Call, Refused, SandboxState

FULL_PRICE: Final = 1.0
IMPROVEMENTS_A_DAY: Final = 100
DEGRADED: Final = "packshot.degraded"
"""In a request's scope: sell a preview where more was asked for."""
NOT_FOUND: Final = 404
_FINER_TYPES: Final = frozenset({"graphics", "transportation"})


@dataclass(frozen=True, slots=True)
class Bought:
    """A call that succeeded."""

    cutout: Cutout
    admission: Admission
    identity: str
    source: Size
    best: Size


class RemoveBgApi:
    """The endpoints under /v1.0. Refusals are raised; `refusal_response` words them."""

    def __init__(self, state: SandboxState, cdn: ProductCdn) -> None:
        self._state = state
        self._cdn = cdn
        self._workers = CapacityLimiter(max(2, os.cpu_count() or 2))

    def routes(self) -> list[Route]:
        """The paths of the API."""
        return [
            Route("/v1.0/removebg", self.removebg, methods=["POST"]),
            Route("/v1.0/account", self.account, methods=["GET"]),
            Route("/v1.0/improve", self.improve, methods=["POST"]),
        ]

    async def removebg(self, request: Request) -> Response:
        """Cut one picture out."""
        form = await read_form(request)
        self._check_key(request)
        host, degraded = request.headers.get("host", ""), DEGRADED in request.scope
        bought = await to_thread.run_sync(self._buy, form, host, degraded, limiter=self._workers)
        admission = bought.admission
        call = Call(time.time(), 200, admission.price, bought.identity, bought.source.megapixels)
        self._state.count(call, charged=True)
        await asyncio.sleep(random.uniform(*self._state.settings.latency_seconds))
        return success_response(request, form, bought)

    async def account(self, request: Request) -> Response:
        """Tell the balance."""
        self._check_key(request)
        balance = self._state.told_balance()
        api = {"free_calls": int(balance.pop("free_calls")), "sizes": "all"}
        amounts = balance | {"total": sum(balance.values())}
        shown = {pot: int(sum_) if sum_.is_integer() else sum_ for pot, sum_ in amounts.items()}
        return json_response({"data": {"attributes": {"credits": shown, "api": api}}})

    async def improve(self, request: Request) -> Response:
        """Take a picture that was cut badly, and forget it."""
        form = await read_form(request)
        self._check_key(request)
        look_at(self._source(form, request.headers.get("host", "")))
        with self._state.lock:
            self._state.improve_calls += 1
            if self._state.improve_calls > IMPROVEMENTS_A_DAY:
                raise Refused(429, "Rate limit exceeded")
        return json_response({"id": str(uuid.uuid4())})

    def _check_key(self, request: Request) -> None:
        bearer = re.fullmatch(r"(?i:bearer) +(\S+)", request.headers.get("authorization", ""))
        key = request.headers.get("x-api-key") or (bearer[1] if bearer else "")
        if not key:
            raise Refused(403, "Missing API Key")
        if key == "invalid" or self._state.settings.api_key not in {None, key}:
            raise Refused(403, "API Key invalid", "auth_failed")

    def _buy(self, form: Form, host: str, degraded: bool) -> Bought:  # noqa: FBT001  # run_sync takes no keywords
        """Everything that takes time, on a thread of its own; raises `Refused`."""
        check(form)
        content = self._source(form, host)
        source = look_at(content)
        backdrop = self._backdrop(form, host)
        size = self._sold_size(form["size"], degraded=degraded)
        wanted, best = shape(form, size, source, has_backdrop=backdrop is not None)
        cheap = size == "preview" or (size == "auto" and source.megapixels <= SIZES["preview"])
        weight = max(1, math.ceil(source.megapixels))
        admission = self._state.admit(weight, PREVIEW_PRICE if cheap else FULL_PRICE)
        try:
            cutout = cut_out(content, wanted, self._state.settings.cutouts, backdrop)
        except Exception:
            self._state.give_back(admission)
            raise
        if source.megapixels > SIZES["full"]:  # the one case where the box is in source pixels
            scale = source.width / wanted.width
            cutout = cutout._replace(box=Box(*(round(side * scale) for side in cutout.box)))
        return Bought(cutout, admission, form.identity(content), source, best)

    def _sold_size(self, asked: str, *, degraded: bool) -> str:
        """The size a caller gets: `auto` depends on what the account holds."""
        poor = asked == "auto" and self._state.credits < FULL_PRICE
        return "preview" if poor or (degraded and asked in {"auto", "full"}) else asked

    def _source(self, form: Form, host: str) -> bytes:
        file, encoded = form.files.get("image_file"), form["image_file_b64"]
        url = form["image_url"]
        given = sum(map(bool, (file, encoded, url)))
        if given > 1:
            raise Refused.by_code("multiple_sources")
        if file:
            return file
        if encoded:
            return _unpacked(encoded)
        if url:
            return self._downloaded(url, host, "image")
        raise Refused.by_code("missing_source")

    def _backdrop(self, form: Form, host: str) -> bytes | None:
        url = form["bg_image_url"]
        backdrop = self._downloaded(url, host, "bg") if url else form.files.get("bg_image_file")
        if backdrop:
            look_at(backdrop)
        return backdrop or None

    def _downloaded(self, url: str, host: str, which: str) -> bytes:
        """Fetch a URL of the sandbox's own host; every other one counts as not found."""
        try:
            parts = urlsplit(url)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise Refused.by_code(f"invalid_{which.replace('bg', 'bg_image')}_url")
        ours = parts.netloc == host and parts.path.startswith(PREFIX)
        path = unquote(parts.path.removeprefix(PREFIX))
        got = self._cdn.fetched(path) if ours else NOT_FOUND
        if isinstance(got, bytes):
            return got
        code = f"failed_{which}_download"
        raise Refused.by_code(code, title=f"{ERRORS[code]}: HTTP Status {got}")


def _unpacked(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded)
    except binascii.Error:
        raise Refused.by_code("invalid_file_type") from None


def success_response(request: Request, form: Form, bought: Bought) -> Response:
    """The picture with its headers, or JSON around it for a caller who asked plainly for that."""
    cutout = bought.cutout
    headers = {
        "Access-Control-Allow-Origin": "*",
        **bought.admission.headers,
        "X-Width": str(cutout.width),
        "X-Height": str(cutout.height),
        "X-Max-Width": str(bought.best.width),
        "X-Max-Height": str(bought.best.height),
        "X-Credits-Charged": f"{bought.admission.price:g}",
        **_type_header(form),
    }
    box = {name: str(side) for name, side in cutout.box._asdict().items()}
    headers |= {f"X-Foreground-{name.title()}": side for name, side in box.items()}
    if request.headers.get("accept", "").strip().lower() != JSON:
        return Response(cutout.content, headers=headers, media_type=cutout.content_type)
    encoded = base64.b64encode(cutout.content).decode()
    sides = {f"foreground_{name}": side for name, side in cutout.box._asdict().items()}
    return json_response({"data": {"result_b64": encoded, **sides}}, headers=headers)


def _type_header(form: Form) -> dict[str, str]:
    """The type a caller fixed, else a product; finer types need a finer level."""
    level, asked = form["type_level"], form["type"]
    kind = {"auto": "product", "graphic": "graphics"}.get(asked, asked)
    if level == "none":
        return {}
    return {"X-Type": "other" if level == "1" and kind in _FINER_TYPES else kind}


def on_refusal(_request: Request, refusal: Exception) -> Response:
    """What Starlette asks for when a handler has raised."""
    if not isinstance(refusal, Refused):
        raise refusal
    return refusal_response(refusal)


def refusal_response(refusal: Refused) -> Response:
    """A refusal in remove.bg's words; what a gateway says is HTML."""
    if refusal.status >= 500:  # server errors
        title = refusal.error["title"]
        page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
        return HTMLResponse(page, refusal.status)
    told = {"errors": [refusal.error]}
    return json_response(told, status=refusal.status, headers=refusal.headers)


def json_response(
    told: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Compact JSON with the weak ETag that Express servers make."""
    body = json.dumps(told, separators=(",", ":")).encode()
    digest = base64.b64encode(sha1(body, usedforsecurity=False).digest()).decode()[:27]
    usual = {"Access-Control-Allow-Origin": "*", "ETag": f'W/"{len(body):x}-{digest}"'}
    kind = f"{JSON}; charset=utf-8"
    return Response(body, status, headers=usual | dict(headers or {}), media_type=kind)
