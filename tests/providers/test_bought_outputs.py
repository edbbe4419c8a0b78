"""Several output variants of one call: made, priced, fetched, and lost without the cutout."""

import json
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from typing import Any

import httpx
import pytest
import stamina
from PIL import Image
from pydantic import ValidationError

from packshot.facts.bought_output import BoughtOutput
from packshot.facts.errors import BadOption, ImageRefused, Throttled, TryTomorrow
from packshot.facts.paid_options import PaidOptions, content_hash
from packshot.facts.purchase import Price, PurchaseClass
from packshot.providers.backgroundcut import BackgroundCut
from packshot.providers.face import Source, Ticket
from packshot.providers.result_address import PaidCall
from packshot.sandbox.backgroundcut_api import BackgroundCutAccount
from packshot.sandbox.server import Sandbox
from packshot.sandbox.state import Fault, SandboxState, Settings
from tests.providers.playing import KEY, encoded, full_backgroundcut, sent
from tests.sandbox.calling import picture

GENERATIONS = ("basic", "production")
PLAIN = PaidOptions()
PHOTO = picture()
SHOT = Source(PHOTO, content_hash(PHOTO), "JPEG", 400, 300)
WHITE = BoughtOutput(name="white", format="jpeg", background_color="ffffff", megapixels=0.03)
TIGHT = BoughtOutput(name="tight", format="webp", crop=True)
TWO = (WHITE, TIGHT)


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """A sandbox that really cuts out, so that the pictures differ."""
    with Sandbox(SandboxState(Settings())) as sandbox:
        yield sandbox


@pytest.fixture
def books(running: Sandbox) -> BackgroundCutAccount:
    """A full account without faults."""
    return full_backgroundcut(running)


@pytest.fixture(autouse=True)
def _no_pause() -> Iterator[None]:
    """Downloads that are tried again wait for nothing here."""
    with stamina.set_testing(True, attempts=9, cap=True):
        yield


def client(sandbox: Sandbox, generation: str) -> BackgroundCut:
    """An account at the sandbox that buys two pictures beside the cutout."""
    own = {"generation": generation}
    return BackgroundCut(KEY, base_url=sandbox.url, settings=own, outputs=TWO)


def redirected(ticket: Ticket, name: str, address: str) -> Ticket:
    """The same ticket with another address for one of the further pictures."""
    orders = json.loads(ticket.facts["further"])
    for order in orders:
        if order["output"]["name"] == name:
            order["address"] = address
    facts = {**ticket.facts, "further": json.dumps(orders)}
    return Ticket(ticket.provider, ticket.job_id, facts)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_one_call_brings_them_all(
    generation: str, running: Sandbox, books: BackgroundCutAccount
) -> None:
    """Each is what was asked for, and the provider's price is ours."""
    asked = client(running, generation)
    result = asked.collect(asked.submit(SHOT, PLAIN))
    assert (result.format, result.width, result.height, result.doubt) == ("png", 400, 300, None)
    white, tight = result.further["white"], result.further["tight"]
    assert (white.format, white.width, white.height) == ("jpeg", 200, 150)
    assert (white.asked, tight.asked) == (WHITE.canonical(), TIGHT.canonical())
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
@pytest.mark.parametrize("address", ["", "packshot/none.jpeg", "{host}/v3/_results/none"])
def test_a_picture_that_is_lost_does_not_take_the_cutout_with_it(
    generation: str, address: str, running: Sandbox, books: BackgroundCutAccount
) -> None:
    """Never told, deleted, or mislaid for two hours: the cutout is there, and a person is told."""
    asked = client(running, generation)
    ticket = asked.submit(SHOT, PLAIN)
    if generation == "basic" and address.startswith("packshot"):
        address = f"{{host}}/{address}"
    result = asked.collect(redirected(ticket, "white", address.format(host=running.url)))
    assert result.width == 400
    assert list(result.further) == ["tight"]
    assert "was paid for `white` and did not hand it out" in (result.doubt or "")
    assert books.charged_calls == 1


@pytest.mark.parametrize("kind", ["status_503", "truncated_body"])
def test_what_broke_off_is_fetched_again(
    kind: str, running: Sandbox, books: BackgroundCutAccount
) -> None:
    """A further picture as the cutout; it is the third download that fails once here."""
    asked = client(running, "basic")
    ticket = asked.submit(SHOT, PLAIN)
    fetched = asked._fetched

    def failing(call: PaidCall, where: str) -> object:
        seen.append(where)
        if len(seen) == 3:
            running.state.add_fault(Fault(kind=kind, on="backgroundcut_result", retry_after=0))
        return fetched(call, where)

    seen: list[str] = []
    asked._fetched = failing  # type: ignore[assignment,method-assign]
    result = asked.collect(ticket)
    assert (sorted(result.further), result.doubt, len(seen)) == (["tight", "white"], None, 4)
    assert books.charged_calls == 1


