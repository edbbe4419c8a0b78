"""Pictures handed to remove.bg: only those that are named, and no more than it takes."""

import json
from pathlib import Path

import pytest

from cli.exits import Exit
from packshot.sandbox.server import Sandbox
from packshot.sandbox.state import SandboxState
from tests.cli.conftest import Command
from tests.run.nights import photo
from tests.world.played_shop import Visit, open_shop


@pytest.fixture
def key(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key in the environment, which the command otherwise finds without one."""
    del command
    monkeypatch.setenv("REMOVEBG_API_KEY", "any")


@pytest.mark.usefixtures("key")
def test_each_file_is_filed_or_said_why_not(command: Command, tmp_path: Path) -> None:
    """One that is no picture keeps back no other; nothing is charged."""
    for name, content in (("a.png", photo()), ("b.png", b"no picture"), ("c.png", photo(2))):
        (tmp_path / name).write_bytes(content)
    with Sandbox(SandboxState()) as sandbox:
        at = ("--provider-url", f"{sandbox.url}/v1.0", "--json")
        said = command("improve", "a.png", "b.png", "c.png", *at)
        first, bad, last = json.loads(said.out)
        assert said.code == Exit.SOME_FAILED
        assert first["id"]
        assert last["id"]
        assert (bad["id"], "not a picture" in bad["reason"]) == (None, True)
        assert (sandbox.state.improve_calls, sandbox.state.charged_calls) == (2, 0)
        assert command("improve", "a.png", *at).code == Exit.DONE


@pytest.mark.usefixtures("key")
def test_the_hundred_of_a_day_are_not_gone_beyond(command: Command, tmp_path: Path) -> None:
    """What cannot be taken is not sent; a limit that is reached ends it."""
    (tmp_path / "a.png").write_bytes(photo())
    with Sandbox(SandboxState()) as sandbox:
        at = ("--provider-url", f"{sandbox.url}/v1.0", "--json")
        many = command("improve", *["a.png"] * 101, *at)
        assert (many.code, sandbox.state.improve_calls) == (Exit.WRONG_USAGE, 0)
        sandbox.state.improve_calls = 99
        said = command("improve", "a.png", "a.png", "a.png", *at)
        assert said.code == Exit.SOME_FAILED
        assert [bool(each["id"]) for each in json.loads(said.out)] == [True, False, False]


@pytest.mark.usefixtures("key")
def test_what_was_taken_is_told_when_it_comes_to_an_end(command: Command, tmp_path: Path) -> None:
    """A refused picture keeps back no other; after a refused key the rest is not sent."""
    for name in "abcd":
        (tmp_path / f"{name}.png").write_bytes(photo())
    answers = [
        (200, {"id": "filed"}),
        (400, {"errors": [{"code": "unknown_foreground", "title": "No foreground"}]}),
        (403, {"errors": [{"title": "API Key invalid", "code": "auth_failed"}]}),
    ]
    with open_shop() as api:

        def improve(visit: Visit) -> None:
            status, body = answers[len(api.visits) - 1]
            visit.answer(status, json.dumps(body).encode())

        api.pages["/v1.0/improve"] = improve
        at = ("--provider-url", api.url("/v1.0"), "--json")
        said = command("improve", *(f"{name}.png" for name in "abcd"), *at)
    filed, refused, *rest = json.loads(said.out)
    assert said.code == Exit.SOME_FAILED
    assert (filed["id"], refused["id"], [each["id"] for each in rest]) == (
        "filed",
        None,
        [None, None],
    )
    assert "No product was found" in refused["reason"]
    assert all("key" in each["reason"] for each in rest)
    assert len(api.visits) == 3


def test_without_a_key_nothing_is_sent(command: Command, tmp_path: Path) -> None:
    """The sentence names the variable."""
    (tmp_path / "a.png").write_bytes(photo())
    said = command("improve", "a.png")
    assert (said.code, "REMOVEBG_API_KEY" in said.err) == (Exit.WRONG_USAGE, True)
