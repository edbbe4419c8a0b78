"""Replays recorded traffic of remove.bg, kept outside this project; skipped where it is absent."""

import json
from pathlib import Path

import httpx
import pytest

from packshot.facts.errors import ImageRefused, KeyRejected, TryTomorrow
from packshot.facts.paid_options import PaidOptions
from packshot.facts.purchase import PurchaseClass
from packshot.providers.face import PaceReading, Source
from tests.providers.playing import Stage, sent

FIXTURES = Path(__file__).parents[3] / "shared" / "provider-fixtures"
RECORDED = FIXTURES / "removebg-ruby-vcr"
DOCUMENTED = FIXTURES / "documented" / "removebg-errors.json"
AUTO = PaidOptions(resolution="auto")

pytestmark = pytest.mark.skipif(
    not RECORDED.is_dir(), reason="no recordings in ../shared/provider-fixtures"
)


def recorded(cassette: str) -> httpx.Response:
    """One recorded answer, headers and all."""
    told = json.loads((RECORDED / "interactions.json").read_text())
    found = next(each for each in told["interactions"] if each["cassette"] == cassette)
    if name := found.get("response_body_file"):
        body = (RECORDED / name).read_bytes()
    else:
        body = json.dumps(found["response_json"], separators=(",", ":")).encode()
    return httpx.Response(found["status"], content=body, headers=found["response_headers"])


@pytest.fixture
def person() -> Source:
    """The photo that was sent when the answers were recorded."""
    content = (RECORDED / "person-in-field.jpg").read_bytes()
    return sent(500, 333, content=content)


def test_the_recorded_account(stage: Stage) -> None:
    """4943 credits of a subscription."""
    account = stage.client(recorded("account.yml")).account()
    assert (account.total, account.kinds["subscription"], account.free_calls) == (4943, 4943, 0)


def test_the_recorded_invalid_key(stage: Stage, person: Source) -> None:
    """Both endpoints answer 403."""
    with pytest.raises(KeyRejected):
        stage.client(recorded("account-invalid-api-key.yml")).account()
    client = stage.client(recorded("from-file-person-in-field-invalid-api-key.yml"))
    with pytest.raises(KeyRejected):
        client.submit(person, AUTO)


@pytest.mark.parametrize(
    ("cassette", "form", "remaining", "seconds"),
    [
        ("from-file-person-in-field.yml", "png", 494, 51),
        ("zip-person-in-field.yml", "zip", 495, 53),
    ],
)
def test_the_recorded_success(
    cassette: str, form: str, remaining: int, seconds: int, stage: Stage, person: Source
) -> None:
    """Size, charge, type and pace of real headers."""
    result = stage.client(recorded(cassette)).submit(person, AUTO)
    assert (result.format, result.width, result.height) == (form, 500, 333)
    assert (result.charged, result.charge_stated) == (0.25, True)
    assert (result.foreground_type, result.box) == ("person", None)
    assert result.purchase_class == PurchaseClass.PAID
    assert result.pace == (PaceReading(500, remaining, seconds),)


def test_the_recorded_refusal_without_a_code(stage: Stage, person: Source) -> None:
    """The title is quoted, the code is our own."""
    client = stage.client(recorded("from-url-non-existent-image.yml"))
    with pytest.raises(ImageRefused, match="HTTP Status 404") as caught:
        client.submit(person, AUTO)
    assert caught.value.code == "refused_400"


def test_every_documented_body_is_understood(stage: Stage, person: Source) -> None:
    """All 24, as the vendor writes them."""
    documented = json.loads(DOCUMENTED.read_text())["400"]
    for code, body in documented.items():
        with pytest.raises((ImageRefused, TryTomorrow)) as caught:
            stage.client(httpx.Response(400, json=body)).submit(person, AUTO)
        assert caught.value.code == code
    assert len(documented) == 24
