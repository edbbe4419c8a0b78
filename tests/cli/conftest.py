"""A sandbox and a desk for tests of the command."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli import main
from packshot.run import looking
from packshot.sandbox.state import Settings
from tests.cli.desk import Desk, Done
from tests.flows.served import Prefect
from tests.run.nights import Market

Command = Callable[..., Done]


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """A provider and a picture host on loopback."""
    with Market(tmp_path_factory.mktemp("cdn")) as market:
        yield market


@pytest.fixture
def plain_desk(market: Market, tmp_path: Path) -> Iterator[Desk]:
    """A desk for commands that need no Prefect; the sandbox remembers nothing."""
    market.state.settings = Settings(cutouts="canned")  # whatever the test before has changed
    market.open_anew()
    desk = Desk(market, tmp_path, {k: v for k, v in os.environ.items() if "PREFECT" not in k})
    yield desk
    desk.leave()
    market.state.change({"latency_seconds": 0, "cdn_latency_seconds": 0})


@pytest.fixture
def desk(plain_desk: Desk, server: Prefect) -> Desk:
    """A desk whose runs are known to the server."""
    plain_desk.environment = server.environment
    return plain_desk


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Command:
    """The command within this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("REMOVEBG_API_KEY", raising=False)

    def call(*words: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["packshot", *words])
        code = main.code_of_command()
        said = capsys.readouterr()
        return Done(code, said.out, said.err)

    return call


@pytest.fixture
def _defective(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planning is broken in a way that nobody thought of."""

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("nobody thought of this")

    monkeypatch.setattr(looking, "plan_only", fail)
