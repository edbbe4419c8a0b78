"""Processes that use one account know of each other by a global concurrency limit of Prefect.

Each process that calls holds one slot, so the slots in use say among how many the account's
allowance is shared. The pace itself follows the provider's own word (`packshot.run.governor`).
Leases are held in the server's memory: slots that a restart of the server left behind make the
others careful and no more; `prefect gcl update NAME --active-slots 0` clears them.
"""

import hashlib
import logging
import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.client.schemas.objects import ConcurrencyLeaseHolder
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from packshot.run.governor import Governor

Logger = logging.Logger | logging.LoggerAdapter[logging.Logger]

MOST_PROCESSES = 16
"""Slots of a limit that is made here; whoever made one before keeps theirs."""
LOOK_SECONDS = 0.5
WANTING_SECONDS = 0.1
"""So often a process without a slot looks whether it wants one: pictures wait for it."""
HEAR_SECONDS = 5.0
"""So often each process asks how many there are; a newcomer waits that long before it calls."""
IDLE_SECONDS = 10.0
"""A process that has not called for so long gives its slot back."""
LEASE_SECONDS = 60.0
"""Prefect's least: a process that was killed counts for so long."""
RENEW_SECONDS = 20.0
ANSWER_SECONDS = 5.0
BUSY_TRIES = 5
BUSY_SECONDS = 1.0
"""A server that refuses is there and busy, as SQLite is at times: it is asked so often again."""
LAST_WORD_SECONDS = 2.0


def limit_name(provider: str, api_key: str, provider_url: str | None) -> str:
    """One limit per account; the key cannot be told from it."""
    address, key = (provider_url or "").rstrip("/"), api_key.strip()
    account = hashlib.sha256(f"{address}\n{key}".encode()).hexdigest()
    return f"packshot-{provider}-{account[:8]}"


@contextmanager
def shared_account(
    governor: Governor, name: str, flow_run_id: str | None, logger: Logger
) -> Iterator[None]:
    """Keep to one part of the account's allowance while the block lasts."""
    if PREFECT_API_URL.value() is None:
        logger.info("no lasting Prefect server: taken for the only process of its account")
        yield
        return
    share = _Share(governor, name, flow_run_id, logger)
    keeping = threading.Thread(target=share.keep, name="sharing", daemon=True)
    keeping.start()
    try:
        yield
    finally:
        share.over.set()
        keeping.join(LAST_WORD_SECONDS)


