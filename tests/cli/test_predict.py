"""`modelwright predict` as a user runs it: bounded memory, nothing half-written, rows that can't be read are kept."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from stages.workshop import Workshop

ROWS = 150_000
SLACK_MB = 60  # what may differ from run to run


@dataclass
class Said:
    code: int
    out: bytes
    err: str
    peak_mb: float


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workshop = Workshop(tmp_path_factory.mktemp("workshop"))
    workshop.prepare_and_train()
    workshop.evaluate()
    return workshop.export("prepare.memory=200MB").path


def command_line(bundle: Path, *arguments: object) -> list[str]:
    return [sys.executable, "-m", "modelwright", "predict", str(bundle), *map(str, arguments)]


def predict(bundle: Path, *arguments: object, stdin: Path | None = None) -> Said:
    with (stdin or Path(os.devnull)).open("rb") as given:
        process = subprocess.Popen(
            command_line(bundle, *arguments), stdin=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout and process.stderr
        errors: list[bytes] = []
        reading = threading.Thread(target=lambda: errors.append(process.stderr.read()))
        reading.start()
        out = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        reading.join()
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close(), process.stderr.close()
    return Said(process.returncode, out, errors[0].decode(), usage.ru_maxrss / 1000)


def table(rows: int) -> pa.Table:
    random = np.random.default_rng(rows)
    columns = {
        "ride": pa.array([f"r{number:07d}" for number in range(rows)]),
        "km": random.uniform(1, 40, rows),
        "speed": random.uniform(10, 90, rows),
        "sky": pa.array(["clear", "rain"]).take(pa.array(random.integers(0, 2, rows))),
        "unused": random.normal(size=rows),
    }
    return pa.table(columns)


def write(path: Path, rows: int, copies: int = 1) -> Path:
    """The same rows several times, so that a large file is made in no time."""
    one = table(rows)
    if path.suffix == ".parquet":
        with pq.ParquetWriter(path, one.schema) as writer:
            for _ in range(copies):
                writer.write_table(one)
    else:
        with path.open("wb") as file:
            for copy in range(copies):
                pyarrow.csv.write_csv(one, file, pyarrow.csv.WriteOptions(include_header=not copy))
    return path


def test_memory_does_not_grow_with_a_parquet_file(bundle: Path, tmp_path: Path) -> None:
    small = predict(bundle, write(tmp_path / "small.parquet", ROWS), "-o", tmp_path / "a.parquet")
    large = predict(bundle, write(tmp_path / "large.parquet", ROWS, 8), "-o", tmp_path / "b.parquet")
    assert pq.read_metadata(tmp_path / "b.parquet").num_rows == 8 * ROWS
    assert large.peak_mb < small.peak_mb + SLACK_MB, (small.err, large.err)


def test_memory_does_not_grow_with_what_comes_through_a_pipe(bundle: Path, tmp_path: Path) -> None:
    """Beyond `prepare.memory`, 200 MB here, the engine keeps rows on disk; as a table these have 400 MB."""
    small = predict(bundle, "-", "--format", "jsonl", stdin=write(tmp_path / "small.csv", ROWS))
    large = predict(bundle, "-", "--format", "jsonl", stdin=write(tmp_path / "large.csv", ROWS, 8))
    assert large.out.count(b"\n") == 8 * small.out.count(b"\n") == 8 * ROWS
    allowed = 200 + SLACK_MB + len(large.out) / 1e6  # which this test holds itself, not the command
    assert large.peak_mb < small.peak_mb + allowed, (small.err, large.err)


def test_a_reader_that_goes_away_ends_it_quietly(bundle: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "data.parquet", ROWS, 4)
    with subprocess.Popen(command_line(bundle, data), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        assert process.stdout.readline().startswith(b'"ride"')
        process.stdout.close()
        assert process.wait(60) == 141
        assert "Traceback" not in process.stderr.read().decode()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_in_the_middle_leaves_nothing_half_written(bundle: Path, tmp_path: Path, number: int, code: int) -> None:
    data = write(tmp_path / "data.parquet", ROWS, 12)
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "out.csv").write_text("before\n")
    process = subprocess.Popen(command_line(bundle, data, "-o", folder / "out.csv"), stderr=subprocess.PIPE)
    until = time.monotonic() + 60
    while not any(path.stat().st_size for path in folder.glob(".predict-*/*")) and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in said.decode()
    assert [path.name for path in folder.iterdir()] == ["out.csv"]
    assert (folder / "out.csv").read_text() == "before\n"


CSV = "ride,km,speed,sky,unused\nr1,12,40,rain,0\nr2,twelve,40,rain,0\nr3,12,40,rain,0\n"


@pytest.fixture(scope="module")
def lenient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that goes on when half of the rows can't be read."""
    workshop = Workshop(tmp_path_factory.mktemp("lenient"))
    workshop.prepare_and_train()
    workshop.evaluate()
    return workshop.export("prepare.max_reject_share=0.5").path


