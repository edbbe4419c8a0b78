"""A bar on stderr while something long goes on, where a terminal is there."""

import sys
import threading
from collections.abc import Callable

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.shown import err
from packshot.run.progress import Step

LOOK_SECONDS = 0.2


class Bar:
    """Looks now and then at the step that a work is at; shows it unless it is to be silent."""

    def __init__(self, look: Callable[[], Step], *, silent: bool) -> None:
        self._look = look
        self._silent = silent or not sys.stderr.isatty()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._show, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _show(self) -> None:
        if self._over.wait(LOOK_SECONDS):  # what is done at once needs no bar
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=err, transient=True, disable=self._silent) as progress:
            seen = self._look()
            bar = progress.add_task(seen.doing, total=seen.total)
            while True:
                if progress.tasks[0].total != seen.total:  # Rich cannot take a total back
                    progress.remove_task(bar)
                    bar = progress.add_task(seen.doing, total=seen.total)
                progress.update(bar, description=seen.doing, completed=seen.done)
                if self._over.wait(LOOK_SECONDS):
                    return
                seen = self._look()
