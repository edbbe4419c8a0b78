"""Jobs that a provider finishes later: noted in the state before anybody waits for them.

A ticket lies under its purchase's fingerprint until the master does. Whoever needs the purchase
collects the job that is paid for, and buys nothing.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, ValidationError

from packshot.facts.errors import Uncertain
from packshot.world.store import Store

FOLDER = "tickets"
UNREADABLE = "tickets-unreadable"
"""Since when a ticket has been found damaged: a store does not tell how old a file is."""


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


class Tickets:
    """The tickets of one state. Every method raises `StoreUnavailable`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def keep(self, ticket: KeptTicket) -> None:
        """Note a job; returns once the note outlives this process."""
        self._store.write(
            _path(ticket.fingerprint, ticket.provider),
            ticket.model_dump_json().encode(),
            "application/json",
        )

    def find(self, fingerprint: str, provider: str) -> KeptTicket | None:
        """The job that is under way for this purchase, if there is one.

        Raises `Uncertain` for a ticket that cannot be read: it stands for a job that was paid for.
        """
        path = _path(fingerprint, provider)
        try:
            return KeptTicket.model_validate_json(self._store.read(path))
        except FileNotFoundError:
            return None
        except ValidationError:
            raise Uncertain(
                f"the note on a job that is paid for cannot be read, so the picture is not bought "
                f"again for now; restore {self._store.address(path)}, or remove it to buy anew",
                "ticket_unreadable",
            ) from None

    def of_others(self, provider: str) -> frozenset[str]:
        """Fingerprints of what other providers were sent and have not been heard of."""
        names = (name.removesuffix(".json") for name in self._store.names(FOLDER))
        pairs = (name.partition(".")[::2] for name in names)
        return frozenset(fingerprint for fingerprint, who in pairs if who != provider)

    def awaited(self, provider: str, catalog: str) -> frozenset[str]:
        """Keys of a catalog's items whose jobs are under way at a provider."""
        names = self._store.names(FOLDER)
        mine = (name for name in names if name.endswith(f".{provider}.json"))
        found = (self._read(name) for name in mine)
        return frozenset(
            ticket.key for ticket in found if ticket and ticket.key and ticket.catalog == catalog
        )

    def _read(self, name: str) -> KeptTicket | None:
        with suppress(FileNotFoundError, ValidationError):
            return KeptTicket.model_validate_json(self._store.read(f"{FOLDER}/{name}"))
        return None

    def expire(self, before: datetime) -> list[str]:
        """Remove what nobody has collected since: a ticket may hold an address with a signature.

        Answers where those lie that cannot be read; their time begins when they are first found.
        """
        damaged = []
        for name in self._store.names(FOLDER):
            ticket = self._read(name)
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

    def drop(self, fingerprint: str, provider: str) -> None:
        """The job has been collected, or is lost."""
        self._store.delete(_path(fingerprint, provider))


def _path(fingerprint: str, provider: str) -> str:
    return f"{FOLDER}/{fingerprint}.{provider}.json"
