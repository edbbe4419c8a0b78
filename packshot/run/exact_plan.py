"""A plan that fetches: what would really have to be bought, to the picture.

It decides as `packshot.run.cutting` does, step for step; a test plans a night and then runs it.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from packshot.decisions.delta import FETCHES, PlanState
from packshot.decisions.quote import Demand
from packshot.facts.errors import PackshotError, StopRun
from packshot.facts.item import public
from packshot.facts.job import Job
from packshot.facts.paid_options import content_hash, fingerprint
from packshot.facts.purchase import Price
from packshot.providers.face import Provider
from packshot.run.progress import Progress
from packshot.run.work import WorkItem, equal_bytes_settle, url_hash
from packshot.run.workshop import Place, make_fetcher
from packshot.world.fetch import Fetched, Fetcher
from packshot.world.masters import Demanded, Masters
from packshot.world.pictures import (
    PictureFacts,
    PixelBudget,
    already_cut_out,
    decode_upright,
    inspect,
    prepare,
    preview,
)

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
    to_buy: dict[str, tuple[Price, float]] = field(default_factory=dict)
    """Price and megapixels by fingerprint."""

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
            and self._is_bought(fingerprint(known.content_hash, item.options.canonical()))
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
        if self._is_cut_out(content, facts):
            return "transparent already"
        name = fingerprint(digest, item.options.canonical())
        if self._is_bought(name):
            return "bought before"
        return self._to_be_bought(name, item, facts.width * facts.height / 1e6)

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

    def _is_cut_out(self, content: bytes, facts: PictureFacts) -> bool:
        """Whether nothing is left to cut; raises `SkipImage` where a run would reject."""
        accepts = self.provider.accepts
        with self.budget.hold(facts.width * facts.height):
            if facts.has_alpha and already_cut_out(decode_upright(content)):
                return True
            prepare(
                content,
                facts,
                formats=accepts.formats,
                max_bytes=accepts.max_bytes,
                max_pixels=accepts.max_pixels,
            )
            preview(content)  # finds a broken picture that would be sent as it is
        return False

    def _is_bought(self, name: str) -> bool:
        return self.demanded.met_by(self.masters.receipts(name)) is not None

    def _to_be_bought(self, name: str, item: WorkItem, megapixels: float) -> str:
        price = self.provider.price(item.options, megapixels)
        with self.lock:
            if name in self.to_buy:
                return "equal to another new picture"
            self.to_buy[name] = (price, megapixels)
        return "to be bought"

    def demand(self) -> Demand:
        """Everything that has to be bought."""
        megapixels = sum(max(1.0, size) for _, size in self.to_buy.values())
        return Demand(
            calls=len(self.to_buy),
            at_most=sum(price.at_most for price, _ in self.to_buy.values()),
            likely=sum(price.likely for price, _ in self.to_buy.values()),
            likely_calls=len(self.to_buy),
            megapixels_likely=megapixels or None,
        )
