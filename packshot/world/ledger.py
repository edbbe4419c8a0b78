"""The memory between runs: one row per item, and events per run until they are folded in.

A head names the present state file and the runs' changes that are not yet part of it. It is
written last; what it does not name does not count. Heads are numbered and created once, and the
highest number is the truth; no file that a head names is ever written again. So whatever a run
that was frozen writes when it wakes, it can touch nothing of whoever has gone on.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_hex

import duckdb
from pydantic import BaseModel, ConfigDict

from packshot.facts.errors import LeaseLost, StoreUnavailable
from packshot.world.holders import numbers
from packshot.world.store import AlreadyThere, Store
from packshot.world.tables import PARQUET, literal

MOST_UNFOLDED = 16
FOLD_SHARE = 0.2
KEPT_GENERATIONS = 2
KEPT_HEADS = 8
"""A reader that has just listed the heads finds the newest of them for so many moves."""
RECUT_GOES_ON = timedelta(days=30)
"""So long a `recut: all` that was cut short is taken up again, not begun anew."""

COLUMNS: dict[str, str] = {
    "key": "VARCHAR",
    "sku": "VARCHAR",
    "position": "INTEGER",
    "url_hash": "VARCHAR",
    "url": "VARCHAR",
    "status": "VARCHAR",
    "reason_code": "VARCHAR",
    "reason": "VARCHAR",
    "etag": "VARCHAR",
    "last_modified": "VARCHAR",
    "checked_at": "TIMESTAMP",
    "content_hash": "VARCHAR",
    "source_format": "VARCHAR",
    "source_width": "INTEGER",
    "source_height": "INTEGER",
    "source_bytes": "BIGINT",
    "paid_options": "VARCHAR",
    "fingerprint": "VARCHAR",
    "provider": "VARCHAR",
    "purchase_class": "VARCHAR",
    "foreground_type": "VARCHAR",
    "box_stated": "INTEGER[]",
    "box_computed": "INTEGER[]",
    "result_width": "INTEGER",
    "result_height": "INTEGER",
    "bought_at": "TIMESTAMP",
    "charged_once": "DOUBLE",
    "unit": "VARCHAR",
    "recipe": "VARCHAR",
    "pictures": "STRUCT(variant VARCHAR, path VARCHAR, width INTEGER, height INTEGER, "
    "bytes BIGINT)[]",
    "review_code": "VARCHAR",
    "review": "VARCHAR",
    "refused_under": "VARCHAR",
    "attempts": "INTEGER",
    "first_failed_at": "TIMESTAMP",
    "retry_at": "TIMESTAMP",
    "gone_at": "TIMESTAMP",
}
"""Ledger columns and their DuckDB types; the fields of `Knowledge`, in order. Times are UTC."""


class Head(BaseModel):
    """Where the ledger stands."""

    model_config = ConfigDict(frozen=True)

    version: int = 1
    generation: int = 0
    state_file: str | None = None
    state_rows: int = 0
    unfolded: list[str] = []
    unfolded_rows: int = 0
    open_runs: list[str] = []
    last_run: str | None = None
    unknown_purchases: list[str] = []
    """Fingerprints bought by a run that died before it could record the item."""
    recut_since: datetime | None = None
    """When a `recut: all` was begun that no run has carried through yet."""
    expired_before: str = ""
    """Runs whose ids sort before this have no private inputs any more."""

    def recut_begun(self, now: datetime) -> datetime:
        """When a `recut: all` of `now` was begun: it goes on with one that was cut short."""
        begun = self.recut_since
        return begun if begun is not None and now - begun < RECUT_GOES_ON else now

    def opened(self, run_id: str, *, recut_since: datetime | None) -> "Head":
        """The head with one more run under way."""
        since = recut_since or self.recut_since
        return self.model_copy(
            update={"open_runs": [*self.open_runs, run_id], "recut_since": since}
        )


@dataclass(frozen=True, slots=True)
class Ledger:
    """One catalog's ledger."""

    store: Store
    catalog: str

    def _name(self, name: str) -> str:
        return f"{self.catalog}/ledger/{name}"

    @property
    def _heads(self) -> str:
        return self._name("heads")

    def head(self) -> Head:
        """Where the ledger stands; an empty one on the first night. Raises `StoreUnavailable`."""
        return self._newest()[1]

    def _newest(self) -> tuple[int, Head]:
        """The highest number taken, and the newest head that is whole.

        On a local disk a kill may leave a number without its content; that head was never moved to.
        """
        taken = numbers(self.store, self._heads)
        for number in reversed(taken):
            with suppress(FileNotFoundError, ValueError):
                body = self.store.read(f"{self._heads}/{number}.json")
                return taken[-1], Head.model_validate_json(body)
        if taken and taken[0] > 1:
            raise StoreUnavailable(
                f"no file in {self.store.address(self._heads)} can be read; restore the last one, "
                "for without it the catalog would look new",
                code="ledger_incomplete",
            )
        return max(taken, default=0), Head()

    def move(self, head: Head, *, was: Head) -> None:
        """Make a new head the truth. Only the lease's holder may.

        Raises `LeaseLost` where the ledger is not as we left it: somebody else has gone on.
        """
        number, now = self._newest()
        if now != was:
            raise LeaseLost(_MOVED)
        body = head.model_dump_json(indent=1).encode()
        # A refusal may be of our own file: a client whose answer was lost asks twice.
        with suppress(AlreadyThere):
            self.store.create(f"{self._heads}/{number + 1}.json", body)
        if self._newest() != (number + 1, head):
            raise LeaseLost(_MOVED)

    def attach(self, connection: duckdb.DuckDBPyConnection, head: Head, folder: Path) -> None:
        """Make the ledger readable as the view `ledger`."""
        names = [self._name(head.state_file)] if head.state_file is not None else []
        try:
            files = [self.store.download(name, folder) for name in [*names, *head.unfolded]]
        except FileNotFoundError as error:
            raise StoreUnavailable(
                f"a file that the newest in {self.store.address(self._heads)} names is missing; "
                "restore it, for without it the catalog would look new",
                code="ledger_incomplete",
            ) from error
        rows = _newest_rows(connection, files) if files else f"SELECT {_NO_ROWS} WHERE false"
        connection.execute(f"CREATE OR REPLACE VIEW ledger AS {rows}")

    def learn(
        self, connection: duckdb.DuckDBPyConnection, head: Head, changes: Path, run_id: str
    ) -> Head:
        """Add a run's changes: as a file of their own, or folded into a new state file.

        The view `ledger` must be attached to `head`. The caller moves the head.
        """
        count = connection.execute(
            "SELECT count(*) FROM read_parquet(?)", [str(changes)]
        ).fetchone()
        rows = int(count[0]) if count else 0
        if rows == 0:
            return head
        name = f"{self.catalog}/runs/{run_id}/ledger-{token_hex(4)}.parquet"
        self.store.upload(name, changes, "application/vnd.apache.parquet")
        moved = head.model_copy(
            update={
                "unfolded": [*head.unfolded, name],
                "unfolded_rows": head.unfolded_rows + rows,
            }
        )
        crowded = len(moved.unfolded) > MOST_UNFOLDED
        if crowded or moved.unfolded_rows > FOLD_SHARE * max(moved.state_rows, 1):
            return self._fold(connection, moved, changes.parent)
        return moved

    def _fold(self, connection: duckdb.DuckDBPyConnection, head: Head, folder: Path) -> Head:
        self.attach(connection, head, folder)
        number = head.generation + 1
        name = f"state-{number}-{token_hex(4)}.parquet"
        path = folder / name
        connection.execute(f"COPY (SELECT * FROM ledger) TO {literal(path)} ({PARQUET})")
        count = connection.execute("SELECT count(*) FROM read_parquet(?)", [str(path)]).fetchone()
        self.store.upload(self._name(name), path, "application/vnd.apache.parquet")
        return head.model_copy(
            update={
                "generation": number,
                "state_file": name,
                "state_rows": int(count[0]) if count else 0,
                "unfolded": [],
                "unfolded_rows": 0,
            }
        )

    def tidy(self, head: Head) -> None:
        """Remove heads and state files that readers of the last generations no longer need."""
        for number in numbers(self.store, self._heads)[:-KEPT_HEADS]:
            self.store.delete(f"{self._heads}/{number}.json")
        for name in self.store.names(f"{self.catalog}/ledger"):
            generation = name.removeprefix("state-").partition("-")[0]
            if generation.isdecimal() and int(generation) <= head.generation - KEPT_GENERATIONS:
                self.store.delete(self._name(name))


_MOVED = "another run has moved this catalog's ledger; run again"
_NO_ROWS = ", ".join(f"NULL::{kind} AS {name}" for name, kind in COLUMNS.items())


def _newest_rows(connection: duckdb.DuckDBPyConnection, files: list[Path]) -> str:
    """A query for the newest row of each key, over files in the order they were written.

    A key occurs once per file. Only keys are gathered, as the table `ledger_newest`: whole
    rows of a first night, when every item is a change, would not fit into memory.
    """
    first, *later = (f"read_parquet({literal(file)})" for file in files)
    if not later:
        return f"SELECT * FROM {first}"
    keys = " UNION ALL ".join(
        f"SELECT key, {age} AS age FROM {rows}" for age, rows in enumerate(later)
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE ledger_newest AS "
        f"SELECT key, max(age) AS age FROM ({keys}) GROUP BY key"
    )
    return " UNION ALL BY NAME ".join(
        [
            f"SELECT * FROM {first} s ANTI JOIN ledger_newest n ON n.key = s.key",
            *(
                f"SELECT * FROM {rows} s SEMI JOIN ledger_newest n "
                f"ON n.key = s.key AND n.age = {age}"
                for age, rows in enumerate(later)
            ),
        ]
    )
