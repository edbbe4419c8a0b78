"""Several providers side by side: within a budget, on one page that asks nothing of the network."""

import re
from pathlib import Path

import pytest

from packshot.facts.errors import BadOption
from packshot.run.comparing import check_budget, compare
from tests.run.nights import KEY, Shop

PRICES = {"removebg": 0.5, "photoroom": 0.1}


@pytest.fixture
def shown(shop: Shop) -> Shop:
    """Six pictures that cost a whole unit each."""
    for number in range(6):
        shop.draw(f"{number}.png", colour=number, size=(800, 600))
    shop.list(*(shop.row(f"S{number}", f"{number}.png") for number in range(6)))
    shop.settings = {
        "provider_urls": {"removebg": f"{shop.market.url}/v1.0", "photoroom": shop.market.url},
        "price_per_unit": PRICES,
        "sample": 3,
    }
    return shop


def compared(shop: Shop, *providers: str, **changes: object) -> str:
    """The page."""
    job = shop.job(**changes).model_copy(update={"destination": str(shop.folder / "compared")})
    check_budget(job, providers)
    return compare(job, providers, lambda _: KEY).read_text()


def test_each_cuts_the_same_sample(shown: Shop) -> None:
    """Money, times, boxes and differences stand beside the pictures, which are in the page."""
    page = compared(shown, "removebg", "photoroom", "local", max_cost=10)
    assert shown.market.state.charged_calls == 3
    assert shown.market.state.snapshot()["providers"]["photoroom"]["charged_calls"] == 3
    assert page.count('class="cut"') == 9
    assert page.count("data:image/jpeg") == 3
    assert "3 credits, 1.50 USD" in page
    assert "3 images, 0.30 USD" in page
    assert page.count("box as given 700") == 0
    assert page.count("box computed") == 9
    assert page.count("difference 0.0 %") >= 3
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    folder = shown.folder / "compared" / "pictures"
    assert {len(list(Path(folder / name).glob("*/*.png"))) for name in ("removebg", "local")} == {3}


def test_the_budget_holds_over_all_of_them(shown: Shop) -> None:
    """What the first has spent is not there for the second."""
    page = compared(shown, "removebg", "photoroom", max_cost=1.6)
    assert shown.market.state.charged_calls == 3
    assert shown.market.state.snapshot()["providers"]["photoroom"]["charged_calls"] == 1
    assert "`max_cost`" in page


def test_money_that_may_be_gone_is_not_spent_again(shown: Shop) -> None:
    """Calls that were answered in pieces count against the budget of all."""
    shown.fail_next("truncated_body", 20)
    compared(shown, "removebg", "photoroom", max_cost=1.5)
    spent = shown.market.state.credits_charged * PRICES["removebg"]
    others = shown.market.state.snapshot()["providers"]["photoroom"]["charged"]
    assert spent > 0
    assert spent + others * PRICES["photoroom"] <= 1.5


def test_a_provider_that_cannot_be_asked_stops_before_anything_is_bought(shown: Shop) -> None:
    """Its account is asked for first, so that nothing is paid for and then not shown."""
    wrong = {"removebg": f"{shown.market.url}/v1.0", "photoroom": f"{shown.market.url}/nowhere"}
    with pytest.raises(BadOption, match="provider-url"):
        compared(shown, "removebg", "photoroom", max_cost=9, provider_urls=wrong)
    assert shown.market.state.charged_calls == 0


def test_compared_again_nothing_is_bought(shown: Shop) -> None:
    """The folder remembers."""
    for _ in range(2):
        compared(shown, "removebg", "local", max_cost=10)
    assert shown.market.state.charged_calls == 3


@pytest.mark.parametrize(
    ("providers", "changes", "said"),
    [
        (("removebg",), {}, "give a budget with `--max-cost`"),
        (("removebg",), {"max_cost": 1, "price_per_unit": {}}, "price_per_unit.removebg"),
        (("remove",), {}, "There is no provider `remove`"),
        (
            ("removebg", "photoroom"),
            {"max_cost": 9, "price_per_unit": {"removebg": 0.5}},
            "price_per_unit.photoroom",
        ),
    ],
)
def test_what_is_paid_needs_a_budget(
    shown: Shop, providers: tuple[str, ...], changes: dict[str, object], said: str
) -> None:
    """Nothing is bought before."""
    with pytest.raises(BadOption, match=said):
        compared(shown, *providers, **changes)
    assert shown.market.state.posts == 0


def test_a_provider_that_cannot_is_said_on_the_page(shown: Shop) -> None:
    """The others are shown all the same; what comes from a catalog is text, not markup."""
    shown.settings["provider_urls"]["photoroom"] = "http://127.0.0.1:9"
    shown.list(shown.row("<b>S0</b>", "0.png"))
    page = compared(shown, "photoroom", "removebg", max_cost=10)
    assert "was not reached" in page
    assert page.count('class="cut"') == 1
    assert "&lt;b&gt;S0&lt;/b&gt;" in page
    assert "<b>S0" not in page
