"""Exit codes, and the one place where an error becomes a line on the screen."""

from enum import IntEnum

from packshot.facts.errors import (
    CatalogBusy,
    NeedsAnswer,
    PackshotError,
    StopRun,
)
from packshot.run.summary import Summary


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
    Exit.SOME_FAILED: "done, but some items failed or were rejected",
    Exit.WRONG_USAGE: "wrong usage: an option or the manifest",
    Exit.STOPPED: "stopped: credits, cap, floor, key, store, or a question to answer",
    Exit.BUSY: "another run holds this catalog",
    Exit.DEFECT: "a defect of ours",
    Exit.INTERRUPTED: "interrupted",
}


def of_error(error: PackshotError) -> Exit:
    """The exit code of a run that could not begin or go on."""
    match error:
        case CatalogBusy():
            return Exit.BUSY
        case NeedsAnswer() | StopRun():
            return Exit.STOPPED
        case _:
            return Exit.WRONG_USAGE


def of_name(name: str) -> Exit:
    """The exit code for the name of a failed Prefect state."""
    if name == CatalogBusy.__name__:
        return Exit.BUSY
    if name in {"BadManifest", "BadOption", "CannotStart"}:
        return Exit.WRONG_USAGE
    return Exit.STOPPED


def of_summary(summary: Summary) -> Exit:
    """The exit code of a run that was published."""
    if summary.stop_code is not None:
        return Exit.STOPPED
    return Exit.SOME_FAILED if summary.failed else Exit.DONE
