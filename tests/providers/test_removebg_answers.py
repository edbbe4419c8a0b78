"""remove.bg, played by a function: what a good answer means."""

import base64

import httpx
import pytest

from packshot.facts.paid_options import PaidOptions
from packshot.facts.purchase import Box, PurchaseClass
from packshot.providers.face import PaceReading
from tests.providers.playing import Size, Stage, encoded, good, sent, zipped

PLAIN = PaidOptions()
HEADERS = {
    "X-Credits-Charged": "1",
    "X-Type": "product",
    "X-Width": "40",
    "X-Height": "30",
    "X-Foreground-Top": "3",
    "X-Foreground-Left": "4",
    "X-Foreground-Width": "20",
    "X-Foreground-Height": "10",
    "X-RateLimit-Limit": "500",
    "X-RateLimit-Remaining": "494",
    "X-RateLimit-Reset": "1591026546",
    "Date": "Mon, 01 Jun 2020 15:48:36 GMT",  # 1591026516
}


def test_every_header_is_read(stage: Stage) -> None:
    """Charge, type, box and pace are the provider's word; the reset counts from its own clock."""
    result = stage.client(good(**HEADERS)).submit(sent(), PLAIN)
    assert (result.content, result.format) == (zipped(), "zip")
    assert (result.width, result.height) == (40, 30)
    assert (result.charged, result.unit, result.charge_stated) == (1.0, "credits", True)
    assert (result.foreground_type, result.box) == ("product", Box(4, 3, 20, 10))
    assert result.pace == (PaceReading(500, 494, 30),)
    assert (result.purchase_class, result.status) == (PurchaseClass.PAID, 200)


def test_a_reset_without_a_date_counts_from_our_clock(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that is far off cannot make the window longer than it is."""
    undated = {name: value for name, value in HEADERS.items() if name != "Date"}
    for now, seconds in ((1591026500.0, 46), (1591020000.0, 60), (1591030000.0, 0)):
        monkeypatch.setattr("time.time", lambda now=now: now)
        pace = stage.client(good(**undated)).submit(sent(), PLAIN).pace
        assert pace == (PaceReading(500, 494, seconds),)


@pytest.mark.parametrize("spoilt", ["X-RateLimit-Limit", "X-RateLimit-Reset"])
def test_half_a_pace_is_none(spoilt: str, stage: Stage) -> None:
    """A reading that cannot be trusted is no reading."""
    answer = good(**HEADERS | {spoilt: "soon"})
    assert stage.client(answer).submit(sent(), PLAIN).pace == ()


def test_half_a_box_is_none(stage: Stage) -> None:
    """Three sides make no box."""
    answer = good(**HEADERS | {"X-Foreground-Width": ""})
    assert stage.client(answer).submit(sent(), PLAIN).box is None


@pytest.mark.parametrize(("side", "kept"), [("100000", True), ("100001", False), ("1e300", False)])
def test_a_box_beyond_any_picture_is_none(side: str, kept: bool, stage: Stage) -> None:  # noqa: FBT001 - a column of the table
    """Such a side is a slip of the header."""
    answer = good(**HEADERS | {"X-Foreground-Width": side})
    box = stage.client(answer).submit(sent(), PLAIN).box
    assert (box is not None) == kept


@pytest.mark.parametrize("headers", [{}, *({"X-Credits-Charged": it} for it in ("?", "nan", "-1"))])
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (PLAIN, 1.0),
        (PaidOptions(resolution="preview"), 0.25),
        (PaidOptions(resolution="auto"), 0.25),
        (PaidOptions(resolution="auto", crop=True), 1.0),
    ],
    ids=["full", "preview", "small auto", "cropped auto"],
)
def test_an_unstated_charge_is_estimated(
    headers: dict[str, str], options: PaidOptions, expected: float, stage: Stage
) -> None:
    """The estimate goes by what came back, errs upwards, and says that it is one."""
    result = stage.client(good(**headers)).submit(sent(), options)
    assert (result.charged, result.charge_stated) == (expected, False)


def test_a_free_call_is_stated_as_free(stage: Stage) -> None:
    """Zero is a number like any other."""
    result = stage.client(good(X_Credits_Charged="0")).submit(sent(), PLAIN)
    assert (result.charged, result.charge_stated) == (0.0, True)


def test_json_mode_carries_the_same_facts(stage: Stage) -> None:
    """The picture comes as base64, and the box from the JSON."""
    box = {"top": 3, "left": 4, "width": 20, "height": 10}
    stated = {f"foreground_{side}": value for side, value in box.items()}
    data = {"result_b64": base64.b64encode(encoded()).decode(), **stated}
    client = stage.client(httpx.Response(200, json={"data": data}), wire_format="json")
    result = client.submit(sent(), PLAIN)
    assert stage.requests[-1].headers["accept"] == "application/json"
    assert stage.form["format"] == "png"
    assert (result.format, result.content) == ("png", encoded())
    assert result.box == Box(4, 3, 20, 10)


@pytest.mark.parametrize(
    ("kind", "mode", "expected"),
    [("PNG", "RGBA", "png"), ("WEBP", "RGBA", "webp"), ("JPEG", "RGB", "jpeg")],
)
def test_the_format_is_what_the_bytes_are(
    kind: str, mode: str, expected: str, stage: Stage
) -> None:
    """Neither the format asked for nor the content type decides."""
    body = encoded(kind=kind, mode=mode)
    answer = httpx.Response(200, content=body, headers={"Content-Type": "text/html"})
    assert stage.client(answer).submit(sent(), PLAIN).format == expected


@pytest.mark.parametrize(
    ("resolution", "source", "result", "expected"),
    [
        ("full", (400, 300), (400, 300), "paid"),
        ("full", (400, 300), (396, 297), "paid"),
        ("full", (1200, 900), (577, 433), "degraded"),
        ("full", (6000, 4500), (5774, 4330), "paid"),
        ("preview", (2400, 1600), (612, 408), "paid"),
        ("medium", (2400, 1600), (1500, 1000), "paid"),
        ("medium", (2400, 1600), (612, 408), "degraded"),
        ("hd", (3000, 2000), (1500, 1000), "degraded"),
        ("50MP", (7000, 5000), (5774, 4330), "degraded"),
        ("auto", (2400, 1600), (612, 408), "degraded"),
        ("auto", (2400, 1600), (1200, 800), "paid"),
        ("auto", (500, 333), (500, 333), "paid"),
    ],
)
def test_clearly_smaller_than_asked_is_degraded(
    resolution: str, source: Size, result: Size, expected: str, stage: Stage
) -> None:
    """Rounding is forgiven, a preview in place of the picture is not."""
    options = PaidOptions.model_validate({"resolution": resolution})
    bought = stage.client(good(*result)).submit(sent(*source), options)
    assert bought.purchase_class == PurchaseClass(expected)


@pytest.mark.parametrize(("charged", "expected"), [("0.25", "degraded"), ("1", "paid")])
def test_a_cropped_preview_is_told_by_its_price(charged: str, expected: str, stage: Stage) -> None:
    """The size of a cropped result says nothing, a quarter of a credit does."""
    options = PaidOptions(resolution="auto", crop=True)
    bought = stage.client(good(X_Credits_Charged=charged)).submit(sent(2400, 1600), options)
    assert bought.purchase_class == PurchaseClass(expected)


def test_the_sandbox_marks_its_answers(stage: Stage) -> None:
    """What the sandbox returned never passes for a paid cutout, whatever its size."""
    bought = stage.client(good(X_Packshot_Class="test")).submit(sent(2400, 1600), PLAIN)
    assert bought.purchase_class == PurchaseClass.TEST
