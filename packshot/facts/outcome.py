"""How an item can end, and the row that says so."""

from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from packshot.facts.purchase import Box


class Outcome(StrEnum):
    """The closed set of endings; each item has exactly one per run."""

    CUT = "cut"
    RECOVERED = "recovered"
    REUSED = "reused"
    REFRESHED = "refreshed"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    REJECTED = "rejected"
    FAILED = "failed"
    DEFERRED = "deferred"


MEANING = {
    Outcome.CUT: "bought in this run",
    Outcome.RECOVERED: "a purchase was found that no ledger row knew",
    Outcome.REUSED: "the same picture had been bought before",
    Outcome.REFRESHED: "only the finished pictures were out of date",
    Outcome.UNCHANGED: "nothing to do",
    Outcome.SKIPPED: "needs no cutout",
    Outcome.REJECTED: "cannot succeed until someone changes it",
    Outcome.FAILED: "every try failed; later nights try again",
    Outcome.DEFERRED: "not tried; the next run takes it up",
}
"""One line per outcome, for tables that people read."""

TRANSPARENT_ALREADY = "already_transparent"
WHITE_ALREADY = "white_already"
"""Code of what is skipped as long as `skip_white` says so."""

HAS_PICTURE = frozenset(
    {Outcome.CUT, Outcome.RECOVERED, Outcome.REUSED, Outcome.REFRESHED, Outcome.UNCHANGED}
)


class Published(NamedTuple):
    """One finished picture at the destination."""

    variant: str
    path: str
    width: int
    height: int
    bytes: int


@dataclass(slots=True, kw_only=True)
class Knowledge:
    """What is remembered about an item between runs: one row of the ledger."""

    key: str
    sku: str | None = None
    position: int | None = None
    url_hash: str | None = None
    url: str | None = None
    status: str | None = None
    """`cut`, `skipped`, `rejected` or `failed`."""
    reason_code: str | None = None
    reason: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    checked_at: datetime | None = None
    content_hash: str | None = None
    source_format: str | None = None
    source_width: int | None = None
    source_height: int | None = None
    source_bytes: int | None = None
    paid_options: str | None = None
    fingerprint: str | None = None
    provider: str | None = None
    purchase_class: str | None = None
    foreground_type: str | None = None
    box_stated: Box | None = None
    box_computed: Box | None = None
    result_width: int | None = None
    result_height: int | None = None
    bought_at: datetime | None = None
    charged_once: float | None = None
    unit: str | None = None
    recipe: str | None = None
    pictures: list[Published] = field(default_factory=list)
    review_code: str | None = None
    review: str | None = None
    refused_under: str | None = None
    """Names the settings that led to a rejection which others may not."""
    attempts: int = 0
    first_failed_at: datetime | None = None
    retry_at: datetime | None = None
    gone_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Seconds:
    """Where an item's time went."""

    fetch: float = 0.0
    prepare: float = 0.0
    wait: float = 0.0
    call: float = 0.0
    keep: float = 0.0
    derive: float = 0.0
    publish: float = 0.0
    total: float = 0.0


@dataclass(slots=True, kw_only=True)
class Ending:
    """How one item ended in one run: what the report shows and what the ledger learns."""

    outcome: Outcome
    reason_code: str | None = None
    reason: str | None = None
    known: Knowledge
    learned: bool = True
    """False when the ledger has nothing to learn from this ending."""
    paid_before: float = 0.0
    """What the purchase cost when it was made, where an earlier or another run made it."""
    seconds: Seconds = field(default_factory=Seconds)
    ended_at: datetime | None = None


KNOWLEDGE_FIELDS = tuple(f.name for f in fields(Knowledge))
SECONDS_FIELDS = tuple(f.name for f in fields(Seconds))


def ending_event(ending: Ending) -> dict[str, object]:
    """A flat row of an ending, ready for JSON; what is remembered keeps its own reason."""
    known = {name: getattr(ending.known, name) for name in KNOWLEDGE_FIELDS}
    known["pictures"] = [picture._asdict() for picture in ending.known.pictures]
    known["remembered_code"] = known.pop("reason_code")
    known["remembered_reason"] = known.pop("reason")
    return {
        "kind": "ending",
        **known,
        **{f"{name}_seconds": round(getattr(ending.seconds, name), 4) for name in SECONDS_FIELDS},
        "outcome": ending.outcome,
        "reason_code": ending.reason_code,
        "reason": ending.reason,
        "learned": ending.learned,
        "paid_before": ending.paid_before,
        "ended_at": ending.ended_at,
    }
