"""Runs that are open in this process; tasks find their workshop here by run id.

Workshops hold clients and locks, which Prefect must neither hash nor pickle: what
travels as a task parameter is the run's id.
"""

from collections.abc import Callable

from packshot.run.workshop import Workshop

_open: dict[str, Workshop] = {}
_listeners: list[Callable[[Workshop], None]] = []


def workshop(run_id: str) -> Workshop:
    """The parts of an open run.

    Raises `LookupError` in any other process: a run's threads live where it began.
    """
    try:
        return _open[run_id]
    except KeyError:
        raise LookupError(
            f"run {run_id} is not open in this process; batches run in the threads of their "
            "flow, so give the flow a ThreadPoolTaskRunner"
        ) from None


def enter(shop: Workshop) -> None:
    """Make a run known to its tasks, and to whoever listens."""
    _open[shop.run_id] = shop
    for listener in _listeners:
        listener(shop)


def leave(shop: Workshop) -> None:
    """Forget a run."""
    _open.pop(shop.run_id, None)


def listen(listener: Callable[[Workshop], None]) -> None:
    """Be told of every run that opens in this process; for progress bars."""
    _listeners.append(listener)
