"""What a condition of the user's may be made of: columns, constants, comparisons, plain functions.

DuckDB parses it; nothing that is not named here is let through, so that the condition sees the row
and nothing else, and answers the same for the same row.
"""

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import duckdb

from packshot.exports.described import any_of

Node = dict[str, Any]

_ARITHMETIC: Final = any_of("+", "-", "*", "/", "//", "%", "abs", "round", "floor", "ceil")
_COUNTS: Final = any_of("length", "len", "char_length", "strlen", "strpos", "instr", "position")
_PARTS: Final = "trim ltrim rtrim left right substr substring regexp_extract concat ||"
_LIKE: Final = "~~ !~~ ~~* !~~* ~~~ like_escape not_like_escape ilike_escape not_ilike_escape"
_TESTS: Final = "contains starts_with prefix ends_with suffix regexp_matches regexp_full_match"
_OTHERS: Final = "lower lcase upper ucase ifnull nullif greatest least"
_TEXTS: Final = any_of(*f"{_PARTS} {_LIKE} {_TESTS} {_OTHERS}".split())
FUNCTIONS: Final = _ARITHMETIC | _COUNTS | _TEXTS
"""None whose result grows with its nesting, and none that knows more than its arguments."""
_CLASSES: Final = any_of("COLUMN_REF", "CONSTANT", "COMPARISON", "CONJUNCTION", "BETWEEN", "CASE")
_MEMBERSHIP: Final = any_of("COMPARE_IN", "COMPARE_NOT_IN")
_OPERATORS: Final = _MEMBERSHIP | any_of(
    "OPERATOR_NOT", "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL", "OPERATOR_COALESCE"
)
_WHOLE: Final = "TINYINT SMALLINT INTEGER BIGINT HUGEINT"
_UNSIGNED: Final = "UTINYINT USMALLINT UINTEGER UBIGINT UHUGEINT"
_NUMBERS: Final = any_of(*f"{_WHOLE} {_UNSIGNED} FLOAT DOUBLE DECIMAL".split())
_CASTS: Final = _NUMBERS | any_of("BOOLEAN", "VARCHAR", "DATE", "TIMESTAMP")
_OPERANDS: Final = ("left", "right", "input", "lower", "upper")
_SELECT: Final = {"type", "select_list", "from_table", "aggregate_handling"}
_SPARSE: Final = ", skip_null := true, skip_empty := true, skip_default := true"


class NotAllowed(Exception):
    """What a condition may not hold, in words."""


class Condition(NamedTuple):
    """A condition that has been looked at."""

    sql: str
    columns: tuple[str, ...]
    """Those that it speaks of, as written."""


def looked_at(where: str, database: duckdb.DuckDBPyConnection) -> Condition:
    """The condition as it will be run. Raises `NotAllowed`, `duckdb.Error`."""
    sparse = _serialised(where, database, _SPARSE)
    try:
        columns = dict.fromkeys(_columns_of_allowed(_only_expression(sparse)))
        whole = _serialised(where, database)
        _compare_as_numbers(whole["statements"][0]["node"]["select_list"][0])
        tree = json.dumps(whole)
    except RecursionError:
        raise NotAllowed("it is nested too deeply") from None
    query = "SELECT json_deserialize_sql($tree::JSON)"
    ((sql,),) = database.execute(query, {"tree": tree}).fetchall()
    return Condition(sql.removeprefix("SELECT "), tuple(columns))


def _serialised(where: str, database: duckdb.DuckDBPyConnection, how: str = "") -> Node:
    query = f"SELECT json_serialize_sql($sql::VARCHAR{how})"
    ((serialised,),) = database.execute(query, {"sql": f"SELECT {where}"}).fetchall()
    try:
        told: Node = json.loads(serialised)
    except RecursionError:
        raise NotAllowed("it is nested too deeply") from None
    if told["error"]:
        raise NotAllowed(told["error_message"])
    return told


def _only_expression(told: Node) -> Node:
    statements = told["statements"]
    node = statements[0]["node"]
    plain = (
        len(statements) == 1
        and node.keys() == _SELECT
        and node["from_table"] == {"type": "EMPTY"}
        and node["aggregate_handling"] == "STANDARD_HANDLING"
        and len(node["select_list"]) == 1
    )
    if not plain:
        raise NotAllowed("it is more than one condition")
    found: Node = node["select_list"][0]
    return found


def _columns_of_allowed(tree: Node) -> Iterator[str]:
    for node in _nodes(tree):
        if node["class"] == "COLUMN_REF":
            yield node["column_names"][-1]
            if len(node["column_names"]) > 1:
                raise NotAllowed(f"`{'.'.join(node['column_names'])}` is no column")
        elif not _is_allowed(node):
            name = node.get("function_name") or node["type"].removeprefix("OPERATOR_")
            raise NotAllowed(
                f"`{name.lower()}` may not stand in a condition, only comparisons, AND, OR, NOT, "
                "IN, LIKE, BETWEEN, IS NULL, CASE, CAST and plain functions of text and numbers"
            )


def _is_allowed(node: Node) -> bool:
    match node["class"]:
        case "FUNCTION":
            plain = node.get("order_bys", {}).keys() <= {"type"} and "filter" not in node
            own = node.get("schema", "main") == "main" and "catalog" not in node
            return node["function_name"] in FUNCTIONS and plain and own and "distinct" not in node
        case "OPERATOR":
            return node["type"] in _OPERATORS
        case "CAST":
            return node["cast_type"]["id"] in _CASTS
        case other:
            return other in _CLASSES


def _nodes(part: object) -> Iterator[Node]:
    """All expressions in a part of the tree, each before those in it."""
    if isinstance(part, list):
        for one in part:
            yield from _nodes(one)
    elif isinstance(part, dict):
        if "class" in part:
            yield part
        for one in part.values():
            yield from _nodes(one)


def _compare_as_numbers(tree: Node) -> None:
    """Columns are text; one that meets a number is read as one, where it is one."""
    for node in [*_nodes(tree)]:
        operands = {name: node[name] for name in _OPERANDS if name in node}
        several: list[Node] = node.get("children", [])
        arithmetic = node.get("function_name") in _ARITHMETIC
        compared = node["class"] in {"COMPARISON", "BETWEEN"} or node["type"] in _MEMBERSHIP
        if not compared and not arithmetic:
            continue
        if arithmetic or any(map(_is_number, [*operands.values(), *several])):
            node.update({name: _as_number(one) for name, one in operands.items()})
            node["children"] = [_as_number(one) for one in several]


def _is_number(node: Node) -> bool:
    match node["class"]:
        case "CONSTANT":
            return node["value"]["type"]["id"] in _NUMBERS
        case "CAST":
            return node["cast_type"]["id"] in _NUMBERS
        case "FUNCTION":
            return node["function_name"] in _ARITHMETIC | _COUNTS
        case _:
            return False


def _as_number(node: Node) -> Node:
    if node["class"] != "COLUMN_REF":
        return node
    number = {"id": "DOUBLE", "type_info": None}
    told = {"class": "CAST", "type": "OPERATOR_CAST", "alias": "", "query_location": 0}
    return told | {"child": node, "cast_type": number, "try_cast": True}
