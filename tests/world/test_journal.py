"""Events are kept until they are stored; no call leaves before its intent is."""

import json
import statistics
import threading
import time
from datetime import datetime
from pathlib import Path

import pytest

from packshot.facts.errors import LeaseLost, StoreUnavailable
from packshot.world import journal as journal_module
from packshot.world.journal import Call, IntentLog, Journal
from packshot.world.store import LocalStore, Store

RUN = "shop/runs/1"


class Weather(LocalStore):
    """A folder that can be slow, and away for the next few writes."""

    away_for = 0
    seconds = 0.0
    writes = 0

    def write(self, name: str, content: bytes, content_type: str = "") -> None:
        """Write, if the weather allows."""
        time.sleep(self.seconds)
        self.writes += 1
        if self.away_for:
            self.away_for -= 1
            raise StoreUnavailable("the store is away")
        super().write(name, content, content_type)


@pytest.fixture
def weather(tmp_path: Path) -> Weather:
    """Open a folder in fine weather."""
    return Weather(str(tmp_path / "state"))


def stored(place: Store, kind: str) -> list[list[dict[str, object]]]:
    """What lies in the run's folder: a list per wave."""
    folder = f"{RUN}/{kind}"
    bodies = (place.read(f"{folder}/{name}") for name in place.names(folder))
    return [[json.loads(line) for line in body.splitlines()] for body in bodies]


def unworried(error: StoreUnavailable) -> None:
    """Fail, since nothing may go wrong here."""
    raise AssertionError(str(error))


def call(number: int) -> Call:
    """One call among many."""
    return Call(f"call-{number}", f"key-{number}", "ab" * 32, 1.0)


def test_events_come_back_as_they_were(place: Store) -> None:
    """In order, times in UTC without a zone."""
    journal = Journal(place, RUN, unworried)
    journal.record({"kind": "ending", "ended_at": datetime(2026, 1, 2, 3, 4, 5)})  # noqa: DTZ001  as told
    journal.record({"kind": "attempt", "message": "line\nbreak, é, \u2028"})
    journal.flush()
    journal.flush()
    assert stored(place, "parts") == [
        [
            {"kind": "ending", "ended_at": "2026-01-02 03:04:05"},
            {"kind": "attempt", "message": "line\nbreak, é, \u2028"},
        ]
    ]


def test_a_full_wave_is_written(weather: Weather) -> None:
    """Memory holds a bounded number of events."""
    journal = Journal(weather, RUN, unworried)
    for number in range(journal_module.FLUSH_EVENTS + 1):
        journal.record({"number": number})
    assert [len(wave) for wave in stored(weather, "parts")] == [journal_module.FLUSH_EVENTS]


def test_an_old_wave_is_written(weather: Weather, monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed process loses a second's events at most."""
    monkeypatch.setattr(journal_module, "FLUSH_SECONDS", 0.0)
    journal = Journal(weather, RUN, unworried)
    journal.record({"number": 1})
    journal.record({"number": 2})
    assert stored(weather, "parts") == [[{"number": 1}], [{"number": 2}]]


def test_events_are_kept_while_the_store_is_away(
    weather: Weather, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run is told, and a later wave carries all of them, in order."""
    monkeypatch.setattr(journal_module, "FLUSH_SECONDS", 0.0)
    troubles: list[StoreUnavailable] = []
    journal = Journal(weather, RUN, troubles.append)
    weather.away_for = 2
    for number in range(3):
        journal.record({"number": number})
    assert len(troubles) == 2
    assert stored(weather, "parts") == [[{"number": 0}, {"number": 1}, {"number": 2}]]


def test_flushing_into_a_store_that_is_away_says_so(weather: Weather) -> None:
    """Whoever asks for certainty gets it, or an error."""
    journal = Journal(weather, RUN, unworried)
    journal.record({"number": 1})
    weather.away_for = 1
    with pytest.raises(StoreUnavailable):
        journal.flush()
    journal.flush()
    assert stored(weather, "parts") == [[{"number": 1}]]


def test_a_bad_event_troubles_only_whoever_brought_it(weather: Weather) -> None:
    """The events of the others are stored."""
    journal = Journal(weather, RUN, unworried)
    journal.record({"number": 1})
    with pytest.raises(TypeError, match="object cannot be an event's value"):
        journal.record({"number": object()})
    journal.flush()
    assert stored(weather, "parts") == [[{"number": 1}]]


def test_two_processes_of_a_run_write_beside_each_other(weather: Weather) -> None:
    """Names of waves never meet."""
    for number in range(2):
        journal = Journal(weather, RUN, unworried)
        journal.record({"number": number})
        journal.flush()
    assert len(stored(weather, "parts")) == 2


def declared_at_once(log: IntentLog, calls: int) -> list[StoreUnavailable]:
    """Let threads declare a call each at the same moment; what went wrong."""
    barrier, failures = threading.Barrier(calls), list[StoreUnavailable]()

    def declare(number: int) -> None:
        barrier.wait()
        try:
            log.declare(call(number))
        except StoreUnavailable as error:
            failures.append(error)

    crew = [threading.Thread(target=declare, args=(number,)) for number in range(calls)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    return failures


def test_calls_that_are_ready_together_share_a_write(weather: Weather) -> None:
    """Each is in exactly one wave, and there are fewer waves than calls."""
    weather.seconds = 0.02
    assert declared_at_once(IntentLog(weather, RUN, gate=lambda: None), 16) == []
    waves = stored(weather, "intents")
    names = sorted(str(intent["call_id"]) for wave in waves for intent in wave)
    assert names == sorted(f"call-{number}" for number in range(16))
    assert weather.writes == len(waves) < 16


def test_nobody_waits_for_a_wave_behind_its_own(weather: Weather) -> None:
    """A call is declared by the wave that is next when it comes, whoever comes later."""
    weather.seconds = 0.05
    log, waited = IntentLog(weather, RUN, gate=lambda: None), list[float]()

    def declare(first: int) -> None:
        for number in range(first, first + 20):
            started = time.monotonic()
            log.declare(call(number))
            waited.append(time.monotonic() - started)

    crew = [threading.Thread(target=declare, args=(100 * each,)) for each in range(8)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    assert statistics.median(waited) < 2.5 * weather.seconds


def test_a_failing_wave_fails_for_its_writer_only(weather: Weather) -> None:
    """The calls it would have taken along are declared by the next wave."""
    weather.seconds, weather.away_for = 0.02, 1
    assert len(declared_at_once(IntentLog(weather, RUN, gate=lambda: None), 16)) == 1
    names = [intent["call_id"] for wave in stored(weather, "intents") for intent in wave]
    assert len(names) == len(set(names)) == 15
    assert not any("-000000." in name for name in weather.names(f"{RUN}/intents"))


def test_an_intent_is_stored_when_declaring_returns(place: Store) -> None:
    """What a killed run was about to buy can be read."""
    IntentLog(place, RUN, gate=lambda: None).declare(call(1))
    assert stored(place, "intents") == [[call(1)._asdict()]]


def test_a_closed_gate_lets_no_wave_pass(weather: Weather) -> None:
    """Without the lease nothing is declared, so nothing is bought."""

    def gate() -> None:
        raise LeaseLost("taken over")

    with pytest.raises(LeaseLost):
        IntentLog(weather, RUN, gate).declare(call(1))
    assert stored(weather, "intents") == []
