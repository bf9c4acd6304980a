"""Standard input is a source like others, but for one thing: nobody can say whether it has changed."""

from __future__ import annotations

import gzip
import io
import json
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.feather as feather
import pytest

from stories.terminal import HEADER, Said, Terminal, rows, spec, text

ROWS = rows()
JSON = "".join(json.dumps(dict(zip(HEADER, row, strict=True))) + "\n" for row in ROWS).encode()


def piped(patch: pytest.MonkeyPatch, content: bytes, terminal: Terminal, *arguments: str) -> Said:
    buffer = io.BytesIO(content)
    with patch.context() as here:
        here.setattr("sys.stdin", SimpleNamespace(buffer=SimpleNamespace(read=buffer.read, isatty=lambda: False)))
        return terminal.done(*arguments)


def test_prepare_reads_it_each_time_and_train_finds_the_newest(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal.write("small.yaml", spec().replace("kind: csv, path: data.csv", 'kind: jsonl, path: "-"'))
    for version in (1, 2):
        said = piped(monkeypatch, JSON, terminal, "prepare", "small.yaml", "--json")
        assert json.loads(said.out)["cached"] is False
        assert terminal.json(f"runs/small/prepare/v000{version}/rows.json")["rows"]["read"] == len(ROWS)
    terminal.done("train", "small.yaml")
    inputs = terminal.json("runs/small/train/v0001/manifest.json")["inputs"]
    assert [entry["name"] for entry in inputs] == ["prepare/v0002"]


def test_predict_takes_any_format_from_it(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal.write("data.csv", text(HEADER, ROWS))
    terminal.write("small.yaml", spec())
    terminal.done("run", "small.yaml")
    table = pa.table({"x": [float(row[0]) for row in ROWS], "c": [row[1] for row in ROWS]})
    arrow = pa.BufferOutputStream()
    feather.write_feather(table, arrow)
    contents = (text(HEADER, ROWS).encode(), JSON, gzip.compress(JSON), arrow.getvalue().to_pybytes())
    asked = ("predict", "runs/small/export/v0001", "-")
    answers = [piped(monkeypatch, content, terminal, *asked).out for content in contents]
    assert len(answers[0].splitlines()) == len(ROWS) + 1
    assert set(answers) == {answers[0]}
