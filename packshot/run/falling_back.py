"""What one provider could not do tonight, as a job for the next one in the list."""

import io
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from packshot.decisions.falling_back import NO_TURN, Undone, moves_on
from packshot.facts.errors import BadOption, PackshotError
from packshot.facts.job import Job
from packshot.facts.money import Tariff, cap_of
from packshot.facts.purchase import PurchaseClass
from packshot.providers.registry import PROVIDERS
from packshot.run.summary import Money, Summary
from packshot.run.workshop import Place, make_provider


class LeftOver(NamedTuple):
    """What moves on to the next provider."""

    keys: list[str]
    outcomes: Counter[str]
    """Of the rows that move on."""


UNDONE = ["failed", "deferred", "rejected"]
COLUMNS = ["key", "outcome", "reason_code", "calls", "charged", "uncertain"]


def check_fallbacks(job: Job, key_of: Callable[[str], str | None]) -> None:
    """Raise `BadOption` where the list cannot be kept to; one without a key is passed over."""
    for name in job.options.fallback:
        entry = PROVIDERS.get(name)
        if entry is None:
            raise BadOption(
                f"`fallback` names no provider with `{name}`; there are {', '.join(PROVIDERS)}"
            )
        if name == job.provider:
            raise BadOption(f"`fallback` names `{name}`, which is the provider itself; remove it")
        if entry.purchase_class is not PurchaseClass.PAID:
            if not job.options.fallback_free:
                raise BadOption(
                    f"`fallback` names `{name}`, whose cutouts would stand in for paid ones; "
                    "remove it, or let it with `fallback_free`"
                )
        elif job.options.max_cost is None:
            raise BadOption(
                f"`fallback` names `{name}`, which is paid, and no cap holds for both; set "
                "`max_cost`, and `price_per_unit` of each provider"
            )
        elif key := key_of(name):
            asked = job_of_fallback(job, name, None)
            with closing(make_provider(asked, key)) as provider:
                cap_of(asked, Tariff.of(asked, provider.unit))


def left_over(job: Job, summary: Summary) -> LeftOver:
    """The items that a run could not do, and another provider may."""
    place = Place.of(job)
    packed = place.state.read(f"{place.run_folder(summary.run_id)}/report.parquet")
    undone = [("outcome", "in", UNDONE)]  # of a million rows these are few
    rows = pq.read_table(io.BytesIO(packed), columns=COLUMNS, filters=undone).to_pylist()
    causes = job.options.fallback_on
    slow = any(row["reason_code"] == NO_TURN for row in rows) and _all_throttled(place, summary)
    moved = [
        row for row in rows if row["key"] and moves_on(_undone(row), causes, all_throttled=slow)
    ]
    keys = list(dict.fromkeys(row["key"] for row in moved))
    return LeftOver(keys, Counter(row["outcome"] for row in moved))


def _all_throttled(place: Place, summary: Summary) -> bool:
    """Whether the provider told every call of a run to wait, and took none."""
    packed = place.state.read(f"{place.run_folder(summary.run_id)}/attempts.parquet")
    others = [("code", "!=", "throttled")]
    taken = pq.read_table(io.BytesIO(packed), columns=["code"], filters=others)
    return summary.calls > 0 and taken.num_rows == 0


def _undone(row: Mapping[str, Any]) -> Undone:
    return Undone(
        outcome=row["outcome"],
        code=row["reason_code"],
        calls=row["calls"] or 0,
        charged=row["charged"] or 0.0,
        uncertain=row["uncertain"] or 0.0,
    )


def at_most(job: Job, money: Money) -> float:
    """What a run may have cost in the job's money: charged, and perhaps charged."""
    price = Tariff.of(job, money.unit).per_unit or 0.0
    return price * (money.charged + money.uncertain)  # not in hundredths: a unit may cost less


def reason_against(job: Job, key: str | None, wanted: PurchaseClass) -> str | None:
    """Why a provider may not stand in tonight; None where it may."""
    try:
        with closing(make_provider(job, key)) as provider:
            offered = provider.account().purchase_class
    except PackshotError as error:
        return str(error)
    if offered.satisfies(wanted) or (offered is PurchaseClass.FREE and job.options.fallback_free):
        return None
    return f"its cutouts are of class `{offered}`, which does not stand in for `{wanted}`"


def job_of_fallback(job: Job, provider: str, keys: list[str] | None) -> Job:
    """The same night with another provider, and with these items.

    `max_cost` stays: what the flow run has spent before is taken off it as each part begins.
    """
    options = job.options.model_copy(
        update={
            "provider_url": job.options.provider_urls.get(provider),
            "fallback": [],
            "insist": True,
            "yes": None,
            "sample": None if keys is not None else job.options.sample,
            "plan": None,
        }
    )
    return job.model_copy(
        update={
            "provider": provider,
            "max_credits": None,
            "keep_credits": None,
            "only": job.only if keys is None else keys,
            "limit": job.limit if keys is None else None,
            "options": options,
        }
    )


def together(first: Summary, moved: LeftOver, then: Summary) -> Summary:
    """A night's runs as one: what moved on ended with the later run."""
    outcomes = Counter(first.outcomes) - moved.outcomes + Counter(then.outcomes)
    return then.model_copy(update={"items": first.items, "outcomes": dict(outcomes)})
