"""Exit codes: what a shell is told of an error, or of a run that has ended."""

from enum import IntEnum

from packshot.facts import errors
from packshot.facts.errors import BadManifest, BadOption, CatalogBusy, PackshotError


class Exit(IntEnum):
    """What a command answers to a shell; `packshot --help` lists them."""

    DONE = 0
    SOME_FAILED = 1
    WRONG_USAGE = 2
    STOPPED = 3
    BUSY = 4
    DEFECT = 70
    INTERRUPTED = 130


MEANING = {
    Exit.DONE: "done",
    Exit.SOME_FAILED: "done; some items failed or were rejected",
    Exit.WRONG_USAGE: "wrong usage: an option or the manifest",
    Exit.STOPPED: "stopped: credits, cap, floor, key, store, Prefect, or a question to answer",
    Exit.BUSY: "another run holds this catalog",
    Exit.DEFECT: "a defect of ours",
    Exit.INTERRUPTED: "asked to stop; the next run goes on",
}
STATES = {
    "Cancelled": Exit.INTERRUPTED,
    "Cancelling": Exit.INTERRUPTED,
    "NeedsCredits": Exit.STOPPED,
    "Stopped": Exit.STOPPED,
}
"""Of states that are not named after an error of ours."""
REPORTED = {
    "Completed": Exit.DONE,
    "CompletedWithFailures": Exit.SOME_FAILED,
    "Failed": Exit.SOME_FAILED,
}
"""Of states of runs that came to a report; whatever else there is says why they stopped."""


def of_kind(kind: type[PackshotError]) -> Exit:
    """The exit code for a kind of error of ours."""
    if issubclass(kind, CatalogBusy):
        return Exit.BUSY
    return Exit.WRONG_USAGE if issubclass(kind, BadManifest | BadOption) else Exit.STOPPED


def kind_named(name: str) -> type[PackshotError] | None:
    """The kind of error that a failed Prefect state is named after."""
    kind = getattr(errors, name, None)
    is_ours = isinstance(kind, type) and issubclass(kind, PackshotError)
    return kind if is_ours else None


def of_state(name: str) -> Exit:
    """The exit code for a Prefect state without a report."""
    kind = kind_named(name)
    if kind is not None:
        return of_kind(kind)
    return STATES.get(name, Exit.DEFECT)


def of_report(name: str) -> Exit:
    """The exit code for a Prefect state of a run that was published."""
    code = REPORTED.get(name)
    return of_state(name) if code is None else code
