"""Recordings of remove.bg's API as the sandbox plays it, kept in the project: a few kilobytes.

`python -m tests.recordings.removebg` makes them anew; `git diff` then shows what has changed on the
wire. The picture that is sent was drawn for them.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from packshot.sandbox.server import Sandbox
from packshot.sandbox.state import Fault, SandboxState, Settings
from tests.sandbox.calling import picture

FILE = Path(__file__).with_name("removebg.json")
PICTURE = picture(48, 36)
ACCOUNT = {"subscription": 210.0, "payg": 33.0, "cutouts": "canned"}
MOVING = {"date", "x-ratelimit-reset", "x-ratelimit-remaining", "etag", "content-length"}
"""Headers that differ from call to call, or with the encoder of a picture."""


@dataclass(frozen=True)
class Asked:
    """One call, and what goes wrong with it."""

    fields: Mapping[str, str] | None = None
    """Of a cutout; a call without fields asks for the balance."""
    key: str = "key"
    fault: Mapping[str, Any] | None = None
    changes: Mapping[str, Any] | None = None
    accept: str = "*/*"


CALLS: Mapping[str, Asked] = {
    "account": Asked(changes={"free_calls": 47}),
    "account_of_a_bad_key": Asked(key="invalid"),
    "png": Asked({"size": "auto", "format": "png", "type": "product", "type_level": "latest"}),
    "zip": Asked({"size": "auto", "format": "zip", "type": "product", "type_level": "latest"}),
    "webp": Asked({"size": "auto", "format": "webp"}),
    "jpeg": Asked({"size": "auto", "format": "jpg", "bg_color": "ffffff"}),
    "json": Asked({"size": "auto", "format": "png"}, accept="application/json"),
    "bad_key": Asked({"size": "auto"}, key="invalid"),
    "no_foreground": Asked({"size": "auto"}, fault={"kind": "error_code:unknown_foreground"}),
    "refused_without_code": Asked({"size": "auto"}, fault={"kind": "status_400_without_code"}),
    "no_credits": Asked({"size": "auto"}, changes={"subscription": 0.0, "payg": 0.0}),
    "throttled": Asked({"size": "auto"}, fault={"kind": "status_429", "retry_after": 7}),
    "gateway": Asked({"size": "auto"}, fault={"kind": "status_502"}),
}


def answered(sandbox: Sandbox, asked: Asked) -> httpx.Response:
    """What the sandbox says to this, with a full account and a window that has just begun."""
    sandbox.state.settings = Settings.model_validate({**ACCOUNT, **(asked.changes or {})})
    sandbox.state.reset()
    if asked.fault is not None:
        sandbox.state.add_fault(Fault.model_validate(asked.fault))
    headers = {"X-Api-Key": asked.key, "Accept": asked.accept}
    with httpx.Client(base_url=f"{sandbox.url}/v1.0", headers=headers, trust_env=False) as client:
        if asked.fields is None:
            return client.get("/account")
        files = {"image_file": ("picture.jpg", PICTURE, "image/jpeg")}
        return client.post("/removebg", data=dict(asked.fields), files=files)


def recorded() -> dict[str, httpx.Response]:
    """All recorded answers by name."""
    return {
        name: httpx.Response(
            kept["status"], headers=kept["headers"], content=base64.b64decode(kept["body"])
        )
        for name, kept in json.loads(FILE.read_text()).items()
    }


def _record() -> None:
    kept = {}
    with Sandbox(SandboxState()) as sandbox:
        for name, asked in CALLS.items():
            answer = answered(sandbox, asked)
            kept[name] = {
                "status": answer.status_code,
                "headers": dict(answer.headers),
                "body": base64.b64encode(answer.content).decode(),
            }
    FILE.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    _record()