def test_a_429_for_a_further_picture_is_for_everybody() -> None:
    """Who collects makes all wait, and comes again: nothing is given up for it."""
    answers = iter([httpx.Response(429, headers={"retry-after": "7"})])
    sound = httpx.Response(200, content=encoded())
    asked = basic(lambda _: next(answers, sound), [BoughtOutput(name="white")])
    ticket = asked.submit(sent(), PLAIN)
    with pytest.raises(Throttled) as caught:
        asked.collect(ticket)
    assert caught.value.wait_seconds == 7
    assert (list(asked.collect(ticket).further), next(answers, None)) == (["white"], None)


Reply = Callable[[httpx.Request], httpx.Response]


def basic(further: Reply, outputs: Sequence[BoughtOutput] = TWO) -> BackgroundCut:
    """An API of the basic generation whose cutout is sound; `further` answers for the others."""

    def reply(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/upload-image/"):
            return httpx.Response(200, json={"unique_filename": "u1"})
        if request.url.path.endswith("/process-image/"):
            variants = json.loads(request.read())["output_variants"]
            names = [variant["variant_name"] for variant in variants]
            urls = {name: f"https://cdn.example/{name}" for name in names}
            return httpx.Response(200, json={"output_urls": urls})
        if request.url.path == "/result":
            return httpx.Response(200, content=encoded())
        return further(request)

    return BackgroundCut(KEY, transport=httpx.MockTransport(reply), outputs=outputs)


@pytest.mark.parametrize("body", [b"no picture", b""])
def test_a_further_picture_that_is_none_is_given_up(body: bytes) -> None:
    """Three times, and the cutout in hand is kept."""
    asked_for: list[str] = []

    def further(request: httpx.Request) -> httpx.Response:
        asked_for.append(request.url.path)
        return httpx.Response(200, content=body)

    asked = basic(further)
    result = asked.collect(asked.submit(sent(), PLAIN))
    assert (result.further, result.doubt is None) == ({}, False)
    assert "`white`, `tight`" in (result.doubt or "")
    assert asked_for == ["/result-white"] * 3 + ["/result-tight"] * 3


@pytest.mark.parametrize(
    ("output", "came"),
    [
        (BoughtOutput(name="white", format="jpeg", background_color="ffffff"), ("PNG", (80, 60))),
        (BoughtOutput(name="white"), ("PNG", (8, 6))),
        (BoughtOutput(name="white", megapixels=0.0048), ("PNG", (40, 30))),
    ],
)
def test_what_is_not_as_asked_is_told(output: BoughtOutput, came: tuple[str, Any]) -> None:
    """Another format or clearly smaller: published as it is, for a person to look at."""
    body = BytesIO()
    Image.new("RGBA", came[1]).save(body, came[0])

    asked = basic(lambda _: httpx.Response(200, content=body.getvalue()), [output])
    big = Source(PHOTO, content_hash(PHOTO), "JPEG", 80, 60)
    result = asked.collect(asked.submit(big, PLAIN))
    assert (result.further["white"].width, result.further["white"].height) == came[1]
    assert "`white`" in (result.doubt or "")
    assert result.purchase_class == PurchaseClass.DEGRADED  # so is the cutout that is played here


def production(answered: Callable[[list[str]], list[str]]) -> BackgroundCut:
    """An API of the production generation that lays its files as it likes."""
    keys: list[str] = []

    def reply(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith("/process/"):
            keys[:] = [v["output_key"] for v in json.loads(request.read())["output_variants"]]
            return httpx.Response(200, json={"output_keys": answered(keys)})
        if path.endswith("/get-public-url/"):
            key = json.loads(request.read())["key"]
            place = answered(keys).index(key)
            return httpx.Response(200, json={"url": f"https://cdn.example/{place}"})
        if path.endswith("/upload/"):
            return httpx.Response(200, json={"success": True})
        body = BytesIO()
        side = int(path[1:]) + 4
        Image.new("RGBA", (side, side)).save(body, "PNG")
        return httpx.Response(200, content=body.getvalue())

    own = {"generation": "production"}
    return BackgroundCut(
        KEY, settings=own, transport=httpx.MockTransport(reply), outputs=[TIGHT, WHITE]
    )


@pytest.mark.parametrize(
    ("answered", "sides"),
    [
        (lambda keys: keys, (4, {"tight": 5, "white": 6})),
        (lambda keys: [f"acct/{key}" for key in keys], (4, {"tight": 5, "white": 6})),
        (lambda keys: [keys[2], keys[0]], (5, {"white": 4})),
        (lambda _: ["a", "b", "c"], (4, {"tight": 5, "white": 6})),
        (lambda _: ["a", "b"], (4, {})),
    ],
)
def test_keys_are_read_by_their_ends_or_by_their_order(
    answered: Callable[[list[str]], list[str]], sides: tuple[int, dict[str, int]]
) -> None:
    """The answer is a list without names; whatever it holds, the cutout is not given up."""
    asked = production(answered)
    result = asked.collect(asked.submit(sent(), PLAIN))
    assert (result.width, {name: one.width for name, one in result.further.items()}) == sides


def ordered(**changes: Any) -> list[dict[str, Any]]:  # noqa: ANN401  whatever a client takes
    """The variants that an order names."""
    orders: list[dict[str, Any]] = []

    def reply(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith("/upload-image/"):
            return httpx.Response(200, json={"unique_filename": "u1"})
        if path.endswith("/upload/"):
            return httpx.Response(200, json={"success": True})
        orders.extend(json.loads(request.read())["output_variants"])
        urls = {"output_urls": {"result": "https://cdn.example/a"}, "output_keys": ["a"]}
        return httpx.Response(200, json=urls)

    options = changes.pop("options", PLAIN)
    BackgroundCut(KEY, transport=httpx.MockTransport(reply), **changes).submit(sent(), options)
    return orders


def test_nothing_is_larger_than_the_cutout() -> None:
    """By whose size the call is priced."""
    big = BoughtOutput(name="big", megapixels=9)
    orders = ordered(outputs=[big], options=PaidOptions(resolution="preview"))
    assert [order["max_resolution"] for order in orders] == [250_000, 250_000]
    assert [order["variant_name"] for order in orders] == ["result", "result-big"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "jpg"),
        ({"jpeg": "jpeg"}, "jpeg"),
        ({"generation": "production"}, "jpeg"),
        ({"generation": "production", "jpeg": "jpg"}, "jpg"),
    ],
)
def test_jpeg_is_spelled_as_the_documents_or_the_user_say(
    settings: dict[str, str], words: str
) -> None:
    """They contradict one another."""
    white = PaidOptions(background_color="ffffff")
    orders = ordered(settings=settings, outputs=[WHITE], options=white, wire_format="jpg")
    assert [order["format"] for order in orders] == [words, words]


@pytest.mark.parametrize(("generation", "wrong"), [("basic", "jpeg"), ("production", "jpg")])
def test_a_word_that_the_api_does_not_know_rejects_no_picture(
    generation: str, wrong: str, running: Sandbox, books: BackgroundCutAccount
) -> None:
    """The setting that mends it is named, and nothing is charged."""
    own = {"generation": generation, "jpeg": wrong}
    asked = BackgroundCut(KEY, base_url=running.url, settings=own, outputs=[WHITE])
    with pytest.raises(TryTomorrow, match="`jpeg`"):
        asked.submit(SHOT, PLAIN)
    assert books.charged_calls == 0


def test_an_order_that_is_declined_blames_no_picture_until_one_was_taken(
    running: Sandbox, books: BackgroundCutAccount
) -> None:
    """A wrong word in it would reject a whole catalog."""
    asked = client(running, "basic")
    fault = Fault(kind="status_400_without_code", on="backgroundcut")
    running.state.add_fault(fault)
    with pytest.raises(TryTomorrow, match="`generation` and `jpeg`"):
        asked.submit(SHOT, PLAIN)
    asked.submit(SHOT, PLAIN)
    running.state.add_fault(fault)
    with pytest.raises(ImageRefused):
        asked.submit(SHOT, PLAIN)
    assert books.charged_calls == 1


def test_prices() -> None:
    """A quarter for each, half a credit for each crop, whatever the size."""
    price = BackgroundCut(KEY, outputs=TWO).price(PLAIN, 4.0)
    assert price == Price(pytest.approx(2.1), pytest.approx(2.1))


@pytest.mark.parametrize(("generation", "requests"), [("basic", 2), ("production", 5)])
def test_the_pace_counts_the_addresses_that_are_asked_for(generation: str, requests: int) -> None:
    """The production site gives one for each picture."""
    asked = BackgroundCut(KEY, settings={"generation": generation}, outputs=TWO)
    assert asked.pace.per_window == pytest.approx(100 / requests)


def test_a_half_transparent_ground_is_refused_by_name() -> None:
    """The API knows opaque ones only."""
    ghost = BoughtOutput(name="ghost", background_color="ffffff80")
    with pytest.raises(BadOption, match=r"outputs\.ghost\.background_color"):
        BackgroundCut(KEY, outputs=[ghost])


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
        BoughtOutput.model_validate(output)


def test_equal_wishes_are_equal() -> None:
    """What shows nothing says nothing, and a name is no property of the picture."""
    clear = BoughtOutput(name="a", background_color="fff0")
    assert clear.canonical() == BoughtOutput(name="b").canonical() == "{}"
    assert WHITE.canonical() != TIGHT.canonical()
