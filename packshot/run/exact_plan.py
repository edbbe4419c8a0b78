"""A plan that fetches: what would really have to be bought, to the picture.

It decides as `packshot.run.cutting` does, step for step; a test plans a night and then runs it.
"""

import math
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq

from packshot.decisions.delta import FETCHES, PlanState
from packshot.decisions.quote import Demand, weight_of
from packshot.facts.errors import PackshotError, StopRun
from packshot.facts.item import public
from packshot.facts.job import Job
from packshot.facts.outcome import TRANSPARENT_ALREADY, WHITE_ALREADY
from packshot.facts.paid_options import content_hash
from packshot.facts.purchase import Price
from packshot.providers.face import Provider
from packshot.run.progress import Progress
from packshot.run.work import WorkItem, equal_bytes_settle, names_of_purchases, url_hash
from packshot.run.workshop import Place, make_fetcher
from packshot.world.fetch import Fetched, Fetcher
from packshot.world.masters import Demanded, Masters
from packshot.world.needless import needless
from packshot.world.pictures import (
    PictureFacts,
    inspect,
    prepare,
    preview,
)
from packshot.world.pixel_budget import PixelBudget

NEEDLESS = {TRANSPARENT_ALREADY: "transparent already", WHITE_ALREADY: "white already"}
ITEMS_AT_ONCE = 2048
"""So many rows of the work file are in memory at a time."""


def exact_demand(
    job: Job, work: Path, provider: Provider, demanded: Demanded, progress: Progress
) -> tuple[Demand, dict[str, int]]:
    """Fetch every source of the work file; answers the exact demand, and what was found.

    Keeps nothing: a run fetches again.
    """
    fetcher = make_fetcher(job)
    look = _Look(job, provider, demanded, fetcher, Masters(Place.of(job).state))
    try:
        with ThreadPoolExecutor(job.options.limits.fetches_at_once) as pool:
            for items in _batches(work):
                for said in pool.map(look.at, items):
                    look.counts[said] += 1
                    progress.add()
    finally:
        fetcher.close()
    return look.demand(), dict(look.counts)


def _batches(work: Path) -> Iterator[list[WorkItem]]:
    """The items whose source a run asks for, some rows of the file at a time."""
    with pq.ParquetFile(work) as file:
        for batch in file.iter_batches(ITEMS_AT_ONCE):
            items = map(WorkItem.from_row, batch.to_pylist())
            yield [item for item in items if item.state in FETCHES]


class _Purchase(NamedTuple):
    """What has to be bought."""

    price: Price
    weight: float
    """Megapixels as they are sent, rounded up as the provider does."""
    spared: float
    """By so much the whole source would weigh more."""


@dataclass(slots=True)
class _Look:
    """The look at all sources, and what it has shown so far."""

    job: Job
    provider: Provider
    demanded: Demanded
    fetcher: Fetcher
    masters: Masters
    budget: PixelBudget = field(init=False)
    lock: threading.Lock = field(default_factory=threading.Lock)
    counts: Counter[str] = field(default_factory=Counter)
    to_buy: dict[str, _Purchase] = field(default_factory=dict)
    """By fingerprint."""

    def __post_init__(self) -> None:
        self.budget = PixelBudget(self.job.options.limits.decoded_megapixels * 1_000_000)

    def at(self, item: WorkItem) -> str:
        """What a run would find out about one picture."""
        try:
            return self._judged(item)
        except StopRun:
            raise  # the state cannot be read: no picture's fault
        except PackshotError as error:
            return f"cannot be cut out ({error.code})"
        except Exception:  # noqa: BLE001  a run goes on past a poison picture, too
            return "cannot be cut out (unexpected)"

    def _judged(self, item: WorkItem) -> str:
        known = item.known
        if (
            item.state is PlanState.CHANGED_OPTIONS
            and known.content_hash is not None
            and known.url_hash == url_hash(item.url)
            and self._is_bought(self._names(item, known.content_hash, _known_size(item)))
        ):
            return "bought before"
        settles = equal_bytes_settle(item, self.provider.name, self.job.options)
        content = self._fetched(item, conditional=settles).content
        if content is None:
            return "unchanged"
        digest = content_hash(content)
        if digest == known.content_hash and settles:
            return "unchanged"
        facts = inspect(content, self.job.options.limits.source_megapixels * 1_000_000)
        if needless := self._needless(item, content, facts):
            return needless
        size = (facts.width, facts.height)
        names = self._names(item, digest, size)
        if self._is_bought(names):
            return "bought before"
        return self._to_be_bought(names[0], item, size)

    def _fetched(self, item: WorkItem, *, conditional: bool) -> Fetched:
        known = item.known
        conditional = conditional and known.url == public(item.url)
        same_url = known.url_hash == url_hash(item.url)
        return self.fetcher.fetch(
            item.url,
            etag=known.etag if conditional else None,
            last_modified=known.last_modified if conditional and same_url else None,
            deadline_seconds=self.job.options.limits.item_seconds,
        )

    def _needless(self, item: WorkItem, content: bytes, facts: PictureFacts) -> str:
        """Why there is nothing to cut, if so; raises `SkipImage` where a run would reject."""
        accepts = self.provider.accepts
        with self.budget.hold(facts.width * facts.height):
            if code := needless(content, facts, skip_white=self.job.options.skip_white):
                return NEEDLESS[code]
            prepare(
                content,
                facts,
                formats=accepts.formats,
                max_bytes=accepts.max_bytes,
                max_pixels=accepts.max_pixels,
                size=item.options.sent_size(facts.width, facts.height),
            )
            preview(content)  # finds a broken picture that would be sent as it is
        return ""

    def _names(self, item: WorkItem, digest: str, size: tuple[int, int]) -> tuple[str, ...]:
        sizes = self.masters.sizes() if item.options.shrunk_to else ()
        return names_of_purchases(digest, item, size, sizes)

    def _is_bought(self, names: Iterable[str]) -> bool:
        receipts = (self.masters.receipts(name) for name in names)
        return any(self.demanded.met_by(found) is not None for found in receipts)

    def _to_be_bought(self, name: str, item: WorkItem, size: tuple[int, int]) -> str:
        megapixels = math.prod(item.options.sent_size(*size)) / 1e6
        weight, whole = weight_of(megapixels), weight_of(math.prod(size) / 1e6)
        price = self.provider.price(item.options, megapixels)
        with self.lock:
            if name in self.to_buy:
                return "equal to another new picture"
            self.to_buy[name] = _Purchase(price, weight, whole - weight)
        return "to be bought"

    def demand(self) -> Demand:
        """Everything that has to be bought."""
        buys = self.to_buy.values()
        return Demand(
            calls=len(buys),
            at_most=sum(buy.price.at_most for buy in buys),
            likely=sum(buy.price.likely for buy in buys),
            likely_calls=len(buys),
            megapixels_likely=sum(buy.weight for buy in buys) or None,
            megapixels_spared=sum(buy.spared for buy in buys),
        )


def _known_size(item: WorkItem) -> tuple[int, int]:
    return (item.known.source_width or 0, item.known.source_height or 0)
