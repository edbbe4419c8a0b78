"""What state a flow run ends in, and the sentence that goes with it."""

from typing import Any

from prefect.client.schemas import State
from prefect.states import Cancelled, Completed, Failed

from packshot.facts.errors import PackshotError, StopRequested, StopRun
from packshot.run.summary import Summary

CREDIT_CODES = frozenset({"no_credits", "max_credits", "max_cost", "keep_credits"})
TOLERATED = "CompletedWithFailures"
NEEDS_CREDITS = "NeedsCredits"
STOPPED = "Stopped"


def sentence(summary: Summary) -> str:
    """A run in one line."""
    counted = ", ".join(f"{count:,} {name}" for name, count in summary.outcomes.items())
    money = summary.money
    spent = f"{money.charged:g} {money.unit} charged" if money.charged else "nothing charged"
    parts = [counted or "no items", spent]
    if money.uncertain:
        parts.append(f"{money.uncertain:g} uncertain")
    if summary.stopped:
        parts.append(f"stopped: {summary.stopped}")
    return "; ".join(parts)


def state_of(summary: Summary, max_failed_share: float) -> State[Any]:
    """Completed, completed with failures, failed beyond the set share, or short of credits."""
    said = sentence(summary)
    if summary.stop_code in CREDIT_CODES:
        return Failed(name=NEEDS_CREDITS, message=said)
    if summary.stop_code is not None and summary.stop_code != "finish_by":
        return Failed(name=STOPPED, message=said)
    if summary.failed > max_failed_share * max(summary.items, 1):
        return Failed(message=f"{said}; more than {max_failed_share:.0%} did not succeed")
    if summary.failed:
        return Completed(name=TOLERATED, message=said)
    return Completed(message=said)


def state_of_error(error: PackshotError) -> State[Any]:
    """A run that could not begin: the error's name, and its sentence."""
    return Failed(name=type(error).__name__, message=str(error))


def state_of_stop(reason: StopRun) -> State[Any]:
    """A run that ended early: on request, or because it lost its lease or its store."""
    said = f"{reason}; the next run publishes what was done and goes on"
    if isinstance(reason, StopRequested):
        return Cancelled(message=said)
    return Failed(name=type(reason).__name__, message=said)


def own(state: State[Any]) -> State[Any]:
    """A stage's end as the end of its flow: Prefect shows a task's state as `1/1 states failed`."""
    return State(type=state.type, name=state.name, message=state.message)
