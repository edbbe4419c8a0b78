"""One run per catalog, whatever the orchestrator believes."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest

from packshot.facts.errors import CatalogBusy, LeaseLost, StoreUnavailable
from packshot.world import holders
from packshot.world import lease as lease_module
from packshot.world.claims import claimed, standing
from packshot.world.holders import Holder, read_holder, take
from packshot.world.lease import Lease
from packshot.world.store import AlreadyThere, LocalStore, Store
from tests.world.processes import killed_at

FOLDER = "shop/lease"
TAKES_AND_STAYS = (
    'Lease.take(place, "shop", "run-dead"); print("taken", flush=True); time.sleep(60)'
)


@contextmanager
def taken(place: Store, run_id: str = "run-1") -> Iterator[Lease]:
    """A lease that is given back whatever happens."""
    lease = Lease.take(place, "shop", run_id)
    try:
        yield lease
    finally:
        lease.release()


def elsewhere(seconds: float) -> Holder:
    """A run on another machine, whose lease has so many seconds left."""
    since = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    ends = datetime.now(UTC) + timedelta(seconds=seconds)
    return Holder(
        machine="pluto/boot/space",
        pid=1,
        run_id="run-far",
        catalog="shop",
        since=since,
        expires_at=ends,
    )


def write(place: Store, number: int, holder: Holder) -> None:
    """Let a holder have a number."""
    place.write(f"{FOLDER}/{number}.json", holder.model_dump_json().encode())


@pytest.fixture
def local(tmp_path: Path) -> LocalStore:
    """Open a folder; what is asked here does not depend on the kind of store."""
    return LocalStore(str(tmp_path / "state"))


def test_a_second_run_is_told_who_is_at_work(place: Store) -> None:
    """The catalog is taken once; the next one may have its own."""
    with taken(place) as lease:
        lease.check()
        with pytest.raises(CatalogBusy, match=r"by run run-1 on .* since 20.* UTC"):
            Lease.take(place, "shop", "run-2")
        Lease.take(place, "other", "run-2").release()


def test_a_lease_elsewhere_names_run_host_and_since(local: LocalStore) -> None:
    """The sentence is enough to find and stop the other run."""
    write(local, 1, elsewhere(30))
    with pytest.raises(CatalogBusy, match=r"run run-far on pluto .* since 2026-01-02 03:04:05 UTC"):
        Lease.take(local, "shop", "run-2")


def test_what_was_given_back_is_free(place: Store) -> None:
    """The next run takes the next number, and its own end tidies the earlier ones."""
    with taken(place):
        pass
    with taken(place, "run-2") as lease:
        assert lease.number == 2
    assert place.names(FOLDER) == ["2.json"]
    assert not lease.held


@pytest.mark.slow
def test_a_killed_runs_lease_is_taken_over_at_once(place: Store, place_url: str) -> None:
    """On the same machine nobody waits for a process that does not exist."""
    killed_at(place_url, TAKES_AND_STAYS)
    dead = read_holder(place, FOLDER, 1)
    assert dead is not None
    assert dead.expires_at > datetime.now(UTC) + timedelta(seconds=20)
    with taken(place) as lease:
        assert lease.number == 2


def test_an_expired_lease_of_another_machine_is_taken_over(local: LocalStore) -> None:
    """There, only the clock tells."""
    write(local, 1, elsewhere(-1))
    with taken(local) as lease:
        assert (lease.number, lease.held) == (2, True)


def test_a_frozen_run_finds_out_by_itself(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past its end a lease is not held, without asking anyone."""
    monkeypatch.setattr(lease_module, "LEASE_SECONDS", 0.05)
    with taken(local) as lease:
        assert lease.held
        time.sleep(0.06)
        with pytest.raises(LeaseLost):
            lease.check()


