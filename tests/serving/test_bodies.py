"""CSV and Arrow bodies give the answers of JSON rows, in their own format, and refuse wrong columns by name."""

from __future__ import annotations

import csv
import io
import json
import struct
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CSV = {"content-type": "text/csv"}
ARROW = {"content-type": "application/vnd.apache.arrow.stream"}
HEADER = "visit,age,income.$ [k],visits,smoker,city,joined,note\n"
LINES = [
    'v1,41.5,12.25,3,true,Kyiv,2026-01-01T08:00:00Z,"knee"\n',
    'v2,,3e0,0,FALSE,,2026-01-01T08:00:00+02:00,"a ""quoted"", Ünï\nline"\n',
]
ROWS = [
    {
        "visit": "v1",
        "age": 41.5,
        "income.$ [k]": 12.25,
        "visits": 3,
        "smoker": True,
        "city": "Kyiv",
        "joined": "2026-01-01T08:00:00Z",
        "note": "knee",
    },
    {
        "visit": "v2",
        "age": None,
        "income.$ [k]": 3.0,
        "visits": 0,
        "smoker": False,
        "city": None,
        "joined": "2026-01-01T08:00:00+02:00",
        "note": 'a "quoted", Ünï\nline',
    },
]


def csv_of(*lines: str, header: str = HEADER) -> bytes:
    return (header + "".join(lines or LINES)).encode()


def table(rows: list[dict[str, Any]] = ROWS, **columns: pa.Array) -> pa.Table:
    """The rows as Arrow has them; `columns` replace some."""
    made = {name: pa.array([row[name] for row in rows]) for name in rows[0]}
    times = [datetime.fromisoformat(row["joined"]) for row in rows]
    made["joined"] = pa.array(times, pa.timestamp("us", "UTC"))
    return pa.table(made | columns)


