"""The one place where the parts of a run are put together."""

import json
import math
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any

from packshot.decisions.quote import Verdict
from packshot.facts.errors import BadOption, PackshotError
from packshot.facts.job import Job
from packshot.facts.money import Tariff, cap_of
from packshot.facts.purchase import Account, PurchaseClass
from packshot.facts.removebg_options import RemoveBgOptions
from packshot.providers.face import Provider
from packshot.providers.registry import PROVIDERS, Access, build
from packshot.run.books import Books
from packshot.run.breaker import Breaker
from packshot.run.governor import Governor
from packshot.run.plan import Plan
from packshot.run.planning import PlanFiles
from packshot.run.progress import Progress
from packshot.run.stopping import StopFlag
from packshot.run.summary import Summary
from packshot.run.turns import Turns
from packshot.world.fetch import Fetcher, FetchLimits
from packshot.world.holders import Holder
from packshot.world.journal import IntentLog, Journal
from packshot.world.lease import Lease
from packshot.world.ledger import Head, Ledger
from packshot.world.manifest_staging import Staged
from packshot.world.masters import Demanded, Masters
from packshot.world.pixel_budget import PixelBudget
from packshot.world.scratch import new_scratch
from packshot.world.spool import Spool
from packshot.world.store import Store, open_store
from packshot.world.tickets import Elsewhere, Seller

CLAIM_MARGIN_SECONDS = 600
"""A call may leave just before its item's time is up, and then take minutes."""
TRY_LENGTH = 6
"""So many characters at a run id's end tell of its flow run."""
RUN_ID_TIME = "%Y%m%dT%H%M%S"


@dataclass(frozen=True, slots=True)
class Place:
    """The stores of a catalog, without any run."""

    job: Job
    destination: Store
    state: Store
    ledger: Ledger

    @classmethod
    def of(cls, job: Job) -> "Place":
        """Open destination and state; nothing is read or written yet."""
        destination = open_store(job.destination, job.options.storage, public=True)
        state = open_store(job.state_url, job.options.storage)
        if destination.url == state.url:
            raise BadOption(
                "destination and state are the same place; the state is private, give it its own"
            )
        if state.url.startswith(f"{destination.url}/"):
            raise BadOption(
                f"the state {state.url} lies inside the destination, where pictures are public; "
                "give it a place of its own with --state"
            )
        if destination.url.startswith(f"{state.url}/"):
            raise BadOption(
                f"the destination {destination.url} lies inside the state, which is private; "
                "give it a place of its own"
            )
        return cls(job, destination, state, Ledger(state, job.catalog))

    def run_folder(self, run_id: str) -> str:
        """Where one run keeps what it writes."""
        return f"{self.job.catalog}/runs/{run_id}"


@dataclass(frozen=True, slots=True)
class Here:
    """What a run takes from where it runs; the job on record holds none of it."""

    spool: str | None = None
    """Where paid results wait while the store is away, unless the job names a folder."""
    manifest: str | None = None
    """The manifest's whole address, where the job holds a name for it or what may be shown."""
    flow_run: str | None = None
    """Which of Prefect's runs this is, or is a further try of."""

    def whole(self, job: Job) -> Job:
        """The job with the manifest's whole address."""
        return job.model_copy(update={"manifest": self.manifest}) if self.manifest else job


NOWHERE = Here()
"""Of a run that is told nothing beside its job."""


def make_provider(job: Job, api_key: str | None, background: bytes | None = None) -> Provider:
    """The provider the job names, with the picture it puts behind. Raises `BadOption`."""
    own = job.options.provider_settings.get(job.provider, {})
    entry = PROVIDERS.get(job.provider)
    honoured = entry.removebg_words(own) if entry else frozenset(RemoveBgOptions.model_fields)
    said = job.options.paid.removebg.model_dump(exclude_defaults=True)
    if passed_over := sorted(said.keys() - honoured):
        words = ", ".join(f"`paid.removebg.{word}`" for word in passed_over)
        raise BadOption(
            f"`{job.provider}` would pass {words} over; leave that out, or use removebg"
        )
    return build(
        job.provider,
        Access(
            api_key=api_key or "",
            base_url=job.options.provider_url,
            wire_format=job.options.wire_format,
            calls_at_once=job.options.limits.calls_at_once,
            provider_settings=own,
            background=background,
            outputs=job.options.outputs,
        ),
    )


