"""Reads JSON lines with DuckDB, all values as text as they are written, and names each line that is no row.

What a key holds is known only when all lines are read: columns are the keys in the order of their appearance, objects
within are taken apart once (`pickup.lat`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from modelwright.core.errors import DataError
from modelwright.tables import reading
from modelwright.tables.engine import Engine, literal, quote
from modelwright.tables.reading import FILE, Reading, TextRules
from modelwright.tables.sources.arrow_rows import passing_over
from modelwright.tables.sources.text_lines import text_lines

LINES = "json lines"  # file, line, text
BATCH_BYTES = 8_000_000
MOST_COLUMNS = 10_000
LINES_HINT = "one object a line is needed; from an array: jq -c '.[]' FILE"
NESTED_HINT = "nested: text, to have it as one column of JSON text, or take it apart before"


def read_json_lines(
    engine: Engine, files: Sequence[tuple[Path, str]], rules: TextRules, *, nested_as_text: bool
) -> Reading:
    """Fill `raw` and `rejects` from (path, shown name) pairs."""
    engine.execute(f"CREATE TABLE {quote(LINES)} (file INTEGER, line BIGINT, text VARCHAR)")
    skipped = [_load(engine, number, path, name) for number, (path, name) in enumerate(files)]
    refused = _faulty(engine, files)
    for number, line, text, _ in refused:
        if text.strip() in ("[", "{") or (line == 1 and text.startswith("[{")):
            raise DataError("JSON over several lines", where=f"{files[number][1]}:{line}", hint=LINES_HINT)
    keys = _keys(engine)
    if not keys:
        raise reading.NoRows("no line is a JSON object with keys" + _first(refused), where=files[0][1], hint=LINES_HINT)
    columns = _columns(engine, keys, files[0][1], nested_as_text=nested_as_text)
    names = [name for _, name in files]
    reading.start(engine, dict.fromkeys(columns, "VARCHAR"), names)
    reading.refuse(engine, [(names[number], line, None, text, reason) for number, line, text, reason in refused])
    pointers = ", ".join(literal(pointer) for pointer in columns.values())
    values = ", ".join(f"found[{position}]" for position in range(1, len(columns) + 1))
    engine.execute(
        f"INSERT INTO raw SELECT {values}, file AS {quote(FILE)} FROM "
        f"(SELECT file, json_extract_string(text, [{pointers}]) AS found FROM {quote(LINES)} ORDER BY rowid)"
    )
    counts = dict(engine.rows(f"SELECT file, count(*) FROM {quote(LINES)} GROUP BY file"))
    engine.execute(f"DROP TABLE {quote(LINES)}")
    starts = tuple(sum(counts.get(before, 0) for before in range(number)) for number in range(len(files)))
    lines = tuple(
        passing_over(sorted([*blank, *(line for file, line, *_ in refused if file == number)]))
        for number, blank in enumerate(skipped)
    )
    return Reading(tuple(names), tuple(columns), sum(counts.values()), len(refused), True, rules, starts, lines)


def _load(engine: Engine, number: int, path: Path, name: str) -> list[int]:
    """Put the file's lines into the table; returns the numbers of blank ones, which are passed over."""
    blank: list[int] = []
    for lines, texts in _batches(path, name, blank):
        engine.register("given", pa.table({"line": pa.array(lines, pa.int64()), "text": pa.array(texts, pa.string())}))
        engine.execute(f"INSERT INTO {quote(LINES)} SELECT {number}, line, text FROM given")
    return blank


def _batches(path: Path, name: str, blank: list[int]) -> Iterator[tuple[list[int], list[str]]]:
    lines: list[int] = []
    texts: list[str] = []
    size = 0
    for line, text in text_lines(path, "utf-8", name):
        if not text.strip():
            blank.append(line)
            continue
        lines.append(line)
        texts.append(text)
        size += len(text)
        if size > BATCH_BYTES:
            yield lines, texts
            lines, texts, size = [], [], 0
    if lines:
        yield lines, texts


def _faulty(engine: Engine, files: Sequence[tuple[Path, str]]) -> list[tuple[int, int, str, str]]:
    """Take lines that are no JSON object, or have a key twice, out of the table: file, line, text, reason."""
    keys = "json_keys(text)"
    table = quote(LINES)
    fault = (
        f"CASE WHEN NOT json_valid(text) THEN true WHEN json_type(text) <> 'OBJECT' THEN true "
        f"ELSE len({keys}) <> len(list_distinct({keys})) END"
    )
    found = engine.rows(f"SELECT file, line, text FROM {table} WHERE {fault} ORDER BY rowid")
    if found:
        engine.replace(LINES, f"SELECT * FROM {table} WHERE NOT ({fault}) ORDER BY rowid")
    return [(file, line, text, _reason(text)) for file, line, text in found]