def stream(content: pa.Table, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, content.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(content)
    return bytes(sink.getvalue())


def expected(predict: Any) -> list[list[Any]]:
    answers = predict(ROWS).json["predictions"]
    return [
        [row["visit"], answer["prediction"], *answer["probability"].values()]
        for row, answer in zip(ROWS, answers, strict=True)
    ]


NAMES = ["visit", "prediction", "probability_no", "probability_yes"]


def test_csv_is_answered_in_csv_bit_for_bit(app, asking, predict):
    reply = asking(app, "POST", "/predict", csv_of(), {**CSV, "x-request-id": "mine"})
    assert reply.status == 200, reply.body
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    assert (reply.headers["x-model"], reply.headers["x-model-version"], reply.headers["x-request-id"]) == (
        "clinic",
        "1",
        "mine",
    )
    header, *lines = csv.reader(io.StringIO(reply.body.decode()))
    assert header == NAMES
    assert [[*line[:2], *map(float, line[2:])] for line in lines] == expected(predict)


def test_arrow_is_answered_in_arrow_bit_for_bit(app, asking, predict):
    reply = asking(app, "POST", "/predict", stream(table()), ARROW)
    assert reply.status == 200, reply.body
    answered = pa.ipc.open_stream(reply.body).read_all()
    assert answered.column_names == NAMES
    assert [list(row.values()) for row in answered.to_pylist()] == expected(predict)


@pytest.mark.parametrize(
    "change",
    [
        {"age": pa.array([41.5, None], pa.float32())},
        {"age": pa.array([41.5, np.nan])},
        {"visits": pa.array([3, 0], pa.int8())},
        {"visits": pa.array([3.0, 0.0])},
        {"city": pa.array(["Kyiv", None]).dictionary_encode()},
        {"city": pa.array(["Kyiv", ""], pa.large_string())},
        {"joined": pa.array([1767254400000, 1767247200000], pa.timestamp("ms", "Europe/Kyiv"))},
    ],
    ids=lambda change: str(next(iter(change.values())).type),
)
def test_arrow_columns_may_have_any_type_that_means_the_same(app, asking, predict, change):
    reply = asking(app, "POST", "/predict", stream(table(**change)), ARROW)
    assert reply.status == 200, reply.body
    assert [list(row.values()) for row in pa.ipc.open_stream(reply.body).read_all().to_pylist()] == expected(predict)


def test_columns_may_come_in_any_order_and_context_may_stay_away(app, asking, predict):
    shuffled = "note,joined,city,smoker,visits,income.$ [k],age\nknee,2026-01-01T08:00:00Z,Kyiv,1,3.0,12.25,41.5\n"
    reply = asking(app, "POST", "/predict", shuffled.encode(), CSV)
    assert reply.status == 200, reply.body
    share = predict([ROWS[0]]).json["predictions"][0]["probability"]["yes"]
    assert reply.body.decode().endswith(f"{share!r}\n")


def test_a_byte_order_mark_blank_lines_and_windows_line_ends_are_no_matter(app, asking):
    plain = asking(app, "POST", "/predict", csv_of(LINES[0]), CSV).body
    dressed = b"\xef\xbb\xbf" + csv_of(LINES[0]).replace(b"\n", b"\r\n") + b"\r\n\r\n"
    assert asking(app, "POST", "/predict", dressed, CSV).body == plain


def line(**changes: str) -> bytes:
    cells = dict(zip(HEADER.strip().split(","), LINES[0].strip().split(","), strict=True)) | changes
    return csv_of(",".join(cells.values()) + "\n", header=",".join(cells) + "\n")


CSV_REFUSED: dict[str, tuple[bytes, int, str | None]] = {
    "empty": (b"", 422, None),
    "header alone": (HEADER.encode(), 422, None),
    "too few rows": (HEADER.encode() + b"\n\n", 422, None),
    "unknown column": (line(vist="x"), 422, "vist"),
    "target among the columns": (line(ill="yes"), 422, "ill"),
    "column given twice": (csv_of(LINES[0][:-1] + ",1\n", header=HEADER[:-1] + ",age\n"), 422, "age"),
    "column missing": (b"age\n1\n", 422, "income.$ [k]"),
    "text in a number": (line(age="old"), 422, "age"),
    "NaN in a number": (line(age="NaN"), 422, "age"),
    "infinity in a number": (line(age="inf"), 422, "age"),
    "a number beyond measure": (line(age="1e999"), 422, "age"),
    "underscores in a number": (line(age="1_000"), 422, "age"),
    "digits of another script": (line(age="٤١"), 422, "age"),
    "a comma for a point": (line(age='"41,5"'), 422, "age"),
    "hexadecimal": (line(visits="0x10"), 422, "visits"),
    "fraction in a whole number": (line(visits="2.5"), 422, "visits"),
    "whole number beyond 2^53": (line(visits="9007199254740994"), 422, "visits"),
    "neither true nor false": (line(smoker="yes"), 422, "smoker"),
    "missing where there was none": (line(visits=""), 422, "visits"),
    "empty text where one is needed": (line(note=""), 422, "note"),
    "no time": (line(joined="yesterday"), 422, "joined"),
    "time without a zone": (line(joined="2026-01-01T08:00:00"), 422, "joined"),
    "too long text": (line(note="x" * 101), 422, "note"),
    "too many rows": (csv_of(*[LINES[0]] * 501), 422, None),
    "cell too few": (csv_of("v1,41.5\n"), 422, "income.$ [k]"),
    "cell too many": (csv_of(LINES[0][:-1] + ",x\n"), 422, None),
    "semicolons": (csv_of(LINES[0]).replace(b",", b";"), 422, HEADER.strip().replace(",", ";")),
    "open quote": (csv_of('v1,1,1,1,true,Kyiv,2026-01-01T08:00:00Z,"knee\n'), 400, None),
    "text after a quote": (csv_of('v1,1,1,1,true,Kyiv,2026-01-01T08:00:00Z,"knee"x\n'), 400, None),
    "UTF-16": (csv_of().decode().encode("utf-16"), 400, None),
    "not UTF-8": (line(note="x").replace(b"x", b"\xe9"), 400, None),
    "a field without end": (line(note="x" * 150_000), 422, "note"),
}


@pytest.mark.parametrize("case", CSV_REFUSED)
def test_csv_that_does_not_fit_is_refused_by_name(app, asking, case):
    body, status, field = CSV_REFUSED[case]
    reply = asking(app, "POST", "/predict", body, CSV)
    assert (reply.status, reply.json.get("field")) == (status, field), reply.body
    assert len(reply.body) < 500


def test_a_refusal_says_the_row_and_what_was_found(app, asking):
    reply = asking(app, "POST", "/predict", csv_of(LINES[0], LINES[0].replace("41.5", "old")), CSV)
    assert reply.json["error"] == "rows[1].age: expected a number, got 'old'"
    assert reply.json["row"] == 1


def test_csv_in_another_character_set_is_415(app, asking):
    reply = asking(app, "POST", "/predict", csv_of(), {"content-type": "text/csv; charset=windows-1251"})
    assert reply.status == 415
    for same in ("text/csv; charset=UTF-8", 'Text/CSV;charset="utf-8"; header=present'):
        assert asking(app, "POST", "/predict", csv_of(), {"content-type": same}).status == 200


ARROW_REFUSED: dict[str, tuple[Any, str | None]] = {
    "no rows": (lambda: stream(table().slice(0, 0)), None),
    "too many rows": (lambda: stream(pa.concat_tables([table()] * 251)), None),
    "rows without bytes": (lambda: stream(pa.table({"age": pa.nulls(10**7)})), None),
    "unknown column": (lambda: stream(table(agee=pa.array([1, 2]))), "agee"),
    "column missing": (lambda: stream(table().drop_columns("visits")), "visits"),
    "column given twice": (lambda: stream(table().append_column("age", pa.array([1.0, 2.0]))), "age"),
    "text in a number": (lambda: stream(table(age=pa.array(["1", "2"]))), "age"),
    "number in a category": (lambda: stream(table(city=pa.array([1, 2]))), "city"),
    "number for true": (lambda: stream(table(smoker=pa.array([1, 0]))), "smoker"),
    "true for a number": (lambda: stream(table(age=pa.array([True, False]))), "age"),
    "bytes in a category": (lambda: stream(table(city=pa.array([b"x", b"y"]))), "city"),
    "a list": (lambda: stream(table(age=pa.array([[1.0], [2.0]]))), "age"),
    "infinity": (lambda: stream(table(age=pa.array([1.0, np.inf]))), "age"),
    "missing where there was none": (lambda: stream(table(visits=pa.array([None, 1]))), "visits"),
    "missing truth": (lambda: stream(table(smoker=pa.array([None, True]))), "smoker"),
    "missing time": (lambda: stream(table(joined=pa.array([None, None], pa.timestamp("us", "UTC")))), "joined"),
    "fraction in a whole number": (lambda: stream(table(visits=pa.array([0.5, 1]))), "visits"),
    "beyond 2^53": (lambda: stream(table(visits=pa.array([2**53 + 2, 1]))), "visits"),
    "text for a time": (lambda: stream(table(joined=pa.array(["2026-01-01T08:00:00Z"] * 2))), "joined"),
    "a time without a zone": (lambda: stream(table(joined=pa.array([0, 1], pa.timestamp("us")))), "joined"),
    "a day for a time": (lambda: stream(table(joined=pa.array([0, 1], pa.date32()))), "joined"),
    "too long text": (lambda: stream(table(note=pa.array(["x" * 101, "y"]))), "note"),
    "compressed": (lambda: stream(table(), compression="zstd"), None),
    "compressed dictionary": (
        lambda: stream(table(city=pa.array(["Kyiv", "Lviv"]).dictionary_encode()), compression="lz4"),
        None,
    ),
}


@pytest.mark.parametrize("case", ARROW_REFUSED)
def test_arrow_that_does_not_fit_is_refused_by_name(app, asking, case):
    make, field = ARROW_REFUSED[case]
    reply = asking(app, "POST", "/predict", make(), ARROW)
    assert (reply.status, reply.json.get("field")) == (422, field), reply.body


def test_a_dictionary_with_false_codes_is_refused(app, asking):
    coded = pa.DictionaryArray.from_arrays(pa.array([0, 7], pa.int8()), pa.array(["Kyiv"]), safe=False)
    assert asking(app, "POST", "/predict", stream(table(city=coded)), ARROW).status == 400


def test_offsets_that_point_outside_are_refused(app, asking):
    body = stream(table(city=pa.array(["Kyiv", "Odesa"])))
    true, forged = struct.pack("<3i", 0, 4, 9), struct.pack("<3i", 0, 4, 2**30)
    assert body.count(true) == 1
    assert asking(app, "POST", "/predict", body.replace(true, forged), ARROW).status == 400


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_stream_is_never_a_500(app, asking, data):
    body = bytearray(stream(table()))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(body)))
    assert asking(app, "POST", "/predict", bytes(body[:cut] if data.draw(st.booleans()) else body), ARROW).status < 500


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=200) | st.lists(st.sampled_from([*LINES, HEADER, '"', ",", "\n", "\x00"])).map("".join))
def test_any_text_as_csv_is_answered_or_refused(app, asking, text):
    assert asking(app, "POST", "/predict", text.encode(errors="surrogatepass"), CSV).status < 500


