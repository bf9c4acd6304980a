"""Makes a graph smaller by computing in float32, with weights stored as float16 or int8 if asked.

Inputs and outputs keep their types. Matrices of weights are all that is stored in less than 32 bits, and they are
widened when the graph is loaded: an answer depends on nothing but its own row, as before, which quantising what flows
through the graph would end (its scale is that of the batch). Trees have no such matrices.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Precision = Literal["float64", "float32", "float16", "int8"]

TYPED = ("to", "dtype")  # attributes that name an element type
SMALLEST = 256  # values; fewer are not worth rounding
LARGEST_INT8 = 127


def converted(model: bytes, precision: Precision) -> tuple[bytes, int]:
    """The model in that precision, and how many matrices of weights were rounded to it."""
    found = onnx.load_from_string(model)
    if precision == "float64":
        return model, 0
    _to_float32(found.graph)
    _keep_interface(found.graph)
    rounded = 0 if precision == "float32" else _store_weights(found.graph, precision)
    onnx.checker.check_model(found)
    return found.SerializeToString(deterministic=True), rounded


def _to_float32(graph: onnx.GraphProto) -> None:
    """Every constant, attribute and cast of the graph and of the bodies inside it."""
    for tensor in graph.initializer:
        tensor.CopyFrom(_as_float32(tensor))
    for value in (*graph.input, *graph.output):
        if value.type.tensor_type.elem_type == TensorProto.DOUBLE:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    del graph.value_info[:]
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.name in TYPED and attribute.i == TensorProto.DOUBLE:
                attribute.i = TensorProto.FLOAT
            if attribute.HasField("t"):
                attribute.t.CopyFrom(_as_float32(attribute.t))
            for body in (attribute.g, *attribute.graphs) if attribute.HasField("g") else attribute.graphs:
                _to_float32(body)


def _as_float32(tensor: onnx.TensorProto) -> onnx.TensorProto:
    if tensor.data_type != TensorProto.DOUBLE:
        return tensor
    with np.errstate(over="ignore"):  # beyond its range: infinite, and the comparison with the original will show it
        return numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), tensor.name)


def _keep_interface(graph: onnx.GraphProto) -> None:
    """Inputs and outputs are float64 as before: cast on the way in and out."""
    before, after = [], []
    for value in graph.input:
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            _rename_reads(graph, value.name, inner := f":float32.{value.name}")
            before.append(helper.make_node("Cast", [value.name], [inner], to=TensorProto.FLOAT))
            value.type.tensor_type.elem_type = TensorProto.DOUBLE
    for value in graph.output:
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            inner = f":float32.{value.name}"
            for node in graph.node:
                node.output[:] = [inner if name == value.name else name for name in node.output]
            _rename_reads(graph, value.name, inner)
            after.append(helper.make_node("Cast", [inner], [value.name], to=TensorProto.DOUBLE))
            value.type.tensor_type.elem_type = TensorProto.DOUBLE
    nodes = [*before, *graph.node, *after]
    del graph.node[:]
    graph.node.extend(nodes)


def _rename_reads(graph: onnx.GraphProto, old: str, new: str) -> None:
    for node in graph.node:
        node.input[:] = [new if name == old else name for name in node.input]
        for attribute in node.attribute:
            for body in (attribute.g, *attribute.graphs) if attribute.HasField("g") else attribute.graphs:
                _rename_reads(body, old, new)


def _store_weights(graph: onnx.GraphProto, precision: Precision) -> int:
    """Constants that are multiplied as matrices: in fewer bits, and a node that widens each at loading."""
    multiplied = {name for node in graph.node if node.op_type in ("MatMul", "Gemm", "Conv") for name in node.input[1:2]}
    widening, tensors, rounded = [], [], 0
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor) if tensor.data_type == TensorProto.FLOAT else np.zeros(0)
        if tensor.name not in multiplied or values.ndim < 2 or values.size < SMALLEST:
            tensors.append(tensor)
            continue
        stored, nodes = (_as_float16 if precision == "float16" else _as_int8)(tensor.name, values)
        tensors += stored
        widening += nodes
        rounded += 1
    del graph.initializer[:]
    graph.initializer.extend(tensors)
    nodes = [*widening, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return rounded


def _as_float16(name: str, values: np.ndarray) -> tuple[list[onnx.TensorProto], list[onnx.NodeProto]]:
    with np.errstate(over="ignore"):
        stored = numpy_helper.from_array(values.astype(np.float16), f"{name}:float16")
    return [stored], [helper.make_node("Cast", [stored.name], [name], to=TensorProto.FLOAT)]


def _as_int8(name: str, values: np.ndarray) -> tuple[list[onnx.TensorProto], list[onnx.NodeProto]]:
    """A scale for each column of the matrix, so that a small one keeps its digits."""
    axis = values.ndim - 1
    largest = np.abs(values).max(axis=tuple(range(axis)))
    scale = (np.where(largest > 0, largest, 1) / LARGEST_INT8).astype(np.float32)
    codes = np.clip(np.rint(values / scale), -LARGEST_INT8, LARGEST_INT8).astype(np.int8)
    tensors = [numpy_helper.from_array(codes, f"{name}:int8"), numpy_helper.from_array(scale, f"{name}:scale")]
    node = helper.make_node("DequantizeLinear", [each.name for each in tensors], [name], axis=axis)
    return tensors, [node]
