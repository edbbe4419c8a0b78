"""How often and how long to try: within a run, and over nights."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final, TypedDict

from packshot.facts.errors import TryAgain, Uncertain

TRIES: Final = 5
FIRST_WAIT_SECONDS: Final = 1.0
LONGEST_WAIT_SECONDS: Final = 60.0
WAIT_GROWS_BY: Final = 2.0
JITTER_SECONDS: Final = 1.0
NIGHTS: Final = tuple(timedelta(days=days) for days in (1, 2, 4, 7))

ANSWERED: Final = frozenset({"not_ready", "result_gone", "broken_result"})
"""Codes of calls that are paid for beyond doubt: their result is still to come, lost or broken."""

Hook = Callable[[Exception], bool | float]


class Patience(TypedDict):
    """What `stamina.retry_context` takes beside its hook."""

    attempts: int
    timeout: None
    wait_initial: float
    wait_max: float
    wait_jitter: float
    wait_exp_base: float


BUYING: Final[Patience] = {
    "attempts": TRIES,
    "timeout": None,  # the item's own deadline bounds the time
    "wait_initial": FIRST_WAIT_SECONDS,
    "wait_max": LONGEST_WAIT_SECONDS,
    "wait_jitter": JITTER_SECONDS,
    "wait_exp_base": WAIT_GROWS_BY,
}
"""1, 2, 4, 8 seconds, each with up to a second more."""


def longest_wait(tries: int) -> float:
    """Seconds that `BUYING` waits at most after so many tries."""
    grown = FIRST_WAIT_SECONDS * WAIT_GROWS_BY ** (tries - 1)
    return min(LONGEST_WAIT_SECONDS, grown + JITTER_SECONDS)


def on(error: Exception) -> bool | float:
    """Whether to try again; a number is a wait that the other side asked for."""
    match error:
        case TryAgain(wait_seconds=float() | int() as seconds):
            return max(0.0, float(seconds))
        case TryAgain():
            return True
        case _:
            return False


def buying_again() -> Hook:
    """A hook for one purchase: as `on`, and one more call after an unanswered one, never two."""
    doubts = 0

    def hook(error: Exception) -> bool | float:
        nonlocal doubts
        if isinstance(error, Uncertain):
            doubts += 1
            return doubts == 1 and error.code not in ANSWERED
        return on(error)

    return hook


def next_night(attempts: int) -> timedelta | None:
    """When to try again after so many failed nights; None once it is time to give up."""
    return None if attempts > len(NIGHTS) else NIGHTS[max(attempts, 1) - 1]
