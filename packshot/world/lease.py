"""One run per catalog: the store decides, whatever the orchestrator believes."""

import threading
import time

from packshot.facts.errors import CatalogBusy, LeaseLost, StoreUnavailable
from packshot.world.holders import Holder, numbers, take
from packshot.world.store import Store

LEASE_SECONDS = 60.0
RENEW_SECONDS = 15.0


class Lease:
    """Held from `take` until `release`; renewed by a thread of its own.

    `held` compares monotonic clocks only: a process that was frozen past the end of
    its lease finds out before its next call leaves, without asking anyone.
    """

    def __init__(
        self, store: Store, folder: str, holder: Holder, number: int, *, good_until: float
    ) -> None:
        self._store = store
        self._folder = folder
        self._holder = holder
        self.number = number
        self._good_until = good_until
        self._writing = threading.Lock()
        self._over = threading.Event()
        self._lost = False
        self._thread = threading.Thread(target=self._keep_renewing, name="lease", daemon=True)

    @classmethod
    def take(cls, store: Store, catalog: str, run_id: str) -> "Lease":
        """Take the catalog, or raise `CatalogBusy` naming who has it and since when."""
        folder = f"{catalog}/lease"
        good_until = time.monotonic() + LEASE_SECONDS
        holder = Holder.myself(run_id, catalog, LEASE_SECONDS)
        taken = take(store, folder, holder)
        if isinstance(taken, Holder):
            host = taken.machine.partition("/")[0]
            raise CatalogBusy(
                f"catalog `{catalog}` is being worked on by run {taken.run_id} on {host} "
                f"(process {taken.pid}) since {taken.since:%Y-%m-%d %H:%M:%S} UTC; "
                "wait for it or stop it"
            )
        lease = cls(store, folder, holder, taken, good_until=good_until)
        lease._thread.start()
        return lease

    @property
    def held(self) -> bool:
        """Whether the catalog is still ours, as far as we can know without asking."""
        over = self._lost or self._over.is_set()
        return not over and time.monotonic() < self._good_until

    def check(self) -> None:
        """Raise `LeaseLost` if another run may have taken over."""
        if not self.held:
            raise LeaseLost(
                "this run's lease has ended, and another run may have taken the catalog; "
                "wait for that one, then run again"
            )

    def ask(self) -> None:
        """Ask the store who holds the catalog; raises `LeaseLost` if it is not us."""
        self.renew()
        self.check()

    def renew(self) -> None:
        """Ask who holds the catalog and, if we do, say so for another while."""
        with self._writing:
            if self._lost or self._over.is_set():
                return
            asked_at = time.monotonic()
            if self._is_highest():
                self._write(released=False)
            # Asked again: who found us expired before we wrote may have taken over meanwhile.
            if self._is_highest():
                self._good_until = asked_at + LEASE_SECONDS
            else:
                self._lost = True

    def _is_highest(self) -> bool:
        return numbers(self._store, self._folder)[-1:] == [self.number]

    def _write(self, *, released: bool) -> None:
        self._holder = self._holder.renewed(LEASE_SECONDS, released=released)
        body = self._holder.model_dump_json().encode()
        self._store.write(f"{self._folder}/{self.number}.json", body, "application/json")

    def _keep_renewing(self) -> None:
        while not self._over.wait(RENEW_SECONDS):
            try:
                self.renew()
            except StoreUnavailable:
                continue  # the lease runs out by itself if the store stays away

    def release(self) -> None:
        """Give the catalog back and tidy up earlier numbers."""
        self._over.set()
        if self._lost:
            return
        try:
            with self._writing:
                self._write(released=True)
            for earlier in numbers(self._store, self._folder):
                if earlier < self.number:
                    self._store.delete(f"{self._folder}/{earlier}.json")
        except StoreUnavailable:
            return  # it ends by itself
