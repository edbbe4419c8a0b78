"""Which pictures move on to another provider, by what kept the first one from cutting them out."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final, Literal

from packshot.facts.outcome import Outcome

Cause = Literal["outage", "no_credits", "refused"]

_CODES: Final[Mapping[Cause, frozenset[str]]] = MappingProxyType(
    {
        "outage": frozenset({"unreachable", "provider_failing", "throttled", "not_available"}),
        "no_credits": frozenset({"no_credits"}),
        "refused": frozenset(
            {"invalid_file_type", "file_too_large", "resolution_too_high", "option_not_supported"}
        ),
    }
)
"""By `reason_code`. Not among them: caps and floors, which are the user's own word; what is wrong
with a source; and calls that were never answered, which may be paid for."""


def moves_on(outcome: str, code: str | None, calls: int, causes: Collection[Cause]) -> bool:
    """Whether a row's ending is one that another provider may do better.

    A picture that was sent and declined was refused by the provider, whatever its word for it.
    """
    if outcome == Outcome.REJECTED and calls > 0:
        return "refused" in causes
    if outcome not in {Outcome.FAILED, Outcome.DEFERRED, Outcome.REJECTED}:
        return False
    return any(code in _CODES[cause] for cause in causes)
