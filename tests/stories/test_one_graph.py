"""No skew: the batch graph, the answers over HTTP and predictions.parquet agree bit for bit."""

from __future__ import annotations

import math

import numpy as np
import pyarrow.parquet as pq

from modelwright.graph.running import Scorer
from modelwright.serving.bundle import open_bundle
from modelwright.serving.rows import accepted, json_rows
from stories.talking import ask, serving

MOST_ROWS = 1500  # asked one by one


def test_every_test_row_asked_over_http_gets_what_evaluate_wrote(told):
    test = pq.read_table(told.first("prepare").file("test.parquet"))
    written = pq.read_table(told.first("evaluate").file("predictions.parquet"))
    bundle = open_bundle(told.first("export").path)
    rows = json_rows(test, bundle.signature.fields)
    asked = [place for place, row in enumerate(rows) if accepted(row, bundle.signature.inputs)][:MOST_ROWS]
    assert len(asked) > 50
    with serving(bundle.folder) as port:
        answers = ask(port, [rows[place] for place in asked])
    for place, answer in zip(asked, answers, strict=True):
        flat = {}
        for name, value in answer.items():
            flat |= {f"{name}_{key}": one for key, one in value.items()} if isinstance(value, dict) else {name: value}
        assert flat == {name: written[name][place].as_py() for name in flat}


def test_any_batch_size_gives_the_same_bits(told):
    test = pq.read_table(told.first("prepare").file("test.parquet")).slice(0, 128)
    scorer = Scorer(told.first("train").read_bytes("model.onnx"))
    whole = scorer.run_table(test)
    for size in (1, 7, 64):
        parts = [scorer.run_table(test.slice(start, size)) for start in range(0, test.num_rows, size)]
        for name, values in whole.items():
            again = np.concatenate([part[name] for part in parts])
            assert again.dtype == values.dtype and again.tolist() == values.tolist(), f"{name} at batch size {size}"


def test_probabilities_are_probabilities(told):
    written = pq.read_table(told.first("evaluate").file("predictions.parquet"))
    names = [name for name in written.column_names if name.startswith("probability_")]
    for row in zip(*(written[name].to_pylist() for name in names), strict=True):
        assert all(0 <= value <= 1 for value in row)
        assert math.isclose(sum(row), 1, abs_tol=1e-9)
