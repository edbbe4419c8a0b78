"""What a unit costs in money, and the cap that holds whoever cuts out."""

from typing import Any

import pytest

from packshot.facts.errors import BadOption
from packshot.facts.job import Job
from packshot.facts.money import Cap, Tariff, cap_of, less


def job(**options: Any) -> Job:  # noqa: ANN401  whatever a job takes
    """A job with these options, and `max_credits` if it is among them."""
    flat = {"max_credits": options.pop("max_credits", None)}
    return Job(manifest="m", destination="d", provider="removebg", options=options, **flat)


def test_an_amount_is_said_in_both() -> None:
    """In hundredths; without a price nothing is said."""
    priced = Tariff.of(job(price_per_unit={"removebg": 0.2}, currency="EUR"), "credits")
    assert (priced.cost(12.25), priced.beside(12.25)) == (2.45, " (2.45 EUR)")
    other = Tariff.of(job(price_per_unit={"leonardo": 0.2}), "credits")
    assert (other.cost(12), other.beside(12)) == (None, "")


def test_an_account_in_money_needs_no_price() -> None:
    """And its amounts are not said twice."""
    tariff = Tariff.of(job(), "USD")
    assert (tariff.cost(1.5), tariff.beside(1.5)) == (1.5, "")
    assert Tariff.of(job(currency="EUR"), "USD").cost(1.5) is None


@pytest.mark.parametrize(
    ("said", "cap"),
    [
        ({}, None),
        ({"max_credits": 7}, Cap(7, "max_credits")),
        ({"max_cost": 2}, Cap(10, "max_cost", "2.00 USD")),
        ({"max_cost": 0.6}, Cap(3, "max_cost", "0.60 USD")),
        ({"max_cost": 2, "max_credits": 7}, Cap(7, "max_credits")),
        ({"max_cost": 1, "max_credits": 7}, Cap(5, "max_cost", "1.00 USD")),
        ({"max_cost": 0}, Cap(0, "max_cost", "0.00 USD")),
    ],
)
def test_the_tighter_cap_holds(said: dict[str, float], cap: Cap | None) -> None:
    """At 0.2 a credit."""
    asked = job(**said, price_per_unit={"removebg": 0.2})
    assert cap_of(asked, Tariff.of(asked, "credits")) == cap


def test_what_costs_nothing_is_not_capped_by_money() -> None:
    """A price of nought is no end."""
    asked = job(max_cost=1, price_per_unit={"removebg": 0})
    assert cap_of(asked, Tariff.of(asked, "credits")) is None


def test_a_cap_without_a_price_is_refused() -> None:
    """Nobody can hold to it."""
    asked = job(max_cost=1)
    with pytest.raises(BadOption, match=r"say what one costs with `price_per_unit\.removebg`"):
        cap_of(asked, Tariff.of(asked, "credits"))


def test_what_was_spent_is_taken_off_both() -> None:
    """Never below nothing."""
    asked = job(max_cost=2, max_credits=7, price_per_unit={"removebg": 0.2})
    left = less(asked, 3, 0.6)
    assert (left.max_credits, left.options.max_cost) == (4, pytest.approx(1.4))
    spent = less(asked, 30, 6.0)
    assert (spent.max_credits, spent.options.max_cost) == (0, 0)
    assert less(asked, 0, 0) == asked
    assert less(asked, 0, 0.6).max_credits == 7
