"""What a caller of remove.bg's API asks for: its form read, checked and understood."""

import io
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

from anyio import to_thread
from PIL import ExifTags, Image, UnidentifiedImageError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from packshot.sandbox.cutting import (
    OPAQUE,
    Wanted,
    fitted,
    parsed_colour,
    parsed_margins,
    parsed_region,
)
from packshot.sandbox.state import Refused

MAX_BYTES: Final = 22_000_000
MAX_MEGAPIXELS: Final = 50.0
MAX_PNG_MEGAPIXELS: Final = 10.0
LONGEST_FIELD: Final = 64 * 1024 * 1024  # base64 of the largest file, and room
JSON: Final = "application/json"
ALIASES: Final = MappingProxyType({"small": "preview", "regular": "preview", "4k": "full"})
SIZES: Final[Mapping[str, float]] = MappingProxyType(
    {"preview": 0.25, "medium": 1.5, "hd": 4.0, "full": 25.0, "auto": 25.0, "50MP": 50.0}
)
"""Name → megapixels of the result at most."""
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
"""What shapes the picture. `format` and `type_level` do not: they tell no two purchases apart."""
_OTHER_DEFAULTS: Final = MappingProxyType({"format": "auto", "type_level": "1"})
_PERCENT: Final = r"(?:\d{1,2}(?:\.\d+)?|100(?:\.0+)?)%"
_RULES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "size": "|".join(SIZES),
        "format": "auto|png|jpg|webp|zip",
        "channels": "rgba|alpha",
        "semitransparency": "true|false",
        "scale": rf"original|(?!0*\d(?:\.\d+)?%){_PERCENT}",
        "position": rf"original|center|{_PERCENT}(?: {_PERCENT})?",
    }
)
"""Parameter → what it may say; anything else is `invalid_…`. Not all parameters have an error."""
_MAGIC: Final = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
_ACCEPTED: Final = frozenset({"JPEG", "PNG"})
_SIDEWAYS: Final = frozenset({5, 6, 7, 8})  # EXIF orientations that swap width and height


class Size(NamedTuple):
    """Pixels of an upright picture."""

    width: int
    height: int

    @property
    def megapixels(self) -> float:
        """Width times height in millions."""
        return self.width * self.height / 1e6


@dataclass(frozen=True, slots=True)
class Form:
    """A request's fields. Empty ones are as good as absent, absent ones read as the default."""

    texts: Mapping[str, str]
    files: Mapping[str, bytes]

    def __getitem__(self, name: str) -> str:
        text = self.texts.get(name) or DEFAULTS.get(name) or _OTHER_DEFAULTS.get(name, "")
        return ALIASES.get(text, text) if name == "size" else text

    def identity(self, content: bytes) -> str:
        """Name what is being bought: equal for equal pictures asked for in equal ways."""
        asked = {name: self[name] for name in DEFAULTS if self[name] != DEFAULTS[name]}
        digest = blake2b(content, digest_size=16)
        digest.update(json.dumps(asked, sort_keys=True).encode())
        return digest.hexdigest()


async def read_form(request: Request) -> Form:
    """Read any of the three body types; what cannot be read says nothing."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    fields: list[tuple[str, Any]] = []
    files: dict[str, bytes] = {}
    if kind == "multipart/form-data":
        fields, files = await _read_parts(request)
    elif kind == JSON:
        with suppress(ValueError):
            told = json.loads(await request.body())
            fields = list(told.items()) if isinstance(told, dict) else []
    else:
        text = (await request.body()).decode("latin-1")
        fields = list(await to_thread.run_sync(parse_qsl, text))
    texts = {name: _as_text(value) for name, value in fields}
    return Form(texts, files)


async def _read_parts(request: Request) -> tuple[list[tuple[str, Any]], dict[str, bytes]]:
    fields: list[tuple[str, Any]] = []
    files: dict[str, bytes] = {}
    try:
        async with request.form(max_part_size=LONGEST_FIELD) as form:
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    files[name] = await value.read()
                else:
                    fields.append((name, value))
    except HTTPException as error:
        raise Refused(400, error.detail) from error
    return fields, files


def _as_text(value: object) -> str:
    """A JSON value as a form would say it."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def check(form: Form) -> None:
    """Refuse what a parameter may not say; raises `Refused`."""
    for name, rule in _RULES.items():
        if not re.fullmatch(rule, form[name]):
            raise Refused.by_code(f"invalid_{name}")
    parsed_margins(form["crop_margin"])
    if form["bg_color"]:
        parsed_colour(form["bg_color"])
    behind = (form["bg_color"], form["bg_image_url"], form.files.get("bg_image_file"))
    if sum(map(bool, behind)) > 1:
        raise Refused.by_code("multiple_bg_sources")


def look_at(content: bytes) -> Size:
    """Tell a picture's size from its first bytes, whatever its file name; raises `Refused`."""
    if len(content) > MAX_BYTES:
        raise Refused.by_code("file_too_large")
    try:
        with Image.open(io.BytesIO(content)) as picture:
            format_, (width, height) = picture.format, picture.size
            turn = picture.getexif().get(ExifTags.Base.Orientation) if format_ == "JPEG" else 1
    except UnidentifiedImageError:
        code = "invalid_dimensions" if content.startswith(_MAGIC) else "invalid_file_type"
        raise Refused.by_code(code) from None
    except Image.DecompressionBombError:
        raise Refused.by_code("resolution_too_high") from None
    except (OSError, ValueError, SyntaxError):
        raise Refused.by_code("invalid_dimensions") from None
    if format_ not in _ACCEPTED:
        received = str(format_).lower()
        raise Refused.by_code("invalid_file_type", detail=f"Expected jpg/png, received {received}")
    size = Size(height, width) if turn in _SIDEWAYS else Size(width, height)
    if size.megapixels > MAX_MEGAPIXELS:
        raise Refused.by_code(
            "resolution_too_high",
            detail=f"Input image has {size.megapixels:.0f} megapixels, maximum supported "
            f"input resolution is {MAX_MEGAPIXELS:.0f} megapixels",
        )
    return size


def shape(form: Form, size: str, source: Size, *, has_backdrop: bool) -> tuple[Wanted, Size]:
    """What the answer shall look like, and the largest that could be had; raises `Refused`."""
    colour = parsed_colour(form["bg_color"]) if form["bg_color"] else None
    opaque = has_backdrop or (colour is not None and colour[3] == OPAQUE)
    becomes_jpeg = opaque or form["channels"] == "alpha"
    is_png = form["format"] == "png" or (form["format"] == "auto" and not becomes_jpeg)
    cap = MAX_PNG_MEGAPIXELS if is_png else MAX_MEGAPIXELS
    width, height = fitted(*source, min(SIZES[size], cap))
    best = fitted(*source, min(max(SIZES[size], SIZES["full"]), cap))
    wanted = Wanted(
        width,
        height,
        format=form["format"],
        channels=form["channels"],
        colour=colour,
        region=parsed_region(form["roi"], *source),
        crop=form["crop"].lower() == "true",
        margins=parsed_margins(form["crop_margin"]),
    )
    return wanted, Size(*best)
