"""What the prediction log leaves out, who compacts it, and what a bad disk costs: never an answer."""

from __future__ import annotations

import dataclasses
import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time

import pyarrow.parquet as pq
import pytest

from modelwright.serving.app import Application
from modelwright.serving.log import compacting, prediction_log, segments
from modelwright.serving.log.arrow_stream import schema_message
from modelwright.serving.log.compacting import start_compacting
from modelwright.serving.log.entries import Entry, log_schema, record_batch
from modelwright.serving.log.prediction_log import PredictionLog
from modelwright.serving.log.reading_log import read_log
from modelwright.serving.log.segments import Segment, compact


def entry(model, row, count: int = 1) -> Entry:
    scored = model.score(model.decoder.convert([row] * count))
    return Entry("request-1", 1_700_000_000_000_000, 1, "champion", 1.5, scored)


def waited(condition) -> bool:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.01)
    return False


def post(server, rows) -> int:
    talking = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    talking.request("POST", "/predict", json.dumps({"rows": rows}))
    status = talking.getresponse().status
    talking.close()
    return status


def test_sampling_keeps_or_leaves_whole_requests_and_counts(model, row, tmp_path):
    log = PredictionLog(tmp_path, {1: model.signature}, queue_rows=10_000, sample=0.25)
    for number in range(400):
        log.append(dataclasses.replace(entry(model, row, count=2), request_id=f"r{number}"))
    log.close()
    counts = log.counts()
    assert counts["written"] + counts["sampled_out"] == 800
    assert 120 <= counts["written"] <= 280
    table = read_log(tmp_path)
    assert table is not None
    assert set(table["request_id"].value_counts().field("counts").to_pylist()) == {2}
    again = PredictionLog(tmp_path / "again", {1: model.signature}, queue_rows=10_000, sample=0.25)
    for number in range(400):
        again.append(dataclasses.replace(entry(model, row, count=2), request_id=f"r{number}"))
    again.close()
    repeated = read_log(tmp_path / "again")
    assert repeated is not None
    assert repeated["request_id"] == table["request_id"]


def test_a_redacted_column_is_nowhere_in_the_folder(model, row, tmp_path):
    log = PredictionLog(tmp_path, {1: model.signature}, queue_rows=100, redact=["note", "visit"])
    log.append(entry(model, {**row, "note": "the canary in the note", "visit": "the canary in the id"}))
    log.close()
    table = read_log(tmp_path)
    assert table is not None
    assert {"note", "visit"}.isdisjoint(table.column_names)
    assert table["city"].to_pylist() == ["Kyiv"]
    assert not any(b"canary" in path.read_bytes() for path in tmp_path.iterdir())


def test_compacting_is_done_outside_and_never_waited_for(model, row, tmp_path, monkeypatch):
    """An hour ends while the process that compacts the last one still runs: rows go on being written."""
    monkeypatch.setattr(prediction_log, "FLUSH_S", 0.01)
    started: list[subprocess.Popen[bytes]] = []

    def slow(folder):
        started.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1)"]))
        return started[-1]

    log = PredictionLog(tmp_path, {1: model.signature}, queue_rows=1000)
    monkeypatch.setattr(prediction_log, "start_compacting", slow)
    for number in range(4):
        log.append(entry(model, row))
        assert waited(lambda written=number + 1: log.counts()["written"] == written)
        for segment in list(log._segments.values()):
            segment.hour = "20000101T00"
    assert waited(lambda: len(started) == 1)
    monkeypatch.setattr(prediction_log, "start_compacting", start_compacting)
    log.close()
    assert started[0].wait() == 0
    assert {path.suffix for path in tmp_path.iterdir()} == {".parquet"}
    table = read_log(tmp_path)
    assert table is not None
    assert table.num_rows == 4


