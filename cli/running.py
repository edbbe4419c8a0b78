"""Run a flow from the command line, with a progress bar where a terminal is there."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.shown import err
from packshot.facts.job import Job
from packshot.run.summary import Summary
from packshot.run.workshop import Workshop

LOOK_SECONDS = 0.2
PREFECT_SETTINGS = {
    # The first start migrates a database; Prefect's own 20 s are too few for that.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a flow ended; without a summary it never came to a report."""

    name: str
    message: str
    summary: Summary | None


def run_flow(job: Job, *, retry_failures: bool, verbose: bool) -> Ended:
    """Run the flow in this process; Prefect's server is the configured one, or a temporary one."""
    for name, value in PREFECT_SETTINGS.items():
        os.environ.setdefault(name, value)
    if not verbose:
        os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")
        os.environ.setdefault("PREFECT_SERVER_LOGGING_LEVEL", "CRITICAL")
    with _said("Starting Prefect (the first time takes up to half a minute) …"):
        from flows.cut_catalog import cut_catalog  # noqa: PLC0415  must see the settings above
        from flows.retry_failures import retry_failures as retry_flow  # noqa: PLC0415
        from tasks import open_runs  # noqa: PLC0415
    watcher = _Watcher()
    open_runs.listen(watcher.watch)
    flow = retry_flow if retry_failures else cut_catalog
    try:
        state = flow(**job.model_dump(exclude={"options"}), options=job.options, return_state=True)
    finally:
        watcher.close()
    summary = watcher.shop.summary if watcher.shop else None
    return Ended(state.name or "", state.message or "", summary)


class _Watcher:
    """Shows how many pictures of the open run are done."""

    def __init__(self) -> None:
        self.shop: Workshop | None = None
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, shop: Workshop) -> None:
        """A run has opened."""
        self.shop = shop
        if err.is_terminal:
            self._thread = threading.Thread(target=self._show, args=(shop,), daemon=True)
            self._thread.start()

    def close(self) -> None:
        """The run is over."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _show(self, shop: Workshop) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=err, transient=True) as progress:
            bar = progress.add_task("reading the manifest", total=None)
            while not self._over.wait(LOOK_SECONDS):
                if shop.plan is None:
                    continue
                counted = ", ".join(f"{n} {name}" for name, n in shop.tally.outcomes.items())
                progress.update(
                    bar,
                    description=counted or "working",
                    total=shop.work_rows,
                    completed=len(shop.tally.ended),
                )


@contextmanager
def _said(sentence: str) -> Iterator[None]:
    """Show what is being waited for, where somebody looks."""
    if not err.is_terminal:
        yield
        return
    with err.status(sentence):
        yield
