"""A server of one's own, a small catalog, a stored key, and a provider that takes its time."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from filelock import FileLock

from packshot.sandbox.server import Sandbox
from packshot.sandbox.state import SandboxState, Settings
from tests.flows.catalogs import STORE_A_KEY, Catalog, drawn
from tests.flows.served import Prefect, copy_database, free_port

HERE = Path(__file__).parent
SERVING = pytest.StashKey[ExitStack]()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """End the server after the last test of this folder: idle, it takes a tenth of a core."""
    if nextitem is None or HERE not in nextitem.path.parents:
        item.config.stash.get(SERVING, ExitStack()).close()


@pytest.fixture(scope="session")
def prefect(
    tmp_path_factory: pytest.TempPathFactory,
    common: Path,
    empty_database: Path,
    pytestconfig: pytest.Config,
) -> Iterator[Prefect]:
    """A server of one's own after the commands of the documentation, with a worker."""
    prefect = Prefect(tmp_path_factory.mktemp("prefect"), free_port())
    deployed = common / "deployed.db"
    with ExitStack() as until_the_end:
        pytestconfig.stash[SERVING] = until_the_end
        with FileLock(common / "deployed.lock"):
            known = deployed.exists()
            copy_database(deployed if known else empty_database, prefect.database)
            until_the_end.enter_context(prefect.serving())
            if not known:
                pool = ("work-pool", "create", "packshot", "--type", "process")
                prefect.command("-m", "prefect", *pool)
                prefect.command("-m", "prefect", "deploy", "--all")
                copy_database(prefect.database, deployed)
        worker = ("-m", "prefect", "worker", "start", "--pool", "packshot")
        until_the_end.enter_context(prefect.process(*worker, PREFECT_LOGGING_LEVEL="DEBUG"))
        yield prefect


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    """A new catalog."""
    return drawn(tmp_path)


@pytest.fixture(scope="session")
def stored_key(prefect: Prefect) -> None:
    """A key that only the Secret block holds."""
    prefect.command("-c", STORE_A_KEY)


@pytest.fixture
def slow_api(stored_key: None) -> Iterator[Sandbox]:
    """A provider that takes its time."""
    del stored_key
    settings = Settings(latency_seconds=(60.0, 60.0), cutouts="canned")
    with Sandbox(SandboxState(settings)) as running:
        yield running
