"""Which pictures move on to another provider, by what kept the first one from cutting them out."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from packshot.facts.outcome import Outcome

Cause = Literal["outage", "no_credits", "refused", "closed"]

FAILING: Final = "provider_failing"
NO_TURN: Final = "deadline"
"""Code of what waited for its turn, or for a provider that said to wait, until its time was up."""

CODES: Final[Mapping[Cause, frozenset[str]]] = MappingProxyType(
    {
        "outage": frozenset(
            {"unreachable", FAILING, "throttled", "not_available", NO_TURN}
            | {"upload_failed", "upload_gone"}
        ),
        "closed": frozenset({"wrong_provider_url", "key_rejected"}),
        "no_credits": frozenset({"no_credits"}),
        "refused": frozenset(
            {"invalid_file_type", "file_too_large", "resolution_too_high", "option_not_supported"}
        ),
    }
)
"""By `reason_code`; `closed` is an API that has moved away, or lets this account in no more.

Not among them: caps and floors, which are the user's own word; what is wrong with a source; and
calls that were never answered, which may be paid for."""


OUT_OF_PATIENCE: Final = CODES["outage"] | {
    "uncertain",
    "unanswered",
    "unanswered_before",
    "not_ready",
    "broken_answer",
    "broken_result",
    "result_mislaid",
    "result_gone",
    "ticket_unreadable",
    "result_too_large",
    "result_address_refused",
    "answer_too_large",
    "unexpected",
    "error",
}
"""Endings that became a rejection after some nights: nobody has declined the picture, and its calls
may be paid for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """How a row ended, and what tonight's calls for it have cost."""

    outcome: str
    code: str | None
    calls: int = 0
    charged: float = 0.0
    uncertain: float = 0.0
    """Of calls that were never answered."""


def moves_on(row: Undone, causes: Collection[Cause], *, all_throttled: bool = False) -> bool:
    """Whether a row's ending is one that another provider may do better.

    A picture that was sent and declined was refused by the provider, whatever its word for it. One
    that is paid for, or may be, waits: its last call may have failed for another reason. Without a
    call, an outage was one of the picture's own host. `all_throttled` is a night in which the
    provider told every call to wait.
    """
    if row.uncertain > 0:
        return False
    if row.outcome == Outcome.REJECTED and row.calls > 0 and row.code not in OUT_OF_PATIENCE:
        return "refused" in causes
    if row.outcome not in {Outcome.FAILED, Outcome.DEFERRED, Outcome.REJECTED} or row.charged > 0:
        return False
    if row.calls == 0 and row.code in CODES["outage"] - {FAILING}:
        return row.code == NO_TURN and all_throttled and "outage" in causes
    return any(row.code in CODES[cause] for cause in causes)
