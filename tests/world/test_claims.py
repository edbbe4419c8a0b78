"""Two catalogs that share a state buy a picture once."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from packshot.facts.errors import StopRequested, StoreUnavailable, TryTomorrow
from packshot.world.claims import claimed, standing
from packshot.world.holders import Holder, created, numbers, take
from packshot.world.store import LocalStore, Store
from tests.world.processes import at_work, killed_at

NAME = "ab/abcd.removebg"
FOLDER = f"claims/{NAME}"
CLAIMS = f"""
me = Holder.myself("run-far", "far", 60)
end = time.monotonic() + 9
with claimed(
    place, "{NAME}", me, deadline=end, settled=lambda: False, stopped=lambda: None
) as ours:
    print("claimed", ours, flush=True)
    time.sleep(SECONDS)
    place.write("bought", b"a master")
"""


def me(run_id: str = "run-1", seconds: float = 60) -> Holder:
    """A run of this process."""
    return Holder.myself(run_id, "shop", seconds)


def soon(seconds: float = 10) -> float:
    """A deadline."""
    return time.monotonic() + seconds


def never() -> bool:
    """Nobody has bought it."""
    return False


def goes_on() -> None:
    """The run has not been stopped."""


def test_a_claim_is_held_within_and_gone_afterwards(place: Store) -> None:
    """Nothing remains of the usual case."""
    with claimed(place, NAME, me(), deadline=soon(), settled=never, stopped=goes_on) as ours:
        holder = standing(place, NAME)
        assert (ours, holder and holder.run_id) == (True, "run-1")
    assert standing(place, NAME) is None
    assert place.names(FOLDER) == []


def test_what_was_bought_meanwhile_is_not_bought_again(place: Store) -> None:
    """Even whoever claims first looks once more."""
    with claimed(place, NAME, me(), deadline=soon(), settled=lambda: True, stopped=goes_on) as ours:
        assert not ours


def test_a_failed_purchase_frees_the_claim(place: Store) -> None:
    """The next one may try."""
    with (
        pytest.raises(ValueError, match="refused"),
        claimed(place, NAME, me(), deadline=soon(), settled=never, stopped=goes_on),
    ):
        raise ValueError("refused")
    assert place.names(FOLDER) == []


@pytest.mark.slow
@pytest.mark.usefixtures("quick_polls")
def test_the_other_process_buys_and_we_do_not(place: Store, place_url: str) -> None:
    """We wait until its master is there."""
    with at_work(place_url, CLAIMS.replace("SECONDS", "4")) as other:
        assert place.names("") == ["claims"]
        with claimed(
            place,
            NAME,
            me(),
            deadline=soon(),
            settled=lambda: "bought" in place.names(""),
            stopped=goes_on,
        ) as ours:
            assert not ours
        other.wait(10)
    assert place.names(FOLDER) == []


@pytest.mark.slow
@pytest.mark.usefixtures("quick_polls")
def test_a_killed_claimant_is_taken_over(place: Store, place_url: str) -> None:
    """On this machine at once, and its number is tidied away with ours."""
    killed_at(place_url, CLAIMS.replace("SECONDS", "60"))
    with claimed(place, NAME, me(), deadline=soon(0), settled=never, stopped=goes_on) as ours:
        assert ours
        assert numbers(place, FOLDER) == [1, 2]
    assert place.names(FOLDER) == []


@pytest.mark.usefixtures("quick_polls")
def test_a_run_that_stops_waits_for_nobody(tmp_path: Path) -> None:
    """A stop that is asked for while another run buys is heard at once."""
    place = LocalStore(str(tmp_path))

    def stopped() -> None:
        raise StopRequested("asked to stop")

    with (
        claimed(place, NAME, me("run-2"), deadline=soon(), settled=never, stopped=goes_on),
        pytest.raises(StopRequested),
        claimed(place, NAME, me(), deadline=soon(60), settled=never, stopped=stopped),
    ):
        raise AssertionError("two runs held one claim")


@pytest.mark.usefixtures("quick_polls")
def test_patience_with_another_run_ends(tmp_path: Path) -> None:
    """The item is left for a later night, by a code that says why."""
    place = LocalStore(str(tmp_path))
    with (
        claimed(place, NAME, me("run-2"), deadline=soon(), settled=never, stopped=goes_on),
        pytest.raises(TryTomorrow, match="run run-2 of catalog `shop`") as refusal,
        claimed(place, NAME, me(), deadline=soon(0.05), settled=never, stopped=goes_on),
    ):
        pytest.fail("two runs hold one claim")
    assert refusal.value.code == "claimed_elsewhere"
    assert place.names(FOLDER) == []


def test_a_late_claim_lasts_as_long_as_an_early_one(tmp_path: Path) -> None:
    """Waiting for another run uses up nothing of the time that buying needs."""
    place = LocalStore(str(tmp_path))
    gone = me("run-2").model_copy(update={"released": True})
    place.create(f"{FOLDER}/1.json", gone.model_dump_json().encode())
    waited = me(seconds=300)
    waited = waited.model_copy(
        update={
            "since": waited.since - timedelta(seconds=290),
            "expires_at": waited.expires_at - timedelta(seconds=290),
        }
    )
    with claimed(place, NAME, waited, deadline=soon(), settled=never, stopped=goes_on):
        holder = standing(place, NAME)
        assert holder is not None
        assert holder.expires_at > waited.expires_at + timedelta(seconds=280)


def test_a_claim_that_cannot_be_given_back_ends_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was bought is bought, though the store went away."""
    place = LocalStore(str(tmp_path))

    def away(_: str) -> None:
        raise StoreUnavailable("the store is away")

    with claimed(place, NAME, me(), deadline=soon(), settled=never, stopped=goes_on):
        monkeypatch.setattr(place, "delete", away)


