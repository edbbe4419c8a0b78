"""A real S3 endpoint on loopback, and one fixture that stands for every kind of store."""

import logging
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import boto3
import pytest
from moto.server import ThreadedMotoServer

from packshot.facts.job import Storage
from packshot.world import claims
from packshot.world.store import Store, open_store

S3_ACCOUNT = {
    "AWS_ACCESS_KEY_ID": "planted-id",
    "AWS_SECRET_ACCESS_KEY": "planted-secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Serve S3 over HTTP, on a port that was free."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket_url(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make a bucket of this test's own; child processes find it, too."""
    for name, value in (S3_ACCOUNT | {"AWS_ENDPOINT_URL": s3_endpoint}).items():
        monkeypatch.setenv(name, value)
    bucket = f"shop-{uuid4().hex}"
    boto3.client("s3").create_bucket(Bucket=bucket)
    return f"s3://{bucket}"


@pytest.fixture(params=["local", "s3"])
def place_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Name an empty place: a folder that is not there yet, or a prefix in a bucket."""
    if request.param == "local":
        return str(tmp_path / "place")
    return f"{request.getfixturevalue('bucket_url')}/place"


@pytest.fixture
def place(place_url: str) -> Store:
    """Open that place."""
    return open_store(place_url, Storage())


@pytest.fixture
def quick_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for a claim looks again at once."""
    monkeypatch.setattr(claims, "POLL_SECONDS", 0.02)
