"""One running sandbox for the tests of each module."""

from collections.abc import Iterator

import pytest

from packshot.sandbox.server import Sandbox
from packshot.sandbox.state import SandboxState, Settings
from tests.sandbox.calling import Caller, picture


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One server for all tests of this module."""
    folder = tmp_path_factory.mktemp("cdn")
    (folder / "mug.jpg").write_bytes(picture())
    with Sandbox(SandboxState(), folder) as running:
        yield running


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Caller]:
    """A caller who finds canned cutouts, a full account and a closed window."""
    sandbox.state.settings = Settings(cutouts="canned")
    sandbox.state.reset()
    caller = Caller(sandbox)
    with caller.http:
        yield caller
