"""Whatever is refused, the sentence says what to do about it."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from packshot.facts import errors
from packshot.facts.errors import PackshotError, StopRequested
from packshot.providers import (
    leonardo_refusals,
    photoroom_refusals,
    removebg_refusals,
    status_refusals,
)
from packshot.world import fetch_answers, manifest_files, place_errors

ROOT = Path(__file__).parents[1]
KINDS = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, PackshotError) and kind is not StopRequested
}
REMEDY = re.compile(
    r"(?:^|[;:.,…] )(?:a later (?:run|night) tries|the next run t(?:ries|akes)|approve|buy|check|"
    r"choose|close|compare|copy|correct|create|export|free|(?:so )?give|leave|let|lower|make|mend|"
    r"name|put|raise|remove|rename|renew|replace|report|restore|run|save|say|see|send|set|shrink|"
    r"start|store|take|try|unpack|upload|use|wait|write)\b"
    r"| must | please report |and the next run tries|; there are |Set a limit",
    re.IGNORECASE,
)
SAID_ELSEWHERE = ("remedy", "advice", "_missing", "try_later", "check_url")
"""Names of what holds a remedy that is put into a sentence."""
READ_BY_PEOPLE = ("packshot/*/*.py", "cli/*.py", "flows/*.py", "tasks/*.py")
"""Modules whose sentences stand in reports, states and terminals."""


def sentences() -> Iterator[tuple[str, str]]:
    """Where one of our errors is made, and its sentence with the module's own words put in."""
    for file in sorted(file for pattern in READ_BY_PEOPLE for file in ROOT.glob(pattern)):
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
        module = importlib.import_module(name.removesuffix(".__init__"))
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and node.args and ast.unparse(node.func) in KINDS:
                said = text_of(node.args[0], module)
                if said is not None:
                    yield f"{name}:{node.lineno}", said


def text_of(node: ast.expr, module: ModuleType) -> str | None:
    """A literal sentence; None where it is made elsewhere."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(text_of(part, module) or "" for part in parts)
        case ast.FormattedValue(value=ast.Name(id=name) | ast.Call(func=ast.Name(id=name))):
            is_remedy = any(name.startswith(begin) for begin in SAID_ELSEWHERE)
            own = "…" if name == "WHO" else getattr(module, name, "…")  # remove.bg is no remedy
            return "; remove" if is_remedy else _text(own)
    return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else "…"


@pytest.mark.parametrize(
    ("where", "said"), list(sentences()), ids=lambda text: text.partition(" ")[0]
)
def test_each_sentence_holds_a_remedy(where: str, said: str) -> None:
    """What went wrong alone helps nobody."""
    assert REMEDY.search(said), where


@pytest.mark.parametrize("status", fetch_answers._NOT_TONIGHT)
def test_each_answer_of_a_host_has_a_remedy(status: int) -> None:
    """Those of the table, too."""
    assert REMEDY.match(fetch_answers._NOT_TONIGHT[status][-1])


@pytest.mark.parametrize(
    "said",
    [
        status_refusals.try_later("…"),
        *(
            module.CHECK_URL
            for module in (leonardo_refusals, photoroom_refusals, removebg_refusals)
        ),
    ],
)
def test_what_is_said_of_every_provider_is_a_remedy(said: str) -> None:
    """It is put into sentences that are counted as having one."""
    assert REMEDY.match(said)


@pytest.mark.parametrize("advice", manifest_files._STRANGERS.values())
def test_each_file_that_is_no_manifest_has_a_remedy(advice: str) -> None:
    """Its kind is named, and what to save it as."""
    assert REMEDY.search(advice)


@pytest.mark.parametrize("remedy", place_errors._REMEDIES.values())
def test_each_error_of_a_place_has_a_remedy(remedy: str) -> None:
    """Cause first, then what to do."""
    assert REMEDY.search(remedy)


@pytest.mark.parametrize("code", removebg_refusals.REMEDIES)
def test_each_code_of_a_provider_has_a_remedy(code: str) -> None:
    """One sentence per code, and what to change."""
    assert REMEDY.search(removebg_refusals.REMEDIES[code])


@pytest.mark.parametrize("code", photoroom_refusals.REMEDIES)
def test_each_code_of_photoroom_has_a_remedy(code: str) -> None:
    """Those of the next one, too."""
    assert REMEDY.search(photoroom_refusals.REMEDIES[code])


@pytest.mark.parametrize("code", status_refusals.REMEDIES)
def test_each_code_of_a_status_has_a_remedy(code: str) -> None:
    """Where the provider has no codes of its own."""
    assert REMEDY.search(status_refusals.REMEDIES[code])
