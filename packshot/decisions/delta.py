"""Decide what each row of tonight's manifest needs. Nothing here reads or writes.

`docs/delta.md` shows every transition; its table and `decide` are tested against
each other.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from packshot.facts.job import Recut
from packshot.facts.outcome import Outcome


class PlanState(StrEnum):
    """What a run would do with a row."""

    NEW = "new"
    CHECK = "to check"
    CHANGED_OPTIONS = "changed options"
    UPGRADE = "upgrade"
    RETRY = "retry"
    REFRESH = "refresh"
    NEEDS_LARGER = "needs larger purchase"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    REJECTED = "rejected"
    REPEAT = "repeat"
    WAITING = "waiting"
    NOT_SELECTED = "not selected"


FETCHES = frozenset(
    {
        PlanState.NEW,
        PlanState.CHECK,
        PlanState.CHANGED_OPTIONS,
        PlanState.UPGRADE,
        PlanState.RETRY,
    }
)
"""States whose source is asked for tonight."""
WORKS = FETCHES | {PlanState.REFRESH}
"""States that need a worker."""

Status = Literal["never seen", "cut", "skipped", "rejected", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFacts:
    """All that the decision may depend on."""

    bad_row: bool = False
    conflicting: bool = False
    repeat: bool = False
    skip: bool = False
    selected: bool = True
    status: Status = "never seen"
    url_same: bool = True
    due: bool = False
    options_same: bool = True
    provider_same: bool = True
    class_enough: bool = True
    recipe_same: bool = True
    settings_same: bool = True
    """False for what was rejected or skipped due to settings which have changed since."""
    larger_wanted: bool = False
    """A variant asks for more pixels than were bought, though the source has them."""
    retry_due: bool = False
    recut_done: bool = False
    """Bought again by a `recut: all` that was cut short and now goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the job says about buying again."""

    recut: Recut = "options"
    retry_failures: bool = False
    insist: bool = False
    """What is selected is tried, though it backs off or was rejected."""

    @property
    def is_patient(self) -> bool:
        """Whether what did not succeed waits for its day."""
        return not (self.retry_failures or self.insist)


@dataclass(frozen=True, slots=True)
class Decision:
    """A plan state; the outcome too, where no work is needed to know it."""

    state: PlanState
    outcome: Outcome | None = None
    reason_code: str | None = None


_UNCHANGED = Decision(PlanState.UNCHANGED, Outcome.UNCHANGED, "not_asked")


def decide(facts: RowFacts, policy: Policy) -> Decision:
    """What one row needs."""
    settled = _settled_by_the_row(facts)
    if settled is not None:
        return settled
    wanted = _wanted(facts, policy)
    if wanted.state in WORKS and not _in_scope(facts, policy):
        return Decision(PlanState.NOT_SELECTED, Outcome.DEFERRED, "not_selected")
    return wanted


def _settled_by_the_row(facts: RowFacts) -> Decision | None:
    if facts.bad_row:
        return Decision(PlanState.REJECTED, Outcome.REJECTED)
    if facts.conflicting:
        return Decision(PlanState.REJECTED, Outcome.REJECTED, "duplicate_key")
    if facts.repeat:
        return Decision(PlanState.REPEAT, Outcome.REUSED, "repeated_row")
    if facts.skip:
        return Decision(PlanState.SKIPPED, Outcome.SKIPPED, "row_says_so")
    return None


def _in_scope(facts: RowFacts, policy: Policy) -> bool:
    if policy.retry_failures and facts.status not in {"failed", "rejected"}:
        return False
    return facts.selected


def _wanted(facts: RowFacts, policy: Policy) -> Decision:
    match facts.status:
        case "never seen":
            return Decision(PlanState.NEW)
        case "cut":
            return _wanted_of_cut(facts, policy)
        case "skipped":
            return _wanted_of_skipped(facts)
        case "rejected":
            if not policy.is_patient:
                return Decision(PlanState.RETRY)
            same = facts.url_same and facts.options_same and facts.provider_same
            if same and facts.settings_same and not facts.due:
                return Decision(PlanState.REJECTED, Outcome.REJECTED, "remembered")
            return Decision(PlanState.CHECK)
        case "failed":
            if not policy.is_patient or facts.retry_due or not facts.url_same:
                return Decision(PlanState.RETRY)
            return Decision(PlanState.WAITING, Outcome.DEFERRED, "backing_off")


def _wanted_of_skipped(facts: RowFacts) -> Decision:
    if not facts.settings_same:
        return Decision(PlanState.CHANGED_OPTIONS)
    if facts.url_same and not facts.due:
        return Decision(PlanState.SKIPPED, Outcome.SKIPPED, "remembered")
    return Decision(PlanState.CHECK)


def _wanted_of_cut(facts: RowFacts, policy: Policy) -> Decision:
    if policy.recut != "never":
        if not facts.class_enough:
            return Decision(PlanState.UPGRADE)
        if not facts.options_same or (policy.recut == "all" and not facts.recut_done):
            return Decision(PlanState.CHANGED_OPTIONS)
        if policy.recut == "provider" and not facts.provider_same:
            return Decision(PlanState.CHANGED_OPTIONS)
    if facts.due or not facts.url_same:
        return Decision(PlanState.CHECK)
    if facts.recipe_same:
        return _UNCHANGED
    if facts.larger_wanted:
        return Decision(PlanState.NEEDS_LARGER, Outcome.UNCHANGED, "needs_larger_purchase")
    return Decision(PlanState.REFRESH)
