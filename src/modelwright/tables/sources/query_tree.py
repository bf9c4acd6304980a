"""Looks at a query for the engine before it runs: its parsed tree may hold known things only.

It reads the named sources and nothing else, computes with functions that give the same for the same, and says at which
word it does not. What this list does not know is refused: a new version of the engine opens no door by itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import duckdb

from modelwright.core.names import did_you_mean
from modelwright.tables.sources.query_functions import FUNCTIONS, TABLE_FUNCTIONS
from modelwright.tables.sources.sql_text import NAMED, QueryError, place

NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
TABLES = frozenset({"BASE_TABLE", "JOIN", "SUBQUERY", "TABLE_FUNCTION", "EXPRESSION_LIST", "EMPTY"})
EXPRESSIONS = frozenset(
    {
        *("BETWEEN", "CASE", "CAST", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION", "LAMBDA"),
        *("OPERATOR", "POSITIONAL_REFERENCE", "STAR", "SUBQUERY", "TYPE", "WINDOW"),
    }
)
MODIFIERS = frozenset({"ORDER_MODIFIER", "LIMIT_MODIFIER", "DISTINCT_MODIFIER"})
ORDERS = frozenset({"ORDER_DEFAULT", "ASCENDING", "DESCENDING", "ORDER_ASCENDING", "ORDER_DESCENDING"})
CLOCKS = frozenset(  # names that stand for a function where no column is called so
    {
        *("current_catalog", "current_date", "current_localtime", "current_localtimestamp", "current_role"),
        *("current_schema", "current_time", "current_timestamp", "current_user", "localtime", "localtimestamp"),
        *("session_user", "user"),
    }
)
DIFFERENT = frozenset(  # functions of which everybody asks why
    {"gen_random_uuid", "get_current_timestamp", "now", "random", "today", "transaction_timestamp", "uuid"}
)
DIFFERS = "it gives something else each time"
OTHER_FUNCTIONS = "what reads files or settings, waits, or gives something else each time, is not allowed"


def check_query(query: str, sources: Mapping[str, Any]) -> bool:
    """Whether the query orders its rows. QueryError for anything but one SELECT from the named sources."""
    parsed = _parsed(query)
    if parsed["error"]:
        raise _not_parsed(query, parsed)
    statements = parsed["statements"]
    if len(statements) != 1:
        raise _refused(f"{len(statements)} statements" if statements else "it is empty", "write one SELECT")
    node = statements[0]["node"]
    _Walk(query, tuple(sources)).query(node, frozenset(name.casefold() for name in sources))
    return any(modifier["type"] == "ORDER_MODIFIER" for modifier in node["modifiers"])


def _parsed(query: str) -> dict[str, Any]:
    with duckdb.connect(":memory:", config={"enable_external_access": "false"}) as parser:
        found = parser.execute("SELECT json_serialize_sql(?::VARCHAR)", [query]).fetchone()
    tree: dict[str, Any] = json.loads(found[0] if found else "null")
    return tree


def _not_parsed(query: str, parsed: Mapping[str, Any]) -> QueryError:
    if parsed["error_type"] == "not implemented":
        return _refused("it should be one SELECT", "it may begin with SELECT, FROM or WITH")
    position = parsed.get("position", "")
    where = f"{_place(query, int(position))}: " if position.isdecimal() else ""
    return _refused(where + parsed["error_message"].splitlines()[0])


def _refused(said: str, hint: str = "") -> QueryError:
    return QueryError(f"query: {said}", hint=hint)


def _place(query: str, position: int) -> str:
    """The engine counts bytes."""
    return place(query, len(query.encode()[:position].decode(errors="ignore")))


class _Walk:
    """Visits a tree; `known` are the tables that a name may mean at that point, in lower case."""

    def __init__(self, query: str, sources: tuple[str, ...]) -> None:
        self._query = query
        self._sources = sources

    def query(self, node: Mapping[str, Any], known: frozenset[str]) -> None:
        if node["type"] not in NODES:
            raise self._refusal(node, "this kind of query is refused")
        for entry in node["cte_map"]["map"]:
            self._check_own_name(entry["key"])
            itself = known | {entry["key"].casefold()}
            self.visit(entry["value"], itself if self._recursive(entry["value"]) else known)
            known = itself
        self.visit({key: value for key, value in node.items() if key not in ("type", "cte_map")}, known)

    def visit(self, value: Any, known: frozenset[str]) -> None:
        if isinstance(value, list):
            for item in value:
                self.visit(item, known)
        elif isinstance(value, dict):
            kind = value["type"] if isinstance(value.get("type"), str) else ""
            if kind in NODES:
                self.query(value, known)
                return
            self._check(value, kind, known)
            for item in value.values():
                self.visit(item, known)

    def _check(self, node: Mapping[str, Any], kind: str, known: frozenset[str]) -> None:
        if node.get("sample"):
            raise self._refusal(node, f"a sample is refused: {DIFFERS}")
        if "class" in node:
            self._check_expression(node)
        elif kind == "BASE_TABLE":
            self._check_table(node, known)
        elif kind and kind not in TABLES | MODIFIERS | ORDERS:
            raise self._refusal(node, f"{kind.lower().replace('_', ' ')} is refused")
        if kind == "TABLE_FUNCTION":
            name = node["function"]["function_name"].casefold()
            if name not in TABLE_FUNCTIONS:
                raise self._refusal(node, f"{name}() is refused: a query reads its sources only", self._has())

    def _check_expression(self, node: Mapping[str, Any]) -> None:
        if node["class"] not in EXPRESSIONS:
            raise self._refusal(node, f"{node['class'].lower().replace('_', ' ')} is refused")
        names = node.get("column_names", ())
        if len(names) == 1 and names[0].casefold() in CLOCKS:
            raise self._refusal(node, f"{names[0]} is refused: {DIFFERS}")
        if "function_name" in node:
            name = node["function_name"].casefold()
            if name in DIFFERENT:
                raise self._refusal(node, f"the function {name} is refused: {DIFFERS}")
            if name not in FUNCTIONS | TABLE_FUNCTIONS:
                raise self._refusal(
                    node, f"the function {name} is refused{did_you_mean(name, FUNCTIONS)}", OTHER_FUNCTIONS
                )

    def _check_table(self, node: Mapping[str, Any], known: frozenset[str]) -> None:
        name = node["table_name"]
        if node["schema_name"] or node["catalog_name"] or name.casefold() not in known:
            whole = ".".join(part for part in (node["catalog_name"], node["schema_name"], name) if part)
            raise self._refusal(node, f'there is no source "{whole}"{did_you_mean(name, self._sources)}', self._has())

    def _check_own_name(self, name: str) -> None:
        if not re.fullmatch(NAMED, name):
            raise _refused(f'WITH "{name}": the name should be of letters, digits and underscores')

    def _recursive(self, entry: Mapping[str, Any]) -> bool:
        return str(entry["query_node"]["type"]) == "RECURSIVE_CTE_NODE"

    def _has(self) -> str:
        return f"sources: {', '.join(self._sources)}"

    def _refusal(self, node: Mapping[str, Any], said: str, hint: str = "") -> QueryError:
        position = int(node.get("query_location", 2**64 - 1))
        known = position < len(self._query.encode())
        return _refused(f"{_place(self._query, position)}: {said}" if known else said, hint)
