"""Hosts that speak remove.bg's wire format, and what each does otherwise."""

import math

import httpx
import pytest

from packshot.facts.errors import ImageRefused, Throttled
from packshot.facts.paid_options import PaidOptions
from packshot.providers.face import Source
from packshot.providers.removebg import RemoveBg
from packshot.providers.removebg_hosts import HOSTS
from tests.providers.playing import KEY, Stage, good, sent


@pytest.mark.parametrize("name", HOSTS)
def test_each_has_its_address_and_its_pace(stage: Stage, name: str) -> None:
    """And another address may be named all the same."""
    host = HOSTS[name]  # type: ignore[index]
    client = stage.client(good(x_credits_charged="1"), settings={"host": name})
    assert client.submit(sent(), PaidOptions()).charged == 1
    assert str(stage.requests[-1].url) == f"{host.base_url}/removebg"
    assert (client.pace.per_window, client.accepts) == (host.per_minute, host.accepts)
    other = RemoveBg(KEY, base_url="https://example.com/v1.0", settings={"host": name})
    assert "example.com" in repr(other)
    other.close()


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [("key", "x-api-key", KEY), ("bearer", "authorization", f"Bearer {KEY}")],
)
def test_the_key_is_shown_as_asked(stage: Stage, auth: str, header: str, value: str) -> None:
    """In one header, never in both."""
    stage.client(settings={"auth": auth}).submit(sent(), PaidOptions())
    headers = stage.requests[-1].headers
    assert headers[header] == value
    assert len({"x-api-key", "authorization"} & headers.keys()) == 1


PACE = {"x_ratelimit_limit": "20", "x_ratelimit_remaining": "0", "x_ratelimit_reset": "30"}


@pytest.mark.parametrize(("name", "readings"), [("removebg", 1), ("pixian", 0), ("pixmiller", 0)])
def test_pace_headers_are_read_where_their_meaning_is_known(
    stage: Stage, name: str, readings: int
) -> None:
    """Pixian sends them and says that they do not mean what remove.bg's do."""
    client = stage.client(good(**PACE), settings={"host": name})
    assert len(client.submit(sent(), PaidOptions()).pace) == readings


@pytest.mark.parametrize(("name", "wait"), [("removebg", 30), ("pixian", None)])
def test_a_429_waits_by_the_window_where_its_meaning_is_known(
    stage: Stage, name: str, wait: float | None
) -> None:
    """`Retry-After` counts everywhere."""
    headers = {key.replace("_", "-"): value for key, value in PACE.items()}
    refused = httpx.Response(429, headers=headers)
    client = stage.client(refused, settings={"host": name})
    with pytest.raises(Throttled) as caught:
        client.submit(sent(), PaidOptions())
    assert caught.value.wait_seconds == wait
    stage.answer = httpx.Response(429, headers=headers | {"retry-after": "7"})
    with pytest.raises(Throttled) as caught:
        client.submit(sent(), PaidOptions())
    assert caught.value.wait_seconds == 7


def test_a_balance_that_nobody_tells_is_not_asked_for(stage: Stage) -> None:
    """Pixian has no account at this address."""
    assert stage.client(settings={"host": "pixian"}).account().total == math.inf
    assert stage.requests == []


@pytest.mark.parametrize(
    ("host", "options"),
    [
        ("pixian", PaidOptions(region="0% 0% 50% 50%")),
        ("pixian", PaidOptions(foreground_type="car")),
        ("pixian", PaidOptions(shadow_type="drop")),
        ("pixmiller", PaidOptions(shadow_type="drop")),
        ("pixmiller", PaidOptions(resolution="preview")),
        ("pixmiller", PaidOptions(resolution="auto")),
        ("pixmiller", PaidOptions(semitransparency=False)),
        ("pixmiller", PaidOptions(removebg={"shadow_types": "car:3D"})),
        ("pixian", PaidOptions(removebg={"scale": "80%"})),
        ("pixian", PaidOptions(removebg={"position": "center"})),
        ("pixian", PaidOptions(removebg={"shadow_types": "car:3D"})),
    ],
)
def test_what_a_host_passes_over_is_refused_before(
    stage: Stage, host: str, options: PaidOptions
) -> None:
    """It would be charged and not done; remove.bg itself does it."""
    with pytest.raises(ImageRefused) as caught:
        stage.client(settings={"host": host}).submit(sent(), options)
    assert (caught.value.code, stage.requests) == ("option_not_supported", [])
    stage.client().submit(sent(), options)
    assert len(stage.requests) == 1


@pytest.mark.parametrize(("host", "price"), [("removebg", 0.25), ("pixian", 1.0)])
def test_what_auto_costs_depends_on_the_host(stage: Stage, host: str, price: float) -> None:
    """A small picture is a preview at remove.bg only; less set aside would burst the cap."""
    client = stage.client(settings={"host": host})
    assert client.price(PaidOptions(resolution="auto"), 0.2).at_most == price


def test_what_a_host_does_not_take_is_not_sent(stage: Stage) -> None:
    """32 megapixels at Pixian."""
    large = Source(b"x", "0" * 64, "JPEG", 8000, 5000)
    with pytest.raises(ImageRefused) as caught:
        stage.client(settings={"host": "pixian"}).submit(large, PaidOptions())
    assert (caught.value.code, stage.requests) == ("resolution_too_high", [])
