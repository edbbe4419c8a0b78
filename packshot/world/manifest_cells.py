"""Cells: what JSON and Parquet hold as text, and what the text of a cell says."""

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, get_args

import pyarrow as pa
import pyarrow.compute as pc

from packshot.facts.item import Fault
from packshot.facts.paid_options import RESOLUTION_ALIASES, ForegroundType, Resolution

Cell = str | tuple[str, ...]
"""Text, or the texts of a list."""

_POSITION_DIGITS = 9
_YES_NO = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_UNREADABLE = dict.fromkeys([0, *range(0xD800, 0xE000)], "\ufffd")
_BETWEEN_URLS = re.compile(r"[\s,;|]+(?=https?://)", re.IGNORECASE)
# A login may hold the marks that part a list, so none is taken apart.
_URL = re.compile(r"https?://[^/\s@]+(?:/\S*)?", re.IGNORECASE)
_plain_json = json.JSONDecoder()
_exact_json = json.JSONDecoder(parse_float=str, parse_int=str)  # 1.10 stays 1.10


def may_be_list(cell: Cell) -> bool:
    """Whether a second address stands in a cell."""
    return cell.find("://", len("https://")) > 0 if isinstance(cell, str) else True


def whole_urls(cell: str) -> list[str]:
    """The addresses of a cell that nobody has declared a list: several only if each is whole."""
    parts = _BETWEEN_URLS.split(cell.strip())
    several = len(parts) > 1 and all(_URL.fullmatch(part) for part in parts)
    return parts if several else [cell]


def readable(text: str) -> str:
    """The text with U+FFFD for NUL and for bytes that are not UTF-8."""
    return text.translate(_UNREADABLE)


def json_record(line: str) -> dict[str, Cell] | Fault:
    """The fields of one line of JSON, or what is wrong with it."""
    try:
        record = _exact_json.decode(line)
        if not isinstance(record, dict):
            return Fault(
                "bad_json", "The line is JSON but no object; write {...} with named fields."
            )
        if all(type(value) is str for value in record.values()):
            return record
        return {name: _json_cell(value, name, line) for name, value in record.items()}
    except json.JSONDecodeError as error:
        return Fault("bad_json", f"The line is no JSON: {error.msg} at character {error.colno}.")
    except (ValueError, RecursionError):
        return Fault(
            "bad_json", "The line is nested too deeply or holds a giant number; shorten it."
        )


def _json_cell(value: object, name: str, line: str) -> Cell:
    """Scalars as written, lists of scalars as tuples, anything deeper as the JSON it was."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and not any(isinstance(item, list | dict) for item in value):
        return tuple(_scalar(item) for item in value)
    if isinstance(value, list | dict):
        return json.dumps(_plain_json.decode(line)[name], ensure_ascii=False)
    return _scalar(value)


def _scalar(value: object) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def texts(column: Any) -> Sequence[Cell]:  # noqa: ANN401 - pyarrow has no types
    """Any column as text."""
    if pa.types.is_nested(column.type) or "binary" in str(column.type):
        return [_deep(value) for value in column.to_pylist()]
    column = pc.cast(column, pa.string())
    try:
        found: list[Cell] = pc.fill_null(column, "").to_pylist()
    except UnicodeDecodeError:
        return [_deep(value) for value in pc.cast(column, pa.binary()).to_pylist()]
    return found


def _deep(value: object) -> Cell:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, list) and not any(isinstance(item, list | dict) for item in value):
        return tuple(_scalar(item) for item in value)
    return json.dumps(value, default=str, ensure_ascii=False) if value is not None else ""


@lru_cache(maxsize=4096)
def position(text: str) -> int | Fault | None:
    """The number of an image; `3.0` is what some spreadsheets make of 3."""
    digits = text.removesuffix(".0")
    if not digits:
        return None
    if digits.isascii() and digits.isdigit() and len(digits) <= _POSITION_DIGITS:
        return int(digits)
    return Fault("bad_position", f"`{_short(text)}` is no position; write a number such as 1.")


@lru_cache(maxsize=256)
def foreground_type(text: str) -> str | Fault | None:
    """A row's own foreground type."""
    return _one_of(text.lower(), get_args(ForegroundType), "foreground type")


@lru_cache(maxsize=256)
def resolution(text: str) -> str | Fault | None:
    """A row's own resolution, under its own name or an alias."""
    size = text.lower()
    return _one_of(RESOLUTION_ALIASES.get(size, size), get_args(Resolution), "resolution")


def _one_of(value: str, known: Sequence[str], what: str) -> str | Fault | None:
    if not value or value in known:
        return value or None
    return Fault(
        "bad_override",
        f"`{_short(value)}` is no {what}; use {', '.join(known)}, or leave the cell empty.",
    )


@lru_cache(maxsize=256)
def yes_or_no(text: str) -> bool | Fault:
    """Yes, true and 1, or no, false, 0 and nothing."""
    if not text:
        return False
    said = _YES_NO.get(text.lower())
    if said is not None:
        return said
    return Fault("bad_override", f"`{_short(text)}` is neither yes nor no; write one for `skip`.")


def _short(text: str) -> str:
    return readable(text[:40])
