"""What a row needs, decided from facts alone; `docs/delta.md` shows the same over whole nights."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packshot.decisions.delta import WORKS, PlanState, Policy, RowFacts, decide
from packshot.facts.outcome import Outcome

FLAGS = [f.name for f in fields(RowFacts) if f.name != "status"]
CUT = RowFacts(status="cut")
REJECTED = RowFacts(status="rejected")
FAILED = RowFacts(status="failed")

facts_of_rows = st.builds(
    RowFacts,
    status=st.sampled_from(["never seen", "cut", "skipped", "rejected", "failed"]),
    **dict.fromkeys(FLAGS, st.booleans()),
)
policies = st.builds(
    Policy,
    recut=st.sampled_from(["options", "never", "provider", "all"]),
    retry_failures=st.booleans(),
)


@pytest.mark.parametrize(
    ("facts", "recut", "state"),
    [
        (RowFacts(), "options", PlanState.NEW),
        (replace(CUT, due=True), "options", PlanState.CHECK),
        (replace(CUT, url_same=False), "options", PlanState.CHECK),
        (replace(CUT, options_same=False), "options", PlanState.CHANGED_OPTIONS),
        (replace(CUT, options_same=False), "never", PlanState.UNCHANGED),
        (replace(CUT, provider_same=False), "options", PlanState.UNCHANGED),
        (replace(CUT, provider_same=False), "provider", PlanState.CHANGED_OPTIONS),
        (CUT, "all", PlanState.CHANGED_OPTIONS),
        (replace(CUT, class_enough=False), "options", PlanState.UPGRADE),
        (replace(CUT, class_enough=False), "never", PlanState.UNCHANGED),
        (replace(CUT, recipe_same=False), "options", PlanState.REFRESH),
        (replace(CUT, recipe_same=False, due=True), "options", PlanState.CHECK),
        (
            replace(CUT, recipe_same=False, larger_wanted=True),
            "options",
            PlanState.NEEDS_LARGER,
        ),
        (CUT, "options", PlanState.UNCHANGED),
        (RowFacts(status="skipped"), "options", PlanState.SKIPPED),
        (RowFacts(status="skipped", due=True), "options", PlanState.CHECK),
        (RowFacts(status="skipped", settings_same=False), "never", PlanState.CHANGED_OPTIONS),
        (REJECTED, "options", PlanState.REJECTED),
        (replace(REJECTED, options_same=False), "options", PlanState.CHECK),
        (replace(REJECTED, provider_same=False), "never", PlanState.CHECK),
        (FAILED, "options", PlanState.WAITING),
        (replace(FAILED, retry_due=True), "options", PlanState.RETRY),
        (replace(FAILED, url_same=False), "options", PlanState.RETRY),
        (replace(CUT, repeat=True), "options", PlanState.REPEAT),
        (replace(CUT, due=True, selected=False), "options", PlanState.NOT_SELECTED),
    ],
)
def test_a_row_needs(facts: RowFacts, recut: str, state: PlanState) -> None:
    """Each fact that matters has its state."""
    assert decide(facts, Policy(recut=recut)).state is state


def test_every_state_is_shown_above() -> None:
    """No plan state is out of reach."""
    (cases,) = (mark.args[1] for mark in test_a_row_needs.pytestmark)
    assert {state for _, _, state in cases} == set(PlanState)


@given(facts_of_rows, policies)
def test_an_outcome_is_known_where_no_work_is_needed(facts: RowFacts, policy: Policy) -> None:
    """Whatever the facts, there is a decision; either a worker ends the row or the plan does."""
    decision = decide(facts, policy)
    assert (decision.outcome is None) == (decision.state in WORKS)


@given(facts_of_rows, policies, st.sampled_from(["bad_row", "conflicting", "repeat", "skip"]))
def test_a_row_that_settles_itself_asks_for_no_work(
    facts: RowFacts, policy: Policy, settled: str
) -> None:
    """Bad, conflicting, repeated and skipped rows neither fetch nor call."""
    assert decide(replace(facts, **{settled: True}), policy).state not in WORKS


@given(facts_of_rows, policies)
def test_a_row_that_is_not_selected_asks_for_no_work(facts: RowFacts, policy: Policy) -> None:
    """`only` and what nobody approved hold back all work."""
    assert decide(replace(facts, selected=False), policy).state not in WORKS


@given(facts_of_rows)
def test_never_means_never(facts: RowFacts) -> None:
    """With `recut: never` a picture that was cut costs only if its own bytes may be others."""
    unmoved = replace(facts, status="cut", url_same=True, due=False)
    assert decide(unmoved, Policy(recut="never")).state not in WORKS - {PlanState.REFRESH}


@given(facts_of_rows, policies)
def test_retry_takes_up_failures_only(facts: RowFacts, policy: Policy) -> None:
    """`packshot retry` leaves alone what did not fail."""
    state = decide(facts, replace(policy, retry_failures=True)).state
    assert state not in WORKS or (
        state is PlanState.RETRY and facts.status in {"failed", "rejected"}
    )


def test_a_bad_row_keeps_its_own_reason() -> None:
    """What was wrong with a row was said when it was read."""
    decision = decide(RowFacts(bad_row=True), Policy())
    assert (decision.outcome, decision.reason_code) == (Outcome.REJECTED, None)
