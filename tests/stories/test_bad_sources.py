"""Sources that lie: each ends with exit code 3, the file and the line, and every row that was refused is kept."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass

import openpyxl
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from stories.terminal import HEADER, Terminal, rows, spec, text

ROWS = rows()
GOOD = text(HEADER, ROWS)
LINES = GOOD.splitlines(keepends=True)


@dataclass(frozen=True)
class Bad:
    """`said`: what the message holds, in this order."""

    data: bytes
    said: tuple[str, ...]
    kind: str = "csv"
    source: str = ""


def at(line: int, content: str) -> bytes:
    """The good file with a line put in."""
    return "".join([*LINES[: line - 1], content, *LINES[line - 1 :]]).encode()


def packed(kind: str) -> bytes:
    table = pa.table({name: [row[place] for row in ROWS] for place, name in enumerate(HEADER)})
    sink = pa.BufferOutputStream()
    if kind == "parquet":
        pq.write_table(table, sink)
    else:
        feather.write_feather(table, sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


JSON = [json.dumps(dict(zip(HEADER, row, strict=True))) + "\n" for row in ROWS]
CASES = {
    "git conflict markers": Bad(
        at(9, "<<<<<<< HEAD\n1,a,yes\n=======\n2,b,no\n>>>>>>> theirs\n"),
        ("data.csv:9: a git conflict marker", "git checkout --theirs"),
    ),
    "git conflict markers in JSON lines": Bad(
        "".join([*JSON[:8], "<<<<<<< HEAD\n", *JSON[8:10], ">>>>>>> theirs\n", *JSON[10:]]).encode(),
        ("data.jsonl:9: a git conflict marker",),
        kind="jsonl",
    ),
    "ragged rows": Bad(
        at(5, "1\n1,a,yes,more\n"), ("2 of 122 rows", "data.csv:5: too few values", "data.csv:6: too many values")
    ),
    "a stray quote": Bad(at(7, '"1,a,yes\n'), ("data.csv:7: ", "quote", "quote: none")),
    "a quote in the wrong place": Bad(
        at(7, '1,"a"b,yes\n') + b'2,"b"c,no\n', ("2 of 122 rows", "data.csv:7: a quote in the wrong place")
    ),
    "decimal commas": Bad(
        "".join(
            [
                "x;c;y\n",
                *(
                    f"{row[0].replace('.', ',') if n % 20 else row[0]};{row[1]};{row[2]}\n"
                    for n, row in enumerate(ROWS)
                ),
            ]
        ).encode(),
        ('column "x": 114 values are numbers, 6 are not', "data.csv:2: "),
        source=", delimiter: ;, decimal: ','".replace(": ;", ': ";"'),
    ),
    "two columns of one name": Bad(b"x,x,y\n1,2,yes\n", ("data.csv: ", 'two columns are called "x"', "names:")),
    "names that differ by case": Bad(b"x,X,y\n1,2,yes\n", ("data.csv: ", '"x" and "X" differ only by case')),
    "mixed encodings": Bad(
        GOOD.encode() + "1,caf\u00e9,yes\n".encode() + "1,caf\u00e9,yes\n".encode("cp1252"),
        ("data.csv:123: ", "byte 0xe9 is not utf-8", "encoding:"),
    ),
    "UTF-16 read as UTF-8": Bad(GOOD.encode("utf-16"), ("data.csv:1: ", "byte 0xff is not utf-8", "utf-16")),
    "a torn gzip file": Bad(
        gzip.compress(GOOD.encode())[:200],
        (
            "data.csv: ",
            "the gzip file ends early",
        ),
    ),
    "a damaged gzip file": Bad(
        gzip.compress(GOOD.encode())[:300] + b"\0\xff" * 50 + gzip.compress(GOOD.encode())[400:],
        (
            "data.csv: ",
            "the gzip file is damaged",
        ),
    ),
    "a torn Parquet file": Bad(packed("parquet")[:-9], ("data.parquet: this is not a whole Parquet file",), "parquet"),
    "a damaged Parquet file": Bad(
        packed("parquet")[:40] + b"\xff" * 60 + packed("parquet")[100:], ("data.parquet: ",), "parquet"
    ),
    "a torn Arrow file": Bad(packed("arrow")[:-50], ("data.arrow: this is not a whole Arrow file",), "arrow"),
    "a spreadsheet that is none": Bad(
        b"PK\x03\x04 no",
        (
            "data.xlsx: ",
            "the archive is damaged",
        ),
        "excel",
    ),
    "a CSV file named like a spreadsheet": Bad(
        GOOD.encode(),
        (
            "data.xlsx: ",
            "this is not a whole spreadsheet",
        ),
        "excel",
    ),
    "torn JSON lines": Bad(
        "".join([*JSON[:9], JSON[9][:20] + "\n", "[1, 2]\n", '{"x": 1, "x": 2}\n', *JSON[10:]]).encode(),
        ("3 of 122 rows", "data.jsonl:10: not JSON", "data.jsonl:11: not a JSON object", 'data.jsonl:12: the key "x"'),
        "jsonl",
    ),
    "a JSON array": Bad(
        json.dumps([dict(zip(HEADER, row, strict=True)) for row in ROWS], indent=1).encode(),
        ("data.jsonl:1: JSON over several lines", "jq"),
        "jsonl",
    ),
}
NAMES = {
    "csv": "data.csv",
    "parquet": "data.parquet",
    "arrow": "data.arrow",
    "excel": "data.xlsx",
    "jsonl": "data.jsonl",
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_named_with_its_place(terminal: Terminal, case: str) -> None:
    bad = CASES[case]
    terminal.write(NAMES[bad.kind], bad.data)
    source = f"kind: {bad.kind}, path: {NAMES[bad.kind]}"
    terminal.write("small.yaml", spec(source=bad.source).replace("kind: csv, path: data.csv", source))
    said = terminal.refused(3, "prepare", "small.yaml")
    position = 0
    for words in bad.said:
        assert words in said[position:], said
        position = said.index(words, position)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "excel"])
def test_refused_rows_are_kept_with_file_line_and_reason(terminal: Terminal, kind: str) -> None:
    if kind == "csv":
        terminal.write("data.csv", at(9, "torn\nfar,a,yes\n"))
        wanted = [("data.csv", 9, "too few values"), ("data.csv", 10, "is not a number")]
    elif kind == "jsonl":
        terminal.write("data.jsonl", "".join([*JSON[:8], "torn\n", '{"x": "far", "y": "yes"}\n', *JSON[8:]]))
        reason = "not JSON: Expecting value at character 1"
        wanted = [("data.jsonl", 9, reason), ("data.jsonl", 10, "is not a number")]
    else:
        book = openpyxl.Workbook()
        assert book.active is not None
        for row in (HEADER, *([float(x), c, y] for x, c, y in ROWS[:8]), [], ["far", "a", "yes"], *ROWS[8:]):
            book.active.append([float(row[0]), *row[1:]] if row and row[0] not in ("x", "far") else row)
        book.save(terminal.folder / "data.xlsx")
        wanted = [("data.xlsx", 11, "is not a number")]
    source = f"kind: {kind}, path: {NAMES[kind]}"
    text_of_spec = spec(prepare="  max_reject_share: 0.05\n").replace("kind: csv, path: data.csv", source)
    terminal.write("small.yaml", text_of_spec)
    terminal.done("prepare", "small.yaml")
    kept = pq.read_table(terminal.folder / "runs/small/prepare/v0001/rejects.parquet").to_pylist()
    assert [(row["file"], row["line"], row["reason"]) for row in kept] == wanted


def test_unnamed_columns_get_a_name(terminal: Terminal) -> None:
    terminal.write("data.csv", GOOD.replace("x,c,y", ",c,y", 1))
    terminal.write("small.yaml", spec())
    terminal.done("prepare", "small.yaml")
    schema = terminal.json("runs/small/prepare/v0001/schema.json")
    assert schema["columns"][0]["name"] == "column_1"


def test_dates_in_several_formats_and_decimal_commas_are_read_when_said(terminal: Terminal) -> None:
    dates = [f"2026-01-{n % 28 + 1:02d}" if n % 2 else f"{n % 28 + 1:02d}.02.2026" for n in range(len(ROWS))]
    lines = [f"{row[0].replace('.', ',')};{date};{row[2]}\n" for row, date in zip(ROWS, dates, strict=True)]
    terminal.write("data.csv", "".join(["x;d;y\n", *lines]))
    terminal.write(
        "small.yaml",
        spec(
            source=", delimiter: ';', decimal: ','",
            prepare='  columns: {d: {type: timestamp, format: [iso, "%d.%m.%Y"], timezone: UTC}}\n',
        ),
    )
    terminal.done("prepare", "small.yaml")
    columns = {one["name"]: one for one in terminal.json("runs/small/prepare/v0001/schema.json")["columns"]}
    assert columns["x"]["type"] == "number" and columns["d"]["type"] == "timestamp"
    assert terminal.json("runs/small/prepare/v0001/rows.json")["rows"]["rejected"] == 0