class _Share:
    """Takes a slot when somebody wants to call, and gives it back when nobody does."""

    def __init__(
        self, governor: Governor, name: str, flow_run_id: str | None, logger: Logger
    ) -> None:
        self.over = threading.Event()
        self._governor = governor
        self._name = name
        self._holder = (
            ConcurrencyLeaseHolder(type="flow_run", id=UUID(flow_run_id)) if flow_run_id else None
        )
        self._logger = logger
        self._lease: UUID | None = None
        self._renewed = self._heard = -math.inf
        self._processes: int | None = None
        """How many there were when they were last counted."""
        self._refused = 0
        """So often in a row the server was there and did not say how many there are."""
        self._said: str | None = None
        governor.share(0)

    def keep(self) -> None:
        """Look again and again until it is over."""
        while not self.over.wait(LOOK_SECONDS if self._lease else WANTING_SECONDS):
            try:
                self._look(time.monotonic())
            except Exception as error:  # noqa: BLE001  whatever it is, pictures must not wait for it
                self._go_on(error)
            else:
                self._refused = 0
        with suppress(Exception):
            self._give_back()

    def _look(self, now: float) -> None:
        idle = self._governor.idle_seconds
        if self._lease is None:
            if idle == 0.0 and now > self._heard + HEAR_SECONDS * (self._processes is not None):
                self._join(now)
        elif idle > IDLE_SECONDS:
            self._governor.share(0)
            self._give_back()
        elif now > self._heard + HEAR_SECONDS:
            self._hear(now)

    def _join(self, now: float) -> None:
        """Take a slot; before the first call of a newcomer all others have heard of it."""
        with _client() as client:
            lease = self._slot(client)
            if lease is None:
                return
            self._lease, self._renewed = lease, now
            processes = self._count(client)
        if processes == 1:  # for whoever starts in the same moment and has not been counted yet
            self._heard = time.monotonic()
            self._governor.share(1, expected=1)
            return
        if not self.over.wait(HEAR_SECONDS + 1):
            with _client() as client:
                processes = self._count(client)
        self._share_with(processes)

    def _slot(self, client: SyncPrefectClient) -> UUID | None:
        """A lease on one slot; None while all are taken."""
        with suppress(ObjectAlreadyExists):
            try:
                client.read_global_concurrency_limit_by_name(self._name)
            except ObjectNotFound:
                client.create_global_concurrency_limit(
                    GlobalConcurrencyLimitCreate(name=self._name, limit=MOST_PROCESSES)
                )
        try:
            answer = client.increment_concurrency_slots_with_lease(
                [self._name], 1, "concurrency", LEASE_SECONDS, self._holder
            )
        except httpx.HTTPStatusError as error:
            if error.response.status_code != HTTPStatus.LOCKED:
                raise
            self._say(f"every slot of the limit `{self._name}` is taken: waiting for one")
            self.over.wait(HEAR_SECONDS)
            return None
        return UUID(answer.json()["lease_id"])

    def _hear(self, now: float) -> None:
        """Hold on to the slot, and count the others."""
        with _client() as client:
            if self._lease is not None and now > self._renewed + RENEW_SECONDS:
                self._renew(client, self._lease, now)
            self._share_with(self._count(client))

    def _renew(self, client: SyncPrefectClient, lease: UUID, now: float) -> None:
        try:
            client.renew_concurrency_lease(lease, LEASE_SECONDS)
        except httpx.HTTPStatusError as error:
            if error.response.status_code not in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
                raise
            self._lease = None  # it ran out, or the server has begun anew
            self._lease = self._slot(client)
        self._renewed = now

    def _count(self, client: SyncPrefectClient) -> int:
        return max(1, client.read_global_concurrency_limit_by_name(self._name).active_slots)

    def _share_with(self, processes: int) -> None:
        self._heard = time.monotonic()
        if processes != self._processes:
            many = "one process calls" if processes == 1 else f"{processes} processes call"
            self._say(f"{many} with this account (limit `{self._name}`)")
        self._processes = processes
        self._governor.share(processes)

    def _give_back(self) -> None:
        """Where the server does not hear of it the slot is still ours, and given back later."""
        if self._lease is not None:
            with _client() as client, suppress(ObjectNotFound):
                client.release_concurrency_slots_with_lease(self._lease)
        self._lease = self._processes = None

    def _go_on(self, error: Exception) -> None:
        """Without Prefect's word the last count stands; where there was none, one is assumed.

        A server that refuses or does not answer in time is there: it is asked again first.
        """
        self._refused += isinstance(error, httpx.HTTPStatusError | httpx.TimeoutException)
        if self._processes is None and 0 < self._refused <= BUSY_TRIES:
            self.over.wait(BUSY_SECONDS)
            return
        self._heard = time.monotonic()
        if self._processes is None:
            self._processes = 1
            self._say(
                f"Prefect does not say how many share the account ({type(error).__name__}): "
                "taken for the only process"
            )
        self._governor.share(self._processes)

    def _say(self, sentence: str) -> None:
        if sentence != self._said:
            self._logger.info(sentence)
        self._said = sentence


@contextmanager
def _client() -> Iterator[SyncPrefectClient]:
    """A client that is not patient: pictures wait for its answer."""
    with (
        temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}),
        get_client(httpx_settings={"timeout": ANSWER_SECONDS}, sync_client=True) as client,
    ):
        yield client
