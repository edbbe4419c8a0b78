"""What a user has given: a job file, flags on top of it, and `--set` for the rest."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from packshot.facts.errors import BadOption

MOST_ENTRIES = 12
"""Of a list that is written entry by entry."""


@dataclass(frozen=True, slots=True)
class Given:
    """Values by their place in the job."""

    file: dict[str, Any]
    """What the job file holds."""
    typed: tuple[tuple[str, Any], ...]
    """Dotted path and value of each argument, flag and `--set`; later ones win."""
    flags: frozenset[str] = frozenset()
    """Paths that arguments and flags have set, not `--set`."""

    @classmethod
    def typed_in(
        cls,
        file: Path | None,
        typed: Iterable[tuple[str, Any]],
        assignments: Iterable[str],
        holds_text: Callable[[str], bool],
    ) -> "Given":
        """Read the job file and take apart what `--set` says. Raises `BadOption`.

        `holds_text` tells of a path whether its value is text, whatever it looks like.
        """
        flagged = tuple(typed)
        assigned = (_assignment(text, holds_text) for text in assignments)
        flags = frozenset(path for path, _ in flagged)
        return cls(_job_file(file), (*flagged, *assigned), flags)

    def names(self, field: str) -> bool:
        """Whether a field at the top of a job is given."""
        return field in self.file or any(path == field for path, _ in self.typed)

    def upon(self, base: dict[str, Any] | None = None) -> dict[str, Any]:
        """The fields of a job: `base`, then the job file, then what was typed."""
        data = _merged(deepcopy(base or {}), deepcopy(self.file))
        for path, value in self.typed:
            _put(data, path, value)
        return data


def _job_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadOption(f"--job {path} cannot be read: {error.strerror}; check the path") from None
    except UnicodeDecodeError:
        raise BadOption(f"--job {path} is not a text file in UTF-8; save it as one") from None
    except yaml.YAMLError as error:
        raise BadOption(f"--job {path} is not YAML{_where(error)}; correct it there") from None
    if not isinstance(data, dict):
        raise BadOption(f"--job {path} must hold fields of a job, such as `provider: removebg`")
    return data


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None)
    return (f", line {mark.line + 1}" if mark else "") + (f": {problem}" if problem else "")


def _assignment(text: str, holds_text: Callable[[str], bool]) -> tuple[str, Any]:
    """The path and value of one `--set`; what is no text is read as YAML."""
    path, found, value = text.partition("=")
    path = path.strip().removeprefix("options.")
    if not found or not all(path.split(".")):
        raise BadOption(f"--set {text}: write it as OPTION=VALUE, such as `limits.workers=16`")
    if holds_text(f"options.{path}") and value != "null":
        return f"options.{path}", value
    try:
        return f"options.{path}", yaml.safe_load(value)
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or "it is not YAML"
        raise BadOption(
            f"--set {text} cannot be read: {problem}; put the value in quotes"
        ) from None


def _put(data: dict[str, Any], path: str, value: Any) -> None:  # noqa: ANN401
    """Set a nested value; a number in the path is a place in a list."""
    here: Any = data
    names = path.split(".")
    for name, following in pairwise(names):
        here = _step(here, name, [] if following.isdecimal() else {}, path)
    _step(here, names[-1], value, path, replace=True)


def _step(here: Any, name: str, value: Any, path: str, *, replace: bool = False) -> Any:  # noqa: ANN401
    """Go into a mapping or a list; what is not there yet, or is replaced, becomes `value`."""
    if isinstance(here, dict):
        if replace or here.get(name) is None:
            here[name] = value
        return here[name]
    if not isinstance(here, list) or not name.isdecimal():
        raise BadOption(
            f"`{path}`: what lies before `{name}` holds no further fields; "
            "see `packshot run --help`"
        )
    place = int(name)
    if place > MOST_ENTRIES:
        raise BadOption(f"`{path}`: a list must have at most {MOST_ENTRIES} entries")
    here.extend({} for _ in range(place - len(here)))  # those before it keep their defaults
    if place == len(here):
        here.append(value)
    elif replace:
        here[place] = value
    return here[place]


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Both together; lists are taken whole from above."""
    both = dict(below)
    for name, value in above.items():
        inner = both.get(name)
        if isinstance(inner, dict) and isinstance(value, dict):
            both[name] = _merged(inner, value)
        else:
            both[name] = value
    return both
