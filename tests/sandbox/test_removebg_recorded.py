"""The played remove.bg against recordings of the real one, where they are at hand."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from packshot.sandbox.state import ERRORS
from tests.sandbox.calling import Caller

FIXTURES = Path(__file__).parents[3] / "shared" / "provider-fixtures"
RECORDED = FIXTURES / "removebg-ruby-vcr"
needs_fixtures = pytest.mark.skipif(
    not FIXTURES.exists(), reason="no recorded provider answers beside this repository"
)


def recordings() -> list[dict[str, Any]]:
    """All recorded calls."""
    return list(json.loads((RECORDED / "interactions.json").read_text())["interactions"])


def recorded(cassette: str) -> dict[str, Any]:
    """One recorded call."""
    return next(call for call in recordings() if call["cassette"] == cassette)


@needs_fixtures
@pytest.mark.parametrize("format_", ["png", "zip"])
def test_a_recorded_call_gets_the_recorded_headers(api: Caller, format_: str) -> None:
    """The photo of the recordings brings every header that was recorded, with equal values."""
    name = {"png": "from-file-person-in-field.yml", "zip": "zip-person-in-field.yml"}[format_]
    expected = httpx.Headers(recorded(name)["response_headers"])
    photo = (RECORDED / "person-in-field.jpg").read_bytes()
    answer = api.cut(photo, size="auto", format=format_, type="person")
    ours_differ = {"date", "via", "alt-svc", "content-length"}
    moving = {"x-ratelimit-remaining", "x-ratelimit-reset"}
    for header, value in expected.items():
        if header not in ours_differ:
            assert header in moving or answer.headers[header] == value, header
    assert moving <= answer.headers.keys()


@needs_fixtures
def test_a_zip_is_laid_out_as_recorded(api: Caller) -> None:
    """Entries, order, compression, modes and sizes are those of the recording."""

    def layout(content: bytes) -> list[tuple[Any, ...]]:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [(e, Image.open(io.BytesIO(archive.read(e)))) for e in archive.infolist()]
        return [(e.filename, e.compress_type, i.format, i.mode, i.size) for e, i in entries]

    theirs = (RECORDED / recorded("zip-person-in-field.yml")["response_body_file"]).read_bytes()
    photo = (RECORDED / "person-in-field.jpg").read_bytes()
    assert layout(api.cut(photo, size="auto", format="zip").content) == layout(theirs)


@needs_fixtures
def test_recorded_refusals_are_repeated_to_the_byte(api: Caller) -> None:
    """Body, type, length and ETag of a bad key equal the recording; a failed URL adds its code."""
    call = recorded("account-invalid-api-key.yml")
    answer = api.http.get("/v1.0/account", headers={"X-Api-Key": "invalid"})
    assert (answer.status_code, answer.json()) == (call["status"], call["response_json"])
    for header in ("Content-Type", "Content-Length", "Etag", "Access-Control-Allow-Origin"):
        assert answer.headers[header] == call["response_headers"][header]
    missing = recorded("from-url-non-existent-image.yml")
    kind = {"Content-Type": missing["request_content_type"]}
    answer = api.http.post("/v1.0/removebg", content=missing["request_body"], headers=kind)
    told = answer.json()["errors"][0]
    assert told.pop("code") == "failed_image_download"
    assert [told] == missing["response_json"]["errors"]


@needs_fixtures
def test_the_account_is_laid_out_as_recorded(api: Caller) -> None:
    """The same numbers give the same bytes, and so the same ETag."""
    call = recorded("account.yml")
    api.state.change({"subscription": 4943})
    answer = api.http.get("/v1.0/account")
    assert answer.json() == call["response_json"]
    assert answer.headers["etag"] == call["response_headers"]["Etag"]


@needs_fixtures
@pytest.mark.parametrize("code", ERRORS)
def test_error_texts_are_the_documented_ones(code: str) -> None:
    """Titles equal the published ones; those of downloads go on with the URL there."""
    documented = json.loads((FIXTURES / "documented" / "removebg-errors.json").read_text())["400"]
    assert set(documented) == set(ERRORS)
    assert documented[code]["errors"][0]["title"].startswith(ERRORS[code])
