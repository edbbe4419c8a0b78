"""Pictures of a host that has enough to do are passed over, and come back when it has room."""

import time
from collections.abc import Callable, Iterable, Iterator

from packshot.run.work import WorkItem

MOST_PASSED_OVER = 256
"""So many a batch keeps in mind; a larger share of a large catalog waits for its slowest host."""
LOOK_SECONDS = 0.1


def as_hosts_have_room(
    items: Iterable[WorkItem], crowded: Callable[[str], bool], stopped: Callable[[], object]
) -> Iterator[WorkItem]:
    """All items, those of a crowded host later than others; nobody waits for it with a worker."""
    passed_over: list[WorkItem] = []
    for item in items:
        yield from _with_room(passed_over, crowded)
        if not crowded(item.url) or stopped():
            yield item
            continue
        passed_over.append(item)
        while len(passed_over) >= MOST_PASSED_OVER and not stopped():
            time.sleep(LOOK_SECONDS)
            yield from _with_room(passed_over, crowded)
    while passed_over and not stopped():
        yield from _with_room(passed_over, crowded)
        time.sleep(LOOK_SECONDS)
    yield from passed_over


def _with_room(passed_over: list[WorkItem], crowded: Callable[[str], bool]) -> Iterator[WorkItem]:
    """Take out what can be asked for now, the earliest first."""
    for item in list(passed_over):
        if not crowded(item.url):
            passed_over.remove(item)
            yield item
