"""Patience, within a run and over nights."""

from contextlib import suppress
from datetime import timedelta

import pytest
import stamina

from packshot.decisions.patience import BUYING, TRIES, buying_again, next_night, on
from packshot.facts.errors import (
    ImageRefused,
    OutOfCredits,
    SourceMissing,
    Throttled,
    TryAgain,
    Uncertain,
    Unreachable,
)


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (Throttled("slow down", wait_seconds=7.5), 7.5),
        (Throttled("slow down", wait_seconds=7), 7.0),
        (Throttled("slow down", wait_seconds=-1), 0.0),
        (Throttled("slow down"), True),
        (Unreachable("502"), True),
        (ImageRefused("no foreground"), False),
        (OutOfCredits("empty"), False),
        (SourceMissing("404"), False),
        (Uncertain("no answer"), False),
        (ValueError("a mistake of ours"), False),
    ],
)
def test_only_a_bad_moment_is_worth_another_try(error: Exception, answer: object) -> None:
    """A number is the other side's own wait; everything that is not a moment is final."""
    said = on(error)
    assert said == answer
    assert isinstance(said, type(answer))


def tries_until_giving_up(error: Exception) -> int:
    """How many calls the library's retries make against one and the same failure."""
    tries = 0
    with stamina.set_testing(testing=True, attempts=TRIES), suppress(type(error)):
        for attempt in stamina.retry_context(on=buying_again(), **BUYING):
            with attempt:
                tries += 1
                raise error
    return tries


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (TryAgain("502"), 5),
        (Throttled("429", wait_seconds=3.0), 5),
        (Uncertain("gone"), 2),
        (ImageRefused("no"), 1),
    ],
)
def test_stamina_follows_the_hook(error: Exception, tries: int) -> None:
    """Five tries for a bad moment, one more call after an unanswered one, else none."""
    assert tries_until_giving_up(error) == tries


def test_the_waits_grow_from_one_to_eight() -> None:
    """Between five tries lie 1, 2, 4 and 8 of the first wait: here milliseconds, there seconds."""
    waits = []
    hurried = BUYING | {"wait_initial": 0.001, "wait_jitter": 0.0}
    with suppress(Unreachable):
        for attempt in stamina.retry_context(on=on, **hurried):
            with attempt:
                waits.append(attempt.next_wait)
                raise Unreachable("502")
    assert waits[:4] == [0.001, 0.002, 0.004, 0.008]
    assert (len(waits), BUYING["wait_initial"], BUYING["wait_max"]) == (5, 1, 60)


def test_two_purchases_have_their_own_doubts() -> None:
    """One picture's unanswered call does not use up another one's."""
    one, other = buying_again(), buying_again()
    assert one(Uncertain("a")) is True
    assert other(Uncertain("b")) is True
    assert one(Uncertain("a")) is False


@pytest.mark.parametrize(("attempts", "days"), [(0, 1), (1, 1), (2, 2), (3, 4), (4, 7)])
def test_nights_grow_further_apart(attempts: int, days: int) -> None:
    """A failing picture is tried after 1, 2, 4 and 7 nights."""
    assert next_night(attempts) == timedelta(days=days)


def test_after_the_fifth_night_a_picture_is_given_up() -> None:
    """There is no sixth night."""
    assert next_night(5) is None
