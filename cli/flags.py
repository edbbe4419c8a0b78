"""Command-line flags made from the job's model: same words, same bounds, same explanations."""

import functools
import inspect
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from packshot.facts.errors import BadOption
from packshot.facts.job import Job

RUN, MANIFEST, BUYING, PICTURES, PLACES = "Run", "Manifest", "Buying", "Pictures", "Places"


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag: where in the job its value goes, and under which heading help shows it."""

    name: str
    path: str
    panel: str


FLAGS = (
    Flag("provider", "provider", BUYING),
    Flag("max-credits", "max_credits", BUYING),
    Flag("keep-credits", "keep_credits", BUYING),
    Flag("when-short", "when_short", BUYING),
    Flag("yes", "options.yes", BUYING),
    Flag("recut", "recut", BUYING),
    Flag("resolution", "options.paid.resolution", BUYING),
    Flag("foreground-type", "options.paid.foreground_type", BUYING),
    Flag("provider-url", "options.provider_url", BUYING),
    Flag("limit", "limit", RUN),
    Flag("sample", "options.sample", RUN),
    Flag("only", "only", RUN),
    Flag("finish-by", "options.finish_by", RUN),
    Flag("recheck-after-days", "options.recheck_after_days", RUN),
    Flag("max-gone-share", "options.max_gone_share", RUN),
    Flag("max-changed-share", "options.max_changed_share", RUN),
    Flag("sku-column", "options.columns.sku", MANIFEST),
    Flag("image-column", "options.columns.image", MANIFEST),
    Flag("position-column", "options.columns.position", MANIFEST),
    Flag("image-id-column", "options.columns.image_id", MANIFEST),
    Flag("allow-local", "options.allow_local", MANIFEST),
    Flag("allow-host", "options.allow_hosts", MANIFEST),
    Flag("format", "options.variants.0.format", PICTURES),
    Flag("background", "options.variants.0.background", PICTURES),
    Flag("crop", "options.variants.0.crop", PICTURES),
    Flag("margin", "options.variants.0.margin", PICTURES),
    Flag("square", "options.variants.0.square", PICTURES),
    Flag("longest-side", "options.variants.0.longest_side", PICTURES),
    Flag("quality", "options.variants.0.quality", PICTURES),
    Flag("state", "state", PLACES),
    Flag("catalog", "options.catalog", PLACES),
    Flag("endpoint-url", "options.storage.endpoint_url", PLACES),
    Flag("profile", "options.storage.profile", PLACES),
)
PLACE_FLAGS = tuple(flag for flag in FLAGS if flag.panel == PLACES)


def takes_job(
    flags: tuple[Flag, ...] = FLAGS, *, manifest: bool = True, required: bool = True
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the flags of a job; it is called with `given`, the nested values."""

    def dress(command: Callable[..., None]) -> Callable[..., None]:
        own = [p for p in inspect.signature(command).parameters.values() if p.name != "given"]
        added = [*_places(manifest=manifest, required=required), *map(_parameter, flags), *_more()]

        @functools.wraps(command)
        def dressed(**values: Any) -> None:  # noqa: ANN401  Typer hands over what it parsed
            mine = {parameter.name: values.pop(parameter.name) for parameter in own}
            command(given=nested(values, flags), **mine)

        parameters = [*added, *(p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own)]
        dressed.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        dressed.__annotations__ = {p.name: p.annotation for p in parameters}
        del dressed.__wrapped__  # or Typer would look behind us
        return dressed

    return dress


def job_from(given: dict[str, Any], **fallback: Any) -> Job:  # noqa: ANN401  values of any field
    """The job of a command line: job file first, flags on top. Raises `BadOption`."""
    try:
        return Job.model_validate(_merged(fallback, given))
    except ValidationError as error:
        raise BadOption(sentence(error)) from None


def sentence(error: ValidationError) -> str:
    """A validation error for people: which option, what is wrong with it."""
    told = []
    for problem in error.errors(include_url=False, include_input=False):
        path = ".".join(str(part) for part in problem["loc"])
        name = next((f"--{flag.name}" for flag in FLAGS if flag.path == path), f"`{path}`")
        told.append(f"{name}: {problem['msg'].removeprefix('Value error, ')}")
    return "; ".join(told)


