"""Imports point one way, and nothing in the library knows who orchestrates it."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FACTS = {"packshot.facts"}
EXPORTS = FACTS | {"packshot.exports"}
DECISIONS = FACTS | {"packshot.decisions"}
WORLD = DECISIONS | EXPORTS | {"packshot.world"}
RUN = WORLD | {"packshot.providers", "packshot.run"}
MAY_IMPORT = {
    "packshot.facts": FACTS,
    "packshot.exports": EXPORTS,
    "packshot.decisions": DECISIONS,
    "packshot.world": WORLD,
    "packshot.providers": WORLD | {"packshot.providers"},
    "packshot.run": RUN,
    "packshot.sandbox": FACTS | {"packshot.world", "packshot.sandbox"},
    "tasks": RUN | {"tasks"},
    "flows": RUN | {"tasks", "flows"},
    "cli": RUN | {"packshot.sandbox", "tasks", "flows", "cli"},
}
FILES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts): file
    for top in ("packshot", "tasks", "flows", "cli")
    for file in (ROOT / top).rglob("*.py")
}


def imported_by(module: str) -> Iterator[str]:
    """Every module that is named in an import, those inside functions too."""
    for node in ast.walk(ast.parse(FILES[module].read_text())):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=str(origin), names=names, level=0):
                inner = (f"{origin}.{name.name}" for name in names)
                yield from (name if name in FILES else origin for name in inner)
            case ast.ImportFrom():
                yield "a relative import"


def layer_of(module: str) -> str:
    """The longest name of a layer that the module's name begins with."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "packshot" else parts[0]


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_a_layer_looks_only_down(layer: str) -> None:
    """No module reaches up or sideways to a layer that is not below its own."""
    forbidden = {*MAY_IMPORT, "a relative import"} - MAY_IMPORT[layer]
    offences = {
        f"{module} imports {name}"
        for module in FILES
        if layer_of(module) == layer
        for name in imported_by(module)
        if layer_of(name) in forbidden
    }
    assert not offences


def test_imports_run_in_no_circle() -> None:
    """There is an order in which all modules could be loaded one after the other."""
    graph = {module: {*imported_by(module)} & {*FILES} - {module} for module in FILES}
    assert len([*TopologicalSorter(graph).static_order()]) == len(FILES)


def test_the_library_knows_no_orchestrator_and_no_command_line() -> None:
    """Prefect and Typer are met above the library only."""
    tops = {
        name.partition(".")[0] for m in FILES if m.startswith("packshot") for name in imported_by(m)
    }
    assert not tops & {"prefect", "typer", "rich", "cli", "flows", "tasks"}


def test_facts_and_decisions_cannot_reach_the_world() -> None:
    """What only thinks imports nothing that reads, writes or calls."""
    thinking = [m for m in FILES if layer_of(m) in {"packshot.facts", "packshot.decisions"}]
    tops = {name.partition(".")[0] for module in thinking for name in imported_by(module)}
    assert not tops & {"os", "pathlib", "socket", "httpx", "fsspec", "s3fs", "duckdb", "PIL", "cv2"}