def asked_class(job: Job, account: Account | None) -> PurchaseClass:
    """What class of purchase this job is about; a sandbox says so in its account."""
    if account is not None:
        return account.purchase_class
    entry = PROVIDERS.get(job.provider)
    return entry.purchase_class if entry else PurchaseClass.PAID


def make_fetcher(job: Job) -> Fetcher:
    """A fetcher with the job's limits and permissions."""
    limits = job.options.limits
    return Fetcher(
        FetchLimits(
            max_bytes=limits.source_megabytes * 1_000_000,
            at_once=limits.fetches_at_once,
            per_host=limits.fetches_per_host,
        ),
        allowed_schemes=allowed_schemes(job),
        allow_hosts=frozenset(job.options.allow_hosts),
        storage_options=job.options.storage.fsspec_options(),
        own_places=(job.state_url, job.destination),
    )


def allowed_schemes(job: Job) -> frozenset[str]:
    """Where pictures may come from; beside the web only when the operator said so."""
    schemes = {"http", "https"}
    if job.options.allow_local:
        scheme, found, _ = job.manifest.partition("://")
        schemes.add(scheme if found else "file")
    return frozenset(schemes)


def new_run_id(flow_run: str | None = None) -> str:
    """Sorts by time of start, and is unique; tries of one flow run end alike.

    A fallback's part may begin in the same second, so a 4096th of it is told, too.
    """
    now = datetime.now(UTC)
    own = f"{now.microsecond * 4096 // 1_000_000:03x}{token_hex(TRY_LENGTH // 2)}"
    end = f"{own}-{flow_run[-TRY_LENGTH:]}" if flow_run else own
    return f"{now:{RUN_ID_TIME}}-{end}"


class SingleFlight:
    """One lock per purchase, so that two threads never buy the same one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[str, tuple[threading.Lock, int]] = {}

    @contextmanager
    def only(self, name: str) -> Iterator[None]:
        """Wait until no other thread is in here with this name."""
        with self._lock:
            lock, users = self._locks.get(name, (threading.Lock(), 0))
            self._locks[name] = (lock, users + 1)
        try:
            with lock:
                yield
        finally:
            with self._lock:
                lock, users = self._locks[name]
                if users == 1:
                    del self._locks[name]
                else:
                    self._locks[name] = (lock, users - 1)


@dataclass(slots=True)
class Tally:
    """Counts that move while a run works; for progress and guards."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    outcomes: Counter[str] = field(default_factory=Counter)
    ended: set[int] = field(default_factory=set)
    changed: int = 0

    def end(self, number: int, outcome: str) -> None:
        """One more item has ended."""
        with self.lock:
            self.ended.add(number)
            self.outcomes[outcome] += 1

    def one_changed(self) -> int:
        """One more known picture has other bytes; answers how many so far."""
        with self.lock:
            self.changed += 1
            return self.changed


