"""The memory between runs: the newest row of every key, and a head that is moved last."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pytest

from packshot.facts.errors import LeaseLost, StoreUnavailable
from packshot.facts.outcome import KNOWLEDGE_FIELDS
from packshot.world.ledger import COLUMNS, KEPT_HEADS, MOST_UNFOLDED, Head, Ledger
from packshot.world.store import AlreadyThere, LocalStore, Store
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
    """The head is written last, by the caller."""
    nights.move(nights.learn_many(100))
    head = nights.learn(a="cut")
    names = nights.ledger.store.names("shop/ledger")
    assert {"heads", head.state_file} == set(names)
    for name in head.unfolded:
        assert nights.ledger.store.read(name)


def test_a_run_that_learned_nothing_leaves_the_head(nights: Nights) -> None:
    """A million unchanged items cost no row."""
    assert nights.learn_many(0) is nights.head


def test_many_changes_are_folded_in(nights: Nights) -> None:
    """Where a night changes a share of the catalog, readers get one file again."""
    nights.move(nights.learn_many(100))
    assert (nights.head.generation, nights.head.state_rows) == (1, 100)
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
    names = nights.ledger.store.names("shop/ledger")
    assert [name.partition("-")[0] for name in names] == ["heads", "state", "state"]
    assert nights.head.state_file in names
    assert nights.known() == {"a": "3"}


def test_old_heads_go(nights: Nights) -> None:
    """A long history makes no long listing."""
    for turn in range(KEPT_HEADS + 3):
        nights.move(nights.head.model_copy(update={"last_run": str(turn)}))
    nights.ledger.tidy(nights.head)
    assert len(nights.ledger.store.names("shop/ledger/heads")) == KEPT_HEADS
    assert nights.ledger.head() == nights.head


def test_a_state_file_that_is_missing_stops_the_run(nights: Nights) -> None:
    """Without it the catalog would look new and be bought again."""
    nights.night(a="cut")
    nights.ledger.store.delete(f"shop/ledger/{nights.head.state_file}")
    with pytest.raises(StoreUnavailable, match=r"heads names is missing") as refusal:
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


def test_what_a_woken_run_writes_hides_no_row_of_its_successor(nights: Nights) -> None:
    """Both fold into the same generation; the later upload is of the run that lost the lease."""
    begun = nights.ledger.head()
    nights.night(a="cut", b="cut")
    successor = nights.head
    nights.head = begun
    late = nights.learn(a="failed")
    with pytest.raises(LeaseLost, match="another run has moved"):
        nights.ledger.move(late, was=begun)
    nights.head = successor
    assert nights.known() == {"a": "cut", "b": "cut"}


class Overtaken(LocalStore):
    """A store on which a successor moves the ledger just before our own write arrives."""

    before_head: Callable[[], None] | None = None

    def create(self, name: str, content: bytes) -> None:
        """Let the successor go first, once."""
        go_first, self.before_head = self.before_head, None
        if go_first is not None:
            go_first()
        super().create(name, content)

    def write(self, name: str, content: bytes, content_type: str = "") -> None:
        """The same for what is written over what is there."""
        go_first, self.before_head = self.before_head, None
        if go_first is not None:
            go_first()
        super().write(name, content, content_type)


@pytest.mark.parametrize("moves", [1, KEPT_HEADS + 2])
def test_a_head_that_arrives_late_is_not_the_truth(tmp_path: Path, moves: int) -> None:
    """It was sent while the ledger was as we left it, and arrives after others have gone on."""
    place = Overtaken(str(tmp_path))
    late, successor = Ledger(place, "shop"), Ledger(LocalStore(str(tmp_path)), "shop")
    begun = late.head()

    def go_on() -> None:
        for turn in range(moves):
            there = successor.head()
            successor.move(there.model_copy(update={"last_run": f"next-{turn}"}), was=there)
            successor.tidy(there)

    place.before_head = go_on
    with pytest.raises(LeaseLost, match="another run has moved"):
        late.move(begun.model_copy(update={"last_run": "late"}), was=begun)
    assert late.head().last_run == f"next-{moves - 1}"


def test_a_head_that_was_never_finished_was_never_moved_to(nights: Nights) -> None:
    """A kill between a file's name and its content leaves the ledger where it was."""
    nights.ledger.store.create("shop/ledger/heads/1.json", b"")
    assert nights.ledger.head() == Head()
    nights.night(a="cut")
    nights.ledger.store.create("shop/ledger/heads/3.json", b"{")
    assert nights.ledger.head() == nights.head
    nights.night(b="cut")
    assert nights.known() == {"a": "cut", "b": "cut"}


def test_a_ledger_without_a_head_is_not_taken_for_a_new_one(nights: Nights) -> None:
    """Heads that cannot be read are restored by somebody; nothing is bought until then."""
    nights.ledger.store.create("shop/ledger/heads/7.json", b"{")
    with pytest.raises(StoreUnavailable, match="restore the last one") as refusal:
        nights.ledger.head()
    assert refusal.value.code == "ledger_incomplete"


def test_a_head_whose_answer_was_lost_is_still_ours(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that asks twice is refused by the file it made itself."""
    create = nights.ledger.store.create

    def twice(name: str, content: bytes) -> None:
        create(name, content)
        raise AlreadyThere(name)

    monkeypatch.setattr(nights.ledger.store, "create", twice)
    nights.night(a="cut")
    assert nights.known() == {"a": "cut"}
