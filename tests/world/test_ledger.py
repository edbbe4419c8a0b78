"""The memory between runs: the newest row of every key, and a head that is moved last."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pytest

from packshot.facts.errors import LeaseLost, StoreUnavailable
from packshot.facts.outcome import KNOWLEDGE_FIELDS
from packshot.world.ledger import COLUMNS, MOST_UNFOLDED, Head, Ledger
from packshot.world.store import LocalStore, Store
from packshot.world.tables import literal, tables


@dataclass
class Nights:
    """One catalog, a run after the other."""

    ledger: Ledger
    folder: Path
    connection: duckdb.DuckDBPyConnection
    head: Head = field(default_factory=Head)
    count: int = 0

    def learn(self, **statuses: str) -> Head:
        """A run that ends with these keys and statuses; the head is not moved yet."""
        rows = ", ".join(f"({literal(key)}, {literal(status)})" for key, status in statuses.items())
        return self._learn(f"(VALUES {rows}) t(key, status)")

    def learn_many(self, rows: int) -> Head:
        """A run that ends with so many rows."""
        return self._learn(f"(SELECT 'k' || range AS key, 'cut' AS status FROM range({rows}))")

    def _learn(self, rows: str) -> Head:
        self.count += 1
        others = ", ".join(
            f"NULL::{kind} AS {name}"
            for name, kind in COLUMNS.items()
            if name not in {"key", "status"}
        )
        changes = self.folder / "changes.parquet"
        query = f"SELECT key, {others}, status FROM {rows}"
        self.connection.execute(f"COPY ({query}) TO {literal(changes)} (FORMAT parquet)")
        self.ledger.attach(self.connection, self.head, self.folder)
        return self.ledger.learn(self.connection, self.head, changes, f"run-{self.count}")

    def night(self, **statuses: str) -> None:
        """The same, published."""
        self.move(self.learn(**statuses))

    def move(self, head: Head) -> None:
        """Make a head the truth."""
        self.head = head
        self.ledger.move(head, was=self.ledger.head())

    def known(self) -> dict[str, str]:
        """What a reader who comes now finds: the status of every key."""
        self.ledger.attach(self.connection, self.ledger.head(), self.folder)
        rows = self.connection.execute("SELECT key, status FROM ledger").fetchall()
        assert len(dict(rows)) == len(rows)
        return dict(rows)


@pytest.fixture
def nights(place: Store, tmp_path: Path) -> Iterator[Nights]:
    """Open the ledger of a new catalog."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    with tables(folder) as connection:
        yield Nights(Ledger(place, "shop"), folder, connection)


def test_columns_are_what_is_known_of_an_item() -> None:
    """The table and the record are one list."""
    assert tuple(COLUMNS) == KNOWLEDGE_FIELDS


def test_the_first_night_finds_an_empty_ledger(nights: Nights) -> None:
    """It has no rows and all columns."""
    assert nights.ledger.head() == Head()
    assert nights.known() == {}
    columns = nights.connection.execute("DESCRIBE ledger").fetchall()
    assert [column[0] for column in columns] == list(COLUMNS)


def test_the_newest_row_of_a_key_counts(nights: Nights) -> None:
    """Across a state file and changes of several runs that are not part of it."""
    nights.night(**{f"k{n}": "cut" for n in range(20)})
    nights.night(k1="failed", new="cut")
    nights.night(k1="rejected")
    assert len(nights.head.unfolded) == 2
    assert nights.known() == {f"k{n}": "cut" for n in range(20)} | {"k1": "rejected", "new": "cut"}


def test_what_the_head_does_not_name_does_not_count(nights: Nights) -> None:
    """A run that dies before it moved the head has changed nothing."""
    nights.night(a="cut")
    unborn = nights.learn(a="failed", b="cut")
    assert nights.known() == {"a": "cut"}
    nights.move(unborn)
    assert nights.known() == {"a": "failed", "b": "cut"}


def test_what_a_head_names_is_there_before_it(nights: Nights) -> None:
    """HEAD is written last, by the caller."""
    nights.move(nights.learn_many(100))
    head = nights.learn(a="cut")
    names = nights.ledger.store.names("shop/ledger")
    assert {"HEAD.json", head.state_file} == set(names)
    for name in head.unfolded:
        assert nights.ledger.store.read(name)


def test_a_run_that_learned_nothing_leaves_the_head(nights: Nights) -> None:
    """A million unchanged items cost no row."""
    assert nights.learn_many(0) is nights.head


def test_many_changes_are_folded_in(nights: Nights) -> None:
    """Where a night changes a share of the catalog, readers get one file again."""
    nights.move(nights.learn_many(100))
    assert (nights.head.state_file, nights.head.state_rows) == ("state-1.parquet", 100)
    nights.move(nights.learn_many(20))
    assert (nights.head.generation, nights.head.unfolded_rows) == (1, 20)
    nights.night(k0="failed")
    assert (nights.head.generation, nights.head.state_rows, nights.head.unfolded) == (2, 100, [])
    assert nights.known()["k0"] == "failed"


@pytest.mark.slow
def test_many_runs_are_folded_in(nights: Nights) -> None:
    """However little each of them changed."""
    nights.move(nights.learn_many(1000))
    for turn in range(MOST_UNFOLDED):
        nights.night(k7=str(turn))
    assert (nights.head.generation, len(nights.head.unfolded)) == (1, MOST_UNFOLDED)
    nights.night(k7="last")
    assert (nights.head.generation, nights.head.unfolded) == (2, [])
    assert nights.known()["k7"] == "last"


def test_old_state_goes_two_generations_later(nights: Nights) -> None:
    """A reader that follows the last head is not cut short."""
    for turn in range(4):
        nights.night(a=str(turn))
        nights.ledger.tidy(nights.head)
    assert nights.ledger.store.names("shop/ledger") == [
        "HEAD.json",
        "state-3.parquet",
        "state-4.parquet",
    ]
    assert nights.known() == {"a": "3"}


def test_a_state_file_that_is_missing_stops_the_run(nights: Nights) -> None:
    """Without it the catalog would look new and be bought again."""
    nights.night(a="cut")
    nights.ledger.store.delete("shop/ledger/state-1.parquet")
    with pytest.raises(StoreUnavailable, match=r"HEAD\.json names is missing") as refusal:
        nights.known()
    assert refusal.value.code == "ledger_incomplete"


def test_any_folder_name_will_do(tmp_path: Path) -> None:
    """A quote in a path is part of a name, not of a query."""
    folder = tmp_path / "Anna's [new] shop"
    folder.mkdir()
    with tables(folder) as connection:
        nights = Nights(Ledger(LocalStore(str(folder / "state")), "shop"), folder, connection)
        nights.move(nights.learn_many(100))
        nights.night(k1="failed")
        nights.night(**{f"k{n}": "cut" for n in range(50)})
        assert nights.head.generation == 2
        assert len(nights.known()) == 100


def test_a_run_that_slept_too_long_does_not_turn_the_ledger_back(nights: Nights) -> None:
    """Whoever has gone on since must not lose a night to a process that wakes up."""
    slept = nights.ledger.head()
    nights.night(a="cut")
    with pytest.raises(LeaseLost, match="another run has moved"):
        nights.ledger.move(slept.model_copy(update={"last_run": "late"}), was=slept)
    assert nights.ledger.head() == nights.head
