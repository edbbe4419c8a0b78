"""Fetching pictures from files and buckets, where the operator allows it."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import fsspec
import pytest
import stamina

from packshot.facts.errors import BadOption, SourceRefused, Unreachable
from packshot.world.fetch import Fetcher, FetchLimits
from tests.world.played_shop import PICTURE, get, refused


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Retries happen; their pauses do not."""
    with stamina.set_testing(True, attempts=9, cap=True):
        yield


def test_a_file_is_read_when_files_are_allowed(tmp_path: Path) -> None:
    """Its size and time recognise it; a change of either is seen."""
    path = tmp_path / "a.png"
    path.write_bytes(PICTURE)
    files = frozenset({"file"})
    first = get(path.as_uri(), schemes=files)
    assert first.content == PICTURE
    assert get(str(path), schemes=files, etag=first.etag).content is None
    os.utime(path, (1, 1))
    assert get(str(path), schemes=files, etag=first.etag).content == PICTURE


def test_files_have_the_same_refusals(tmp_path: Path) -> None:
    """Missing, no file, a pipe that would hang, too large, empty."""
    files, small = frozenset({"file"}), FetchLimits(max_bytes=3)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(PICTURE)
    (tmp_path / "empty").touch()
    assert refused(str(tmp_path / "none"), schemes=files) == "source_missing"
    assert refused(str(tmp_path), schemes=files) == "source_missing"
    assert refused(str(tmp_path / ("a" * 300)), schemes=files) == "unreachable"
    assert refused(str(tmp_path / "pipe"), schemes=files) == "source_missing"
    assert refused(str(tmp_path / "large"), schemes=files, limits=small) == "too_many_bytes"
    assert get(str(tmp_path / "empty"), schemes=files).content == b""


def test_other_stores_are_read_through_fsspec() -> None:
    """A bucket is a place like any other once its scheme is allowed."""
    url = f"memory://{uuid4()}/a.png"
    fsspec.filesystem("memory").pipe_file(url, PICTURE)
    memory = frozenset({"memory"})
    got = get(url, schemes=memory)
    assert (got.content, got.final_url) == (PICTURE, url)
    assert get(url, schemes=memory, etag=got.etag).status == 304


def test_a_scheme_that_nothing_reads_is_said_at_the_start() -> None:
    """Not when the first picture fails."""
    with pytest.raises(BadOption):
        Fetcher(allowed_schemes=frozenset({"carrier-pigeon"}))


def test_options_meant_for_buckets_do_not_disturb_files(tmp_path: Path) -> None:
    """One set of options serves every scheme that is allowed."""
    (tmp_path / "a.png").write_bytes(PICTURE)
    options = {"client_kwargs": {"endpoint_url": "http://127.0.0.1:9"}, "profile": "shop"}
    fetcher = Fetcher(allowed_schemes=frozenset({"file"}), storage_options=options)
    assert fetcher.fetch(str(tmp_path / "a.png"), deadline_seconds=2).content == PICTURE


def test_nothing_of_our_own_is_a_source(tmp_path: Path) -> None:
    """Neither by another spelling nor through a link; what lies beside it is."""
    ours, beside = tmp_path / "shop-state", tmp_path / "shop-state-2"
    for folder in (ours, beside):
        folder.mkdir()
        (folder / "a.png").write_bytes(PICTURE)
    (tmp_path / "link").symlink_to(ours)
    bucket = f"memory://{uuid4()}"
    fsspec.filesystem("memory").pipe_file(f"{bucket}/state/a.png", PICTURE)
    fetcher = Fetcher(
        allowed_schemes=frozenset({"file", "memory"}), own_places=[str(ours), f"{bucket}/state/"]
    )
    for url in (
        str(ours / "a.png"),
        f"{beside}/../shop-state/a.png",
        f"file://{ours}/a.png",
        str(tmp_path / "link" / "a.png"),
        f"{bucket}/state/a.png",
        f"{bucket}//other/../state/a.png",
    ):
        with pytest.raises(SourceRefused, match="name the source") as refusal:
            fetcher.fetch(url, deadline_seconds=2)
        assert refusal.value.code == "own_place"
    assert fetcher.fetch(str(beside / "a.png"), deadline_seconds=2).content == PICTURE


def test_a_bucket_that_hangs_is_given_up_in_time() -> None:
    """It accepts the connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        options = {
            "key": "k",
            "secret": "s",
            "client_kwargs": {"endpoint_url": f"http://127.0.0.1:{silent.getsockname()[1]}"},
        }
        fetcher = Fetcher(allowed_schemes=frozenset({"s3"}), storage_options=options)
        begun = time.monotonic()
        with pytest.raises(Unreachable):
            fetcher.fetch("s3://bucket/a.png", deadline_seconds=1)
        assert time.monotonic() - begun < 5
