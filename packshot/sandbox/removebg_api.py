"""remove.bg's HTTP API, played.

Facts: remove.bg's OpenAPI description (APIs-guru/openapi-directory) and the answers recorded in
remove-bg/ruby. Where neither says anything the simplest behaviour was chosen: an empty account
turns `auto` into a preview, and a free preview is charged `0`.
"""

import asyncio
import base64
import binascii
import io
import json
import math
import os
import random
import re
import time
import uuid
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from hashlib import blake2b, sha1
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from anyio import CapacityLimiter, to_thread
from PIL import ExifTags, Image, UnidentifiedImageError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from packshot.sandbox.cutting import (
    OPAQUE,
    Cutout,
    Wanted,
    cut_out,
    fitted,
    parsed_colour,
    parsed_lengths,
    parsed_margins,
    parsed_region,
)
from packshot.sandbox.product_cdn import ProductCdn
from packshot.sandbox.state import (
    ERROR_FAULT,
    PREVIEW_PRICE,
    Admission,
    Call,
    Fault,
    Refused,
    SandboxState,
)

FULL_PRICE: Final = 1.0
MAX_BYTES: Final = 22_000_000
MAX_MEGAPIXELS: Final = 50
MAX_PNG_MEGAPIXELS: Final = 10
USUAL_MEGAPIXELS: Final = 25
PREVIEW_MEGAPIXELS: Final = 0.25
IMPROVEMENTS_A_DAY: Final = 100
LONGEST_FIELD: Final = 64 * 1024 * 1024  # base64 of the largest file, and room
JSON: Final = "application/json"
ALIASES: Final = MappingProxyType(
    {"small": "preview", "regular": "preview", "4k": "full", "50MP": "50mp"}
)
SIZES: Final[Mapping[str, float]] = MappingProxyType(
    {"preview": PREVIEW_MEGAPIXELS, "medium": 1.5, "hd": 4, "full": 25, "auto": 25, "50mp": 50}
)
CHOICES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "size": frozenset(SIZES),
        "format": frozenset({"auto", "png", "jpg", "webp", "zip"}),
        "channels": frozenset({"rgba", "alpha"}),
        "semitransparency": frozenset({"true", "false"}),
    }
)
DEFAULTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "size": "preview",
        "type": "auto",
        "roi": "0% 0% 100% 100%",
        "crop": "false",
        "crop_margin": "0px",
        "scale": "original",
        "position": "original",
        "channels": "rgba",
        "semitransparency": "true",
        "add_shadow": "false",
        "shadow_type": "none",
        "shadow_opacity": "70",
        "bg_color": "",
        "bg_image_url": "",
    }
)
"""What shapes the picture. `format` and `type_level` do not, and tell no two purchases apart."""
COARSE_TYPES: Final = frozenset({"person", "product", "animal", "car"})
_MAGIC: Final = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")


@dataclass(frozen=True, slots=True)
class Form:
    """A request's fields; empty ones are as good as absent."""

    texts: Mapping[str, str]
    files: Mapping[str, bytes]

    def __getitem__(self, name: str) -> str:
        text = self.texts.get(name, DEFAULTS.get(name, ""))
        return ALIASES.get(text, text) if name == "size" else text


@dataclass(frozen=True, slots=True)
class Bought:
    """A call that succeeded."""

    cutout: Cutout
    admission: Admission
    identity: str
    source: tuple[int, int]
    best: tuple[int, int]


