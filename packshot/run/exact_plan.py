"""A plan that fetches: what would really have to be bought, to the picture."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from packshot.decisions.delta import FETCHES
from packshot.decisions.quote import Demand
from packshot.facts.errors import PackshotError, StopRun
from packshot.facts.job import Job
from packshot.facts.paid_options import content_hash, fingerprint
from packshot.facts.purchase import PurchaseClass
from packshot.providers.face import Provider
from packshot.run.work import WorkItem
from packshot.run.workshop import Place, make_fetcher
from packshot.world.masters import Masters, choose
from packshot.world.pictures import PixelBudget, already_cut_out, decode_upright, inspect


@dataclass(slots=True)
class _Found:
    """What the look at all sources has shown so far."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    counts: Counter[str] = field(default_factory=Counter)
    to_buy: dict[str, tuple[WorkItem, float]] = field(default_factory=dict)


def exact_demand(
    job: Job, work: Path, provider: Provider, asked: PurchaseClass
) -> tuple[Demand, dict[str, int]]:
    """Fetch every source of the work file; answers the exact demand, and what was found.

    Keeps nothing: a run fetches again.
    """
    items = [
        item
        for row in pq.read_table(work).to_pylist()
        if (item := WorkItem.from_row(row)).state in FETCHES
    ]
    found = _Found()
    fetcher = make_fetcher(job)
    masters = Masters(Place.of(job).state)
    budget = PixelBudget(job.options.limits.decoded_megapixels * 1_000_000)

    def look(item: WorkItem) -> None:
        try:
            fetched = fetcher.fetch(item.url, deadline_seconds=job.options.limits.item_seconds)
            said = _judge(item, fetched.content or b"", job, budget)
            if said is None:
                said = _bought(item, fetched.content or b"", masters, asked, job)
            if said is None:
                said = _to_buy(item, fetched.content or b"", found, job)
        except StopRun:
            raise  # the state cannot be read: no picture's fault
        except PackshotError as error:
            said = f"cannot be cut out ({error.code})"
        with found.lock:
            found.counts[said] += 1

    try:
        with ThreadPoolExecutor(job.options.limits.fetches_at_once) as pool:
            list(pool.map(look, items))
    finally:
        fetcher.close()
    return _demand(found, provider), dict(found.counts)


def _judge(item: WorkItem, content: bytes, job: Job, budget: PixelBudget) -> str | None:
    digest = content_hash(content)
    same_options = item.known.paid_options == item.options.canonical()
    if item.is_known and digest == item.known.content_hash and same_options:
        return "unchanged"
    facts = inspect(content, job.options.limits.source_megapixels * 1_000_000)
    if facts.has_alpha:
        with budget.hold(facts.width * facts.height):
            if already_cut_out(decode_upright(content)):
                return "transparent already"
    return None


def _bought(
    item: WorkItem, content: bytes, masters: Masters, asked: PurchaseClass, job: Job
) -> str | None:
    name = fingerprint(content_hash(content), item.options.canonical())
    provider = job.provider if job.recut in {"provider", "all"} else None
    if job.recut == "all" or choose(masters.receipts(name), asked, provider=provider) is None:
        return None
    return "bought before"


def _to_buy(item: WorkItem, content: bytes, found: _Found, job: Job) -> str:
    facts = inspect(content, job.options.limits.source_megapixels * 1_000_000)
    name = fingerprint(content_hash(content), item.options.canonical())
    with found.lock:
        if name in found.to_buy:
            return "equal to another new picture"
        found.to_buy[name] = (item, facts.width * facts.height / 1e6)
    return "to be bought"


def _demand(found: _Found, provider: Provider) -> Demand:
    prices = [provider.price(item.options, size) for item, size in found.to_buy.values()]
    megapixels = sum(max(1.0, size) for _, size in found.to_buy.values())
    return Demand(
        calls=len(prices),
        at_most=sum(price.at_most for price in prices),
        likely=sum(price.likely for price in prices),
        likely_calls=len(prices),
        megapixels_likely=megapixels or None,
    )
