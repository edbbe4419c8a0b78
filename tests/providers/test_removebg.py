"""remove.bg, played by a function: what is sent, what is not, and what the account says."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from pydantic import ValidationError

from packshot.facts.errors import BadOption, ImageRefused, Uncertain
from packshot.facts.paid_options import PaidOptions, Resolution
from packshot.facts.purchase import Account, Price, PurchaseClass
from packshot.facts.removebg_options import named_by_content
from packshot.providers.face import Source, Ticket
from packshot.providers.removebg import RemoveBg
from tests.providers.playing import KEY, Stage, encoded, sent

PLAIN = PaidOptions()


def test_only_what_differs_from_the_apis_own_defaults_is_said(stage: Stage) -> None:
    """Size, level and format are always said: the API's own size is a preview."""
    stage.client().submit(sent(), PLAIN)
    assert stage.form == {"size": "full", "type_level": "latest", "format": "zip"}


def test_every_option_reaches_the_api(stage: Stage) -> None:
    """No option is dropped."""
    ours = {
        "resolution": "4k",
        "foreground_type": "car",
        "type_level": "2",
        "region": "10% 20% 90% 80.5%",
        "crop": True,
        "semitransparency": False,
        "shadow_type": "3D",
        "shadow_opacity": 40,
        "background_color": "#fff8",
    }
    stage.client().submit(sent(), PaidOptions.model_validate(ours))
    assert stage.form == {
        "size": "full",
        "type": "car",
        "type_level": "2",
        "format": "png",
        "roi": "10% 20% 90% 80.5%",
        "crop": "true",
        "semitransparency": "false",
        "shadow_type": "3D",
        "shadow_opacity": "40",
        "bg_color": "ffffff88",
    }


@pytest.mark.parametrize(
    ("kind", "name", "media"), [("JPEG", "source.jpg", "jpeg"), ("PNG", "source.png", "png")]
)
def test_the_picture_goes_as_a_file(kind: str, name: str, media: str, stage: Stage) -> None:
    """The upload is multipart, under a name that says nothing."""
    stage.client().submit(sent(content=b"the very bytes", kind=kind), PLAIN)
    part = f'name="image_file"; filename="{name}"\r\nContent-Type: image/{media}\r\n\r\n'
    assert part.encode() + b"the very bytes" in stage.requests[-1].read()


def test_the_call_is_signed_by_header(stage: Stage) -> None:
    """The key is nowhere else, and JSON is not asked for."""
    stage.client().submit(sent(), PLAIN)
    request = stage.requests[-1]
    assert str(request.url) == "https://api.remove.bg/v1.0/removebg"
    assert (request.headers["x-api-key"], request.headers["accept"]) == (KEY, "*/*")
    assert KEY.encode() not in request.read()


def test_the_base_url_is_a_setting(stage: Stage) -> None:
    """Other services speak the same format, and so does the sandbox."""
    client = stage.client(base_url="http://127.0.0.1:8000/v1.0/")
    client.submit(sent(), PLAIN)
    assert str(stage.requests[-1].url) == "http://127.0.0.1:8000/v1.0/removebg"
    client.close()


TEN = sent(4000, 2500)
TWELVE = sent(4000, 3000)
ON_RED = PaidOptions(background_color="ff0000")
ON_GLASS = PaidOptions(background_color="ff000001")
ON_NOTHING = PaidOptions(background_color="ff000000")
SHADED = PaidOptions(shadow_type="drop")


@pytest.mark.parametrize(
    ("wire_format", "source", "options", "asked"),
    [
        ("png", TEN, PLAIN, "png"),
        ("png", TWELVE, PLAIN, "zip"),
        ("json", TWELVE, PLAIN, "zip"),
        ("zip", TEN, ON_NOTHING, "zip"),
        ("zip", TEN, ON_RED, "png"),
        ("zip", TEN, ON_GLASS, "png"),
        ("zip", TEN, SHADED, "png"),
        ("zip", TWELVE, ON_RED, "webp"),
        ("png", TWELVE, SHADED, "webp"),
        ("json", TWELVE, ON_RED, "webp"),
        ("zip", TWELVE, ON_RED.model_copy(update={"resolution": "hd"}), "png"),
        ("webp", TEN, ON_RED, "webp"),
        ("jpg", TEN, ON_RED, "jpg"),
    ],
)
def test_the_format_asked_for_brings_all_that_is_paid_for(
    wire_format: str, source: Source, options: PaidOptions, asked: str, stage: Stage
) -> None:
    """The API would shrink a large PNG without a word, and leave what it draws out of a ZIP."""
    stage.client(wire_format=wire_format).submit(source, options)
    assert stage.form["format"] == asked


