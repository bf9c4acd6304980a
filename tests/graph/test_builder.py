"""Graphs have the same bytes every time, hold no trace of where they were made, and can be put into each other."""

from __future__ import annotations

import numpy as np
import onnx
import pyarrow as pa
import pytest
from onnx import TensorProto, helper, numpy_helper

from modelwright.core.errors import ArtifactError, SpecError
from modelwright.graph import steady
from modelwright.graph.blocks import Place, StepInputs
from modelwright.graph.builder import NUMBER, STRING, GraphBuilder
from modelwright.graph.running import Scorer


def small() -> bytes:
    graph = GraphBuilder()
    places = [Place(name, "number", graph.input(name, "number")) for name in ("a", "b c", "d")]
    graph.input("unused", "text")
    graph.output("features", StepInputs(graph, places).matrix(), NUMBER, ["N", 3])
    graph.output("prediction", graph.input("word", "category"), STRING, ["N"])
    return graph.build()


def test_the_same_graph_has_the_same_bytes():
    assert small() == small()


def test_inputs_keep_any_name_and_unused_ones_are_left_out():
    assert Scorer(small()).inputs == {"a": "number", "b c": "number", "d": "number", "word": "text"}


def test_columns_come_side_by_side_with_missing_as_nan():
    table = pa.table({"a": [1, None], "b c": [True, None], "d": [0.5, float("nan")], "word": ["x", None]})
    found = Scorer(small()).run_table(table)
    np.testing.assert_array_equal(found["features"], [[1, 1, 0.5], [np.nan] * 3])
    assert found["prediction"].tolist() == ["x", ""]


def test_no_rows_give_no_rows():
    table = pa.table(
        {name: pa.array([], pa.float64()) for name in ("a", "b c", "d")} | {"word": pa.array([], pa.string())}
    )
    assert Scorer(small()).run_table(table)["features"].shape == (0, 3)


def test_a_graph_within_a_graph_says_the_same():
    outer = GraphBuilder()
    inner = outer.inline(small())
    outer.output("features", inner["features"], NUMBER, ["N", 3])
    table = pa.table({"a": [1.0], "b c": [2.0], "d": [3.0]})
    np.testing.assert_array_equal(Scorer(outer.build()).run_table(table)["features"], [[1, 2, 3]])


def test_exporters_traces_are_left_behind():
    node = helper.make_node("Identity", ["x"], ["y"], name="/home/someone/train.py")
    node.doc_string = "/home/someone/train.py:7"
    node.metadata_props.add(key="stack", value="/home/someone/train.py")
    column = helper.make_tensor_value_info("x", TensorProto.DOUBLE, ["N"])
    answer = helper.make_tensor_value_info("y", TensorProto.DOUBLE, ["N"])
    model = helper.make_model(
        helper.make_graph([node], "g", [column], [answer]), opset_imports=[helper.make_opsetid("", 21)]
    )
    outer = GraphBuilder()
    outer.output("features", outer.inline(model.SerializeToString())["y"], NUMBER, ["N"])
    assert b"someone" not in outer.build()


@pytest.mark.parametrize("name", ["prediction", "probability", "features", ":1"])
def test_a_column_may_not_be_called_like_an_output(name):
    with pytest.raises(SpecError, match="can't be an input"):
        GraphBuilder().input(name, "number")


def external_model(location: str) -> bytes:
    weights = numpy_helper.from_array(np.ones(3), "w")
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value=location)
    column = helper.make_tensor_value_info("x", TensorProto.DOUBLE, [3])
    answer = helper.make_tensor_value_info("y", TensorProto.DOUBLE, [3])
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "g", [column], [answer], [weights])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10).SerializeToString()


@pytest.mark.parametrize("location", ["weights.bin", "../weights.bin", "/etc/passwd"])
def test_weights_outside_the_file_are_refused(location, tmp_path, monkeypatch):
    (tmp_path / "weights.bin").write_bytes(np.ones(3).tobytes())
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArtifactError, match="other files"):
        Scorer(external_model(location))


def test_a_column_called_location_is_no_weight_elsewhere():
    graph = GraphBuilder()
    graph.output("prediction", graph.input("location", "text"), STRING, ["N"])
    assert Scorer(graph.build()).inputs == {"location": "text"}


@pytest.mark.parametrize("content", [b"", b"not a graph", b"\x80\x04location.", small()[:-40]])
def test_damaged_bytes_are_no_graph(content):
    with pytest.raises(ArtifactError):
        Scorer(content)


def test_the_pinned_versions_are_written():
    model = onnx.load_from_string(small())
    assert model.ir_version == 10
    assert {entry.domain: entry.version for entry in model.opset_import} == {"": 21, "ai.onnx.ml": 5}


def in_batches(scorer: Scorer, values: np.ndarray, size: int) -> dict[str, np.ndarray]:
    parts = [scorer.run({"x": values[at : at + size]}) for at in range(0, len(values), size)]
    return {name: np.concatenate([part[name] for part in parts]) for name in scorer.outputs}


@pytest.mark.parametrize("width", [2, 3, 5, 10])
def test_linear_scores_are_bit_equal_at_every_batch_size(width):
    """Written with MatMul and padded exponentials; with ReduceSum, Exp and Sigmoid alone sizes 1, 3 and 7 differ."""
    random = np.random.default_rng(width)
    graph = GraphBuilder()
    scores = graph.op("MatMul", graph.matrix_input("x", 13), random.normal(size=(13, width)))
    first = graph.op("Gather", scores, np.int64(0), axis=1)
    graph.output("scores", scores, NUMBER, ["N", width])
    graph.output("softmax", steady.softmax(graph, scores, width), NUMBER, ["N", width])
    graph.output("sigmoid", steady.sigmoid(graph, first), NUMBER, ["N"])
    graph.output("exp", steady.exp(graph, first), NUMBER, ["N"])
    graph.output("log", steady.log(graph, first), NUMBER, ["N"])
    scorer = Scorer(graph.build())
    rows = random.normal(size=(1003, 13))
    whole = scorer.run({"x": rows})
    for size in (1, 3, 7, 64):
        for name, values in in_batches(scorer, rows, size).items():
            np.testing.assert_array_equal(values, whole[name], f"{name} at {size}")
    powers = np.exp(whole["scores"] - whole["scores"].max(axis=1, keepdims=True))
    np.testing.assert_allclose(whole["softmax"], powers / powers.sum(axis=1, keepdims=True), rtol=0, atol=1e-15)


def test_branches_of_an_inlined_graph_see_the_outer_tensors():
    column = helper.make_tensor_value_info("x", TensorProto.DOUBLE, ["N"])
    answer = helper.make_tensor_value_info("y", TensorProto.DOUBLE, ["N"])

    def branch(op_type):
        result = helper.make_tensor_value_info("r", TensorProto.DOUBLE, ["N"])
        return helper.make_graph([helper.make_node(op_type, ["shifted"], ["r"])], op_type, [], [result])

    nodes = [
        helper.make_node("Add", ["x", "one"], ["shifted"]),
        helper.make_node("If", ["yes"], ["y"], then_branch=branch("Neg"), else_branch=branch("Abs")),
    ]
    constants = [numpy_helper.from_array(np.ones(1), "one"), numpy_helper.from_array(np.array(True), "yes")]
    graph = helper.make_graph(nodes, "g", [column], [answer], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    outer = GraphBuilder()
    outer.output("features", outer.inline(model.SerializeToString())["y"], NUMBER, ["N"])
    assert Scorer(outer.build()).run({"x": np.array([2.0])})["features"].tolist() == [-3.0]
