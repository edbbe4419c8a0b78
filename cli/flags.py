"""Command-line flags made from the job's model: same words, same bounds, same explanations."""

import functools
import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import typer
from pydantic.fields import FieldInfo

from cli.given import Given
from packshot.facts.job import Job
from packshot.facts.wrong_job import field_at, plain_type

RUN, MANIFEST, BUYING, PICTURES, PLACES = "Run", "Manifest", "Buying", "Pictures", "Places"


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag: where in the job its value goes, under which heading, and in which unit."""

    name: str
    path: str
    panel: str
    unit: str = ""
    help: str = ""
    """Where the model says nothing."""
    also: str = ""
    """A shorter word for the same."""


FLAGS = (
    Flag("provider", "provider", BUYING, "NAME"),
    Flag("max-credits", "max_credits", BUYING, "CREDITS"),
    Flag("keep-credits", "keep_credits", BUYING, "CREDITS"),
    Flag("max-cost", "options.max_cost", BUYING, "MONEY"),
    Flag("when-short", "when_short", BUYING, "CHOICE"),
    Flag("yes", "options.yes", BUYING, "CALLS"),
    Flag("recut", "recut", BUYING, "CHOICE"),
    Flag("resolution", "options.paid.resolution", BUYING, "CHOICE"),
    Flag("foreground-type", "options.paid.foreground_type", BUYING, "CHOICE"),
    Flag("purchase-megapixels", "options.paid.purchase_megapixels", BUYING, "MEGAPIXELS"),
    Flag("provider-url", "options.provider_url", BUYING, "URL"),
    Flag("skip-white", "options.skip_white", BUYING),
    Flag("limit", "limit", RUN, "ITEMS"),
    Flag("sample", "options.sample", RUN, "ITEMS"),
    Flag("only", "only", RUN, "KEY"),
    Flag("finish-by", "options.finish_by", RUN, "HH:MM"),
    Flag("recheck-after-days", "options.recheck_after_days", RUN, "DAYS"),
    Flag("max-gone-share", "options.max_gone_share", RUN, "SHARE"),
    Flag("max-changed-share", "options.max_changed_share", RUN, "SHARE"),
    Flag("sku-column", "options.columns.sku", MANIFEST, "COLUMN", also="key"),
    Flag("image-column", "options.columns.image", MANIFEST, "COLUMN", also="images"),
    Flag("position-column", "options.columns.position", MANIFEST, "COLUMN"),
    Flag("image-id-column", "options.columns.image_id", MANIFEST, "COLUMN"),
    Flag("export-format", "options.export.format", MANIFEST, "NAME"),
    Flag("export-encoding", "options.export.encoding", MANIFEST, "NAME"),
    Flag("base-url", "options.export.base_url", MANIFEST, "URL"),
    Flag("pictures", "options.export.pictures", MANIFEST, "CHOICE"),
    Flag("where", "options.export.where", MANIFEST, "SQL"),
    Flag("allow-local", "options.allow_local", MANIFEST),
    Flag("allow-host", "options.allow_hosts", MANIFEST, "HOST"),
    Flag("format", "options.variants.0.format", PICTURES, "CHOICE", "File format of the pictures."),
    Flag("background", "options.variants.0.background", PICTURES, "HEX"),
    Flag("crop", "options.variants.0.crop", PICTURES),
    Flag("margin", "options.variants.0.margin", PICTURES, "SHARE"),
    Flag("square", "options.variants.0.square", PICTURES),
    Flag("longest-side", "options.variants.0.longest_side", PICTURES, "PIXELS"),
    Flag("quality", "options.variants.0.quality", PICTURES, "NUMBER"),
    Flag("state", "state", PLACES, "PLACE"),
    Flag("catalog", "options.catalog", PLACES, "NAME"),
    Flag("endpoint-url", "options.storage.endpoint_url", PLACES, "URL"),
    Flag("profile", "options.storage.profile", PLACES, "NAME"),
)
RETRY_FLAGS = (Flag("manifest", "manifest", MANIFEST, "PLACE"), *FLAGS)
READING_FLAGS = tuple(
    replace(flag, also="format") if flag.name == "export-format" else flag  # no picture's there
    for flag in FLAGS
    if flag.panel == MANIFEST or flag.path.startswith("options.storage")
)
PLACE_FLAGS = tuple(flag for flag in FLAGS if flag.panel == PLACES)
ARGUMENTS = ("manifest", "destination")


def takes_job(
    flags: tuple[Flag, ...] = FLAGS,
    *,
    manifest: bool = True,
    destination: bool = True,
    unless: str = "--job",
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the flags of a job; it is called with `given`, what was really typed.

    `unless` names what makes the arguments needless.
    """
    wanted = zip(ARGUMENTS, (manifest, destination), strict=True)
    arguments = [name for name, is_wanted in wanted if is_wanted]

    def dress(command: Callable[..., None]) -> Callable[..., None]:
        own = [p for p in inspect.signature(command).parameters.values() if p.name != "given"]
        places = [_argument(name, unless) for name in arguments]
        added = [*places, *map(_parameter, flags), *_more()]

        @functools.wraps(command)
        def dressed(**values: Any) -> None:  # noqa: ANN401  Typer hands over what it parsed
            mine = {parameter.name: values.pop(parameter.name) for parameter in own}
            command(given=_given(values, flags), **mine)

        parameters = [*added, *(p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own)]
        dressed.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        dressed.__annotations__ = {p.name: p.annotation for p in parameters}
        del dressed.__wrapped__  # or Typer would look behind us
        return dressed

    return dress