@pytest.mark.parametrize(
    "options", [("-o", "out.csv"), ("-o", "out.jsonl", "--rejects", "bad.csv"), ("--rejects", "bad.csv")]
)
def test_rows_that_can_not_be_read_are_kept(command: Any, lenient: Path, options: Sequence[str]) -> None:
    Path("new.csv").write_text(CSV)
    said = command("predict", str(lenient), "new.csv", *options)
    assert said.code == 0
    kept = Path("bad.csv" if "--rejects" in options else "out.rejects.csv")
    with kept.open(newline="") as file:
        assert list(csv.DictReader(file)) == [
            {"file": "new.csv", "line": "3", "column": "km", "value": "twelve", "reason": "is not a number"}
        ]
    assert 'new.csv:3: km: "twelve" is not a number' in said.err
    assert "1 rows could not be read" in said.err


def test_as_one_json_object_it_says_how_many_rows_were_lost(command: Any, lenient: Path) -> None:
    Path("new.csv").write_text(CSV)
    found = json.loads(command("predict", str(lenient), "new.csv", "--json").out)
    assert [row["ride"] for row in found["predictions"]] == ["r1", "r3"]
    assert (found["model"], found["version"], found["rejected"], found["removed"]) == ("rides", 1, 1, 0)
    written = json.loads(command("predict", str(lenient), "new.csv", "--json", "-o", "out.csv").out)
    assert (written["rows"], written["rejected"], written["rejects"]) == (2, 1, "out.rejects.csv")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("new.csv", "-o", "out.xlsx"), 2, "use one of .csv, .jsonl, .ndjson, .parquet"),
        (("new.csv", "-o", "nowhere/out.csv"), 2, "mkdir -p nowhere"),
        (("new.csv", "-o", "folder.csv"), 2, "is a folder"),
        (("new.csv", "--format", "jsonlines"), 2, 'did you mean "jsonl"'),
        (("new.csv", "--past", "new.csv"), 2, "uses no columns of the past"),
        (("missing.csv",), 3, "missing.csv"),
        (("bad.parquet",), 3, "bad.parquet"),
        (("empty.csv",), 3, "empty.csv"),
        (("short.csv",), 3, 'no column "km"'),
        (("new.csv",), 3, "max_reject_share"),
    ],
)
def test_a_bad_input_is_told_in_a_line_or_two(
    command: Any, bundle: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    Path("new.csv").write_text(CSV)
    Path("bad.parquet").write_bytes(b"PAR1 and nothing more")
    Path("empty.csv").write_text("")
    Path("short.csv").write_text("ride,speed\nr1,4\n")
    Path("folder.csv").mkdir()
    before = sorted(path.name for path in tmp_path.iterdir())
    said = command("predict", str(bundle), *arguments)
    assert (said.code, said.out) == (code, "")
    assert words in said.err and "Traceback" not in said.err
    assert len(said.err.splitlines()) <= 4
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_json_and_a_format_exclude_each_other(command: Any, bundle: Path) -> None:
    said = command("predict", str(bundle), "new.csv", "--format", "csv", "--json")
    assert said.code == 2
    assert "--format means nothing" in said.err