def test_other_types_are_read_as_json(app, asking, row):
    body = json.dumps({"rows": [row]}).encode()
    for kind in ("application/json", "application/x-www-form-urlencoded", ""):
        assert asking(app, "POST", "/predict", body, {"content-type": kind}).status == 200


def test_times_and_flags_as_ids_are_written_back(app, asking):
    from modelwright.serving.protocols.csv_body import written

    micros = int(datetime(1900, 1, 1, 0, 0, 0, 250_000, UTC).timestamp() * 1e6)
    columns = {
        "at": ("timestamp", np.array([micros, np.iinfo(np.int64).min])),
        "count": ("integer", np.array([3.0, np.nan])),
        "flag": ("boolean", np.array([1.0, np.nan])),
    }
    assert written(columns).decode().splitlines()[1:] == ["1900-01-01T00:00:00.250000+00:00,3,true", ",,"]


def test_neither_format_brings_pandas_into_the_server(bundle):
    program = f"""
import sys, pathlib
from modelwright.serving.protocols.bodies import body_of
from modelwright.serving.bundle import open_bundle
from modelwright.serving.model import ServedModel
from modelwright.serving.settings import Limits
bundle = open_bundle(pathlib.Path({str(bundle.folder)!r}))
model = ServedModel(bundle.signature, bundle.model, version=1, limits=Limits())
for kind, body in (({CSV["content-type"]!r}, {csv_of()!r}), ({ARROW["content-type"]!r}, {stream(table())!r})):
    format = body_of(kind.encode())
    assert format.answer(model, model.score(format.rows(model, body)), "x").status == 200
print(*(name for name in ("pandas", "pyarrow.parquet", "pyarrow.csv") if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
