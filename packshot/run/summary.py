"""A run in numbers, from the tables of its report."""

from datetime import datetime
from typing import Any

import duckdb
from pydantic import BaseModel, ConfigDict

from packshot.decisions.delta import PlanState
from packshot.facts.outcome import SECONDS_FIELDS, Outcome
from packshot.world.tables import scalar

TOP_ERRORS = 10
WAITED_FOR = ("pace", "slot", "pause", "provider", "hosts", "store", "cpu")
"""The provider's window, a call's place or the account's, a 429, the answer, pictures to come,
object storage to take what was made, and the processor to make it."""
AS_BEFORE = frozenset({Outcome.UNCHANGED, Outcome.SKIPPED, Outcome.REJECTED, Outcome.DEFERRED})
"""Outcomes of a night in which no picture was touched."""


class Money(BaseModel):
    """The books of a run, in the provider's unit."""

    model_config = ConfigDict(frozen=True)

    unit: str
    charged: float
    uncertain: float
    paid_before: float
    balance_before: float | None
    balance_after: float | None
    difference: float | None
    """Balance before, less charged, less balance after; a lagging account shows here too."""
    currency: str = "USD"
    cost: float | None = None
    """`charged` in `currency`; none where nobody has said what a unit costs."""

    @property
    def unexplained(self) -> float:
        """What of the difference unanswered calls cannot have cost."""
        left = self.difference or 0.0
        return left if left < 0 else max(0.0, round(left - self.uncertain, 4))


class Stage(BaseModel):
    """Seconds per item in one stage, over the items that went through it."""

    model_config = ConfigDict(frozen=True)

    p50: float
    p95: float
    total: float


class Summary(BaseModel):
    """What `summary.json` holds."""

    model_config = ConfigDict(frozen=True)

    version: int = 1
    run_id: str
    catalog: str
    provider: str
    purchase_class: str
    started_at: datetime
    finished_at: datetime
    seconds: float
    interrupted: bool
    """True when the run died and a later one published it."""
    stopped: str | None
    """Why the run stopped before its end, as a sentence."""
    stop_code: str | None
    rows: int
    items: int
    gone: int
    outcomes: dict[str, int]
    plan_states: dict[str, int]
    needs_review: int
    money: Money
    calls: int
    retries: int
    throttled: int
    images_per_minute: float
    allowance_share: float | None
    """Share of the provider's allowance used while work was waiting for it."""
    waits: dict[str, float]
    """Seconds that all workers together spent on each of `WAITED_FOR`."""
    stages: dict[str, Stage]
    top_errors: list[tuple[str, int]]
    report: str

    @property
    def waited(self) -> list[tuple[str, float]]:
        """What took a worker's second at least, the longest first."""
        known = [(name, self.waits.get(name, 0.0)) for name in WAITED_FOR]
        return sorted((each for each in known if each[1] >= 1), key=lambda each: -each[1])

    @property
    def failed(self) -> int:
        """Items that did not succeed tonight, rejected ones included."""
        return self.outcomes.get("failed", 0) + self.outcomes.get("rejected", 0)

    @property
    def deferred(self) -> int:
        """Items that the next run takes up."""
        return self.outcomes.get("deferred", 0)

    @property
    def nothing_changed(self) -> bool:
        """Whether the catalog is as the run before left it; what backs off waits for its day."""
        return (
            self.outcomes.get(Outcome.UNCHANGED, 0) > 0
            and self.outcomes.keys() <= AS_BEFORE
            and self.deferred == self.plan_states.get(PlanState.WAITING, 0)
            and self.calls == 0
            and self.stopped is None
            and not self.interrupted
        )


