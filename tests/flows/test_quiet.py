"""Tracebacks are for surprises."""

import logging

from prefect.exceptions import CancelledRun, FailedRun

from flows.quiet import no_needless_traceback


def record(error: Exception | None) -> logging.LogRecord:
    """What is logged with `exc_info=True` while this error is handled."""
    caught = (type(error), error, None) if error else (None, None, None)
    return logging.LogRecord("prefect.flow_runs", logging.ERROR, "", 1, "ended", (), caught)


def test_an_end_that_the_state_tells_is_not_told_again() -> None:
    """Prefect raises these to itself when a run does not complete."""
    assert not no_needless_traceback(record(FailedRun("no key")))
    assert not no_needless_traceback(record(CancelledRun("asked to stop")))


def test_a_surprise_keeps_its_traceback() -> None:
    """A bug must be seen."""
    surprise = record(KeyError("sku"))
    assert no_needless_traceback(surprise)
    assert surprise.exc_info


def test_no_error_leaves_no_empty_traceback() -> None:
    """Logging would print it as `NoneType: None`."""
    sentence = record(None)
    assert no_needless_traceback(sentence)
    assert sentence.exc_info is None
