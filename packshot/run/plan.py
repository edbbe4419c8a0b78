"""What a run would do, in numbers: rows, calls, credits and minutes."""

import math
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Self

import duckdb
from pydantic import BaseModel, ConfigDict

from packshot.decisions.delta import FETCHES, PlanState
from packshot.decisions.quote import USUAL_MEGAPIXELS, Demand, Quote, said_minutes, weight_of
from packshot.facts.job import Options
from packshot.facts.paid_options import PaidOptions
from packshot.facts.variant import Variant, megapixels_needed
from packshot.providers.face import Provider
from packshot.providers.registry import PROVIDERS
from packshot.run.options_compared import megapixels_of
from packshot.run.planning import PlanFiles

_LARGE = frozenset({"full", "auto", "50MP"})
"""Resolutions that leave out nothing of a picture that a shop would show."""


class LargerPurchase(BaseModel):
    """What it would take to buy anew the pictures that are too small for a variant."""

    model_config = ConfigDict(frozen=True)

    pictures: int
    cost: float
    """At most, in the provider's unit."""
    minutes: float
    """At the provider's pace."""

    @classmethod
    def quoted(cls, quote: Quote) -> Self | None:
        """The sum of it; None where every picture is large enough."""
        wanted = quote.demand
        if not wanted.calls:
            return None
        minutes = round(quote.minutes_likely, 2)
        return cls(pictures=wanted.calls, cost=wanted.at_most, minutes=minutes)

    def sentence(self, unit: str) -> str:
        """For people; such pictures are left alone until a larger purchase is asked for."""
        cost = f"{self.cost:,g} {unit}" if self.cost else "nothing"
        return (
            f"a variant wants more pixels than were bought of {self.pictures:,} known "
            f"picture{'' if self.pictures == 1 else 's'}; to buy larger would cost {cost} "
            f"and take about {said_minutes(self.minutes)}"
        )


class Plan(BaseModel):
    """The plan as people and machines read it; the rows lie in `plan.parquet`."""

    model_config = ConfigDict(frozen=True)

    catalog: str
    provider: str
    purchase_class: str
    unit: str
    understood: list[str]
    rows: int
    states: dict[str, int]
    reasons: dict[str, int]
    known: int
    gone: int
    fetches: int
    calls_at_most: int
    calls_likely: int
    at_most: float
    likely: float
    currency: str = "USD"
    at_most_cost: float | None = None
    """In `currency`; none where nobody has said what a unit costs."""
    likely_cost: float | None = None
    minutes_at_most: float
    minutes_likely: float
    minutes_saved: float = 0.0
    """So much longer the likely calls would take if no source were shrunk before it is sent."""
    larger: LargerPurchase | None = None
    """What larger variants would cost; none where every purchase is large enough."""
    balance: float | None
    kinds: dict[str, float]
    free_calls: int
    verdict: str
    message: str
    unknowns: list[str]
    """What is guessed; of an exact plan, what was found."""
    exact: bool = False
    """True when the sources were fetched, so that nothing is guessed."""


def counts(connection: duckdb.DuckDBPyConnection, files: PlanFiles, column: str) -> dict[str, int]:
    """How often each value of a plan column occurs."""
    rows = connection.execute(
        f"SELECT {column}, count(*) FROM read_parquet(?) WHERE {column} IS NOT NULL "
        "GROUP BY 1 ORDER BY 2 DESC, 1",
        [str(files.plan)],
    ).fetchall()
    return {str(name): int(count) for name, count in rows}


def demand(connection: duckdb.DuckDBPyConnection, work: Path, provider: Provider) -> Demand:
    """What the work file may cost at most, and what it will likely cost.

    A picture to check is likely unchanged; equal URLs are likely equal pictures.
    """
    megapixels = "known_source_width::DOUBLE * known_source_height / 1e6"
    rows = connection.execute(
        "SELECT state, paid_options, count(*), count(DISTINCT url), "
        f"avg({megapixels}), avg(least({megapixels}, {megapixels_of('paid_options')})) "
        "FROM read_parquet(?) GROUP BY 1, 2",
        [str(work)],
    ).fetchall()
    calls = likely_calls = 0
    at_most = likely = weight = spared = largest = 0.0
    cheapest = math.inf
    for state, canonical, count, urls, whole, sent in rows:
        if PlanState(state) not in FETCHES:
            continue
        options = PaidOptions.from_canonical(canonical)
        price = provider.price(options, sent)
        most_sent = _most_sent(options)
        most = provider.price(options, None).at_most  # other bytes may be another size
        surely = 0 if state == PlanState.CHECK else urls
        calls += count
        likely_calls += surely
        at_most += count * most
        cheapest = min(cheapest, most)
        likely += surely * price.likely
        each = weight_of(sent or min(USUAL_MEGAPIXELS, most_sent))
        weight += surely * each
        spared += surely * (weight_of(whole or USUAL_MEGAPIXELS) - each)
        largest = max(largest, most_sent)
    return Demand(
        calls=calls,
        at_most=round(at_most, 4),
        likely=round(likely, 4),
        likely_calls=likely_calls,
        megapixels_likely=weight or None,
        cheapest=cheapest,
        megapixels_spared=spared,
        largest=largest or math.inf,
    )


