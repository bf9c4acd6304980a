"""A packed graph answers bit for bit what the graph answered, in fewer nodes."""

from __future__ import annotations

import numpy as np
import onnx
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import numpy_helper

from modelwright.graph import steady
from modelwright.graph.blocks import stacked
from modelwright.graph.builder import ML, NUMBER, GraphBuilder
from modelwright.graph.packing import packed
from modelwright.graph.running import WIDE_CHUNK, WIDE_NODE, Scorer

COLUMNS = [
    ("a", "number"),
    ("numbers", "category"),  # named like a matrix
    ("b", "integer"),
    ("when", "timestamp"),
    ('odd "name"\n', "text"),
    ("c", "boolean"),
    ("texts", "number"),
]


def coded(builder: GraphBuilder, name: str, codes: dict[str, float], default: float = -1.0) -> str:
    return builder.op(
        "LabelEncoder",
        builder.input(name, "text"),
        domain=ML,
        keys_strings=list(codes),
        values_tensor=numpy_helper.from_array(np.array(list(codes.values()))),
        default_tensor=numpy_helper.from_array(np.full(1, default)),
    )


def model() -> bytes:
    """Columns stacked in and out of order, codes stacked, a column used twice, an axis taken away and put back."""
    builder = GraphBuilder()
    numbers = [builder.input(name, "number") for name in ("a", "b", "c", "texts")]
    when = builder.cast(builder.op("Div", builder.input("when", "timestamp"), np.int64(1_000_000)), NUMBER)
    codes = stacked(
        builder,
        [coded(builder, "numbers", {"x": 1.0, "y": 2.0}), coded(builder, 'odd "name"\n', {"": 3.0, "\x01x": 4.0})],
    )
    parts = [
        stacked(builder, numbers),
        stacked(builder, [numbers[2], numbers[0]]),
        codes,
        stacked(builder, [when]),
        stacked(builder, [builder.op("Mul", numbers[0], numbers[3])]),
    ]
    features = builder.op("Concat", *parts, axis=1)
    score = builder.op("Squeeze", builder.op("MatMul", features, np.linspace(-1, 1, 10).reshape(10, 1)), np.array([1]))
    builder.output("prediction", steady.sigmoid(builder, score), NUMBER, ["N"])
    builder.output("features", features, NUMBER, ["N", 10])
    return builder.build()


MODEL = model()
PACKED = packed(MODEL, COLUMNS)
ROW = st.fixed_dictionaries(
    {
        "a": st.none() | st.floats(-1e6, 1e6),
        "b": st.none() | st.integers(-1000, 1000),
        "c": st.none() | st.booleans(),
        "texts": st.none() | st.floats(-1e3, 1e3),
        "numbers": st.sampled_from(["x", "y", "z", "", None, "\x01x"]),
        'odd "name"\n': st.sampled_from(["", "words", None, "x", "\x01x"]),
        "when": st.none() | st.integers(0, 2_000_000_000),
    }
)
TYPES = {"when": pa.timestamp("s", "UTC"), "b": pa.int64(), "c": pa.bool_(), "a": pa.float64(), "texts": pa.float64()}


@given(st.lists(ROW, min_size=1, max_size=9))
def test_a_packed_graph_answers_the_same_bits(rows):
    arrays = {name: pa.array([row[name] for row in rows], TYPES.get(name, pa.string())) for name, _ in COLUMNS}
    table = pa.table(arrays)
    expected, found = Scorer(MODEL).run_table(table), Scorer(PACKED).run_table(table, chunk=4)
    for name, values in expected.items():
        assert found[name].tobytes() == values.tobytes()


def test_its_inputs_are_matrices_and_its_columns_are_known():
    scorer = Scorer(PACKED)
    assert [value.name for value in onnx.load_from_string(PACKED).graph.input] == ["numbers", "texts", "times"]
    assert scorer.packed is not None
    assert scorer.packed.names == {
        "numbers": ("a", "b", "c", "texts"),
        "texts": ("numbers", 'odd "name"\n'),
        "times": ("when",),
    }
    assert scorer.inputs == {
        "a": "number",
        "b": "number",
        "c": "number",
        "texts": "number",
        "numbers": "text",
        'odd "name"\n': "text",
        "when": "timestamp",
    }


def test_it_has_fewer_nodes_and_the_same_bytes_each_time():
    def nodes(content: bytes) -> list[str]:
        return [node.op_type for node in onnx.load_from_string(content).graph.node]

    assert len(nodes(PACKED)) < len(nodes(MODEL))
    assert nodes(PACKED).count("Transpose") == 0
    assert nodes(PACKED).count("LabelEncoder") == 1
    assert packed(MODEL, COLUMNS) == PACKED


@pytest.mark.parametrize("columns", [COLUMNS[1:], [*COLUMNS, ("more", "number")]])
def test_a_graph_over_other_inputs_is_left_alone(columns):
    assert packed(MODEL, columns) == MODEL


def test_a_matrix_input_is_left_alone():
    builder = GraphBuilder()
    builder.output("prediction", builder.op("ReduceSum", builder.matrix_input("m", 3), np.array([1])), NUMBER, ["N", 1])
    content = builder.build()
    assert packed(content, [("m", "number")]) == content


def test_a_graph_of_one_kind_has_one_matrix():
    builder = GraphBuilder()
    builder.output("prediction", builder.op("Neg", builder.input("x", "number")), NUMBER, ["N"])
    content = packed(builder.build(), [("x", "number")])
    assert [value.name for value in onnx.load_from_string(content).graph.input] == ["numbers"]
    assert Scorer(content).run_table(pa.table({"x": [1.5, None]}))["prediction"].tolist()[0] == -1.5


def test_codes_that_differ_in_what_unknown_becomes_are_looked_up_one_by_one():
    builder = GraphBuilder()
    codes = stacked(
        builder, [coded(builder, "a", {"x": 1.0}, default=-1.0), coded(builder, "b", {"x": 1.0}, default=0.0)]
    )
    builder.output("features", codes, NUMBER, ["N", 2])
    content = packed(builder.build(), [("a", "category"), ("b", "category")])
    table = pa.table({"a": ["x", "y"], "b": ["y", "x"]})
    assert Scorer(content).run_table(table)["features"].tolist() == [[1.0, 0.0], [-1.0, 1.0]]


def test_a_graph_that_is_scored_in_small_chunks_stays_one():
    builder = GraphBuilder()
    near = builder.op("MatMul", stacked(builder, [builder.input(name, "number") for name in "ab"]), np.ones((2, 5)),
                      name=f"{WIDE_NODE}5")  # fmt: skip
    builder.output("prediction", builder.op("Gather", near, np.int64(0), axis=1), NUMBER, ["N"])
    content = builder.build()
    assert Scorer(packed(content, [("a", "number"), ("b", "number")])).chunk == Scorer(content).chunk == WIDE_CHUNK
