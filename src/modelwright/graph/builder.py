"""Writes ONNX graphs node by node, so that features and model become one file with the same bytes every time.

Everything is pinned to what ONNX Runtime loads: opset 21, IR 10, ai.onnx.ml 5. Nothing that differs from
run to run (doc strings, stack traces, paths) gets in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from modelwright.core.columns import NUMERIC
from modelwright.core.errors import SpecError
from modelwright.graph import inlining

OPSET, ML_OPSET, IR_VERSION = 21, 5, 10
ML = "ai.onnx.ml"
NEW_TREES, OLD_TREES, OLD_ML_OPSET = "TreeEnsemble", ("TreeEnsembleClassifier", "TreeEnsembleRegressor"), 4
CONTRIB = "com.microsoft"  # ONNX Runtime's own operators; named in a graph only where one is used
NUMBER, STRING, INTEGER, BOOLEAN = TensorProto.DOUBLE, TensorProto.STRING, TensorProto.INT64, TensorProto.BOOL
OUTPUTS = ("prediction", "probability", "features")  # names that an input may not have

Operand = str | np.ndarray[Any, Any] | np.generic | float | int


def element_type(column_type: str) -> int:
    """What a column of this type is in the graph: DOUBLE, STRING or INT64 (microseconds)."""
    if column_type in NUMERIC:
        return int(NUMBER)
    return int(INTEGER if column_type == "timestamp" else STRING)


class GraphBuilder:
    """`op` returns the name of the tensor it makes; numbers and arrays given as operands become constants."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[tuple[Any, ...], str] = {}
        self._initializers: list[onnx.TensorProto] = []
        self._inputs: dict[str, tuple[int, int | None]] = {}  # element type, and width where it is a matrix
        self._outputs: list[onnx.ValueInfoProto] = []
        self._widths: dict[str, int] = {}
        self._count = 0

    def input(self, name: str, column_type: str) -> str:
        """A column [N]. Declaring it again returns the same tensor."""
        element = element_type(column_type)
        if name in OUTPUTS or name.startswith(":"):
            raise SpecError(
                f'a column named "{name}" can\'t be an input: the graph uses that name itself',
                hint="rename the column in its source, or give it role: ignore",
            )
        if self._inputs.setdefault(name, (element, None)) != (element, None):
            raise SpecError(f'column "{name}" is used with two types')
        return name

    def matrix_input(self, name: str, width: int, element: int = NUMBER) -> str:
        """An input [N, width], for the small graphs that fitting runs and for packed ones."""
        self._inputs[name] = (element, width)
        return self.with_width(name, width)

    def with_width(self, tensor: str, width: int) -> str:
        """The same tensor, of which it is known from now on that it is [N, width]."""
        self._widths[tensor] = width
        return tensor

    def width(self, tensor: str) -> int:
        return self._widths[tensor]

    def constant(self, array: Operand) -> str:
        """The tensor itself when it is one, else a constant; equal constants are stored once."""
        if isinstance(array, str):
            return array
        value = np.asarray(array)
        if value.dtype == object or value.dtype.kind == "U":
            key: tuple[Any, ...] = ("text", value.shape, tuple(value.ravel().tolist()))
        else:
            value = np.ascontiguousarray(value).reshape(value.shape)
            key = (value.dtype.str, value.shape, value.tobytes())
        if key not in self._constants:
            name = f":c{len(self._initializers)}"
            self._constants[key] = name
            self._initializers.append(numpy_helper.from_array(value, name))
        return self._constants[key]

    def op(self, op_type: str, *inputs: Operand, domain: str = "", **attributes: Any) -> str:
        return self.ops(op_type, *inputs, domain=domain, outputs=1, **attributes)[0]

    def ops(self, op_type: str, *inputs: Operand, outputs: int, domain: str = "", **attributes: Any) -> tuple[str, ...]:
        names = tuple(self._fresh() for _ in range(outputs))
        given = [self.constant(operand) for operand in inputs]
        self._nodes.append(helper.make_node(op_type, given, list(names), domain=domain, **attributes))
        return names

    def cast(self, tensor: str, element: int) -> str:
        return self.op("Cast", tensor, to=element)

    def output(self, name: str, tensor: str, element: int, shape: Sequence[int | str]) -> None:
        """Publish a tensor, e.g. `output("probability", p, NUMBER, ["N", 3])`. SpecError where an input is named so."""
        if name in self._inputs:
            raise SpecError(
                f'a column named "{name}" can\'t be an input: the graph answers by that name',
                hint="rename the column in its source, or give it role: ignore",
            )
        self._nodes.append(helper.make_node("Identity", [tensor], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, element, list(shape)))

    def inline(self, model: bytes, bindings: Mapping[str, str] | None = None) -> dict[str, str]:
        """Copy a model's nodes in; return its outputs' new names.

        `bindings` says which tensors feed its inputs; one that is not bound becomes an input here too.
        """
        inner = onnx.load_from_string(model)
        bound = dict(bindings or {})
        for value in inner.graph.input:
            if value.name not in bound:
                self._inputs.setdefault(value.name, (value.type.tensor_type.elem_type, None))
                bound[value.name] = value.name
        prefix = f"{self._fresh()}."
        nodes, initializers, names = inlining.copied(inner, prefix, bound)
        self._nodes.extend(nodes)
        self._initializers.extend(initializers)
        return {value.name: names[value.name] for value in inner.graph.output}

    def build(self, metadata: Mapping[str, str] | None = None) -> bytes:
        """The checked model, without what no output depends on; equal graphs give equal bytes."""
        nodes, used = self._needed()
        inputs = [
            helper.make_tensor_value_info(name, element, ["N"] if width is None else ["N", width])
            for name, (element, width) in self._inputs.items()
            if name in used
        ]
        constants = [tensor for tensor in self._initializers if tensor.name in used]
        graph = helper.make_graph(nodes, "modelwright", inputs, self._outputs, constants)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML, _ml_opset(nodes))]
        if any(node.domain == CONTRIB for node in nodes):
            opsets.append(helper.make_opsetid(CONTRIB, 1))
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="modelwright")
        for key, text in sorted((metadata or {}).items()):
            model.metadata_props.add(key=key, value=text)
        onnx.checker.check_model(model)
        content: bytes = model.SerializeToString(deterministic=True)
        return content

    def _needed(self) -> tuple[list[onnx.NodeProto], set[str]]:
        """The nodes that lead to an output, and all tensors that they touch."""
        used = {output.name for output in self._outputs}
        kept = []
        for node in reversed(self._nodes):
            if used.intersection(node.output):
                kept.append(node)
                used.update(node.input)
                used.update(inlining.names_within(node))
        return kept[::-1], used

    def _fresh(self) -> str:
        self._count += 1
        return f":{self._count}"


def _ml_opset(nodes: Sequence[onnx.NodeProto]) -> int:
    """Ours, unless an adopted model has trees in the form that it no longer knows."""
    if not any(node.op_type in OLD_TREES for node in nodes):
        return ML_OPSET
    if any(node.op_type == NEW_TREES for node in nodes):
        raise SpecError(
            "the adopted model's trees are of an old form (ai.onnx.ml 3), which can't stand beside a step that needs "
            "the new one",
            where="train.model",
            hint="leave out steps such as bin and quantile, and calibration: isotonic; or export it with ai.onnx.ml 5",
        )
    return OLD_ML_OPSET
