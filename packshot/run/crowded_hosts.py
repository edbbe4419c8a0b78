"""Pictures of a host that has enough to do are passed over, and come back when it has room."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from packshot.run.work import WorkItem
from packshot.world.fetch_places import host_of

MOST_PASSED_OVER = 256
"""So many a batch keeps in mind; a larger share of a large catalog waits for its slowest host."""
LOOK_SECONDS = 0.1


def as_hosts_have_room(
    items: Iterable[WorkItem], crowded: Callable[[str], bool], stopped: Callable[[], object]
) -> Iterator[WorkItem]:
    """All items, those of a crowded host later than others; nobody waits for it with a worker."""
    waiting: dict[str, deque[WorkItem]] = {}
    for item in items:
        yield from _with_room(waiting, crowded)
        host = host_of(item.url)
        if not crowded(host) or stopped():
            yield item
            continue
        waiting.setdefault(host, deque()).append(item)
        while sum(map(len, waiting.values())) >= MOST_PASSED_OVER and not stopped():
            time.sleep(LOOK_SECONDS)
            yield from _with_room(waiting, crowded)
    while waiting and not stopped():
        yield from _with_room(waiting, crowded)
        time.sleep(LOOK_SECONDS)
    for queue in waiting.values():
        yield from queue


def _with_room(
    waiting: dict[str, deque[WorkItem]], crowded: Callable[[str], bool]
) -> Iterator[WorkItem]:
    """Take out what can be asked for now, each host's earliest first."""
    for host in list(waiting):
        queue = waiting[host]
        while queue and not crowded(host):
            yield queue.popleft()
        if not queue:
            del waiting[host]
