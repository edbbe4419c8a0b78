"""A run that ends in a sentence is logged without a traceback."""

import logging

from prefect.exceptions import CancelledRun, FailedRun

TOLD_BY_THE_STATE = (FailedRun, CancelledRun)


def no_needless_traceback(record: logging.LogRecord) -> bool:
    """Drop what Prefect raises to itself at the end of a run whose state says it already."""
    kind = record.exc_info[0] if record.exc_info else None
    if kind is None:
        record.exc_info = None  # an empty one is printed as `NoneType: None`
        return True
    return not issubclass(kind, TOLD_BY_THE_STATE)


def keep_tracebacks_for_surprises() -> None:
    """Let the logs of flow and task runs pass through the filter; once is enough."""
    for name in ("prefect.flow_runs", "prefect.task_runs"):
        logging.getLogger(name).addFilter(no_needless_traceback)
