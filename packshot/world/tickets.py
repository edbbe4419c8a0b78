"""Jobs that a provider finishes later: noted in the state before anybody waits for them.

A ticket lies under its purchase's fingerprint until the master does. Whoever needs the purchase
collects the job that is paid for, and buys nothing.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime

from pydantic import BaseModel, ConfigDict, ValidationError

from packshot.facts.errors import TryTomorrow
from packshot.world.store import Store

FOLDER = "tickets"


class KeptTicket(BaseModel):
    """A job under way, and whose call it was."""

    model_config = ConfigDict(frozen=True)

    version: int = 1
    fingerprint: str
    provider: str
    job_id: str
    facts: Mapping[str, str]
    """What the provider needs to find the job again."""
    key: str = ""
    """The item for which it was sent."""
    run_id: str
    given_at: datetime


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

        Raises `TryTomorrow` for one that cannot be read: the picture may be paid for.
        """
        path = _path(fingerprint, provider)
        try:
            return KeptTicket.model_validate_json(self._store.read(path))
        except FileNotFoundError:
            return None
        except ValidationError:
            raise TryTomorrow(
                f"{self._store.address(path)} should say which job this picture was sent with, and "
                "cannot be read; restore it, or remove it to have the picture bought again",
                code="ticket_unreadable",
            ) from None

    def awaited(self, provider: str) -> frozenset[str]:
        """Keys of the items whose jobs are under way."""
        return frozenset(
            ticket.key for ticket in self._readable() if ticket.provider == provider and ticket.key
        )

    def of_others(self, provider: str) -> frozenset[str]:
        """Fingerprints of what other providers were sent and have not been heard of."""
        names = (name.removesuffix(".json") for name in self._store.names(FOLDER))
        pairs = (name.partition(".")[::2] for name in names)
        return frozenset(fingerprint for fingerprint, who in pairs if who != provider)

    def expire(self, before: datetime) -> None:
        """Remove what nobody has collected since: a ticket may hold an address with a signature."""
        for ticket in self._readable():
            if ticket.given_at < before:
                self.drop(ticket.fingerprint, ticket.provider)

    def drop(self, fingerprint: str, provider: str) -> None:
        """The job has been collected, or is lost."""
        self._store.delete(_path(fingerprint, provider))

    def _readable(self) -> Iterator[KeptTicket]:
        for name in self._store.names(FOLDER):
            with suppress(FileNotFoundError, ValidationError):
                yield KeptTicket.model_validate_json(self._store.read(f"{FOLDER}/{name}"))


def _path(fingerprint: str, provider: str) -> str:
    return f"{FOLDER}/{fingerprint}.{provider}.json"
