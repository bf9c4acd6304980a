"""The prediction log keeps what was asked and answered, through kills, full disks and versions with other columns."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelwright.core.columns import Column, Schema
from modelwright.core.outputs import Output
from modelwright.serving.app import Application
from modelwright.serving.layout import layout_of, rows_of
from modelwright.serving.log import prediction_log, segments
from modelwright.serving.log.arrow_columns import buffers, column
from modelwright.serving.log.arrow_stream import Field, batch_message, schema_message
from modelwright.serving.log.entries import Entry, data_column, log_schema, record_batch
from modelwright.serving.log.prediction_log import PredictionLog
from modelwright.serving.log.reading_log import data_columns, read_log
from modelwright.serving.log.segments import Segment, compact, compact_orphans, read_stream
from modelwright.serving.model import Scored
from modelwright.serving.signature import signature_of

PREDICTION = Output("prediction", "number")
NOW = int(datetime(2026, 1, 2, tzinfo=UTC).timestamp() * 1e6)


def entry(model, row, count: int = 1, version: int = 1, at_us: int = NOW) -> Entry:
    scored = model.score(model.decoder.convert([row] * count))
    return Entry("request-1", at_us, version, "champion", 1.5, scored)


def waited(condition) -> bool:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.01)
    return False


def test_a_log_holds_request_inputs_context_and_answers_with_their_types(app, asking, row, tmp_path):
    log = PredictionLog(tmp_path, {1: app.router.first.model.signature}, queue_rows=1000)
    logged_app = Application(app.router, app.limits, log=log)
    asked = [{**row, "visit": "v-7"}, {**row, "age": None, "city": None, "note": 'Ünï "q" \0'}]
    reply = asking(logged_app, "POST", "/predict", {"rows": asked}, {"x-request-id": "r-1"})
    logged_app.close()
    table = read_log(tmp_path)
    assert table is not None
    assert table.column_names == [
        *("request_id", "row", "time", "model", "version", "route", "latency_ms", "shadow"),
        *("age", "income.$ [k]", "visits", "smoker", "city", "joined", "note", "visit"),
        *("prediction", "probability_no", "probability_yes"),
    ]
    first, second = table.to_pylist()
    assert [first[name] for name in ("request_id", "row", "model", "version", "route")] == [
        "r-1",
        0,
        "clinic",
        1,
        "champion",
    ]
    assert second["row"] == 1
    assert (first["visit"], first["age"], first["visits"], first["smoker"]) == ("v-7", 41.5, 3, True)
    assert first["joined"] == datetime(2026, 1, 1, 8, tzinfo=UTC)
    assert (second["visit"], second["age"], second["city"], second["note"]) == (None, None, None, asked[1]["note"])
    assert abs(first["time"] - datetime.now(UTC)) < timedelta(minutes=1)
    assert first["latency_ms"] > 0
    for logged, answered in zip((first, second), reply.json["predictions"], strict=True):
        assert logged["prediction"] == answered["prediction"]
        assert [logged["probability_no"], logged["probability_yes"]] == list(answered["probability"].values())
    assert data_columns(table).column_names == [*row, "visit"]
    assert log.counts() == {"written": 2, "dropped": 0}
    assert [path.suffix for path in tmp_path.iterdir()] == [".parquet"]


def test_rows_are_readable_while_the_log_is_open(model, row, tmp_path, monkeypatch):
    monkeypatch.setattr(prediction_log, "FLUSH_S", 0.01)
    log = PredictionLog(tmp_path, {1: model.signature}, queue_rows=1000)
    for number in range(3):
        log.append(entry(model, row, count=number + 1))
        assert waited(lambda total=(number + 1) * (number + 2) // 2: log.counts()["written"] == total)
        table = read_log(tmp_path)
        assert table is not None
        assert table.num_rows == (number + 1) * (number + 2) // 2
    log.close()


def test_a_full_queue_drops_and_counts(model, row, tmp_path, monkeypatch):
    real, behind = record_batch, threading.Event()
    monkeypatch.setattr(prediction_log, "record_batch", lambda *batch: behind.wait(10) and real(*batch))
    log = PredictionLog(tmp_path, {1: model.signature}, queue_rows=5)
    for _ in range(4):
        log.append(entry(model, row, count=2))
    behind.set()
    log.close()
    assert log.counts() == {"written": 4, "dropped": 4}


def test_a_full_disk_drops_counts_and_recovers(model, row, tmp_path, monkeypatch, caplog):
    """Half of a batch is written, then the disk is full; later batches land after the last whole one."""
    monkeypatch.setattr(prediction_log, "FLUSH_S", 0.01)
    log = PredictionLog(tmp_path, {1: model.signature}, queue_rows=1000)
    log.append(entry(model, row))
    assert waited(lambda: log.counts()["written"] == 1)
    real = os.write

    def full(handle: int, data: memoryview) -> int:
        if len(data) < 100:
            raise OSError(28, "No space left on device")
        return real(handle, data[: len(data) - 50])

    with monkeypatch.context() as patched:
        patched.setattr(segments.os, "write", full)
        log.append(entry(model, row, count=3))
        assert waited(lambda: log.counts()["dropped"] == 3)
    log.append(entry(model, row, count=2))
    log.close()
    table = read_log(tmp_path)
    assert table is not None
    assert table.num_rows == 3
    assert log.counts() == {"written": 3, "dropped": 3}
    assert caplog.text.count("No space left") == 1


def test_many_small_answers_are_put_together_as_they_come_and_written_in_their_order(model, row, tmp_path, monkeypatch):
    monkeypatch.setattr(prediction_log, "FLUSH_S", 60.0)
    log = PredictionLog(tmp_path, {1: model.signature}, queue_rows=10_000)
    for number in range(700):
        log.append(replace(entry(model, row), latency_ms=float(number)))
    with monkeypatch.context() as patched:  # neither half of these can be
        patched.setattr(prediction_log, "record_batch", lambda *_: 1 / 0)
        for _ in range(60):
            log.append(entry(model, row, count=5))
    log.append(entry(model, row, count=80))
    log.close()
    assert log.counts() == {"written": 500 + 80, "dropped": 200 + 300}
    table = read_log(tmp_path)
    assert table is not None
    assert table.column("latency_ms").to_pylist()[:500] == list(range(500))


def test_the_writer_wakes_before_a_short_queue_is_full(model, row, tmp_path, monkeypatch):
    monkeypatch.setattr(prediction_log, "FLUSH_S", 60.0)
    log = PredictionLog(tmp_path, {1: model.signature}, queue_rows=20)
    for _ in range(10):
        log.append(entry(model, row))
    assert waited(lambda: log.counts()["written"] == 10)
    log.close()


def test_an_unwritable_folder_costs_rows_and_nothing_else(model, row, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    log = PredictionLog(blocked / "log", {1: model.signature}, queue_rows=1000)
    log.append(entry(model, row, count=3))
    log.close()
    assert log.counts() == {"written": 0, "dropped": 3}


@pytest.mark.parametrize("cut", [1, 7, 64, 300])
def test_a_torn_stream_gives_its_whole_batches(model, row, tmp_path, cut):
    schema = log_schema(model.signature)
    segment = Segment(tmp_path, schema_message(schema, {}), "v0001")
    for count in (2, 3):
        segment.append(record_batch([entry(model, row, count)], model.signature, schema))
    content = segment.path.read_bytes()
    os.close(segment._handle)
    segment.path.write_bytes(content[:-cut])
    assert sum(batch.num_rows for batch in read_stream(segment.path)) == 2
    compact_orphans(tmp_path)
    table = read_log(tmp_path)
    assert table is not None
    assert table.num_rows == 2
    assert not list(tmp_path.glob("*.arrows"))


@pytest.mark.parametrize("content", [b"", b"\xff" * 40, b"ARROW1"])
def test_a_stream_that_is_no_stream_is_no_rows(tmp_path, content):
    (tmp_path / "20260101T00-1-v0001.arrows").write_bytes(content)
    assert read_log(tmp_path) is None


def test_the_streams_of_living_servers_are_left_alone(model, row, tmp_path):
    segment = Segment(tmp_path, schema_message(log_schema(model.signature), {}), "v0001")
    compact_orphans(tmp_path)
    assert segment.path.exists()
    segment.release()
    compact(segment.path)


def test_a_crash_between_compaction_and_removal_doubles_nothing(model, row, tmp_path):
    schema = log_schema(model.signature)
    segment = Segment(tmp_path, schema_message(schema, {}), "v0001")
    segment.append(record_batch([entry(model, row, 2)], model.signature, schema))
    content = segment.path.read_bytes()
    segment.release()
    compact(segment.path)
    segment.path.write_bytes(content)
    table = read_log(tmp_path)
    assert table is not None
    assert table.num_rows == 2


def test_a_compaction_that_fails_leaves_the_stream(model, row, tmp_path, monkeypatch):
    schema = log_schema(model.signature)
    segment = Segment(tmp_path, schema_message(schema, {}), "v0001")
    segment.append(record_batch([entry(model, row, 2)], model.signature, schema))

    def fails(*args: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(pq, "ParquetWriter", fails)
        with pytest.raises(OSError, match="No space"):
            compact(segment.path)
    assert [path.name for path in tmp_path.iterdir()] == [segment.path.name]
    segment.release()
    compact(segment.path)


def test_a_segment_lasts_an_hour_at_most(model, row, tmp_path, monkeypatch):
    monkeypatch.setattr(prediction_log, "FLUSH_S", 0.01)
    log = PredictionLog(tmp_path, {1: model.signature}, queue_rows=1000)
    log.append(entry(model, row))
    assert waited(lambda: log._segments)
    next(iter(log._segments.values())).hour = "20000101T00"
    assert waited(lambda: list(tmp_path.glob("*.parquet")))
    log.append(entry(model, row))
    log.close()
    assert len(list(tmp_path.glob("*.parquet"))) == 2


def test_since_leaves_out_what_is_older(model, row, tmp_path):
    log = PredictionLog(tmp_path, {1: model.signature}, queue_rows=1000)
    for day in range(3):
        log.append(entry(model, row, at_us=NOW + day * 86_400_000_000))
    log.close()
    since = datetime(2026, 1, 3, tzinfo=UTC)
    table = read_log(tmp_path, since)
    assert table is not None
    assert table.num_rows == 2
    naive = read_log(tmp_path, since.replace(tzinfo=None))
    assert naive == table


def test_versions_with_other_columns_share_a_log(tmp_path):
    wide = signature_of(
        Schema((Column("a", "number"), Column("b", "text"), Column("y", "number", role="target"))),
        {"a", "b"},
        name="m",
        task="regression",
        outputs=(PREDICTION,),
    )
    narrow = signature_of(
        Schema((Column("a", "number"), Column("y", "number", role="target"))),
        {"a"},
        name="m",
        task="regression",
        outputs=(PREDICTION,),
    )
    log = PredictionLog(tmp_path, {1: wide, 2: narrow}, queue_rows=10)
    a, b = np.array([1.5]), np.array(["x"], object)
    for version, signature, columns in ((1, wide, {"a": a, "b": b}), (2, narrow, {"a": a})):
        scored = Scored(rows_of(layout_of(signature), columns), {"prediction": a})
        log.append(Entry(f"r{version}", NOW, version, "champion", 1.0, scored))
    log.close()
    table = read_log(tmp_path)
    assert table is not None
    assert sorted(zip(table["version"].to_pylist(), table["b"].to_pylist(), strict=True)) == [(1, "x"), (2, None)]
    assert data_columns(table).column_names == ["a", "b"]


def test_a_data_column_named_like_one_of_the_logs_keeps_its_place():
    schema = Schema((Column("time", "number"), Column("prediction", "text"), Column("y", "number", role="target")))
    signature = signature_of(schema, {"time", "prediction"}, name="m", task="regression", outputs=(PREDICTION,))
    names = [field.name for field in log_schema(signature)]
    assert len(names) == len(set(names))
    assert [data_column(name) for name in ("time", "prediction", "age")] == ["data.time", "data.prediction", "age"]


def test_nothing_logged_is_none(tmp_path):
    assert read_log(tmp_path) is None


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("number", np.array([1.5, np.nan, -0.0]), [1.5, None, -0.0]),
        ("integer", np.array([1.0, np.nan, 2.0**53]), [1, None, 2**53]),
        ("boolean", np.array([1.0, np.nan, 0.0]), [True, None, False]),
        ("boolean", np.array([True, False]), [True, False]),
        ("text", np.array(["a", "", "é\0"], object), ["a", None, "é\0"]),
        ("timestamp", np.array([0, np.iinfo(np.int64).min]), [datetime(1970, 1, 1, tzinfo=UTC), None]),
        ("number", np.array([]), []),
        ("text", np.array([], object), []),
    ],
)
def test_arrow_arrays_from_buffers_are_what_was_encoded(kind, values, expected):
    made = column(kind, values)
    made.validate(full=True)
    assert made.to_pylist() == expected
    assert pa.table({"x": made}).num_rows == len(expected)


@pytest.mark.parametrize("count", [0, 1, 3, 1000])
def test_a_stream_written_without_arrow_is_one_to_arrow(count):
    """Names, types, metadata and values, validated in full."""
    random = np.random.default_rng(count)
    values = {
        "number": np.where(random.random(count) < 0.3, np.nan, random.normal(size=count)),
        "integer": random.integers(-5, 5, count).astype(float),
        "boolean": random.integers(0, 2, count).astype(float),
        "text": random.choice(np.array(["", "a", "Київ"], object), count),
        "timestamp": random.integers(-(2**52), 2**52, count),
    }
    fields = [Field(f"{kind} ✓", kind, {"column": kind} if kind == "text" else {}) for kind in values]
    body = schema_message(fields, {"model": "m"})
    for _ in range(2):
        body += batch_message([buffers(kind, column) for kind, column in values.items()])
    table = pa.ipc.open_stream(body).read_all()
    table.validate(full=True)
    one = pa.table([column(kind, each) for kind, each in values.items()], names=[field.name for field in fields])
    assert table.schema.metadata == {b"model": b"m"}
    assert [field.metadata for field in table.schema] == [None, None, None, {b"column": b"text"}, None]
    assert table == pa.concat_tables([one, one])
    assert table.schema.types == one.schema.types