def _reason(text: str) -> str:
    try:
        value = json.loads(text, object_pairs_hook=_pairs)
    except json.JSONDecodeError as error:
        return f"not JSON: {error.msg} at character {error.pos + 1}"
    except RecursionError:
        return "not JSON: nested too deeply"
    if isinstance(value, str):
        return value
    return "not a JSON object"


def _pairs(pairs: list[tuple[str, object]]) -> object:
    """The first key that occurs twice, as a reason; else the object."""
    names = [name for name, _ in pairs]
    twice = next((name for position, name in enumerate(names) if name in names[:position]), None)
    return dict(pairs) if twice is None else f'the key "{twice}" occurs twice'


def _keys(engine: Engine, *outer: str) -> dict[str, tuple[int, int, int]]:
    """Where each key appears first: the line, its place there and, of keys within `outer`, its place within that."""
    pointer = _pointer(*outer)
    table = quote(LINES)
    sets = engine.rows(
        f"SELECT json_keys(text, {literal(pointer)}) AS keys, min(rowid) AS first FROM {table} GROUP BY 1 ORDER BY 2"
    )
    places: dict[str, tuple[int, int]] = {}
    for keys, first in sets:
        for place, key in enumerate(keys or ()):
            places.setdefault(key, (first, place))
    if not outer:
        return {key: (first, place, 0) for key, (first, place) in places.items()}
    rows = ", ".join(str(first) for first, _ in places.values()) or "-1"
    around = dict(engine.rows(f"SELECT rowid, json_keys(text) FROM {table} WHERE rowid IN ({rows})"))
    return {key: (first, around[first].index(outer[0]), place) for key, (first, place) in places.items()}


def _columns(
    engine: Engine, keys: Mapping[str, tuple[int, int, int]], name: str, *, nested_as_text: bool
) -> dict[str, str]:
    """Column names with the JSON pointer of each, in order of appearance: the same if files are read one by one."""
    columns: dict[str, str] = {}
    places: dict[str, tuple[int, int, int]] = {}
    kinds = _kinds(engine, [_pointer(key) for key in keys])
    for key, (objects, arrays, values) in zip(keys, kinds, strict=True):
        if not objects or nested_as_text:
            if arrays and not nested_as_text:
                raise DataError(f'"{key}" holds lists', where=name, hint=NESTED_HINT)
            columns[key], places[key] = _pointer(key), keys[key]
            continue
        if arrays or values:
            raise DataError(f'"{key}" is an object in some lines and a value in others', where=name, hint=NESTED_HINT)
        inside = _keys(engine, key)
        pointers = [_pointer(key, part) for part in inside]
        for part, pointer, (deeper, lists, _) in zip(inside, pointers, _kinds(engine, pointers), strict=True):
            column = f"{key}.{part}"
            if deeper or lists:
                raise DataError(f'"{column}" holds {"objects" if deeper else "lists"}', where=name, hint=NESTED_HINT)
            if column in columns or column in keys:
                raise DataError(f'"{column}" is a key, and a key within "{key}" too', where=name, hint=NESTED_HINT)
            columns[column], places[column] = pointer, inside[part]
    if len(columns) > MOST_COLUMNS:
        raise DataError(
            f"{len(columns):,} different keys", where=name, hint="are they values? Then write them under one key"
        )
    return {column: columns[column] for column in sorted(columns, key=places.__getitem__)}


def _kinds(engine: Engine, pointers: Sequence[str]) -> list[tuple[bool, bool, bool]]:
    """Whether there are objects, lists, other values at each pointer."""
    if not pointers:
        return []
    tests = []
    for position in range(1, len(pointers) + 1):
        kind = f"kinds[{position}]"
        tests += [f"{kind} = 'OBJECT'", f"{kind} = 'ARRAY'", f"{kind} NOT IN ('OBJECT', 'ARRAY', 'NULL')"]
    asked = ", ".join(f"coalesce(bool_or({test}), false)" for test in tests)
    listed = ", ".join(map(literal, pointers))
    row = engine.rows(f"SELECT {asked} FROM (SELECT json_type(text, [{listed}]) AS kinds FROM {quote(LINES)})")[0]
    return [(row[at], row[at + 1], row[at + 2]) for at in range(0, len(row), 3)]


def _pointer(*keys: str) -> str:
    """RFC 6901."""
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)


def _first(refused: Sequence[tuple[int, int, str, str]]) -> str:
    return f"; line {refused[0][1]}: {refused[0][3]}" if refused else ""
