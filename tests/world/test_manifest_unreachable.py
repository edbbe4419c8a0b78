"""A manifest that cannot be read: the sentence says why, and what to do about it."""

import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from packshot.decisions.addresses import Reach
from packshot.facts.columns import ColumnNames
from packshot.facts.errors import BadManifest
from packshot.facts.job import Storage
from packshot.world.manifest_staging import stage_manifest

STATUS = 200
NO_HOST = "there is no such host; check the address"
NOBODY = "nobody answers there; check the address and the network"
WANTS_LOGIN = "the address needs a login or a fresh signature"
NOT_UNDERSTOOD = "the address is not understood; give a path or an address on s3://"


def sentence(manifest: str, room: Path, storage: Storage | None = None) -> str:
    """What is said of a manifest that cannot be read; secrets never are."""
    options = (storage or Storage()).fsspec_options() if manifest.startswith("s3:") else {}
    with pytest.raises(BadManifest) as caught:
        stage_manifest(
            manifest,
            room / "out.parquet",
            columns=ColumnNames(),
            reach=Reach(frozenset({"https"})),
            storage_options=options,
        )
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    return str(caught.value)


class Answering(BaseHTTPRequestHandler):
    """Answers with the status that the path asks for; a good answer is cut short."""

    def do_GET(self) -> None:
        """Answer."""
        status = int(self.path[1:4])
        self.send_response(status)
        self.send_header("Content-Length", "100" if status == STATUS else "0")
        self.end_headers()
        if status == STATUS:
            self.wfile.write(b"sku")
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def host() -> Iterator[str]:
    """Host and port of a server that answers as it is asked to."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("401", f"answered 401; {WANTS_LOGIN}"),
        ("403", f"answered 403; {WANTS_LOGIN}"),
        ("410", "answered 410; check the address"),
        ("429", "answered 429; try again later"),
        ("503", "answered 503; try again later"),
        ("200", "the connection broke off; try again"),
    ],
)
def test_an_answer_over_http_is_told_by_its_status(
    host: str, tmp_path: Path, path: str, said: str
) -> None:
    """A signature that has run out and a server that is down ask for different things."""
    told = sentence(f"http://me:secret@{host}/{path}/m.csv?sig=secret", tmp_path)
    assert f"`http://{host}/{path}/m.csv` cannot be read: " in told
    assert said in told


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ("http://127.0.0.1:1/m.csv", NOBODY),
        ("ftp://127.0.0.1:1/m.csv", NOBODY),
        ("http://nowhere.invalid/m.csv", NO_HOST),
        ("ftp://nowhere.invalid/m.csv", NO_HOST),
        ("http://[bad", NOT_UNDERSTOOD),
        ("http://h:99999/m.csv", NOT_UNDERSTOOD),
        ("nonsense://m.csv", NOT_UNDERSTOOD),
        ("sftp://h/m.csv", "no file system is installed for such addresses; give a path"),
        ("github://a/m.csv", "TypeError; copy the file to a folder and give its path"),
    ],
)
def test_an_address_that_leads_nowhere_says_what_to_check(
    tmp_path: Path, manifest: str, said: str
) -> None:
    """No name of a class stands alone."""
    assert f"cannot be read: {said}" in sentence(manifest, tmp_path)


def test_a_server_without_tls_is_not_taken_for_a_locked_one(host: str, tmp_path: Path) -> None:
    """OpenSSL's error has the number of a denied access."""
    assert "no secure connection" in sentence(f"https://{host}/200/m.csv", tmp_path)


def test_s3_names_the_flag(bucket_url: str, tmp_path: Path) -> None:
    """The same sentences as for a destination."""
    told = sentence(f"{bucket_url}/m.csv", tmp_path, Storage(profile="nobody"))
    assert "no such profile; check --profile" in told
    assert "no bucket can have that name" in sentence("s3://A Shop/m.csv", tmp_path)


def test_missing_credentials_are_said_to_be_missing(
    bucket_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And where they may come from."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    told = sentence(f"{bucket_url}/m.csv", tmp_path)
    assert "no credentials were found; name a --profile, or set AWS_ACCESS_KEY_ID" in told


def test_a_locked_file_asks_for_access(tmp_path: Path) -> None:
    """Nobody asks for credentials of a service; root is refused by the kernel's own files."""
    locked = tmp_path / "m.csv"
    locked.touch(mode=0)
    file = "/proc/sys/vm/drop_caches" if os.geteuid() == 0 else str(locked)
    assert "access denied; give this user access" in sentence(file, tmp_path)
