"""Several output variants of one call: made, priced, fetched, and lost without the cutout."""

import json
from collections.abc import Iterator
from io import BytesIO

import httpx
import pytest
from PIL import Image
from pydantic import ValidationError

from packshot.facts.errors import ImageRefused, Unreachable
from packshot.facts.paid_options import PaidOptions, content_hash
from packshot.facts.purchase import Price
from packshot.providers.backgroundcut import BackgroundCut
from packshot.providers.face import Source, Ticket
from packshot.sandbox.backgroundcut_api import BackgroundCutAccount, BackgroundCutSettings
from packshot.sandbox.server import Sandbox
from packshot.sandbox.state import Fault, SandboxState, Settings
from tests.providers.playing import KEY, encoded, sent
from tests.sandbox.calling import picture

GENERATIONS = ("basic", "production")
PHOTO = picture()
SHOT = Source(PHOTO, content_hash(PHOTO), "JPEG", 400, 300)
WHITE = {"name": "white", "format": "jpeg", "background_color": "ffffff", "megapixels": 0.03}
TIGHT = {"name": "tight", "format": "webp", "crop": True}
THREE = PaidOptions.model_validate({"outputs": [WHITE, TIGHT]})


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """A sandbox that really cuts out, so that the pictures differ."""
    with Sandbox(SandboxState(Settings())) as sandbox:
        yield sandbox


@pytest.fixture
def books(running: Sandbox) -> BackgroundCutAccount:
    """A full account without faults."""
    account = running.state.played["backgroundcut"]
    assert isinstance(account, BackgroundCutAccount)
    account.settings = BackgroundCutSettings(calls_per_window=None)
    running.state.reset()
    return account


def client(sandbox: Sandbox, generation: str) -> BackgroundCut:
    """An account at the sandbox."""
    return BackgroundCut(KEY, base_url=sandbox.url, settings={"generation": generation})


def told(ticket: Ticket, further: dict[str, str]) -> Ticket:
    """The same ticket with other addresses for what was made beside the picture."""
    facts = {**ticket.facts, "further": json.dumps(further)}
    return Ticket(ticket.provider, ticket.job_id, facts)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_one_call_brings_them_all(
    generation: str, running: Sandbox, books: BackgroundCutAccount
) -> None:
    """Each is what was asked for, and the provider's price is ours."""
    asked = client(running, generation)
    result = asked.collect(asked.submit(SHOT, THREE))
    assert (result.format, result.width, result.height, result.doubt) == ("png", 400, 300, None)
    white, tight = result.further["white"], result.further["tight"]
    assert (white.format, white.width, white.height) == ("jpeg", 200, 150)
    assert tight.format == "webp"
    assert tight.width < 400
    with Image.open(BytesIO(white.content)) as made:
        assert made.getpixel((0, 0)) == pytest.approx((255, 255, 255), abs=3)
    with Image.open(BytesIO(tight.content)) as made:
        assert made.mode == "RGBA"
    assert (books.uploads, books.charged_calls) == (1, 1)
    assert books.charged == pytest.approx(0.5 + 0.25 + 0.25 + 0.5)
    assert result.charged == books.charged


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_picture_that_is_lost_does_not_take_the_cutout_with_it(
    generation: str, running: Sandbox, books: BackgroundCutAccount
) -> None:
    """It was paid for, so a person is told; the rest is there."""
    asked = client(running, generation)
    ticket = asked.submit(SHOT, THREE)
    further = json.loads(ticket.facts["further"])
    further["white"] = ""
    result = asked.collect(told(ticket, further))
    assert result.width == 400
    assert list(result.further) == ["tight"]
    assert "was paid for `white` and did not hand it out" in (result.doubt or "")
    assert books.charged_calls == 1


def test_what_expired_is_lost_and_what_broke_off_is_fetched_again(
    running: Sandbox, books: BackgroundCutAccount
) -> None:
    """The addresses of one call die one by one."""
    asked = client(running, "basic")
    ticket = asked.submit(SHOT, THREE)
    running.state.add_fault(Fault(kind="status_503", on="backgroundcut_result"))
    with pytest.raises(Unreachable):
        asked.collect(ticket)
    further = json.loads(ticket.facts["further"])
    further["tight"] = f"{running.url}/v3/_results/none"
    result = asked.collect(told(ticket, further))
    assert list(result.further) == ["white"]
    assert "`tight`" in (result.doubt or "")
    assert books.charged_calls == 1


