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
from packshot.providers import removebg_refusals
from packshot.world import fetch_answers

ROOT = Path(__file__).parents[1]
KINDS = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, PackshotError) and kind is not StopRequested
}
REMEDY = re.compile(
    r"(?:^|[;:.,] )(?:a later (?:run|night) tries|the next run tries|check|choose|compare|correct|"
    r"give|leave|let|make|mend|name|put|raise|remove|replace|report|run|save|see|send|set|shrink|take|"
    r"unpack|upload|use|wait|write)\b"
    r"| must |; there are ",
    re.IGNORECASE,
)
READ_BY_PEOPLE = (
    "packshot/providers/*.py",
    "packshot/world/[cf]*.py",
    "packshot/world/lease.py",
    "packshot/world/network_guard.py",
    "packshot/world/pictures.py",
    "packshot/world/silent_hosts.py",
    "packshot/world/spool.py",
    "packshot/run/buying.py",
    "packshot/run/calls.py",
    "packshot/run/past_runs.py",
    "cli/choosing.py",
    "cli/rehearsing.py",
)
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
        case ast.FormattedValue(value=ast.Name(id=name)):
            return str(getattr(module, name, "remove" if "remedy" in name else "…"))
    return None


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


@pytest.mark.parametrize("code", removebg_refusals.REMEDIES)
def test_each_code_of_a_provider_has_a_remedy(code: str) -> None:
    """One sentence per code, and what to change."""
    assert REMEDY.search(removebg_refusals.REMEDIES[code])
