"""Who holds a name: numbered files, created once, the highest number wins.

The lease of a catalog and the claim on one purchase are both kept this way.
"""

import os
import time
from datetime import UTC, datetime, timedelta
from typing import Self

from pydantic import BaseModel, ConfigDict

from packshot.world.machine import (
    knows_its_boot,
    process_exists,
    process_started,
    this_machine,
)
from packshot.world.store import AlreadyThere, Store

LOOK_AGAIN_SECONDS = (0.0, 0.02, 0.1, 0.5)
"""Pauses before looking at a file that is just being made or removed."""


class Holder(BaseModel):
    """A process that says it is at work."""

    model_config = ConfigDict(frozen=True)

    machine: str
    pid: int
    run_id: str
    catalog: str
    since: datetime
    expires_at: datetime
    """By the wall clock, for other machines, which have nothing better."""
    started: int | None = None
    """When the process began, in ticks since the boot."""
    good_until: float | None = None
    """The same end for this machine, by its monotonic clock, which nobody can set."""
    released: bool = False

    @classmethod
    def myself(cls, run_id: str, catalog: str, seconds: float) -> Self:
        """The present process, from now for so many seconds."""
        now = datetime.now(UTC)
        return cls(
            machine=this_machine(),
            pid=os.getpid(),
            run_id=run_id,
            catalog=catalog,
            since=now,
            expires_at=now + timedelta(seconds=seconds),
            started=process_started(os.getpid()),
            good_until=_good_until(seconds),
        )

    def alive(self) -> bool:
        """Whether the holder may still be at work."""
        if self.released:
            return False
        if self.machine != this_machine():
            return datetime.now(UTC) <= self.expires_at
        if not process_exists(self.pid, self.started):
            return False
        if self.good_until is None:
            return datetime.now(UTC) <= self.expires_at
        return time.monotonic() <= self.good_until

    def renewed(self, seconds: float, *, released: bool = False) -> Self:
        """The same holder with a later end."""
        return self.model_copy(
            update={
                "expires_at": datetime.now(UTC) + timedelta(seconds=seconds),
                "good_until": _good_until(seconds),
                "released": released,
            }
        )


def _good_until(seconds: float) -> float | None:
    return time.monotonic() + seconds if knows_its_boot() else None


def numbers(store: Store, folder: str) -> list[int]:
    """The numbers taken so far, in order."""
    stems = (name.removesuffix(".json") for name in store.names(folder))
    return sorted(int(stem) for stem in stems if stem.isdecimal())


def read_holder(store: Store, folder: str, number: int) -> Holder | None:
    """Whoever wrote this number; `None` while the file is being made or was removed."""
    try:
        return _read(store, folder, number)
    except (FileNotFoundError, ValueError):
        return None


def _read(store: Store, folder: str, number: int) -> Holder:
    return Holder.model_validate_json(store.read(f"{folder}/{number}.json"))


def take(store: Store, folder: str, me: Holder) -> int | Holder:
    """Take the next number, or answer who holds the name now; what is ours already is ours."""
    unknown = me.model_copy(update={"run_id": "another run"})
    last, removed = 0, False
    other: Holder | None = None
    for pause in LOOK_AGAIN_SECONDS:
        time.sleep(pause)
        last = max(numbers(store, folder), default=0)
        if not last:
            break
        try:
            other = _read(store, folder, last)
        except (FileNotFoundError, ValueError) as error:
            other, removed = None, isinstance(error, FileNotFoundError)
            continue
        if other.alive():
            return last if other.run_id == me.run_id else other
        break
    else:
        if removed:  # the name goes from hand to hand faster than we look
            return unknown
    # Nobody is there, or somebody dead: also whoever died before the file had its content.
    if not created(store, folder, last + 1, me):
        return read_holder(store, folder, last + 1) or unknown
    if last and not _still_there(store, folder, last, other):
        # It was given back meanwhile, and the numbers below ours are begun anew.
        store.delete(f"{folder}/{last + 1}.json")
        return read_holder(store, folder, last) or unknown
    return last + 1


def _still_there(store: Store, folder: str, number: int, dead: Holder | None) -> bool:
    """Whether a number is still that of the one we took for dead."""
    now = read_holder(store, folder, number)
    if now is None or dead is None:
        return now is dead and number in numbers(store, folder)
    return (now.machine, now.pid, now.since) == (dead.machine, dead.pid, dead.since)


def created(store: Store, folder: str, number: int, me: Holder) -> bool:
    """Whether the number became mine.

    A store's client that repeats a request whose answer was lost is refused by its own file.
    """
    try:
        store.create(f"{folder}/{number}.json", me.model_dump_json().encode())
    except AlreadyThere:
        return read_holder(store, folder, number) == me
    return True
