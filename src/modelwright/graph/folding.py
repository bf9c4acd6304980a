"""Computes what a graph would compute alike at every call: nodes all of whose inputs are constants."""

from __future__ import annotations

from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from modelwright.graph.running import Scorer

LARGEST_BYTES = 1_000_000  # a constant that a node blows up beyond this stays a node
DRAWN = frozenset({"RandomNormal", "RandomUniform", "Multinomial", "Bernoulli"})


def folded(model: bytes) -> bytes:
    """The same model with constants in place of such nodes; the bytes given where there are none."""
    found = onnx.load_from_string(model)
    nodes = constant_nodes(found)
    if not nodes:
        return model
    values = _values(found, nodes)
    kept = {name for name, value in values.items() if value.nbytes <= LARGEST_BYTES}
    left = [node for node in found.graph.node if node not in nodes or not kept.issuperset(node.output)]
    gone = {name for node in nodes if kept.issuperset(node.output) for name in node.output}
    del found.graph.node[:]
    found.graph.node.extend(left)
    needed = _read(found.graph)
    tensors = [numpy_helper.from_array(values[name], name) for name in sorted(gone & needed)]
    stay = [tensor for tensor in found.graph.initializer if tensor.name in needed]
    del found.graph.initializer[:]
    found.graph.initializer.extend([*stay, *tensors])
    onnx.checker.check_model(found)
    content: bytes = found.SerializeToString(deterministic=True)
    return content


def constant_nodes(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """In order: nodes without a body that read constants, or each other, only."""
    known = {tensor.name for tensor in model.graph.initializer}
    outputs = {value.name for value in model.graph.output}
    found = []
    for node in model.graph.node:
        has_body = any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute)
        if has_body or node.op_type in DRAWN or outputs.intersection(node.output):
            continue
        if all(not name or name in known for name in node.input):
            found.append(node)
            known.update(node.output)
    return found


def _values(model: onnx.ModelProto, nodes: list[onnx.NodeProto]) -> dict[str, NDArray[Any]]:
    """What the nodes give, computed by the runtime that would compute it later."""
    names = [name for node in nodes for name in node.output if name]
    reached = {name for node in nodes for name in node.input}
    constants = [tensor for tensor in model.graph.initializer if tensor.name in reached]
    outputs = [onnx.ValueInfoProto(name=name) for name in names]
    graph = helper.make_graph(nodes, "constants", [], outputs, constants)
    alone = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    alone = onnx.shape_inference.infer_shapes(alone)
    return dict(Scorer(alone.SerializeToString()).run({}))


def _read(graph: onnx.GraphProto) -> set[str]:
    """Every tensor that something in the graph reads, bodies of nodes among it."""
    names = {value.name for value in graph.output}
    for node in graph.node:
        names.update(node.input)
        for attribute in node.attribute:
            for body in (attribute.g, *attribute.graphs) if attribute.HasField("g") else attribute.graphs:
                names |= _read(body)
    return names