def summarise(
    connection: duckdb.DuckDBPyConnection, started: dict[str, Any], live: dict[str, Any]
) -> Summary:
    """Count the report. Tables `report`, `attempts`, `endings` and view `ledger` must exist."""
    began = datetime.fromisoformat(started["started_at"]).replace(tzinfo=None)
    ended = live.get("finished_at") or _last_event(connection) or began
    seconds = max(live.get("seconds") or (ended - began).total_seconds(), 0.001)
    outcomes = _counts(connection, "outcome")
    done = sum(outcomes.get(name, 0) for name in ("cut", "recovered", "reused", "refreshed"))
    stop_code, stopped = live.get("stop") or (None, None)
    stages = _stages(connection)
    return Summary(
        run_id=started["run_id"],
        catalog=started["catalog"],
        provider=started["provider"],
        purchase_class=started["purchase_class"],
        started_at=began,
        finished_at=ended,
        seconds=round(seconds, 3),
        interrupted=bool(live.get("interrupted")),
        stopped=stopped,
        stop_code=stop_code,
        rows=scalar(connection, "SELECT count(DISTINCT (file, row)) FROM report"),
        items=scalar(connection, "SELECT count(*) FROM report"),
        gone=int(started.get("gone") or 0),
        outcomes=outcomes,
        plan_states=_counts(connection, "plan_state"),
        needs_review=scalar(connection, "SELECT count(*) FROM report WHERE needs_review"),
        money=_money(connection, started, live),
        calls=scalar(connection, "SELECT count(*) FROM attempts"),
        retries=scalar(connection, "SELECT count(*) - count(DISTINCT fingerprint) FROM attempts"),
        throttled=scalar(connection, "SELECT count(*) FROM attempts WHERE code = 'throttled'"),
        images_per_minute=round(done / seconds * 60, 2),
        allowance_share=live.get("allowance_share"),
        waits=_waits(live.get("waits") or {}, stages),
        stages=stages,
        top_errors=_top_errors(connection),
        report=started["report"],
    )


def _last_event(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    row = connection.execute(
        "SELECT greatest((SELECT max(ended_at) FROM endings), "
        "(SELECT max(answered_at) FROM attempts))"
    ).fetchone()
    return row[0] if row else None


def _counts(connection: duckdb.DuckDBPyConnection, column: str) -> dict[str, int]:
    rows = connection.execute(
        f"SELECT {column}, count(*) FROM report GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchall()
    return {str(name): int(count) for name, count in rows}


def _money(
    connection: duckdb.DuckDBPyConnection, started: dict[str, Any], live: dict[str, Any]
) -> Money:
    row = connection.execute(
        "SELECT coalesce(sum(charged), 0), coalesce(sum(uncertain), 0) FROM attempts"
    ).fetchone()
    charged, uncertain = row or (0.0, 0.0)
    paid_before = connection.execute("SELECT coalesce(sum(paid_before), 0) FROM report").fetchone()
    before, after = started.get("balance_before"), live.get("balance_after")
    price, difference = started.get("price_per_unit"), None
    if before is not None and after is not None:
        difference = round(before - charged - after, 4)
    return Money(
        unit=started["unit"],
        charged=round(charged, 4),
        uncertain=round(uncertain, 4),
        paid_before=round(paid_before[0], 4) if paid_before else 0.0,
        balance_before=before,
        balance_after=after,
        difference=difference,
        currency=started.get("currency", "USD"),
        cost=None if price is None else round(charged * price, 2),
    )


def _stages(connection: duckdb.DuckDBPyConnection) -> dict[str, Stage]:
    stages = {}
    for name in SECONDS_FIELDS:
        row = connection.execute(
            f"SELECT quantile_cont({name}_seconds, 0.5), quantile_cont({name}_seconds, 0.95), "
            f"sum({name}_seconds) FROM endings WHERE {name}_seconds > 0"
        ).fetchone()
        if row and row[0] is not None:
            p50, p95, total = (round(float(value), 4) for value in row)
            stages[name] = Stage(p50=p50, p95=p95, total=total)
    return stages


def _waits(live: dict[str, float], stages: dict[str, Stage]) -> dict[str, float]:
    """Where the workers' time went; what only a living process knows is missing from others."""

    def total(*names: str) -> float:
        return round(sum(stages[name].total for name in names if name in stages), 3)

    return live | {
        "provider": total("call"),
        "hosts": total("fetch"),
        "store": total("keep", "publish"),
        "cpu": total("prepare", "derive"),
    }


def _top_errors(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, int]]:
    rows = connection.execute(
        "SELECT reason_code, count(*) FROM report WHERE outcome IN ('failed', 'rejected') "
        f"GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {TOP_ERRORS}"
    ).fetchall()
    return [(str(code), int(count)) for code, count in rows]
