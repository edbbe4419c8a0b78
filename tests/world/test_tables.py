"""Queries work in UTC, in bounded memory, and take names as names."""

from pathlib import Path

import pytest

from packshot.world.tables import columns_of, literal, quoted, scalar, tables


def test_times_are_utc_wherever_the_machine_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A zone that is dropped was UTC."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    with tables(tmp_path) as connection:
        query = "SELECT hour(TIMESTAMPTZ '2026-01-02 12:00:00+00:00'::TIMESTAMP)"
        assert scalar(connection, query) == 12


@pytest.mark.parametrize("name", ["plain", "it's", 'a "b"', "'; DROP TABLE t; --", "é"])
def test_names_and_texts_are_no_part_of_a_query(tmp_path: Path, name: str) -> None:
    """Whatever a manifest calls its columns."""
    with tables(tmp_path) as connection:
        connection.execute(f"CREATE TABLE t AS SELECT {literal(name)} AS {quoted(name)}")
        assert columns_of(connection, "t") == [name]
        assert connection.execute("SELECT * FROM t").fetchall() == [(name,)]


def test_a_number_is_answered_where_there_is_none(tmp_path: Path) -> None:
    """A sum over nothing is zero."""
    with tables(tmp_path) as connection:
        assert scalar(connection, "SELECT sum(x) FROM (SELECT 1 AS x) WHERE x > ?", 1) == 0
        assert scalar(connection, "SELECT 1 WHERE false") == 0