@pytest.mark.parametrize("body", [b"no picture", b""])
def test_a_further_picture_that_is_none_is_fetched_again(body: bytes) -> None:
    """As the cutout is: it was paid for, and its address still answers."""

    def reply(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/upload-image/"):
            return httpx.Response(200, json={"unique_filename": "u1"})
        if request.url.path.endswith("/process-image/"):
            variants = json.loads(request.read())["output_variants"]
            names = [variant["variant_name"] for variant in variants]
            urls = {name: f"https://cdn.example/{name}" for name in names}
            return httpx.Response(200, json={"output_urls": urls})
        return httpx.Response(200, content=encoded() if request.url.path == "/result" else body)

    asked = BackgroundCut(KEY, transport=httpx.MockTransport(reply))
    ticket = asked.submit(sent(), THREE)
    with pytest.raises(Unreachable):
        asked.collect(ticket)


def test_an_answer_that_names_too_few_says_which() -> None:
    """By the production site's documents the answer is a list without names; ours are keys."""
    keys: list[str] = []

    def reply(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith("/process/"):
            keys.extend(v["output_key"] for v in json.loads(request.read())["output_variants"])
            return httpx.Response(200, json={"output_keys": [keys[2], keys[0]]})
        if path.endswith("/get-public-url/"):
            key = json.loads(request.read())["key"]
            return httpx.Response(200, json={"url": f"https://cdn.example/{keys.index(key)}"})
        if path.endswith("/upload/"):
            return httpx.Response(200, json={"success": True})
        size = {"/0": (8, 6), "/2": (4, 3)}[path]
        body = BytesIO()
        Image.new("RGBA", size).save(body, "PNG")
        return httpx.Response(200, content=body.getvalue())

    asked = BackgroundCut(
        KEY, settings={"generation": "production"}, transport=httpx.MockTransport(reply)
    )
    result = asked.collect(asked.submit(sent(), THREE))
    assert (result.width, result.further["tight"].width) == (8, 4)
    assert list(result.further) == ["tight"]


def test_nothing_is_larger_than_the_cutout() -> None:
    """By whose size the call is priced."""
    options = PaidOptions.model_validate(
        {"resolution": "preview", "outputs": [{"name": "big", "megapixels": 9}]}
    )
    orders: list[dict[str, object]] = []

    def reply(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/upload-image/"):
            return httpx.Response(200, json={"unique_filename": "u1"})
        orders.extend(json.loads(request.read())["output_variants"])
        return httpx.Response(200, json={"output_urls": {"result": "https://cdn.example/a"}})

    BackgroundCut(KEY, transport=httpx.MockTransport(reply)).submit(sent(), options)
    assert [order["max_resolution"] for order in orders] == [250_000, 250_000]
    assert [order["variant_name"] for order in orders] == ["result", "result-big"]


def test_prices() -> None:
    """A quarter for each, half a credit for each crop, whatever the size."""
    asked = BackgroundCut(KEY)
    assert asked.price(THREE, 4.0) == Price(pytest.approx(2.1), pytest.approx(2.1))


def test_a_half_transparent_ground_is_refused_by_name() -> None:
    """The API knows opaque ones only."""
    ghost = {"name": "ghost", "background_color": "ffffff80"}
    options = PaidOptions.model_validate({"outputs": [ghost]})
    with pytest.raises(ImageRefused, match=r"outputs\.ghost\.background_color") as caught:
        BackgroundCut(KEY).submit(SHOT, options)
    assert caught.value.code == "option_not_supported"


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ({"name": "white", "format": "jpeg"}, "JPEG has no transparency"),
        ({"name": "white", "format": "jpeg", "background_color": "ffffff00"}, "no transparency"),
        ({"name": "Not Plain"}, "pattern"),
        ({"name": "a", "background_color": "whitish"}, "is no colour"),
        ({"name": "a", "megapixels": 0}, "greater than 0"),
    ],
)
def test_what_makes_no_sense_is_told(output: dict[str, object], words: str) -> None:
    """Before anything runs."""
    with pytest.raises(ValidationError, match=words):
        PaidOptions.model_validate({"outputs": [output]})


def test_they_are_part_of_what_is_bought() -> None:
    """A purchase without them is named as it always was."""
    assert PaidOptions().canonical() == "{}"
    names = {options.canonical() for options in (PaidOptions(), THREE)}
    assert len(names) == 2
    assert PaidOptions.from_canonical(THREE.canonical()) == THREE
