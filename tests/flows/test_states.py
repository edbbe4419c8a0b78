"""What a run ends in, and what it says."""

from typing import Any

import pytest
from prefect.client.schemas import State
from prefect.client.schemas.objects import StateDetails, StateType
from prefect.states import Failed

from flows.states import own, sentence, state_of, state_of_error, state_of_stop
from packshot.facts.errors import CatalogBusy, LeaseLost, StopRequested
from packshot.run.summary import Money, Summary


def summary(  # only what a state is made of
    outcomes: dict[str, int],
    *,
    charged: float = 0.0,
    uncertain: float = 0.0,
    stopped: str | None = None,
    stop_code: str | None = None,
) -> Summary:
    """A run with these outcomes."""
    money = Money.model_construct(unit="credits", charged=charged, uncertain=uncertain)
    return Summary.model_construct(
        items=sum(outcomes.values()),
        outcomes=outcomes,
        money=money,
        stopped=stopped,
        stop_code=stop_code,
    )


@pytest.mark.parametrize(
    ("outcomes", "stop_code", "kind", "name"),
    [
        ({}, None, StateType.COMPLETED, "Completed"),
        ({"cut": 9}, None, StateType.COMPLETED, "Completed"),
        ({"cut": 9, "failed": 1}, None, StateType.COMPLETED, "CompletedWithFailures"),
        ({"cut": 9, "rejected": 1}, None, StateType.COMPLETED, "CompletedWithFailures"),
        ({"cut": 1, "failed": 1}, None, StateType.COMPLETED, "CompletedWithFailures"),
        ({"cut": 1, "failed": 2}, None, StateType.FAILED, "Failed"),
        ({"cut": 1, "deferred": 9}, "no_credits", StateType.FAILED, "NeedsCredits"),
        ({"cut": 1, "deferred": 9}, "max_credits", StateType.FAILED, "NeedsCredits"),
        ({"cut": 1, "deferred": 9}, "max_cost", StateType.FAILED, "NeedsCredits"),
        ({"cut": 1, "deferred": 9}, "keep_credits", StateType.FAILED, "NeedsCredits"),
        ({"deferred": 9}, "key_rejected", StateType.FAILED, "Stopped"),
        ({"deferred": 9}, "max_changed_share", StateType.FAILED, "Stopped"),
        ({"deferred": 9}, "provider_failing", StateType.FAILED, "Stopped"),
        ({"cut": 1, "deferred": 9}, "finish_by", StateType.COMPLETED, "Completed"),
    ],
)
def test_how_a_run_ends(
    outcomes: dict[str, int], stop_code: str | None, kind: StateType, name: str
) -> None:
    """The state follows from what became of the items and why the run stopped."""
    state = state_of(summary(outcomes, stop_code=stop_code), 0.5)
    assert (state.type, state.name) == (kind, name)


def test_a_run_in_one_line() -> None:
    """Outcomes, money, what is uncertain, and why it stopped."""
    said = sentence(
        summary(
            {"cut": 1200, "deferred": 3}, charged=1200, uncertain=1, stopped="the cap is reached"
        )
    )
    assert said == (
        "1,200 cut, 3 deferred; 1200 credits charged; 1 uncertain; stopped: the cap is reached"
    )
    assert sentence(summary({})) == "no items; nothing charged"


def test_a_run_that_cannot_begin_is_named_after_its_error() -> None:
    """So that an automation can tell a busy catalog from a bad manifest."""
    state = state_of_error(CatalogBusy("catalog `shoes` is being worked on"))
    assert (state.type, state.name) == (StateType.FAILED, "CatalogBusy")
    assert state.message == "catalog `shoes` is being worked on"


def test_a_stop_on_request_is_no_failure() -> None:
    """Who cancels a run sees it cancelled; who loses a lease must be told."""
    assert state_of_stop(StopRequested("asked to stop by SIGTERM")).type is StateType.CANCELLED
    lost = state_of_stop(LeaseLost("another run has taken this catalog"))
    assert (lost.type, lost.name) == (StateType.FAILED, "LeaseLost")


def test_a_stage_that_failed_lends_the_run_its_sentence() -> None:
    """Prefect would say `1/1 states failed` of a state that belongs to a task."""
    task = Failed(name="BadManifest", message="There is nothing at `m.csv`.")
    task.state_details = StateDetails(task_run_id="0198b9a1-0000-7000-8000-000000000000")
    ours: State[Any] = own(task)
    assert (ours.type, ours.name, ours.message) == (task.type, task.name, task.message)
    assert ours.state_details.task_run_id is None