@pytest.mark.usefixtures("quick_polls")
def test_whoever_died_while_giving_back_is_built_upon(tmp_path: Path) -> None:
    """It had removed number one and not its own; two who come now do not both get a number."""
    place = LocalStore(str(tmp_path))
    dead = me("run-dead", seconds=-1)
    place.create(f"{FOLDER}/2.json", dead.model_dump_json().encode())
    with claimed(place, NAME, me(), deadline=soon(), settled=never, stopped=goes_on) as ours:
        assert ours
        assert numbers(place, FOLDER) == [1, 2, 3]
        other = take(place, FOLDER, me("run-2"))
        assert isinstance(other, Holder)
        assert other.run_id == "run-1"
    assert place.names(FOLDER) == []


def test_a_claim_that_changes_hands_quickly_is_not_taken_for_dead(tmp_path: Path) -> None:
    """Each time we look somebody else has it, and is gone before we can read who."""

    class Busy(LocalStore):
        def read(self, name: str) -> bytes:
            raise FileNotFoundError(name)

    place = Busy(str(tmp_path))
    place.create(f"{FOLDER}/1.json", me("run-1").model_dump_json().encode())
    assert isinstance(take(place, FOLDER, me("run-2")), Holder)
    assert numbers(place, FOLDER) == [1]


class Slow(LocalStore):
    """A store on which others come and go just before our own number is made."""

    meanwhile: Callable[[], object] | None = None

    def create(self, name: str, content: bytes) -> None:
        """Let the others go first, once."""
        go_first, self.meanwhile = self.meanwhile, None
        if go_first is not None:
            go_first()
        super().create(name, content)


def test_whoever_finds_the_dead_gone_steps_back(tmp_path: Path) -> None:
    """Its number was given back by a successor, and a third has begun anew below ours."""
    place, others = Slow(str(tmp_path)), LocalStore(str(tmp_path))
    others.create(f"{FOLDER}/1.json", me("run-dead", seconds=-1).model_dump_json().encode())

    def two_others() -> None:
        with claimed(others, NAME, me("run-2"), deadline=soon(), settled=never, stopped=goes_on):
            pass
        assert created(others, FOLDER, 1, me("run-3"))

    place.meanwhile = two_others
    answer = take(place, FOLDER, me("run-late"))
    assert isinstance(answer, Holder)
    assert answer.run_id == "run-3"
    assert numbers(place, FOLDER) == [1]


def test_whoever_was_only_slow_to_write_its_name_keeps_its_number(tmp_path: Path) -> None:
    """Its file stood empty for so long that it was taken for one of the dead."""
    place, others = Slow(str(tmp_path)), LocalStore(str(tmp_path))
    others.create(f"{FOLDER}/1.json", b"")
    named = me("run-slow").model_dump_json().encode()
    place.meanwhile = lambda: others.write(f"{FOLDER}/1.json", named)
    answer = take(place, FOLDER, me("run-late"))
    assert isinstance(answer, Holder)
    assert answer.run_id == "run-slow"
    assert numbers(place, FOLDER) == [1]


@pytest.mark.slow
@pytest.mark.usefixtures("quick_polls")
def test_two_never_hold_one_claim(place: Store) -> None:
    """Eight runs want the same picture again and again; each gets it alone."""
    inside, most = [0], [0]

    def want(number: int) -> None:
        for turn in range(3):
            run = me(f"run-{number}-{turn}")
            with claimed(place, NAME, run, deadline=soon(60), settled=never, stopped=goes_on):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                time.sleep(0.005)
                inside[0] -= 1

    crew = [threading.Thread(target=want, args=(number,)) for number in range(8)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    assert most == [1]
    assert place.names(FOLDER) == []
