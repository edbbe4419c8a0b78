"""A real S3 endpoint and a real Prefect server on loopback, for whoever wants them."""

import logging
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import boto3
import pytest
from moto.s3.responses import S3Response
from moto.server import ThreadedMotoServer

from tests.flows.served import Prefect, copy_database, free_port, shared

MOST_BYTES_IN_A_NAME = 60
S3_ACCOUNT = {
    "AWS_ACCESS_KEY_ID": "planted-id",
    "AWS_SECRET_ACCESS_KEY": "planted-secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def pytest_configure() -> None:
    """A shell that starts the tests in the background lets all their children ignore Ctrl-C."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Whole files name no test: archives hold when they were made, by each worker at its time."""
    return argname if isinstance(val, bytes) and len(val) > MOST_BYTES_IN_A_NAME else None


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Serve S3 over HTTP, on a port that was free."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    one_at_a_time, put = threading.Lock(), S3Response.put_object

    def put_object(response: S3Response) -> object:
        """S3 creates or refuses in one step; moto looks first and writes afterwards."""
        with one_at_a_time:
            return put(response)

    patch = pytest.MonkeyPatch()
    patch.setattr(S3Response, "put_object", put_object)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
    patch.undo()


@pytest.fixture
def bucket_url(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make a bucket of this test's own; child processes find it, too."""
    for name, value in (S3_ACCOUNT | {"AWS_ENDPOINT_URL": s3_endpoint}).items():
        monkeypatch.setenv(name, value)
    bucket = f"shop-{uuid4().hex}"
    boto3.client("s3").create_bucket(Bucket=bucket)
    return f"s3://{bucket}"


@pytest.fixture(scope="session")
def common(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all workers of pytest share."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session")
def server(common: Path) -> Iterator[Prefect]:
    """A Prefect server for runs alone; one for all workers of pytest, for it starts slowly."""
    home = common / "prefect"
    port_file = home / "port"

    def start() -> int:
        port = free_port()
        port_file.write_text(str(port))
        prefect = Prefect(home, port)
        process = prefect.begin_bare_server()
        copy_database(prefect.database, common / "empty.db")
        return process

    with shared(home, start):
        yield Prefect(home, int(port_file.read_text()))


@pytest.fixture(scope="session")
def empty_database(server: Prefect, common: Path) -> Path:
    """The database of a server that has just been started for the first time."""
    del server
    return common / "empty.db"