def _most_sent(options: PaidOptions) -> float:
    """Megapixels that no source exceeds once it is sent."""
    return math.inf if options.shrunk_to is None else float(options.shrunk_to)


def larger_purchase(
    connection: duckdb.DuckDBPyConnection, provider: Provider, variants: Iterable[Variant]
) -> Demand:
    """What it takes to buy anew what is too small for a variant. The plan's tables must exist."""
    rows = connection.execute(
        "SELECT s.paid_options, count(*), avg(l.source_width::DOUBLE * l.source_height / 1e6) "
        "FROM numbered n JOIN staged s ON s.seq = n.seq JOIN ledger l ON l.key = s.key "
        f"WHERE n.state = '{PlanState.NEEDS_LARGER}' GROUP BY 1"
    ).fetchall()
    needed = megapixels_needed(variants)
    calls, cost, weight = 0, 0.0, 0.0
    for canonical, count, whole in rows:
        options = _enlarged(PaidOptions.from_canonical(canonical), needed)
        sent = min(whole or USUAL_MEGAPIXELS, _most_sent(options))
        calls += count
        cost += count * provider.price(options, sent).at_most
        weight += count * weight_of(sent)
    return Demand(calls, round(cost, 4), round(cost, 4), calls, weight or None)


def _enlarged(options: PaidOptions, needed: int | None) -> PaidOptions:
    """The same purchase in the largest resolution, shrunk no further than all variants need."""
    resolution = options.resolution if options.resolution in _LARGE else "full"
    shrunk = needed if options.purchase_megapixels else None
    return options.model_copy(update={"resolution": resolution, "purchase_megapixels": shrunk})


def about_shrinking(options: Options, *, new: int) -> list[str]:
    """What `purchase_megapixels` cannot do or is not known to do, as sentences.

    `new` pictures have not been looked at.
    """
    if options.paid.purchase_megapixels is None:
        return []
    said = []
    used = options.purchase.shrunk_to
    if used is None:
        said.append(
            "`purchase_megapixels: auto` sends every picture whole: a variant has no longest side "
            "or more than 50 megapixels, or something is cropped to the product"
        )
        return said
    needed = megapixels_needed(options.variants)
    if needed is not None and needed > used:
        said.append(
            f"`purchase_megapixels: {used}` is less than the {needed} that the variants need for "
            "pictures of any shape; what comes out smaller needs review"
        )
    if new:
        said.append(
            f"new pictures are taken for {USUAL_MEGAPIXELS:g} megapixels each; what shrinking "
            f"them to {used} saves shows once they are fetched"
        )
    return said


def about_outputs(options: Options, provider: str, known: int) -> list[str]:
    """What becomes of `outputs`, as sentences; `known` pictures are on record."""
    if not options.outputs:
        return []
    names = ", ".join(f"`{output.name}`" for output in options.outputs)
    if not PROVIDERS[provider].makes_outputs:
        return [f"`{provider}` makes none of `outputs` ({names}): its cutouts will need review"]
    if not known:
        return []
    return [f"pictures that were bought without {names} stay without; `recut: all` buys them anew"]


def about_white(options: Options, fetches: int) -> list[str]:
    """What `skip_white` may spare, as sentences."""
    if not (options.skip_white and fetches):
        return []
    said = (
        f"`skip_white`: {fetches} pictures are fetched, and those whose ground is white already "
        "are left out; how many shows only then, so at most and likely count them"
    )
    return [said]


def unknowns(states: dict[str, int], recut_since: datetime | None) -> list[str]:
    """What the plan cannot know, as sentences; `recut_since` is that of one that goes on."""
    said = []
    if recut_since is not None:
        said.append(
            f"`recut: all` goes on where it was cut short: what was bought again since "
            f"{recut_since:%Y-%m-%d %H:%M} UTC is not bought once more"
        )
    if new := states.get(PlanState.NEW, 0):
        said.append(
            f"{new} new pictures have not been fetched: equal ones are bought once, and "
            "transparent or broken ones not at all"
        )
    if checks := states.get(PlanState.CHECK, 0):
        said.append(f"{checks} known pictures are re-asked; only those with other bytes cost")
    return said