@pytest.mark.parametrize(
    ("source", "wire_format", "code"),
    [
        (sent(kind="WEBP"), "zip", "invalid_file_type"),
        (sent(content=bytes(22_000_001)), "zip", "file_too_large"),
        (sent(8000, 6251), "zip", "resolution_too_high"),
        (sent(), "jpg", "option_not_supported"),
    ],
    ids=["format", "bytes", "pixels", "transparent JPEG"],
)
def test_what_the_api_would_refuse_is_not_sent(
    source: Source, wire_format: str, code: str, stage: Stage
) -> None:
    """A call that cannot succeed costs nobody anything."""
    with pytest.raises(ImageRefused) as caught:
        stage.client(wire_format=wire_format).submit(source, PLAIN)
    assert (caught.value.code, stage.requests) == (code, [])


def test_a_jpeg_is_fine_on_an_opaque_ground(stage: Stage) -> None:
    """Then nothing is left that would have to be transparent."""
    answer = httpx.Response(200, content=encoded(kind="JPEG", mode="RGB"))
    client = stage.client(answer, wire_format="jpg")
    assert client.submit(sent(), PaidOptions(background_color="ffffff")).format == "jpeg"
    with pytest.raises(ImageRefused):
        client.submit(sent(), PaidOptions(background_color="ffffff80"))


@pytest.mark.parametrize(
    ("resolution", "megapixels", "amount"),
    [
        ("preview", 20.0, 0.25),
        ("full", 0.1, 1.0),
        ("50MP", None, 1.0),
        ("auto", 0.25, 0.25),
        ("auto", 0.26, 1.0),
        ("auto", None, 1.0),
    ],
)
def test_prices(
    resolution: Resolution, megapixels: float | None, amount: float, stage: Stage
) -> None:
    """A preview is a quarter, `auto` goes by the picture, everything else is one."""
    price = stage.client().price(PaidOptions(resolution=resolution), megapixels)
    assert price == Price(amount, amount)


def test_the_account_is_read_by_kind(stage: Stage) -> None:
    """Missing kinds are zero, as before there was an enterprise."""
    told = {
        "credits": {"total": 200.5, "payg": 50.5, "subscription": 150},
        "api": {"free_calls": 7},
    }
    account = stage.client(httpx.Response(200, json={"data": {"attributes": told}})).account()
    kinds = {"subscription": 150.0, "payg": 50.5, "enterprise": 0.0}
    assert account == Account(unit="credits", total=200.5, kinds=kinds, free_calls=7)
    assert str(stage.requests[-1].url) == "https://api.remove.bg/v1.0/account"


def test_the_sandboxs_account_is_a_test_account(stage: Stage) -> None:
    """A rehearsal is not mistaken for the real thing before the first call either."""
    body = json.dumps({"data": {"attributes": {"credits": {"total": 3}}}})
    answer = httpx.Response(200, content=body, headers={"X-Packshot-Class": "test"})
    assert stage.client(answer).account().purchase_class == PurchaseClass.TEST


def test_the_declared_pace_takes_the_calls_at_once(stage: Stage) -> None:
    """500 megapixel-images a minute is the vendor's; the calls at once are ours."""
    assert stage.client().pace.calls_at_once == 32
    pace = stage.client(calls_at_once=4).pace
    assert (pace.per_window, pace.window_seconds, pace.weighs_megapixels) == (500, 60, True)
    assert pace.calls_at_once == 4


@pytest.mark.parametrize(
    "settings",
    [
        {"wire_format": "gif"},
        {"base_url": "ftp://api.remove.bg"},
        {"base_url": f"https://me:{KEY}@api.remove.bg"},
        {"base_url": f"https://api.remove.bg/v1.0?token={KEY}"},
        {"base_url": "https://api.remove.bg:port/"},
        {"api_key": ""},
        {"api_key": f"{KEY}\nX-Evil: 1"},
        {"api_key": f"{KEY}é"},
    ],
)
def test_a_wrong_setting_is_refused_at_once(settings: dict[str, Any]) -> None:
    """The message quotes no secret, and no later error of a library gets the chance."""
    with pytest.raises(BadOption) as caught:
        RemoveBg(**{"api_key": KEY, **settings})
    assert KEY not in repr(caught.value)


def test_there_is_nothing_to_collect(stage: Stage) -> None:
    """A ticket of unknown origin stands for a call that may have been charged."""
    with pytest.raises(Uncertain, match="knows no job 7"):
        stage.client().collect(Ticket("removebg", "7"))