def _given(values: dict[str, Any], flags: tuple[Flag, ...]) -> Given:
    """What was typed: a job file, then arguments, flags and `--set`, each a path and a value."""
    typed = {name: values.get(name) for name in ARGUMENTS}
    typed |= {flag.path: values.get(flag.name.replace("-", "_")) for flag in flags}
    return Given.typed_in(
        values.get("job"),
        [(path, value) for path, value in typed.items() if value is not None and value != []],
        values.get("set") or [],
        holds_text,
    )


def holds_text(path: str) -> bool:
    """Whether the job keeps text at this path; false where it has no such field."""
    try:
        kind = plain_type(field_at(path))
    except KeyError:
        return False
    return kind is str or typing.get_origin(kind) is typing.Literal


def name_of(path: str) -> str:
    """What a user calls the job's field at this path."""
    if path in ARGUMENTS:
        return path.upper()
    return next((f"--{flag.name}" for flag in FLAGS if flag.path == path), f"`{path}`")


def _argument(name: str, unless: str) -> inspect.Parameter:
    said = f"{Job.model_fields[name].description} [required, unless {unless} names it]"
    return inspect.Parameter(
        name,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=typer.Argument(None, help=said, metavar=name.upper(), show_default=False),
        annotation=str | None,
    )


def _parameter(flag: Flag) -> inspect.Parameter:
    """A flag whose value stays text: the job's model says what is wrong with it."""
    field = field_at(flag.path)
    kind = plain_type(field)
    annotation = bool if kind is bool else list[str] if kind == list[str] else str
    option = typer.Option(
        None,
        f"--{flag.name}/--no-{flag.name}" if kind is bool else f"--{flag.name}",
        *([f"--{flag.also}"] if flag.also else []),
        help=f"{flag.help or field.description}{_facts(field)}",
        metavar=flag.unit,
        rich_help_panel=flag.panel,
        show_default=False,
    )
    return inspect.Parameter(
        flag.name.replace("-", "_"),
        inspect.Parameter.KEYWORD_ONLY,
        default=option,
        annotation=annotation,
    )


def _more() -> list[inspect.Parameter]:
    """Flags for everything that has no flag of its own."""
    return [
        inspect.Parameter(
            "set",
            inspect.Parameter.KEYWORD_ONLY,
            default=typer.Option(
                None,
                "--set",
                metavar="OPTION=VALUE",
                help="Any other option, such as `limits.workers=16`. Repeatable.",
            ),
            annotation=list[str],
        ),
        inspect.Parameter(
            "job",
            inspect.Parameter.KEYWORD_ONLY,
            default=typer.Option(
                None, "--job", metavar="FILE", help="YAML file with a job; flags win over it."
            ),
            annotation=Path,
        ),
    ]


def _facts(field: FieldInfo) -> str:
    """Choices, bounds and default, in brackets."""
    told = [_choices(field), _bounds(field), _repeats(field), _default(field)]
    told = [fact for fact in told if fact]
    return f" [{'; '.join(told)}]" if told else ""


def _choices(field: FieldInfo) -> str:
    kind = plain_type(field)
    return ", ".join(typing.get_args(kind)) if typing.get_origin(kind) is typing.Literal else ""


def _bounds(field: FieldInfo) -> str:
    found = {
        name: getattr(limit, name)
        for limit in field.metadata
        for name in ("ge", "gt", "le", "lt")
        if getattr(limit, name, None) is not None
    }
    low, high = found.get("ge", found.get("gt")), found.get("le", found.get("lt"))
    if low is None or high is None:
        return ""
    return f"{low:g} to {'below ' if 'lt' in found else ''}{high:g}"


def _repeats(field: FieldInfo) -> str:
    return "repeatable" if plain_type(field) == list[str] else ""


def _default(field: FieldInfo) -> str:
    match field.default:
        case bool(default):
            return f"default: {'yes' if default else 'no'}"
        case int(default) | float(default):
            return f"default: {default:g}"
        case str(default):
            return f"default: {default}"
        case _:
            return ""
