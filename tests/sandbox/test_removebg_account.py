"""What calls cost, and how fast one may be."""

import time

import pytest

from tests.sandbox.calling import Caller, picture


@pytest.mark.parametrize(
    ("size", "side", "charged"),
    [
        ("preview", 1000, "0.25"),
        ("regular", 1000, "0.25"),
        ("full", 1000, "1"),
        ("full", 400, "1"),
        ("medium", 1000, "1"),
        ("auto", 500, "0.25"),
        ("auto", 501, "1"),
    ],
)
def test_a_preview_costs_a_quarter(api: Caller, size: str, side: int, charged: str) -> None:
    """All else costs one credit; `auto` goes by the size of the result."""
    assert api.cut(picture(side, side), size=size).headers["x-credits-charged"] == charged
    assert api.state.credits == 10_000 - float(charged)


def test_the_account_tells_what_is_left(api: Caller) -> None:
    """Subscription is used first, and whole numbers have no point."""
    api.state.change({"subscription": 0.5, "payg": 10, "enterprise": 0, "free_calls": 0})
    api.cut(size="full")
    answer = api.http.get("/v1.0/account")
    credits_ = {"subscription": 0, "payg": 9.5, "enterprise": 0, "total": 9.5}
    told = {"credits": credits_, "api": {"free_calls": 0, "sizes": "all"}}
    assert answer.json() == {"data": {"attributes": told}}
    assert "x-ratelimit-limit" not in answer.headers
    assert '"subscription":0,' in answer.text


def test_an_account_without_credits_fails_calls(api: Caller) -> None:
    """402 carries a title and no code, and nothing goes below zero."""
    api.state.change({"subscription": 0.3})
    answer = api.cut(size="full")
    assert answer.status_code == 402
    assert answer.json() == {"errors": [{"title": "Insufficient credits"}]}
    assert api.cut(size="preview").status_code == 200
    assert api.cut(size="preview").status_code == 402


def test_auto_falls_to_a_preview_when_credits_run_short(api: Caller) -> None:
    """Less than one credit buys what it can."""
    api.state.change({"subscription": 0.5})
    answer = api.cut(picture(1000, 1000), size="auto")
    assert (answer.headers["x-width"], answer.headers["x-credits-charged"]) == ("500", "0.25")


def test_free_calls_pay_for_previews(api: Caller) -> None:
    """A free preview is charged nothing; the next one costs again."""
    api.state.change({"free_calls": 1})
    charged = [api.cut().headers["x-credits-charged"] for _ in range(2)]
    assert charged == ["0", "0.25"]


def test_the_balance_may_lag(api: Caller) -> None:
    """The account answers as it stood some seconds ago, and catches up."""
    api.state.change({"account_lag_seconds": 0.5})
    api.cut(size="full")

    def total() -> float:
        told = api.http.get("/v1.0/account").json()
        return float(told["data"]["attributes"]["credits"]["total"])

    assert total() == 10_000
    time.sleep(0.6)
    assert total() == 9_999


def test_the_window_opens_with_the_first_counted_call(api: Caller) -> None:
    """Successes share one reset about a window away; refusals do not count."""
    api.cut(size="huge")
    api.http.get("/v1.0/account")
    answers = [api.cut() for _ in range(3)]
    assert [a.headers["x-ratelimit-remaining"] for a in answers] == ["499", "498", "497"]
    resets = {int(a.headers["x-ratelimit-reset"]) for a in answers}
    assert len(resets) == 1
    assert 59 <= resets.pop() - time.time() <= 61


def test_a_picture_weighs_its_megapixels(api: Caller) -> None:
    """Input counts in whole megapixels, one at least, whatever the size of the result."""
    assert api.cut(picture(1600, 1200)).headers["x-ratelimit-remaining"] == "498"
    assert api.cut(picture(100, 100)).headers["x-ratelimit-remaining"] == "497"


def test_haste_is_refused_free_of_charge_until_the_window_ends(api: Caller) -> None:
    """429 says how long to wait, and waiting that long is enough."""
    api.state.change({"limit_megapixels": 2, "window_seconds": 1})
    assert [api.cut().status_code for _ in range(3)] == [200, 200, 429]
    answer = api.cut()
    assert answer.json() == {"errors": [{"title": "Rate limit exceeded"}]}
    assert answer.headers["x-ratelimit-remaining"] == "0"
    assert api.state.credits == 10_000 - 0.5
    time.sleep(float(answer.headers["retry-after"]))
    assert api.cut().status_code == 200
    assert api.state.throttled_429 == 2


def test_without_a_limit_nothing_is_said_of_it(api: Caller) -> None:
    """Benchmarks may run unthrottled."""
    api.state.change({"limit_megapixels": None})
    assert "x-ratelimit-limit" not in api.cut().headers