@pytest.mark.parametrize(
    ("own", "fields"),
    [
        ({"crop_margin": "30px 10%"}, {"crop": "true", "crop_margin": "30px 10%"}),
        ({"scale": "80%"}, {"scale": "80%"}),
        ({"position": "center"}, {"position": "center"}),
        (
            {"background_image_url": "https://shop.example/wood.jpg"},
            {"bg_image_url": "https://shop.example/wood.jpg", "format": "png"},
        ),
        (
            {"shadow_types": "car:3D,product:drop", "shadow_opacities": "car:40,product:60"},
            {
                "shadow_type": "car:3D,product:drop",
                "shadow_opacity": "car:40,product:60",
                "format": "png",
            },
        ),
    ],
)
def test_what_only_remove_bg_knows_reaches_it(
    stage: Stage, own: dict[str, str], fields: dict[str, str]
) -> None:
    """Under its own names, in the fingerprint, and left out where nothing is asked."""
    crop = "crop_margin" in own
    plain, asked = PaidOptions(crop=crop), PaidOptions(crop=crop, removebg=own)
    stage.client().submit(sent(), asked)
    assert fields.items() <= stage.form.items()
    assert asked.canonical() != plain.canonical()
    assert PaidOptions.from_canonical(asked.canonical()) == asked
    stage.client().submit(sent(), plain)
    assert not own.keys() & stage.form.keys()


def test_the_provider_fetches_a_source_that_lies_on_the_web(stage: Stage) -> None:
    """Asked to, and where the very bytes lie there; else they are uploaded."""
    by_url = PaidOptions(removebg={"source_by_url": True})
    on_the_web = replace(sent(), url="https://shop.example/mug.jpg")
    stage.client().submit(on_the_web, by_url)
    told = dict(parse_qsl(stage.requests[-1].read().decode()))
    assert told["image_url"] == "https://shop.example/mug.jpg"
    for source, options in ((on_the_web, PLAIN), (sent(), by_url)):
        stage.client().submit(source, options)
        assert "image_url" not in stage.form
        assert b'name="image_file"' in stage.requests[-1].read()


def test_the_file_behind_the_product_is_sent_with_it(stage: Stage) -> None:
    """Under its own name; another file than the one that was planned with is not."""
    own = {"background_image_file": named_by_content(b"wood")}
    stage.client(background=b"wood").submit(sent(), PaidOptions(removebg=own))
    assert b'name="bg_image_file"' in stage.requests[-1].read()
    assert stage.form["format"] == "png"
    with pytest.raises(ImageRefused, match="make the plan again"):
        stage.client(background=b"oak").submit(sent(), PaidOptions(removebg=own))


@pytest.mark.parametrize(
    ("width", "height", "asked"), [(1000, 800, "png"), (4000, 3000, "jpg")], ids=["small", "large"]
)
def test_a_mask_is_asked_for_without_loss_where_it_fits(
    stage: Stage, width: int, height: int, asked: str
) -> None:
    """A PNG ends at 10 megapixels."""
    options = PaidOptions(removebg={"channels": "alpha"})
    with suppress(Uncertain):  # what this stage answers is no mask of that size
        stage.client().submit(sent(width, height), options)
    assert (stage.form["channels"], stage.form["format"]) == ("alpha", asked)


def test_the_old_word_for_a_shadow_is_understood() -> None:
    """`add_shadow` asks for what `shadow_type: auto` asks for, and is the same purchase."""
    old = PaidOptions.model_validate({"removebg": {"add_shadow": True}})
    assert old.canonical() == PaidOptions(shadow_type="auto").canonical()
    named = PaidOptions.model_validate({"removebg": {"add_shadow": True}, "shadow_type": "car"})
    assert named.shadow_type == "car"


@pytest.mark.parametrize(
    "wrong",
    [
        {"removebg": {"crop_margin": "10%"}},
        {"removebg": {"channels": "alpha"}, "crop": True},
        {"removebg": {"channels": "alpha"}, "shadow_type": "drop"},
        {"removebg": {"channels": "alpha", "scale": "80%"}},
        {"removebg": {"channels": "alpha"}, "background_color": "fff"},
        {"crop": True, "removebg": {"crop_margin": "10% 10% 10%"}},
        {"removebg": {"scale": "5%"}},
        {"removebg": {"position": "left"}},
        {"removebg": {"background_image_url": "file:///etc/passwd"}},
        {
            "background_color": "fff",
            "removebg": {"background_image_url": "https://shop.example/wood.jpg"},
        },
    ],
)
def test_what_remove_bg_would_refuse_is_refused_before(wrong: dict[str, object]) -> None:
    """Nobody has to wait for a 400."""
    with pytest.raises(ValidationError):
        PaidOptions.model_validate(wrong)