def nested(values: dict[str, Any], flags: tuple[Flag, ...]) -> dict[str, Any]:
    """What was really given, laid out as the job's model is."""
    data = _job_file(values.pop("job", None))
    for name in ("manifest", "destination"):
        if values.get(name) is not None:
            data[name] = values[name]
    for flag in flags:
        value = values.get(flag.name.replace("-", "_"))
        if value is not None and value != []:
            _put(data, flag.path.split("."), value)
    for assignment in values.get("set") or []:
        path, found, text = assignment.partition("=")
        if not found:
            raise BadOption(f"--set {assignment}: write it as path=value")
        _put(data, ["options", *path.split(".")], yaml.safe_load(text))
    return data


def _job_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise BadOption(f"--job {path}: {error}") from None
    if not isinstance(data, dict):
        raise BadOption(f"--job {path}: the file must hold the fields of a job")
    return data


def _put(data: dict[str, Any], path: list[str], value: object) -> None:
    """Set a nested value; a number in the path is a place in a list."""
    name, rest = path[0], path[1:]
    if not rest:
        data[name] = value
    elif rest[0].isdecimal():
        items = data.setdefault(name, [])
        place = int(rest[0])
        while len(items) <= place:
            items.append({})
        _put(items[place], rest[1:], value)
    else:
        _put(data.setdefault(name, {}), rest, value)


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    both = dict(below)
    for name, value in above.items():
        inner = both.get(name)
        both[name] = (
            _merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
        )
    return both


def _places(*, manifest: bool, required: bool) -> list[inspect.Parameter]:
    wanted = ["manifest", "destination"] if manifest else ["destination"]
    return [
        inspect.Parameter(
            name,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=typer.Argument(
                None, help=Job.model_fields[name].description, show_default=False
            ),
            annotation=str if required else str | None,
        )
        for name in wanted
    ]


def _parameter(flag: Flag) -> inspect.Parameter:
    field = field_at(flag.path)
    option = typer.Option(
        None,
        f"--{flag.name}/--no-{flag.name}" if _plain_type(field) is bool else f"--{flag.name}",
        help=f"{field.description}{_default(field)}",
        rich_help_panel=flag.panel,
        show_default=False,
    )
    return inspect.Parameter(
        flag.name.replace("-", "_"),
        inspect.Parameter.KEYWORD_ONLY,
        default=option,
        annotation=_plain_type(field),
    )


def _more() -> list[inspect.Parameter]:
    """Flags for everything that has no flag of its own."""
    return [
        inspect.Parameter(
            "set",
            inspect.Parameter.KEYWORD_ONLY,
            default=typer.Option(
                None, "--set", help="Any other option, such as `limits.workers=16`. Repeatable."
            ),
            annotation=list[str],
        ),
        inspect.Parameter(
            "job",
            inspect.Parameter.KEYWORD_ONLY,
            default=typer.Option(None, "--job", help="YAML file with a job; flags win over it."),
            annotation=Path,
        ),
    ]


def field_at(path: str) -> FieldInfo:
    """The model field at a dotted path."""
    model: type[BaseModel] = Job
    field: FieldInfo | None = None
    for part in path.split("."):
        if part.isdecimal():
            continue
        field = model.model_fields[part]
        inner = _plain_type(field)
        for candidate in (inner, *typing.get_args(inner)):
            if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                model = candidate
    if field is None:
        raise LookupError(path)
    return field


def _plain_type(field: FieldInfo) -> Any:  # noqa: ANN401  a type, or a typing form
    """The field's type without `None`."""
    if isinstance(field.annotation, types.UnionType):
        return next(a for a in typing.get_args(field.annotation) if a is not type(None))
    return field.annotation


def _default(field: FieldInfo) -> str:
    default = field.default
    if default is None or isinstance(default, BaseModel | list | bool):
        return ""
    return f" [default: {default}]"
