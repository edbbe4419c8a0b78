"""A claim on one purchase, so that two catalogs sharing a state buy a picture once."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from packshot.facts.errors import StoreUnavailable, TryTomorrow
from packshot.world.holders import Holder, created, numbers, read_holder, take
from packshot.world.store import Store

POLL_SECONDS = 1.0


@contextmanager
def claimed(
    store: Store,
    name: str,
    me: Holder,
    *,
    deadline: float,
    settled: Callable[[], bool],
    stopped: Callable[[], None],
) -> Iterator[bool]:
    """Hold the claim `name`; yields false when another process settled it meanwhile.

    `deadline` is a value of `time.monotonic`. Raises `TryTomorrow` when another live
    process still holds the claim by then; `stopped` is asked while waiting and may raise.
    """
    folder = f"claims/{name}"
    lifetime = (me.expires_at - me.since).total_seconds()
    number = 1 if _is_first(store, folder, me) else None  # nearly always nobody else is there
    while number is None:
        stopped()
        if settled():
            yield False
            return
        taken = take(store, folder, me.renewed(lifetime))
        if not isinstance(taken, Holder):
            number = taken
        elif time.monotonic() > deadline:
            raise TryTomorrow(
                f"run {taken.run_id} of catalog `{taken.catalog}` has been buying the same "
                "picture for too long; run again once it has ended",
                code="claimed_elsewhere",
            )
        else:
            time.sleep(POLL_SECONDS)
    try:
        yield not settled()
    finally:
        _give_back(store, folder, number)


def _is_first(store: Store, folder: str, me: Holder) -> bool:
    """Whether the lowest number became ours, and nobody who died while giving back is above."""
    return created(store, folder, 1, me) and numbers(store, folder) == [1]


def _give_back(store: Store, folder: str, number: int) -> None:
    try:
        held = numbers(store, folder)
        if held[-1:] != [number]:
            return  # it ended while we slept; whoever took it over gives all of it back
        # From the lowest up: as long as ours is there, nobody builds on a number below it.
        for taken in held:
            store.delete(f"{folder}/{taken}.json")
    except StoreUnavailable:
        return  # a claim without its holder ends by itself


def sweep_claims(store: Store, me: Holder) -> None:
    """Give back the claims of processes that died after they had bought: nobody asks for these."""
    for shelf in store.names("claims"):
        for name in store.names(f"claims/{shelf}"):
            folder = f"claims/{shelf}/{name}"
            number = take(store, folder, me) if numbers(store, folder) else me
            if not isinstance(number, Holder):
                _give_back(store, folder, number)


def standing(store: Store, name: str) -> Holder | None:
    """Who holds a claim now, if anyone."""
    taken = numbers(store, f"claims/{name}")
    holder = read_holder(store, f"claims/{name}", taken[-1]) if taken else None
    return holder if holder is not None and holder.alive() else None
