"""What is wrong with a job, in sentences: for the command line and for Prefect's form alike."""

import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from packshot.facts.job import Job

SHOWN_INPUT = 40
FORMS = {
    "catalog": "up to 61 letters, digits, `.`, `_` or `-`, a letter or digit first",
    "currency": "three capital letters, such as `EUR`",
    "background_image_url": "an http(s) address",
    "crop_margin": "one, two or four lengths such as `30px` or `10%`",
    "shadow_types": "a list such as `car:3D,product:drop`",
    "shadow_opacities": "a list such as `car:40,product:60`",
    "pictures": "`all`, `main`, or numbers such as `1,2`",
    "position": "`original`, `center`, or one or two shares such as `50%`",
    "scale": "`original`, or a share from `10%` to `100%`",
    "finish_by": "a local time from 00:00 to 23:59, such as `05:30`",
    "name": "up to 31 small letters, digits or `-`, a letter or digit first",
}
"""What stands for a regular expression, by the last part of the path."""
WRONG = {
    "greater_than_equal": "at least {ge:g}",
    "greater_than": "more than {gt:g}",
    "less_than_equal": "at most {le:g}",
    "less_than": "less than {lt:g}",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "bool_parsing": "`true` or `false`",
    "bool_type": "`true` or `false`",
    "string_type": "text; put it in quotes",
    "list_type": "a list",
    "model_type": "a group of further fields",
    "literal_error": "{expected}",
}
"""Pydantic's kinds of errors, each completing `… must be`."""


def sentence(error: ValidationError, name_of: Callable[[str], str] = "`{}`".format) -> str:
    """A validation error for people: which option, what is wrong with it, what would do.

    `name_of` says what the user calls the field at a dotted path.
    """
    return "; ".join(
        _told(path := ".".join(map(str, problem["loc"])), name_of(path), problem)
        for problem in error.errors(include_url=False)
    )


def _told(path: str, name: str, problem: Mapping[str, Any]) -> str:
    kind = problem["type"]
    if kind == "missing":
        return f"{name} is missing: give it, or name it in a --job file"
    if kind == "extra_forbidden":
        return f"{name} does not exist{_instead(path)}"
    if kind == "string_pattern_mismatch":
        form = FORMS[path.rpartition(".")[2]]
        return f"{name} must be {form}{_not(problem['input'])}"
    if kind in WRONG:
        said = WRONG[kind].format(**problem.get("ctx", {}))
        return f"{name} must be {said}{_not(problem['input'])}"
    return f"{name}: {problem['msg'].removeprefix('Value error, ')}"


def _not(value: object) -> str:
    """What was written instead, where it is short enough to help."""
    shown = str(value)
    if isinstance(value, str | int | float) and 0 < len(shown) <= SHOWN_INPUT:
        return f", not `{shown}`"
    return ""


def _instead(path: str) -> str:
    """What there is at the place where something was looked for in vain."""
    outer = path.rpartition(".")[0]
    model: type[BaseModel] | None = model_in(field_at(outer)) if outer else Job
    if model is None:
        return ""
    where = f"`{outer}`" if outer else "a job"
    return f"; {where} has {', '.join(model.model_fields)}"


def field_at(path: str) -> FieldInfo:
    """The model field at a dotted path. Raises `KeyError`."""
    model: type[BaseModel] | None = Job
    field: FieldInfo | None = None
    for part in path.split("."):
        if part.isdecimal():
            continue
        if model is None:
            raise KeyError(path)
        field = model.model_fields[part]
        model = model_in(field)
    if field is None:
        raise KeyError(path)
    return field


def model_in(field: FieldInfo) -> type[BaseModel] | None:
    """The model that a field holds, alone or in a list."""
    inner = plain_type(field)
    for candidate in (inner, *typing.get_args(inner)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def plain_type(field: FieldInfo) -> Any:  # noqa: ANN401  a type, or a typing form
    """The field's type without `None`."""
    if isinstance(field.annotation, types.UnionType):
        return next(a for a in typing.get_args(field.annotation) if a is not type(None))
    return field.annotation
