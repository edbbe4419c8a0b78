"""The played picture host: validators, types, delays and counters."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from packshot.sandbox.server import Sandbox
from packshot.sandbox.state import SandboxState, Settings
from tests.sandbox.calling import picture

MODIFIED = 1_700_000_000  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A shop's pictures."""
    (tmp_path / "deep").mkdir()
    for path, content in {
        "mug.jpg": picture(),
        "deep/a cup.png": picture(kind="PNG"),
        "deep/cup.webp": picture(kind="WEBP"),
    }.items():
        (tmp_path / path).write_bytes(content)
    os.utime(tmp_path / "mug.jpg", (MODIFIED, MODIFIED))
    return tmp_path


@pytest.fixture
def state() -> SandboxState:
    """What the sandbox remembers."""
    return SandboxState(Settings(cutouts="canned"))


@pytest.fixture
def cdn(state: SandboxState, folder: Path) -> Iterator[httpx.Client]:
    """A client of the host."""
    with Sandbox(state, folder) as sandbox, httpx.Client(base_url=f"{sandbox.url}/cdn/") as client:
        yield client


def test_a_file_comes_as_it_is(cdn: httpx.Client) -> None:
    """Bytes, type and validators are right."""
    answer = cdn.get("mug.jpg")
    assert answer.content == picture()
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["last-modified"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert answer.headers["etag"].startswith('"')


def test_folders_spaces_and_types_are_understood(cdn: httpx.Client) -> None:
    """The type follows the name."""
    assert cdn.get("deep/a%20cup.png").headers["content-type"] == "image/png"
    assert cdn.get("deep/cup.webp").headers["content-type"] == "image/webp"


def test_a_head_request_tells_the_same_without_a_body(cdn: httpx.Client) -> None:
    """Length and validators, no bytes."""
    answer = cdn.head("mug.jpg")
    assert (answer.content, answer.headers["content-length"]) == (b"", str(len(picture())))


def test_the_etag_follows_the_content(cdn: httpx.Client, folder: Path) -> None:
    """A file that is touched keeps its ETag, one that changes does not."""
    before = cdn.get("mug.jpg").headers["etag"]
    os.utime(folder / "mug.jpg")
    assert cdn.get("mug.jpg").headers["etag"] == before
    (folder / "mug.jpg").write_bytes(picture(401, 300))
    assert cdn.get("mug.jpg").headers["etag"] != before


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
def test_a_known_etag_is_not_sent_again(cdn: httpx.Client, state: SandboxState, form: str) -> None:
    """Weak, listed and starred tags count; the answer is empty and keeps its validators."""
    etag = cdn.get("mug.jpg").headers["etag"]
    answer = cdn.get("mug.jpg", headers={"If-None-Match": form.replace("{}", etag)})
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == etag
    assert (state.cdn_gets["mug.jpg"], state.cdn_not_modified["mug.jpg"]) == (2, 1)


@pytest.mark.parametrize(
    ("since", "status"),
    [
        ("Tue, 14 Nov 2023 22:13:20 GMT", 304),
        ("Wed, 15 Nov 2023 00:00:00 GMT", 304),
        ("Tue, 14 Nov 2023 22:13:19 GMT", 200),
        ("yesterday", 200),
    ],
)
def test_a_date_is_a_validator_too(cdn: httpx.Client, since: str, status: int) -> None:
    """What has not changed since then is not sent; an odd date is no date."""
    assert cdn.get("mug.jpg", headers={"If-Modified-Since": since}).status_code == status


def test_an_etag_outranks_a_date(cdn: httpx.Client) -> None:
    """A tag that does not match brings the file whatever the date says."""
    later = "Wed, 15 Nov 2023 00:00:00 GMT"
    asked = {"If-None-Match": '"other"', "If-Modified-Since": later}
    assert cdn.get("mug.jpg", headers=asked).status_code == 200


@pytest.mark.parametrize("path", ["none.jpg", "deep", "", "%2e%2e/secret", "_status/999"])
def test_what_is_not_there_is_not_found(cdn: httpx.Client, folder: Path, path: str) -> None:
    """Missing files, folders and everything outside the folder are 404."""
    (folder.parent / "secret").write_text("not for the public")
    assert cdn.get(path).status_code == 404


@pytest.mark.parametrize("status", [204, 304, 403, 410, 429, 500, 503])
def test_any_status_can_be_had(cdn: httpx.Client, state: SandboxState, status: int) -> None:
    """A path for every way a shop's host can fail; each is counted."""
    assert cdn.get(f"_status/{status}").status_code == status
    assert state.cdn_gets[f"_status/{status}"] == 1


def test_the_host_can_be_slow(cdn: httpx.Client, state: SandboxState) -> None:
    """The delay is a setting."""
    state.change({"cdn_latency_seconds": 0.2})
    started = time.monotonic()
    cdn.get("mug.jpg")
    assert time.monotonic() - started >= 0.2


def test_without_a_folder_there_is_nothing() -> None:
    """A sandbox may play only the API."""
    with Sandbox() as sandbox:
        assert httpx.get(f"{sandbox.url}/cdn/mug.jpg").status_code == 404
