"""Jobs that a provider finishes later: noted in the state before anybody waits for them.

A ticket lies under its purchase's fingerprint until the master does. Whoever needs the purchase
collects the job that is paid for, and buys nothing. It names the account that the job was given to:
another one, a sandbox's too, knows nothing of it.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import blake2b
from typing import NamedTuple, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from packshot.facts.errors import Uncertain
from packshot.facts.purchase import PurchaseClass
from packshot.world.store import Store

FOLDER = "tickets"
UNREADABLE = "tickets-unreadable"
"""Since when a ticket has been found damaged: a store does not tell how old a file is."""


class Seller(NamedTuple):
    """One account of a provider."""

    provider: str
    account: str
    """A digest of the address and the key, which cannot be told from it."""

    @classmethod
    def of(cls, provider: str, address: str | None, key: str | None) -> Self:
        """By what it is reached."""
        told = f"{(address or '').rstrip('/')}\n{(key or '').strip()}"
        return cls(provider, blake2b(told.encode(), digest_size=4).hexdigest())


class KeptTicket(BaseModel):
    """A job under way, and whose call it was."""

    model_config = ConfigDict(frozen=True)

    version: int = 1
    fingerprint: str
    provider: str
    job_id: str
    facts: Mapping[str, str]
    """What the provider needs to find the job again."""
    run_id: str
    given_at: datetime
    catalog: str | None = None
    key: str | None = None
    """The item that it was bought for."""
    account: str | None = None
    """As `Seller` has it; None in what an earlier release has noted."""
    purchase_class: PurchaseClass = PurchaseClass.PAID
    """What the result will be worth: a sandbox's is a test."""


class Elsewhere(NamedTuple):
    """A job that another account was given."""

    address: str
    """Of its ticket."""
    provider: str
    purchase_class: PurchaseClass


class Tickets:
    """The tickets of one state. Every method raises `StoreUnavailable`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def keep(self, ticket: KeptTicket) -> None:
        """Note a job; returns once the note outlives this process."""
        self._store.write(
            _path(ticket.fingerprint, ticket.provider, ticket.account),
            ticket.model_dump_json().encode(),
            "application/json",
        )

    def address_of(self, ticket: KeptTicket) -> str:
        """Where a person finds it."""
        path = _path(ticket.fingerprint, ticket.provider, ticket.account)
        return self._store.address(path)

    def find(self, fingerprint: str, seller: Seller) -> KeptTicket | None:
        """The job that is under way for this purchase, if there is one.

        Raises `Uncertain` for a ticket that cannot be read: it stands for a job that was paid for.
        """
        for path in _paths(fingerprint, seller):
            try:
                return KeptTicket.model_validate_json(self._store.read(path))
            except FileNotFoundError:
                continue
            except ValidationError:
                raise Uncertain(
                    "the note on a job that is paid for cannot be read, so the picture is not "
                    f"bought again for now; restore {self._store.address(path)}, or remove it to "
                    "buy anew",
                    "ticket_unreadable",
                ) from None
        return None

    def of_others(self, seller: Seller | None) -> dict[str, list[Elsewhere]]:
        """By fingerprint: what other accounts were given and have not been heard of.

        For None all accounts are others.
        """
        found: dict[str, list[Elsewhere]] = {}
        for name in self._store.names(FOLDER):
            fingerprint, provider, account = _parts(name)
            if seller and provider == seller.provider and account in {seller.account, None}:
                continue
            ticket = self._read(name)
            worth = ticket.purchase_class if ticket else PurchaseClass.PAID
            address = self._store.address(f"{FOLDER}/{name}")
            found.setdefault(fingerprint, []).append(Elsewhere(address, provider, worth))
        return found

    def awaited(self, seller: Seller, catalog: str) -> frozenset[str]:
        """Keys of a catalog's items whose jobs are under way at an account."""
        found = (self._read(name) for name in self._names_of(seller))
        return frozenset(
            ticket.key for ticket in found if ticket and ticket.key and ticket.catalog == catalog
        )

    def _names_of(self, seller: Seller) -> Iterator[str]:
        for name in self._store.names(FOLDER):
            _, provider, account = _parts(name)
            if provider == seller.provider and account in {seller.account, None}:
                yield name

    def _read(self, name: str) -> KeptTicket | None:
        with suppress(FileNotFoundError, ValidationError):
            return KeptTicket.model_validate_json(self._store.read(f"{FOLDER}/{name}"))
        return None

    def expire(self, before: datetime, catalog: str) -> list[str]:
        """Remove what nobody has collected since: a ticket may hold an address with a signature.

        Those of other catalogs have their own time; what cannot be read, or names none, has ours.
        Answers where those lie that cannot be read; their time begins when they are first found.
        """
        damaged = []
        for name in self._store.names(FOLDER):
            ticket = self._read(name)
            if ticket and ticket.catalog not in {catalog, None}:
                continue
            since = ticket.given_at if ticket else self._found_damaged(name)
            if since < before:
                self._store.delete(f"{FOLDER}/{name}")
            elif ticket is None:
                damaged.append(self._store.address(f"{FOLDER}/{name}"))
        left = set(self._store.names(FOLDER))
        for name in self._store.names(UNREADABLE):
            if name not in left or self._read(name) is not None:
                self._store.delete(f"{UNREADABLE}/{name}")
        return damaged

    def _found_damaged(self, name: str) -> datetime:
        now = datetime.now(UTC)
        with suppress(FileNotFoundError, ValueError):
            since = datetime.fromisoformat(self._store.read(f"{UNREADABLE}/{name}").decode())
            return since if since.tzinfo else since.replace(tzinfo=UTC)
        self._store.write(f"{UNREADABLE}/{name}", now.isoformat().encode(), "text/plain")
        return now

    def drop(self, fingerprint: str, seller: Seller) -> None:
        """The job has been collected, or is lost."""
        for path in _paths(fingerprint, seller):
            self._store.delete(path)


def _paths(fingerprint: str, seller: Seller) -> tuple[str, str]:
    """Where the ticket of a purchase may lie: an earlier release did not name the account."""
    return _path(fingerprint, *seller), _path(fingerprint, seller.provider, None)


def _path(fingerprint: str, provider: str, account: str | None) -> str:
    return f"{FOLDER}/{'.'.join(filter(None, (fingerprint, provider, account)))}.json"


def _parts(name: str) -> tuple[str, str, str | None]:
    """The fingerprint, the provider and the account in a ticket's name."""
    fingerprint, provider, account, *_ = [*name.removesuffix(".json").split("."), "", ""]
    return fingerprint, provider, account or None
