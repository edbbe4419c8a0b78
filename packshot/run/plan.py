"""What a run would do, in numbers: rows, calls, credits and minutes."""

import math
from datetime import datetime
from pathlib import Path

import duckdb
from pydantic import BaseModel, ConfigDict

from packshot.decisions.delta import FETCHES, PlanState
from packshot.decisions.quote import USUAL_MEGAPIXELS, Demand
from packshot.facts.paid_options import PaidOptions
from packshot.providers.face import Provider
from packshot.run.planning import PlanFiles


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
    minutes_at_most: float
    minutes_likely: float
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
    rows = connection.execute(
        "SELECT state, paid_options, count(*), count(DISTINCT url), "
        "avg(known_source_width::DOUBLE * known_source_height / 1e6) "
        "FROM read_parquet(?) GROUP BY 1, 2",
        [str(work)],
    ).fetchall()
    calls = likely_calls = 0
    at_most = likely = megapixels = 0.0
    cheapest = math.inf
    for state, canonical, count, urls, size in rows:
        if PlanState(state) not in FETCHES:
            continue
        options = PaidOptions.from_canonical(canonical)
        price = provider.price(options, size)
        most = provider.price(options, None).at_most  # other bytes may be another size
        surely = 0 if state == PlanState.CHECK else urls
        calls += count
        likely_calls += surely
        at_most += count * most
        cheapest = min(cheapest, most)
        likely += surely * price.likely
        megapixels += surely * max(1.0, math.ceil(size or USUAL_MEGAPIXELS))
    return Demand(
        calls=calls,
        at_most=round(at_most, 4),
        likely=round(likely, 4),
        likely_calls=likely_calls,
        megapixels_likely=megapixels or None,
        cheapest=cheapest,
    )


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
