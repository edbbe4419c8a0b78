"""What a provider's unit costs in money, so that one cap holds whoever cuts out."""

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from packshot.facts.errors import BadOption
from packshot.facts.job import Job

MAX_CREDITS = "max_credits"
MAX_COST = "max_cost"
FREE_UNIT = "free"
"""In which an account counts that costs nothing."""


@dataclass(frozen=True, slots=True)
class Tariff:
    """The price of one unit of an account."""

    unit: str
    per_unit: float | None
    """In `currency`; None where nobody has said it."""
    currency: str

    @classmethod
    def of(cls, job: Job, unit: str) -> "Tariff":
        """What the job says; what is free, or kept in the currency itself, needs no word."""
        currency = job.options.currency
        known = {FREE_UNIT: 0.0, currency: 1.0}.get(unit)
        return cls(unit, job.options.price_per_unit.get(job.provider, known), currency)

    def cost(self, amount: float) -> float | None:
        """An amount of units in money, in whole hundredths."""
        return None if self.per_unit is None else round(amount * self.per_unit, 2)

    def beside(self, amount: float) -> str:
        """The money, to be said behind an amount of units."""
        return beside(self.cost(amount), self.unit, self.currency)


def beside(cost: float | None, unit: str, currency: str) -> str:
    """A cost to be said behind its units; nothing where it would say the same."""
    same = cost is None or unit in {currency, FREE_UNIT}
    return "" if same else f" ({cost:,.2f} {currency})"


class Cap(NamedTuple):
    """The most that a run may spend, in the provider's unit."""

    amount: float
    option: str
    """The option that says so."""
    money: str = ""
    """What it says, where that is in money."""

    @property
    def said(self) -> str:
        """The option for people, before `allows 5`."""
        return f"`{self.option}`{self.money and f' ({self.money})'}"


def cap_of(job: Job, tariff: Tariff) -> Cap | None:
    """The tighter one of `max_credits` and `max_cost`. Raises `BadOption`."""
    caps = [] if job.max_credits is None else [Cap(job.max_credits, MAX_CREDITS)]
    if (cost := job.options.max_cost) is not None:
        if tariff.per_unit is None:
            raise BadOption(
                f"`max_cost` is in {tariff.currency}, and `{job.provider}` counts "
                f"in {tariff.unit}; say what one costs with `price_per_unit.{job.provider}`, "
                "or use `max_credits`"
            )
        if tariff.per_unit:
            units = Decimal(str(cost)) / Decimal(str(tariff.per_unit))  # 0.6 / 0.2 are 3
            money = "" if tariff.unit == tariff.currency else f"{cost:,.2f} {tariff.currency}"
            caps.append(Cap(float(units), MAX_COST, money))
    return min(caps, default=None)


def less(job: Job, spent: float, cost: float) -> Job:
    """The job with what is left of its caps after so many units, and so much money."""
    update: dict[str, object] = {}
    if job.max_credits is not None:
        update["max_credits"] = max(0.0, job.max_credits - spent)
    if job.options.max_cost is not None:
        left = max(0.0, round(job.options.max_cost - cost, 9))  # 1 - 3 * 0.2 is 0.4
        update["options"] = job.options.model_copy(update={"max_cost": left})
    return job.model_copy(update=update) if spent or cost else job
