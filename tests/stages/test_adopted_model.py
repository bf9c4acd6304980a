"""`{kind: onnx}` in a spec: its file is an input of the run, and everything around a model works for it."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from modelwright.core.errors import ArtifactError, SpecError
from modelwright.graph.running import Scorer
from modelwright.stages import train
from stages.test_train import prepared, read, run, table

ADOPT = "{model: {kind: onnx, path: models/theirs.onnx}, calibration: sigmoid, decision: {f_beta: 2}}"


def save(folder, slope):
    """A logistic regression of two features that says the probability of the second class."""
    weights = numpy_helper.from_array(np.array([[slope], [0.0]], np.float32), "weights")
    nodes = [
        helper.make_node("IsNaN", ["m"], ["missing"]),
        helper.make_node("Where", ["missing", "zero", "m"], ["filled"]),
        helper.make_node("MatMul", ["filled", "weights"], ["score"]),
        helper.make_node("Sigmoid", ["score"], ["p"]),
    ]
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", width]) for name, width in (("m", 2), ("p", 1))
    ]
    zero = numpy_helper.from_array(np.array([0], np.float32), "zero")
    graph = helper.make_graph(nodes, "theirs", ports[:1], ports[1:], [weights, zero])
    (folder / "models").mkdir(exist_ok=True)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    (folder / "models" / "theirs.onnx").write_bytes(model.SerializeToString())


def test_an_adopted_model_is_calibrated_decided_and_one_graph_with_the_features(tmp_path):
    save(tmp_path, 1.5)
    done = run(prepared(tmp_path, "binary", ADOPT))
    told = done.read_json("model.json")
    assert told["kind"] == "onnx" and told["notes"]["trained"] == "elsewhere"
    assert told["parameters"]["path"] == "theirs.onnx", "where it lay is not told"
    assert str(tmp_path) not in "".join(
        done.read_bytes(name).decode(errors="replace") for name in done.manifest.outputs
    )
    assert told["calibration"]["kind"] == "sigmoid" and told["decision"]["rule"] == "f_beta"
    scorer = Scorer(done.read_bytes("model.onnx"))
    assert set(scorer.inputs) <= {"x", "word"}
    rows = table("binary", 5, 300)
    said = scorer.run_table(rows)
    right = np.array(rows["y"].to_pylist()) == said["prediction"]
    assert right.mean() > 0.6
    assert done.read_json("parity.json")["largest"] <= 1e-9
    assert read(done, "predictions.parquet").num_rows == 200


def test_another_file_is_another_model_and_the_same_file_the_same(tmp_path):
    save(tmp_path, 1.5)
    job = prepared(tmp_path, "binary", ADOPT)
    first = run(job)
    assert train.plan(job).cached.label == first.label
    save(tmp_path, 2.0)
    assert train.plan(job).cached is None


def test_a_missing_file_is_said_before_anything_runs(tmp_path):
    job = prepared(tmp_path, "binary", ADOPT)
    with pytest.raises(SpecError, match=r"models/theirs\.onnx: no such file"):
        train.plan(job)


def test_a_pickle_by_that_name_is_refused_unread(tmp_path):
    save(tmp_path, 1.0)
    (tmp_path / "models" / "theirs.onnx").write_bytes(
        b"\x80\x04cos\nsystem\n(S'touch " + bytes(tmp_path) + b"/marker'\ntR."
    )
    with pytest.raises(ArtifactError):
        run(prepared(tmp_path, "binary", ADOPT))
    assert not (tmp_path / "marker").exists()
