"""One real Prefect server for all slow tests, with the project deployed and a worker at work."""

from collections.abc import Iterator

import pytest

from tests.flows.served import Prefect, free_port, soon


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prefect]:
    """A server with an empty database."""
    prefect = Prefect(tmp_path_factory.mktemp("prefect"), free_port())
    start = ("-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port")
    with prefect.process(*start, str(prefect.port)):
        soon(prefect.is_up, 120, "the Prefect server")
        yield prefect


@pytest.fixture(scope="session")
def prefect(server: Prefect) -> Iterator[Prefect]:
    """The server after the commands of the documentation, with a worker."""
    server.command("-m", "prefect", "work-pool", "create", "packshot", "--type", "process")
    server.command("-m", "prefect", "deploy", "--all")
    with server.process("-m", "prefect", "worker", "start", "--pool", "packshot"):
        yield server
