"""remove.bg's answers as the project has recorded them itself, in every clone."""

from collections.abc import Iterator

import httpx
import pytest

from packshot.facts.errors import (
    ImageRefused,
    KeyRejected,
    OutOfCredits,
    PackshotError,
    Throttled,
    Uncertain,
)
from packshot.facts.paid_options import PaidOptions
from packshot.facts.purchase import Box, PurchaseClass
from packshot.sandbox.server import Sandbox
from packshot.sandbox.state import SandboxState
from tests.providers.playing import Stage, sent
from tests.recordings.removebg import CALLS, MOVING, PICTURE, answered, recorded

AUTO = PaidOptions(resolution="auto")
PICTURES = {"png": "png", "zip": "zip", "webp": "webp", "jpeg": "jpg", "json": "json"}
"""Name of the recording → setting of the wire with which it is asked for."""
REFUSALS: dict[str, tuple[type[PackshotError], str]] = {
    "bad_key": (KeyRejected, "refuses the API key"),
    "no_foreground": (ImageRefused, "No product was found"),
    "refused_without_code": (ImageRefused, "HTTP Status 404"),
    "no_credits": (OutOfCredits, "buy some"),
    "throttled": (Throttled, "slow down"),
    "gateway": (Uncertain, "answered 502"),
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """What the recordings were made of."""
    with Sandbox(SandboxState()) as running:
        yield running


@pytest.mark.parametrize("name", PICTURES)
def test_a_recorded_picture_is_understood(stage: Stage, name: str) -> None:
    """In whatever form it comes: size, box, charge, type, class and pace."""
    client = stage.client(recorded()[name], wire_format=PICTURES[name])
    white = PaidOptions(resolution="auto", background_color="ffffff")
    result = client.submit(sent(48, 36, PICTURE), white if name == "jpeg" else AUTO)
    assert (result.width, result.height) == (48, 36)
    assert result.box == Box(3, 3, 42, 30)
    assert (result.charged, result.charge_stated) == (0.25, True)
    assert result.foreground_type == "product"
    assert result.purchase_class == PurchaseClass.TEST
    assert [(pace.limit, pace.remaining) for pace in result.pace] == [(500, 499)]


@pytest.mark.parametrize("name", REFUSALS)
def test_a_recorded_refusal_is_understood(stage: Stage, name: str) -> None:
    """Whether to stop, to wait, to try again or to leave the picture."""
    kind, sentence = REFUSALS[name]
    with pytest.raises(kind, match=sentence) as caught:
        stage.client(recorded()[name]).submit(sent(48, 36, PICTURE), AUTO)
    if isinstance(caught.value, Throttled):
        assert caught.value.wait_seconds == 7


def test_the_recorded_account_is_understood(stage: Stage) -> None:
    """All kinds of credits, and the calls that cost none; a bad key is no account."""
    account = stage.client(recorded()["account"]).account()
    assert account.kinds == {"subscription": 210, "payg": 33, "enterprise": 0}
    assert (account.total, account.free_calls) == (243, 47)
    with pytest.raises(KeyRejected):
        stage.client(recorded()["account_of_a_bad_key"]).account()


@pytest.mark.parametrize("name", CALLS)
def test_the_sandbox_still_answers_as_recorded(sandbox: Sandbox, name: str) -> None:
    """Status, headers and texts are the same; of pictures, the kind."""
    kept, now = recorded()[name], answered(sandbox, CALLS[name])
    assert now.status_code == kept.status_code
    assert lasting(now) == lasting(kept)
    if name not in PICTURES:
        assert now.content == kept.content


def lasting(answer: httpx.Response) -> dict[str, str]:
    """The headers that do not move."""
    return {name: value for name, value in answer.headers.items() if name not in MOVING}


def test_nothing_else_is_recorded() -> None:
    """Each recording is asked for somewhere above."""
    accounts = {"account", "account_of_a_bad_key"}
    assert set(recorded()) == set(CALLS) == {*PICTURES, *REFUSALS, *accounts}