def test_the_time_that_taking_took_is_not_counted_as_held(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others may take over by the time that the file says, so we count from before it."""
    monkeypatch.setattr(lease_module, "LEASE_SECONDS", 0.05)
    create = local.create
    monkeypatch.setattr(local, "create", lambda *of: (create(*of), time.sleep(0.06)))
    with taken(local) as lease:
        assert not lease.held


def test_a_higher_number_means_lost(place: Store) -> None:
    """Whoever was taken over stops, and leaves the new holder's file alone."""
    with taken(place) as lease:
        write(place, 2, elsewhere(30))
        lease.renew()
        assert not lease.held
    assert place.names(FOLDER) == ["1.json", "2.json"]


class Interrupted(LocalStore):
    """A store where something happens after the next write."""

    then: Callable[[], None] | None = None

    def write(self, name: str, content: bytes, content_type: str = "") -> None:
        """Write, then let it happen."""
        super().write(name, content, content_type)
        happen, self.then = self.then, None
        if happen is not None:
            happen()


def test_a_takeover_during_a_renewal_is_noticed(tmp_path: Path) -> None:
    """Who found us expired just before we wrote has the catalog."""
    place = Interrupted(str(tmp_path))
    with taken(place) as lease:
        place.then = lambda: write(place, 2, elsewhere(30))
        lease.renew()
        assert not lease.held


def test_a_renewal_under_way_does_not_undo_the_release(tmp_path: Path) -> None:
    """A catalog that was given back stays free."""
    place = Interrupted(str(tmp_path))
    with taken(place) as lease:
        under_way = threading.Event()
        place.then = lambda: (under_way.set(), time.sleep(0.05))[0]
        renewing = threading.Thread(target=lease.renew)
        renewing.start()
        under_way.wait()
    renewing.join()
    lease.renew()
    holder = read_holder(place, FOLDER, 1)
    assert holder is not None
    assert holder.released


def test_a_lease_renews_itself(local: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long night needs nobody to think of it."""
    monkeypatch.setattr(lease_module, "RENEW_SECONDS", 0.02)
    monkeypatch.setattr(lease_module, "LEASE_SECONDS", 0.5)
    with taken(local) as lease:
        time.sleep(0.8)
        assert lease.held


def test_a_store_that_is_away_ends_the_lease_and_nothing_else(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The renewing thread survives, and so does the release."""
    monkeypatch.setattr(lease_module, "RENEW_SECONDS", 0.01)
    with taken(local) as lease:
        monkeypatch.setattr(local, "names", away)
        time.sleep(0.05)
        assert lease._thread.is_alive()


def away(_: str) -> list[str]:
    """Answer as a store that cannot be reached."""
    raise StoreUnavailable("the store is away")


def test_a_file_that_is_just_being_made_is_waited_for(local: LocalStore) -> None:
    """On a local disk the name is there before the content is."""
    local.create(f"{FOLDER}/1.json", b"")
    writing = threading.Timer(0.05, write, (local, 1, elsewhere(30)))
    writing.start()
    answer = take(local, FOLDER, Holder.myself("run-2", "shop", 60))
    writing.join()
    assert isinstance(answer, Holder)


def test_a_file_that_stays_unreadable_holds_nothing(local: LocalStore) -> None:
    """Its maker died before it could write its name."""
    local.create(f"{FOLDER}/7.json", b"")
    assert take(local, FOLDER, elsewhere(30)) == 8


def test_a_creation_whose_answer_was_lost_is_still_ours(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that asks twice is refused by the file it made itself."""
    create = local.create

    def twice(name: str, content: bytes) -> None:
        create(name, content)
        raise AlreadyThere(name)

    monkeypatch.setattr(local, "create", twice)
    assert take(local, FOLDER, elsewhere(30)) == 1


def test_of_sixteen_runs_one_takes_the_catalog(place: Store) -> None:
    """They all start at the same second."""
    barrier, answers = threading.Barrier(16), list[int | Holder]()

    def start(number: int) -> None:
        me = Holder.myself(f"run-{number}", "shop", 60)
        barrier.wait()
        answers.append(take(place, FOLDER, me))

    crew = [threading.Thread(target=start, args=(number,)) for number in range(16)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    assert [answer for answer in answers if isinstance(answer, int)] == [1]


@pytest.mark.parametrize("hours", [2, -2])
def test_setting_the_clock_takes_no_catalog_and_no_claim(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """On one machine the clock that nobody can set decides, and the process itself."""
    with taken(local), claimed_by_another(local):
        monkeypatch.setattr(holders, "datetime", set_by(hours))
        with pytest.raises(CatalogBusy, match="run run-1"):
            Lease.take(local, "shop", "run-2")
        holder = standing(local, "ab/abcd.removebg")
        assert holder is not None
        assert holder.run_id == "run-3"


@contextmanager
def claimed_by_another(place: Store) -> Iterator[None]:
    """A picture that another run is buying."""
    with claimed(
        place,
        "ab/abcd.removebg",
        Holder.myself("run-3", "other", 60),
        deadline=time.monotonic() + 5,
        settled=lambda: False,
        stopped=lambda: None,
    ):
        yield


def set_by(hours: int) -> type[datetime]:
    """A wall clock that somebody has set."""

    class Set(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Set":
            return cls.fromtimestamp((datetime.now(tz) + timedelta(hours=hours)).timestamp(), tz)

    return Set


def test_a_frozen_process_loses_its_lease_by_the_clock_of_the_boot(local: LocalStore) -> None:
    """It is there, but has not said so for too long."""
    frozen = Holder.myself("run-frozen", "shop", -1)
    hour = timedelta(hours=1)
    write(local, 1, frozen.model_copy(update={"expires_at": frozen.expires_at + hour}))
    with taken(local) as lease:
        assert lease.number == 2


def test_another_process_with_the_number_of_the_dead_holds_nothing(local: LocalStore) -> None:
    """A container that starts again gives out the same numbers."""
    mine = Holder.myself("run-dead", "shop", 60)
    assert mine.alive()
    write(local, 1, mine.model_copy(update={"started": 1}))
    with taken(local) as lease:
        assert lease.number == 2
