"""One process of an account that sends pictures in one of several ways, for a while.

`python -m bench.pace_client JSON`; prints how many pictures came back and how many were given up.
The ways beside Packshot's are written from their descriptions: a semaphore with three further
tries after 1, 2 and 4 seconds, and batches of five that wait for their slowest.
"""

import io
import json
import logging
import random
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import repeat
from typing import Any, Final

from PIL import Image

from flows.sharing import limit_name, shared_account
from packshot.facts.errors import Throttled, Unreachable
from packshot.facts.paid_options import PaidOptions
from packshot.providers.face import Source
from packshot.providers.removebg import RemoveBg
from packshot.run.governor import Governor

MEGAPIXELS: Final = (1, 1, 1, 2, 2, 4, 4, 8, 12, 25)
"""What a catalog of mixed sizes holds; 6 on average."""
PREVIEW: Final = PaidOptions(resolution="preview")
"""Weighs as much as any other size, and leaves the processor alone."""
BACKOFF: Final = (1.0, 2.0, 4.0)
BATCH: Final = 5
THREADS: Final = 48


@dataclass
class Sent:
    """What became of the pictures."""

    done: int = 0
    given_up: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, *, done: bool) -> None:
        """One more picture has come to its end."""
        with self.lock:
            self.done += done
            self.given_up += not done


class Client:
    """Endless pictures of mixed sizes for one account."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.url = asked["url"]
        self.ends = time.monotonic() + asked["seconds"]
        self.provider = RemoveBg("any", base_url=f"{asked['url']}/v1.0", calls_at_once=THREADS)
        self.pace = replace(
            self.provider.pace, per_window=asked["limit"], window_seconds=asked["window_seconds"]
        )
        self.sent = Sent()
        self._dice = random.Random(asked["seed"])  # noqa: S311  no secret
        self._sources = {size: picture(size) for size in set(MEGAPIXELS)}

    def next(self) -> Source:
        """Another picture."""
        with self.sent.lock:
            return self._sources[self._dice.choice(MEGAPIXELS)]

    @property
    def over(self) -> bool:
        """Whether time is up."""
        return time.monotonic() >= self.ends

    def nap(self, seconds: float) -> None:
        """Sleep, but not beyond the end."""
        time.sleep(max(0.0, min(seconds, self.ends - time.monotonic())))


def picture(megapixels: int) -> Source:
    """A grey JPEG of so many megapixels."""
    size = (megapixels * 1000, 1000)
    body = io.BytesIO()
    Image.new("RGB", size, (200, 200, 200)).save(body, "JPEG")
    return Source(body.getvalue(), str(megapixels), "JPEG", *size)


def governed(client: Client) -> None:
    """Packshot's way; where a Prefect server is, processes know of each other by it."""
    governor = Governor(client.pace)
    name = limit_name("removebg", "any", client.url)

    def send(source: Source) -> None:
        with governor.slot(source.megapixels, deadline=client.ends, stopped=lambda: None):
            answer = client.provider.submit(source, PREVIEW)
            governor.learn(*answer.pace)

    def work() -> None:
        source = client.next()
        while not client.over:
            try:
                send(source)
            except Throttled:
                continue  # the governor waits as told, and the picture goes again
            except Unreachable as error:
                if error.code != "deadline":
                    raise
            else:
                client.sent.count(done=True)
                source = client.next()

    with shared_account(governor, name, None, logging.getLogger(__name__)):
        in_threads(work, THREADS)


def semaphore(width: int) -> Callable[[Client], None]:
    """So many calls at once; a refused one is tried again after 1, 2 and 4 seconds."""

    def way(client: Client) -> None:
        def work() -> None:
            while not client.over:
                source = client.next()
                for pause in (*BACKOFF, None):
                    try:
                        client.provider.submit(source, PREVIEW)
                    except Throttled:
                        if pause is None:
                            client.sent.count(done=False)
                        else:
                            client.nap(pause)
                    else:
                        client.sent.count(done=True)
                        break

        in_threads(work, width)

    return way


def lockstep(client: Client) -> None:
    """Five leave together and the slowest is waited for; the refused go again when told to."""

    def call(source: Source) -> Throttled | None:
        try:
            client.provider.submit(source, PREVIEW)
        except Throttled as refusal:
            return refusal
        client.sent.count(done=True)
        return None

    with ThreadPoolExecutor(BATCH) as pool:
        waiting: list[Source] = []
        while not client.over:
            batch = waiting + [client.next() for _ in range(BATCH - len(waiting))]
            answers = list(pool.map(call, batch))
            refused = [each for each in answers if each is not None]
            waiting = [one for one, each in zip(batch, answers, strict=True) if each is not None]
            if refused:
                client.nap(max(each.wait_seconds or 0.0 for each in refused))


def in_threads(work: Callable[[], None], width: int) -> None:
    """Do the same in so many threads until all have ended."""
    with ThreadPoolExecutor(width) as pool:
        for future in [pool.submit(each) for each in repeat(work, width)]:
            future.result()


WAYS: Final[dict[str, Callable[[Client], None]]] = {
    "packshot": governed,
    "semaphore of 5": semaphore(5),
    "semaphore of 8": semaphore(8),
    "lockstep of 5": lockstep,
}

if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    client = Client(asked)
    WAYS[asked["way"]](client)
    print(json.dumps({"done": client.sent.done, "given_up": client.sent.given_up}))
