"""A model trained elsewhere: adopted as it is, in the graph as on its own; refused with a reason where it can't be."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from modelwright.core.errors import ArtifactError, SpecError
from modelwright.fitting.fit import fit_model
from modelwright.graph import parity
from modelwright.graph.builder import INTEGER, ML, NUMBER, GraphBuilder
from modelwright.graph.intervals import intervals
from modelwright.graph.running import Scorer
from modelwright.parts import catalog
from modelwright.parts.samples import Feature, FitContext, Samples

NAMES = ("x", "z", "w")
FEATURES = tuple(Feature(name) for name in NAMES)
CLASSES = {"regression": 0, "binary": 2, "multiclass": 3}


def rows(task, count=300):
    random = np.random.default_rng(0)
    features = random.normal(size=(count, 3)).astype(np.float32).astype(np.float64)
    value = features @ [1.0, -2.0, 0.5] + 0.3 * random.normal(size=count)
    target = {"regression": value, "binary": value > 0, "multiclass": np.digitize(value, [-1, 1])}[task]
    return Samples(features, target.astype(float))


def adopted(path, task, **keys):
    model = catalog.load("models", "onnx").model_validate({"kind": "onnx", "path": str(path), **keys})
    return fit_model(model, rows(task), None, FitContext(task, CLASSES[task], FEATURES, "rmse", 1, 1))


def shown(fitted, task, features):
    graph = GraphBuilder()
    scores = fitted.compile(graph, graph.matrix_input("features", 3))
    graph.output("scores", scores, NUMBER, ["N", CLASSES[task]] if CLASSES[task] else ["N"])
    scorer = Scorer(graph.build())
    found = scorer.run({"features": features})["scores"]
    for size in (1, 7, 64):
        part = np.concatenate(
            [scorer.run({"features": features[at : at + size]})["scores"] for at in range(0, 64, size)]
        )
        assert parity.difference(part, found[: len(part)]) <= 1e-6
    return found


def graph_file(folder, nodes, inputs, outputs, constants=(), opset=21, ml=3):
    graph = helper.make_graph(nodes, "theirs", inputs, outputs, list(constants))
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid(ML, ml)], ir_version=8
    )
    path = folder / "theirs.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def value(name, shape=("N",), element=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, element, list(shape))


LINE = np.array([[1.0], [-2.0], [0.5]], np.float32)


def line_file(folder, opset=21):
    """A linear regression of the matrix."""
    nodes = [helper.make_node("MatMul", ["m", "weights"], ["y"])]
    return graph_file(
        folder, nodes, [value("m", ("N", 3))], [value("y", ("N", 1))], [numpy_helper.from_array(LINE, "weights")], opset
    )


def tree_file(folder, labels, *, zipped):
    """One tree of the old form with a leaf for each class, as scikit-learn's exporters write it: label and a ZipMap."""
    count = len(labels)
    leaves = range(count - 1, 2 * count - 1)
    tree = helper.make_node(
        "TreeEnsembleClassifier",
        ["m"],
        ["label", "probabilities"],
        domain=ML,
        nodes_treeids=[0] * (2 * count - 1),
        nodes_nodeids=list(range(2 * count - 1)),
        nodes_featureids=[0] * (2 * count - 1),
        nodes_values=[0.5 * at for at in range(count - 1)] + [0.0] * count,
        nodes_modes=["BRANCH_LEQ"] * (count - 1) + ["LEAF"] * count,
        nodes_truenodeids=[count - 1 + at for at in range(count - 1)] + [0] * count,
        nodes_falsenodeids=[*range(1, count - 1), 2 * count - 2] + [0] * count,
        class_treeids=[0] * count**2,
        class_nodeids=[leaf for leaf in leaves for _ in range(count)],
        class_ids=list(range(count)) * count,
        class_weights=[0.7 if own == code else 0.3 / (count - 1) for own in range(count) for code in range(count)],
        classlabels_strings=labels,
        post_transform="NONE",
    )
    names = helper.make_node("ZipMap", ["probabilities"], ["zipped"], domain=ML, classlabels_strings=labels)
    label = value("label", element=TensorProto.STRING)
    if not zipped:
        return graph_file(
            folder, [tree], [value("m", ("N", 3))], [label, value("probabilities", ("N", count))], opset=15
        )
    said = helper.make_value_info(
        "zipped",
        helper.make_sequence_type_proto(
            helper.make_map_type_proto(TensorProto.STRING, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
        ),
    )
    return graph_file(folder, [tree, names], [value("m", ("N", 3))], [label, said], opset=15)


@pytest.mark.parametrize("opset", [9, 13, 15, 21])
def test_one_matrix_takes_the_features_in_their_order_whatever_the_version(opset, tmp_path):
    fitted, features = adopted(line_file(tmp_path, opset), "regression"), rows("regression").features
    np.testing.assert_allclose(fitted.predict(features), features @ LINE[:, 0], atol=1e-5)
    np.testing.assert_allclose(shown(fitted, "regression", features), fitted.predict(features), rtol=0, atol=1e-9)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(("task", "labels"), [("binary", ["no", "yes"]), ("multiclass", ["a", "b", "c"])])
def test_trees_of_the_old_form_are_adopted_with_the_probabilities_behind_a_zipmap(task, labels, zipped, tmp_path):
    fitted, features = adopted(tree_file(tmp_path, labels, zipped=zipped), task), rows(task).features
    place = np.minimum((features[:, :1] > 0.5 * np.arange(len(labels) - 1)).argmin(axis=1), len(labels) - 1)
    place = np.where((features[:, :1] > 0.5 * np.arange(len(labels) - 1)).all(axis=1), len(labels) - 1, place)
    np.testing.assert_array_equal(fitted.predict(features).argmax(axis=1), place)
    np.testing.assert_allclose(shown(fitted, task, features), fitted.predict(features), rtol=0, atol=1e-9)


def test_old_trees_beside_a_step_of_the_new_form_are_refused_with_the_way_out(tmp_path):
    fitted = adopted(tree_file(tmp_path, ["no", "yes"], zipped=False), "binary")
    graph = GraphBuilder()
    features = graph.matrix_input("features", 3)
    place = intervals(graph, graph.op("Gather", features, np.array([0]), axis=1), [np.array([0.0, 1.0])], [0])
    graph.output("place", place, INTEGER, ["N", 1])
    graph.output("scores", fitted.compile(graph, features), NUMBER, ["N", 2])
    with pytest.raises(SpecError, match="trees are of an old form"):
        graph.build()


@pytest.mark.parametrize("shape", [("N",), ("N", 1)])
@pytest.mark.parametrize("element", [TensorProto.FLOAT, TensorProto.DOUBLE])
def test_inputs_of_their_own_are_matched_by_name_in_any_order(shape, element, tmp_path):
    nodes = [helper.make_node("Sub", ["w", "x"], ["y"])]
    path = graph_file(
        tmp_path, nodes, [value("w", shape, element), value("x", shape, element)], [value("y", shape, element)]
    )
    fitted, features = adopted(path, "regression"), rows("regression").features
    np.testing.assert_allclose(fitted.predict(features), features[:, 2] - features[:, 0], atol=1e-6)
    np.testing.assert_array_equal(shown(fitted, "regression", features), fitted.predict(features))


def test_the_probability_of_the_second_class_is_enough(tmp_path):
    nodes = [helper.make_node("Gather", ["m", "at"], ["one"], axis=1), helper.make_node("Sigmoid", ["one"], ["p"])]
    at = numpy_helper.from_array(np.array([1]), "at")
    path = graph_file(tmp_path, nodes, [value("m", ("N", 3))], [value("p", ("N", 1))], [at])
    fitted, features = adopted(path, "binary"), rows("binary").features
    np.testing.assert_allclose(fitted.predict(features)[:, 1], 1 / (1 + np.exp(-features[:, 1])), atol=1e-6)
    np.testing.assert_allclose(shown(fitted, "binary", features), fitted.predict(features), atol=1e-9)


def refused(path, task, message, **keys):
    with pytest.raises(ArtifactError, match=message):
        adopted(path, task, **keys)


def test_wrong_inputs_are_named_with_what_there_is(tmp_path):
    double = [helper.make_node("Add", ["a", "a"], ["y"])]
    wide = graph_file(tmp_path, double, [value("a", ("N", 4))], [value("y", ("N", 4))])
    refused(wide, "regression", "takes 4 columns; there are 3 features: x, z, w")
    refused(graph_file(tmp_path, double, [value("a")], [value("y")]), "regression", 'no feature is called "a"')
    text = [helper.make_node("Identity", ["x"], ["y"])]
    path = graph_file(
        tmp_path, text, [value("x", element=TensorProto.STRING)], [value("y", element=TensorProto.STRING)]
    )
    refused(path, "regression", "0 of its outputs are numbers")
    size = [helper.make_node("Size", ["x"], ["n"]), helper.make_node("Cast", ["n"], ["y"], to=1)]
    path = graph_file(tmp_path, size, [value("x", element=TensorProto.STRING)], [value("y", ())])
    refused(path, "regression", r'"x" \(string \[N\]\) is not of numbers')
    cube = graph_file(tmp_path, double, [value("a", ("N", 2, 2))], [value("y", ("N", 2, 2))])
    refused(cube, "regression", "neither one column nor the only input")


def test_wrong_outputs_are_named_with_what_there_is(tmp_path):
    nodes = [helper.make_node("Add", ["m", "m"], ["a"]), helper.make_node("Mul", ["m", "m"], ["b"])]
    path = graph_file(tmp_path, nodes, [value("m", ("N", 3))], [value("a", ("N", 3)), value("b", ("N", 3))])
    refused(path, "multiclass", "2 of its outputs are numbers")
    refused(path, "multiclass", 'no output "c" of numbers; it has "a"', output="c")
    refused(path, "multiclass", "gives no probabilities: from", output="a")
    refused(path, "binary", r"gives \[N, 3\]; probabilities \[N, 2\] are wanted", output="a")
    refused(path, "regression", r"gives \[N, 3\]; values \[N\] or \[N, 1\] are wanted", output="a")


def test_what_is_no_onnx_model_or_a_newer_one_is_refused(tmp_path):
    path = tmp_path / "theirs.onnx"
    for content in (b"", b"hello", b"\x80\x04\x95\x10\x00pickle", bytes(200)):
        path.write_bytes(content)
        refused(path, "regression", "not an ONNX model|no ONNX model")
    nodes = [helper.make_node("Add", ["m", "m"], ["y"])]
    newer = graph_file(tmp_path, nodes, [value("m", ("N", 1))], [value("y", ("N", 1))], opset=24)
    refused(newer, "regression", "opset 24, newer than 21")


@pytest.mark.parametrize("place", ["../secret.bin", "/etc/hostname", "beside.bin"])
def test_weights_in_other_files_are_refused_wherever_they_are(place, tmp_path):
    (tmp_path / "beside.bin").write_bytes(bytes(12))
    weights = numpy_helper.from_array(np.zeros((3, 1), np.float32), "weights")
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    entry = weights.external_data.add()
    entry.key, entry.value = "location", place
    nodes = [helper.make_node("MatMul", ["m", "weights"], ["y"])]
    path = graph_file(tmp_path, nodes, [value("m", ("N", 3))], [value("y", ("N", 1))], [weights])
    refused(path, "regression", "keeps weights in other files")


def test_another_file_than_the_digest_says_is_refused(tmp_path):
    path = line_file(tmp_path)
    refused(path, "regression", "has the digest", sha256="0" * 64)


def test_foreign_operators_are_refused(tmp_path):
    node = helper.make_node("Magic", ["m"], ["y"], domain="com.example")
    graph = helper.make_graph([node], "theirs", [value("m", ("N", 3))], [value("y", ("N", 1))])
    domains = [helper.make_opsetid("", 21), helper.make_opsetid("com.example", 1)]
    path = tmp_path / "theirs.onnx"
    path.write_bytes(helper.make_model(graph, opset_imports=domains, ir_version=8).SerializeToString())
    refused(path, "regression", "com.example")


def test_a_missing_file_is_said_with_the_near_miss(tmp_path):
    line_file(tmp_path)
    model = catalog.load("models", "onnx").model_validate({"kind": "onnx", "path": "their.onnx"})
    with pytest.raises(SpecError, match=r'no such file; did you mean "theirs\.onnx"'):
        model.files(tmp_path)
