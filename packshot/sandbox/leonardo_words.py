"""Leonardo.Ai's answers as JSON: envelopes, jobs, refusals in each of their shapes.

Shapes: docs.leonardo.ai (the guide for those who come from remove.bg, "API error messages", the
references of v1 and v2), and what programs that use the API read. None of it is recorded traffic.
"""

import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import HTMLResponse, JSONResponse, Response

from packshot.sandbox.leonardo_books import Job, LeonardoSettings
from packshot.sandbox.state import Refused

USER: Final = "00000000-0000-4000-8000-000000000005"
LATE: Final = "late"
STORAGE: Final = "storage"
V1: Final = "unexpected"
_GATEWAY: Final = frozenset({502, 504})


def enveloped(told: Mapping[str, Any], wrapper: str, settings: LeonardoSettings) -> Response:
    """A good answer, wrapped or flat; what holds nothing is null or left out."""
    shown = {name: value for name, value in told.items() if _is_shown(value, settings)}
    wrapped = settings.envelope == "wrapped"
    return JSONResponse({wrapper: shown} if wrapped else shown)


def _is_shown(value: object, settings: LeonardoSettings) -> bool:
    return value is not None or settings.absent == "null"


def sync_answer(
    result: Mapping[str, Any] | None, price: float | None, settings: LeonardoSettings
) -> Response:
    """A good answer of the synchronous call; without a result, one that moderation withholds."""
    fields = (result or {}).items()
    shown = {name: value for name, value in fields if _is_shown(value, settings)}
    told = {
        "id": str(uuid.uuid4()),
        "blockedCount": 0 if result else 1,
        "cost": None if price is None else cost_told(price, settings),
        "results": [shown] if shown else [],
    }
    return enveloped(told, "generateSync", settings)


def cost_told(price: float, settings: LeonardoSettings) -> dict[str, str] | None:
    """`cost`, in the unit that was set."""
    if settings.cost == "absent":
        return None
    amount = price if settings.cost == "DOLLARS" else price / settings.usd_per_token
    return {"amount": f"{amount:.4f}".rstrip("0").rstrip("."), "unit": settings.cost}


def job_told(job_id: str, job: Job, *, done: bool) -> dict[str, Any]:
    """What a poll says."""
    image: dict[str, Any] = {
        "id": job.image_id,
        "url": job.address,
        "nsfw": False,
        "likeCount": 0,
        "generated_image_variation_generics": [],
    }
    return {
        "id": job_id,
        "status": job.status if done else "PENDING",
        "createdAt": "2026-11-21T00:00:00.000",
        "public": False,
        "prompt": "",
        "imageWidth": job.size[0],
        "imageHeight": job.size[1],
        "modelId": None,
        "seed": None,
        "generated_images": [image] if done and job.address else [],
        "generation_elements": [],
    }


def account_told(tokens: int) -> dict[str, Any]:
    """What `/v1/me` says."""
    return {
        "user_details": [
            {
                "user": {"id": USER, "username": "example"},
                "tokenRenewalDate": None,
                "paidTokens": 0,
                "subscriptionTokens": 0,
                "subscriptionGptTokens": 0,
                "subscriptionModelTokens": 0,
                "apiConcurrencySlots": 10,
                "apiPaidTokens": tokens,
                "apiSubscriptionTokens": 0,
                "apiPlanTokenRenewalDate": None,
            }
        ]
    }


def refusal_told(refusal: Refused, settings: LeonardoSettings) -> Response:
    """A refusal in the words and under the status that were set."""
    status, title, code = refusal.status, refusal.error["title"], refusal.error.get("code", "")
    if code == STORAGE:
        body = f"<?xml version='1.0'?><Error><Code>{refusal.error['detail']}</Code></Error>"
        return Response(body, status, media_type="application/xml")
    if code == LATE:
        return JSONResponse({"errors": [_error("Service Error", code=V1)]})
    match status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return _v1("Authentication hook unauthorized this request", 401, "access-denied")
        case HTTPStatus.PAYMENT_REQUIRED:
            words = f"not enough api tokens userId: {USER}"
            if settings.no_balance == "list":
                return JSONResponse([_error(words, code=V1)])
            return _v1(words, 400)
        case HTTPStatus.TOO_MANY_REQUESTS:
            waits = refusal.headers.get("Retry-After")
            return _v1(title, status, headers={"Retry-After": waits} if waits else {})
        case _ if status in _GATEWAY:
            return HTMLResponse(f"<html><h1>{title}</h1></html>", status)
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return _v1(title if code == V1 else "Service Error", status)
        case _ if code == V1:
            return _v1(title, 400)
        case _:
            return _order_refused(title, settings)


def _order_refused(message: str, settings: LeonardoSettings) -> Response:
    match settings.errors:
        case "errors":
            return JSONResponse({"errors": [_error(message, code="BAD_REQUEST", statusCode=400)]})
        case "list":
            details = {"message": "Validation failed", "errors": [{"message": message}]}
            told = _error("Validation error", code="VALIDATION_ERROR", details=details)
            return JSONResponse([told])
        case _:
            return _v1(message, 400, "validation-failed")


def _error(message: str, **extensions: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON
    return {"message": message, "extensions": extensions}


def _v1(
    message: str, status: int, code: str = V1, headers: Mapping[str, str] | None = None
) -> Response:
    return JSONResponse({"error": message, "path": "$", "code": code}, status, headers)
