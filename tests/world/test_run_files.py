"""What a run wrote while it worked can be read back as tables."""

from datetime import datetime, timedelta
from pathlib import Path

from packshot.facts.errors import StoreUnavailable
from packshot.facts.outcome import Ending, Knowledge, Outcome, Published, ending_event
from packshot.facts.purchase import Box
from packshot.world.journal import Call, IntentLog, Journal
from packshot.world.run_files import ENDING_COLUMNS, load_events
from packshot.world.store import LocalStore, Store
from packshot.world.tables import scalar, tables

RUN = "shop/runs/1"
NOON = datetime(2026, 1, 2, 12)  # noqa: DTZ001  the ledger's times are UTC without a zone


def ended(outcome: Outcome, key: str = "k", minutes: int = 0, reason: str | None = None) -> Ending:
    """An item's ending, so many minutes after noon."""
    known = Knowledge(
        key=key, pictures=[Published("cutout", "k/a.png", 8, 9, 10)], box_stated=Box(1, 2, 3, 4)
    )
    at = NOON + timedelta(minutes=minutes)
    return Ending(outcome=outcome, known=known, ended_at=at, reason=reason)


def written(place: Store, *endings: Ending) -> None:
    """Endings in a journal, a wave each."""
    journal = Journal(place, RUN, trouble=list[StoreUnavailable]().append)
    for ending in endings:
        journal.record(ending_event(ending))
        journal.flush()


def test_an_ending_has_the_columns_that_are_read() -> None:
    """Nothing is written that nobody reads, and nothing read that nobody writes."""
    assert set(ending_event(ended(Outcome.CUT))) == {*ENDING_COLUMNS, "kind"}


def test_a_run_that_wrote_nothing_has_empty_tables(place: Store, tmp_path: Path) -> None:
    """A run may die before its first event."""
    with tables(tmp_path) as connection:
        load_events(connection, place, RUN, tmp_path)
        for table in ("endings", "attempts", "charges_stated", "intents"):
            assert scalar(connection, f"SELECT count(*) FROM {table}") == 0


def test_the_last_ending_of_an_item_counts(place: Store, tmp_path: Path) -> None:
    """A batch that was tried again has one ending per item."""
    written(place, ended(Outcome.CUT, minutes=2), ended(Outcome.FAILED, minutes=1))
    with tables(tmp_path) as connection:
        load_events(connection, place, RUN, tmp_path)
        rows = connection.execute("SELECT outcome, pictures, box_stated, ended_at FROM endings")
        ((outcome, pictures, box, at),) = rows.fetchall()
    assert (outcome, box, at) == ("cut", [1, 2, 3, 4], NOON + timedelta(minutes=2))
    assert pictures == [ended(Outcome.CUT).known.pictures[0]._asdict()]


def test_reading_leaves_nothing_behind(place: Store, tmp_path: Path) -> None:
    """A run whose publishing was cut off is read again, and nothing counts twice then."""
    journal = Journal(place, RUN, trouble=list[StoreUnavailable]().append)
    journal.record({"kind": "attempt", "call": "a", "charged": 1.0})
    journal.flush()
    IntentLog(place, RUN, lambda: None).declare(Call("b", "k", "f", 1.0))
    before = [place.names(f"{RUN}/{kind}") for kind in ("parts", "intents")]
    for _ in range(2):
        with tables(tmp_path) as connection:
            load_events(connection, place, RUN, tmp_path)
            assert scalar(connection, "SELECT sum(charged) FROM attempts") == 1
            assert scalar(connection, "SELECT count(*) FROM intents") == 1
    assert [place.names(f"{RUN}/{kind}") for kind in ("parts", "intents")] == before


def test_what_was_written_twice_counts_once(place: Store, tmp_path: Path) -> None:
    """A write that was given up landed all the same, and the next wave held its events again."""
    event = b'{"kind": "attempt", "call": "a", "key": "k", "charged": 1.0}'
    intent = b'{"call_id": "b", "key": "k", "fingerprint": "f", "price": 1.0}'
    for wave in range(2):
        place.write(f"{RUN}/parts/w-{wave:06d}.jsonl", event)
        place.write(f"{RUN}/intents/w-{wave:06d}.jsonl", intent)
    with tables(tmp_path) as connection:
        load_events(connection, place, RUN, tmp_path)
        assert scalar(connection, "SELECT sum(charged) FROM attempts") == 1
        assert scalar(connection, "SELECT count(*) FROM intents") == 1


def test_attempts_and_intents_are_told_apart_by_call(place: Store, tmp_path: Path) -> None:
    """What was declared and never noted shows."""
    log = IntentLog(place, RUN, gate=lambda: None)
    journal = Journal(place, RUN, trouble=list[StoreUnavailable]().append)
    for number in range(3):
        log.declare(Call(f"call-{number}", "k", "ab" * 32, 0.25))
    journal.record({"kind": "attempt", "call": "call-0", "key": "k", "charged": 0.25})
    journal.record({"kind": "withdrawn", "call": "call-2"})
    journal.flush()
    with tables(tmp_path) as connection:
        load_events(connection, place, RUN, tmp_path)
        found = connection.execute("SELECT call_id, price FROM intents").fetchall()
        assert found == [("call-1", 0.25)]


def test_a_reason_that_is_no_text_does_not_spoil_the_report(tmp_path: Path) -> None:
    """Half a surrogate, from a broken file name, is replaced."""
    place = LocalStore(str(tmp_path / "it's a state"))
    written(place, ended(Outcome.FAILED, reason="half\udcff"), ended(Outcome.CUT, key="other"))
    with tables(tmp_path) as connection:
        load_events(connection, place, RUN, tmp_path / "scratch")
        reasons = connection.execute("SELECT reason FROM endings ORDER BY key").fetchall()
    assert reasons == [("half?",), (None,)]


def test_a_long_run_of_many_waves_can_be_read(tmp_path: Path) -> None:
    """A night writes a wave a second; the report needs them all, in bounded memory."""
    place = LocalStore(str(tmp_path / "state"))
    for wave in range(2_000):
        event = f'{{"kind": "attempt", "call": "{wave}", "key": "k", "charged": 1.0}}'
        place.write(f"run/parts/{wave:05d}.jsonl", event.encode())
        place.write(f"run/intents/{wave:05d}.jsonl", f'{{"call_id": "open-{wave}"}}'.encode())
    with tables(tmp_path) as connection:
        load_events(connection, place, "run", tmp_path)
        assert scalar(connection, "SELECT sum(charged) FROM attempts") == 2_000
        assert scalar(connection, "SELECT count(*) FROM intents") == 2_000
