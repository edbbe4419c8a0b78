"""What makes a picture move on to another provider."""

import pytest

from packshot.decisions.falling_back import Cause, Undone, moves_on

ALL: tuple[Cause, ...] = ("outage", "no_credits", "refused", "closed")


@pytest.mark.parametrize(
    ("outcome", "code", "calls", "cause"),
    [
        ("failed", "unreachable", 5, "outage"),
        ("failed", "throttled", 5, "outage"),
        ("deferred", "provider_failing", 0, "outage"),
        ("deferred", "no_credits", 0, "no_credits"),
        ("rejected", "unknown_foreground", 1, "refused"),
        ("rejected", "whatever_it_is_called", 1, "refused"),
        ("rejected", "file_too_large", 0, "refused"),
        ("failed", "upload_failed", 1, "outage"),
        ("deferred", "deadline", 2, "outage"),
        ("rejected", "unreachable", 1, "outage"),
        ("deferred", "key_rejected", 0, "closed"),
        ("deferred", "wrong_provider_url", 0, "closed"),
    ],
)
def test_each_cause_moves_what_it_kept_back(
    outcome: str, code: str, calls: int, cause: Cause
) -> None:
    """And no other cause does."""
    row = Undone(outcome=outcome, code=code, calls=calls)
    assert moves_on(row, ALL)
    assert moves_on(row, (cause,))
    assert not moves_on(row, [other for other in ALL if other != cause])


@pytest.mark.parametrize(
    ("outcome", "code", "calls"),
    [
        ("cut", None, 1),
        ("unchanged", "not_asked", 0),
        ("deferred", "max_credits", 0),
        ("deferred", "keep_credits", 0),
        ("deferred", "finish_by", 0),
        ("deferred", "store_unavailable", 0),
        ("failed", "uncertain", 2),
        ("rejected", "uncertain", 2),
        ("rejected", "not_ready", 1),
        ("failed", "not_ready", 1),
        ("failed", "broken_answer", 2),
        ("failed", "source_missing", 0),
        ("failed", "unreachable", 0),
        ("failed", "throttled", 0),
        ("rejected", "unreachable", 0),
        ("deferred", "deadline", 0),
        ("rejected", "bad_url", 0),
        ("rejected", "too_many_pixels", 0),
        ("skipped", "row_says_so", 0),
    ],
)
def test_nothing_else_moves(outcome: str, code: str | None, calls: int) -> None:
    """What the user has decided, what is wrong with a source, and what may be paid for already."""
    assert not moves_on(Undone(outcome=outcome, code=code, calls=calls), ALL)


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        ("failed", "unreachable"),
        ("deferred", "no_credits"),
        ("deferred", "provider_failing"),
        ("rejected", "unknown_foreground"),
    ],
)
def test_what_may_be_paid_for_stays_whatever_its_last_call_heard(outcome: str, code: str) -> None:
    """One call was never answered, the next one failed: another provider would be paid as well."""
    assert moves_on(Undone(outcome=outcome, code=code, calls=2), ALL)
    assert not moves_on(Undone(outcome=outcome, code=code, calls=2, uncertain=1.0), ALL)


def test_what_never_had_its_turn_moves_on_where_the_provider_took_nothing() -> None:
    """A slow night is no outage, and one in which every call was told to wait is."""
    waited = Undone(outcome="deferred", code="deadline")
    assert moves_on(waited, ALL, all_throttled=True)
    assert not moves_on(waited, ("no_credits",), all_throttled=True)
    away = Undone(outcome="failed", code="unreachable")
    assert not moves_on(away, ALL, all_throttled=True)


def test_what_was_charged_and_came_broken_stays() -> None:
    """Only a refusal that was charged moves on, where refusals do."""
    broken = Undone(outcome="failed", code="unreachable", calls=2, charged=1.0)
    refused = Undone(outcome="rejected", code="moderated", calls=1, charged=1.0)
    assert [moves_on(row, ALL) for row in (broken, refused)] == [False, True]