def test_a_process_that_compacts_reports_a_full_disk_and_loses_nothing(model, row, tmp_path, monkeypatch, capsys):
    schema = log_schema(model.signature)
    segment = Segment(tmp_path, schema_message(schema, {}), "v0001")
    segment.append(record_batch([entry(model, row, 2)], model.signature, schema))
    segment.release()

    def fails(*args: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(compacting.os, "nice", lambda by: 0)
    with monkeypatch.context() as patched:
        patched.setattr(pq, "ParquetWriter", fails)
        assert compacting.main([str(tmp_path)]) == 5
    assert "No space left" in capsys.readouterr().err
    table = read_log(tmp_path)
    assert table is not None
    assert table.num_rows == 2
    assert compacting.main([str(tmp_path)]) == 0
    assert [path.suffix for path in tmp_path.iterdir()] == [".parquet"]


def test_a_disk_that_hangs_costs_rows_and_no_time(app, asking, row, tmp_path, monkeypatch):
    """Every write waits; answers do not, and what the queue can't hold is counted."""
    monkeypatch.setattr(prediction_log, "FLUSH_S", 0.01)
    go_on = threading.Event()
    real = os.write

    def hangs(handle: int, data: memoryview) -> int:
        go_on.wait(30)
        return real(handle, data)

    log = PredictionLog(tmp_path, {1: app.router.first.model.signature}, queue_rows=20)
    logged_app = Application(app.router, app.limits, log=log)
    with monkeypatch.context() as patched:
        patched.setattr(segments.os, "write", hangs)
        started = time.monotonic()
        for _ in range(60):
            assert asking(logged_app, "POST", "/predict", {"rows": [row]}).status == 200
        assert time.monotonic() - started < 20
        assert log.counts()["dropped"] >= 60 - 2 * 20 - 1
        assert b"log_rows_dropped_total" in asking(logged_app, "GET", "/metrics").body
        go_on.set()
        logged_app.close()
    counts = log.counts()
    assert counts["written"] + counts["dropped"] == 60
    table = read_log(tmp_path)
    assert table is not None
    assert table.num_rows == counts["written"] >= 20


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_real_full_disk_never_stops_answers(app, asking, row, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"can't mount: {mounted.stderr.decode().strip()}")
    try:
        log = PredictionLog(disk / "log", {1: app.router.first.model.signature}, queue_rows=100_000)
        logged_app = Application(app.router, app.limits, log=log)
        rows = [{**row, "note": f"{number:0>90}"} for number in range(400)]
        for _ in range(10):
            assert asking(logged_app, "POST", "/predict", {"rows": rows}).status == 200
            time.sleep(0.15)
        logged_app.close()
        counts = log.counts()
        assert counts["dropped"] > 0
        assert counts["written"] + counts["dropped"] == 4000
        table = read_log(disk / "log")
        assert (table.num_rows if table else 0) == counts["written"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_redacted_column_that_no_model_takes_is_exit_2(start, tmp_path):
    failure = start(log_folder=str(tmp_path), log_redact=("agee",)).failure
    assert failure["exit_code"] == 2
    assert 'did you mean "age"' in failure["problems"][0][0]


def test_a_server_logs_what_the_settings_say(start, row, tmp_path):
    server = start(log_folder=str(tmp_path), log_redact=("note",), log_sample=0.5, drain_s=0.0)
    for _ in range(40):
        assert post(server, [row]) == 200
    server.process.terminate()
    stopped = server.line()["stopped"]
    assert server.wait() == 0
    assert stopped["written"] + stopped["sampled_out"] == 40
    table = read_log(tmp_path)
    assert table is not None
    assert table.num_rows == stopped["written"] > 0
    assert "note" not in table.column_names


def test_a_large_segment_makes_room_for_the_next_and_is_compacted_in_groups(model, row, tmp_path, monkeypatch):
    monkeypatch.setattr(prediction_log, "FLUSH_S", 0.01)
    monkeypatch.setattr(segments, "LARGEST", 20_000)
    monkeypatch.setattr(segments, "ROW_GROUP", 150)
    log = PredictionLog(tmp_path, {1: model.signature}, queue_rows=10_000)
    for number in range(6):
        log.append(dataclasses.replace(entry(model, row, count=100), request_id=f"r{number}"))
        assert waited(lambda written=100 * (number + 1): log.counts()["written"] == written)
    assert waited(lambda: len({path.name.split("-v")[0] for path in tmp_path.iterdir()}) > 1)
    log.close()
    table = read_log(tmp_path)
    assert table is not None
    assert table["request_id"].to_pylist() == [f"r{number}" for number in range(6) for _ in range(100)]
    alone = Segment(tmp_path / "other", table.schema.serialize().to_pybytes(), "v0001")
    for batch in table.to_batches(max_chunksize=100):
        alone.append(batch.serialize().to_pybytes())
    alone.release()
    compact(alone.path)
    written = pq.ParquetFile(alone.path.with_suffix(".parquet"))
    assert [written.metadata.row_group(at).num_rows for at in range(written.num_row_groups)] == [200, 200, 200]


@pytest.mark.parametrize("seed", range(3))
def test_whenever_a_server_is_killed_what_it_had_flushed_is_there(start, row, tmp_path, seed):
    server = start(log_folder=str(tmp_path))
    until = time.monotonic() + random.Random(seed).uniform(1.0, 2.5)
    sent, flushed = 0, 0
    while time.monotonic() < until:
        assert post(server, [{**row, "visit": f"v{sent}"}]) == 200
        sent += 1
        if sent % 10 == 0:
            flushed = max(flushed, written(server))
    server.process.kill()
    server.wait()
    table = read_log(tmp_path)
    visits = table["visit"].to_pylist() if table else []
    assert len(visits) >= flushed
    assert visits == [f"v{number}" for number in range(len(visits))]


def written(server) -> int:
    talking = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    talking.request("GET", "/metrics")
    text = talking.getresponse().read().decode()
    talking.close()
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("modelwright_log_rows_written")))