@dataclass(slots=True)
class Workshop:
    """Everything that a run's stages work with. One per process and run."""

    job: Job
    asked: Job
    """The job as it goes on record: without what is only true here and now."""
    run_id: str
    place: Place
    head: Head
    folder: Path
    """Local scratch space; removed at the end."""
    lease: Lease
    provider: Provider
    seller: Seller
    account: Account
    fetcher: Fetcher
    masters: Masters
    governor: Governor
    journal: Journal
    intents: IntentLog
    budget: PixelBudget
    spool: Spool | None
    stop: StopFlag
    started_at: datetime
    retry_failures: bool
    flow_run: str | None
    books: Books
    breaker: Breaker
    width: threading.BoundedSemaphore
    """Pictures worked on at once."""
    gate: Callable[[], None]
    """Raises unless a call may leave now."""
    began: float = field(default_factory=time.monotonic)
    """When the run began on the clock that never jumps; `started_at` is the date of it."""
    single_flight: SingleFlight = field(default_factory=SingleFlight)
    progress: Progress = field(default_factory=Progress)
    tally: Tally = field(default_factory=Tally)
    unanswered: set[str] = field(default_factory=set)
    """Fingerprints whose calls went unanswered; nobody calls for them again in this run."""
    sent_elsewhere: Mapping[str, Sequence[Elsewhere]] | None = field(default=None, init=False)
    """By fingerprint: what waits at other accounts, once somebody has asked."""
    awaited: frozenset[str] | None = field(default=None, init=False)
    """Keys of items whose results wait at the provider, once somebody has asked."""
    outdone: set[str] = field(default_factory=set)
    """Fingerprints whose answer tonight was worth less than what had been bought before."""
    asked_again: int = 0
    """Known pictures that are fetched tonight."""
    work_rows: int = 0
    work: Any = None
    """The work file, opened once for all batches: what says where its rows lie grows with them."""
    staged: Staged | None = None
    files: PlanFiles | None = None
    plan: Plan | None = None
    verdict: Verdict | None = None
    turns: Turns | None = None
    """Who buys first, where the money may not do for all."""
    summary: Summary | None = None

    @property
    def run_folder(self) -> str:
        """Where this run keeps what it writes, inside the state."""
        return self.place.run_folder(self.run_id)

    @property
    def asked_class(self) -> PurchaseClass:
        """The class of purchase this run is about."""
        return asked_class(self.job, self.account)

    @property
    def recut_begun(self) -> datetime | None:
        """When buying everything anew was begun, if this run is about that."""
        return self.head.recut_begun(self.started_at) if self.job.recut == "all" else None

    @property
    def demanded(self) -> Demanded:
        """Which purchases spare a new one."""
        return Demanded.by(
            self.job.recut, self.asked_class, self.provider.name, self.head.recut_since
        )

    def me(self) -> Holder:
        """The run as the holder of a claim."""
        seconds = self.job.options.limits.item_seconds + CLAIM_MARGIN_SECONDS
        return Holder.myself(self.run_id, self.job.catalog, seconds)

    def write_json(self, name: str, content: dict[str, object]) -> None:
        """Keep a small document in the run's folder."""
        body = json.dumps(content, indent=1, default=str).encode()
        self.place.state.write(f"{self.run_folder}/{name}", body, "application/json")

    def close(self) -> None:
        """Give back the lease, connections and scratch space."""
        self.lease.release()
        with suppress(PackshotError):
            self.provider.close()
        self.fetcher.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def open_workshop(  # noqa: PLR0913  the parts are put together here and nowhere else
    job: Job,
    *,
    asked: Job,
    run_id: str,
    place: Place,
    lease: Lease,
    provider: Provider,
    seller: Seller,
    account: Account,
    head: Head,
    retry_failures: bool,
    here: Here,
) -> Workshop:
    """Lay out the parts of a run whose lease is held."""
    run_folder = place.run_folder(run_id)
    cap = cap_of(job, Tariff.of(job, provider.unit))
    stop = StopFlag(job.options.finish_by)

    def gate() -> None:
        stop.check()
        lease.check()

    return Workshop(
        job=job,
        asked=asked,
        run_id=run_id,
        place=place,
        head=head,
        folder=new_scratch(),
        lease=lease,
        provider=provider,
        seller=seller,
        account=account,
        fetcher=make_fetcher(job),
        masters=Masters(place.state),
        governor=Governor(provider.pace),
        journal=Journal(place.state, run_folder, stop.set),
        intents=IntentLog(place.state, run_folder, gate),
        budget=PixelBudget(job.options.limits.decoded_megapixels * 1_000_000),
        spool=spool_of(place, here),
        stop=stop,
        gate=gate,
        width=threading.BoundedSemaphore(job.options.limits.workers),
        started_at=datetime.now(UTC),
        retry_failures=retry_failures,
        flow_run=here.flow_run,
        breaker=Breaker(provider.name),
        books=Books(
            balance=balance_of(account),
            cap=cap,
            floor=job.keep_credits,
            refresh=lambda: balance_of(provider.account()),
            refresh_every=job.options.account_every,
        ),
    )


def spool_of(place: Place, here: Here) -> Spool | None:
    """Where this run's paid results wait while the store is away."""
    folder = place.job.options.spool or here.spool
    return Spool(Path(folder), place.state.url) if folder else None


def deliver_spool(place: Place, here: Here) -> None:
    """Store what was paid for and could not be stored before. Raises `StoreUnavailable`."""
    if spool := spool_of(place, here):
        spool.deliver(Masters(place.state))


def probe_spool(place: Place, here: Here, account: Account) -> None:
    """Show that what is about to be paid for could wait here. Raises `StoreUnavailable`."""
    spool = spool_of(place, here)
    if spool and account.purchase_class is not PurchaseClass.FREE:
        spool.probe()


def balance_of(account: Account) -> float | None:
    """What the books count on; free engines have no balance, and some providers do not tell it."""
    told = account.purchase_class is not PurchaseClass.FREE and math.isfinite(account.total)
    return account.total if told else None
