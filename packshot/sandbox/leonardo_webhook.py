"""What Leonardo.Ai tells a webhook of a job that is done: a hint, unsigned, at times twice.

Shape: docs.leonardo.ai, "Guide to the webhook callback feature". The keys stand in it in clear.
"""

import asyncio
import time
from typing import Any

import httpx

from packshot.sandbox.leonardo_books import Job, LeonardoSettings
from packshot.sandbox.leonardo_words import USER


class Webhook:
    """Calls the address that was set, later and as often as was set."""

    def __init__(self) -> None:
        self._calls: set[asyncio.Task[None]] = set()

    def announce(self, job_id: str, job: Job, api_key: str, settings: LeonardoSettings) -> None:
        """Begin to tell of a job; only of one that is complete."""
        if settings.webhook_url is None or job.address is None:
            return
        body = _body(job_id, job, api_key, settings)
        call = asyncio.create_task(_tell(settings.webhook_url, body, settings))
        self._calls.add(call)  # or it may be collected before it has run
        call.add_done_callback(self._calls.discard)


async def _tell(url: str, body: dict[str, Any], settings: LeonardoSettings) -> None:
    headers = {"Authorization": f"Bearer {settings.webhook_key}", "User-Agent": "axios/1.4.0"}
    await asyncio.sleep(settings.webhook_seconds)
    async with httpx.AsyncClient(trust_env=False) as client:
        for _ in range(settings.webhook_times):
            try:
                await client.post(url, json=body, headers=headers)
            except httpx.HTTPError:
                return  # whether it is tried again is not documented


def _body(job_id: str, job: Job, api_key: str, settings: LeonardoSettings) -> dict[str, Any]:
    image = {"id": job.image_id, "url": job.address, "generationId": job_id, "nsfw": False}
    row = {
        "id": job_id,
        "userId": USER,
        "public": False,
        "flagged": False,
        "nsfw": False,
        "status": job.status,
        "imageWidth": job.size[0],
        "imageHeight": job.size[1],
        "prompt": "",
        "quantity": 1,
        "apiDollarCost": f"{settings.price:g}",
        "images": [image],
        "apiKey": {
            "key": api_key,
            "type": "PRODUCTION",
            "webhookCallbackUrl": settings.webhook_url,
            "webhookCallbackApiKey": settings.webhook_key,
        },
    }
    return {
        "type": "image_generation.complete",
        "object": "generation",
        "timestamp": round(time.time() * 1000),
        "api_version": "v1",
        "data": {"object": row},
    }
