"""Gives a finished graph matrices as inputs, one for each kind of value, in place of one tensor per column.

At one row most of the time goes into calling nodes, about half a microsecond each, so that the way from the matrices to
the first features is made short, and detours after them are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from modelwright.graph.builder import ML, GraphBuilder, element_type
from modelwright.graph.layout import KINDS, METADATA, TYPE_OF, Layout

VALUES = (  # of a LabelEncoder, with their defaults
    ("values_tensor", "default_tensor", None),
    ("values_floats", "default_float", np.float32),
    ("values_int64s", "default_int64", np.int64),
)


@dataclass(frozen=True)
class Codes:
    """What a column's texts become."""

    keys: Sequence[str]
    values: NDArray[Any]
    default: NDArray[Any]  # [1]


def packed(model: bytes, columns: Sequence[tuple[str, str]]) -> bytes:
    """The same model over `numbers` [N, a], `texts` [N, b] and `times` [N, c], those that exist.

    `columns` are names and types of all inputs, in the order that they shall have. Which column is where is said in
    the graph's metadata. A graph whose inputs are no columns as our own steps take them is returned as it is.
    """
    found = onnx.load_from_string(model)
    layout = Layout.of(dict(columns))
    if not _plain(found.graph, layout):
        return model
    _shorten(found.graph)
    builder = GraphBuilder()
    matrices = {
        kind: builder.matrix_input(kind, len(names), element_type(TYPE_OF[kind]))
        for kind, names in layout.names.items()
        if names
    }
    bindings = _stacks(builder, matrices, found.graph, layout)
    for name, (kind, place) in layout.places.items():
        bindings[name] = builder.op("Gather", matrices[kind], np.int64(place), axis=1)
    kept = [node for node in found.graph.node if not set(node.output) & bindings.keys()]
    del found.graph.node[:]
    found.graph.node.extend(kept)
    outputs = builder.inline(found.SerializeToString(), bindings)
    for value in found.graph.output:
        tensor = value.type.tensor_type
        shape = [dimension.dim_param or dimension.dim_value for dimension in tensor.shape.dim]
        builder.output(value.name, outputs[value.name], tensor.elem_type, shape)
    where = {kind: list(layout.names[kind]) for kind in KINDS}
    return builder.build({METADATA: json.dumps(where, ensure_ascii=False, sort_keys=True)})


def _plain(graph: onnx.GraphProto, layout: Layout) -> bool:
    """Whether every input is a known column [N] of its type's own element."""
    for value in graph.input:
        tensor = value.type.tensor_type
        kind, _ = layout.places.get(value.name, ("", 0))
        if not kind or len(tensor.shape.dim) != 1 or tensor.elem_type != element_type(TYPE_OF[kind]):
            return False
    return len(graph.input) == len(layout.places)


def _stacks(builder: GraphBuilder, matrices: dict[str, str], graph: onnx.GraphProto, layout: Layout) -> dict[str, str]:
    """Where columns, or their codes, are put side by side: they are taken from the matrix together."""
    bindings: dict[str, str] = {}
    made_by = {name: node for node in graph.node for name in node.output}
    for stack, parts in _side_by_side(graph, made_by):
        places = [layout.places.get(name, ("", 0)) for name in parts]
        coders = [made_by[name] for name in parts if name in made_by]
        coded = [layout.places.get(node.input[0], ("", 0)) for node in coders if node.op_type == "LabelEncoder"]
        kinds = {kind for kind, _ in places}
        if len(kinds) == 1 and "" not in kinds:
            bindings[stack] = _columns(builder, matrices, layout, places)
        elif [kind for kind, _ in coded] == ["texts"] * len(parts) and (codes := _codes(coders)):
            bindings[stack] = _looked_up(builder, _columns(builder, matrices, layout, coded), codes)
    return bindings


def _columns(
    builder: GraphBuilder, matrices: Mapping[str, str], layout: Layout, places: Sequence[tuple[str, int]]
) -> str:
    """[N, k] of columns of one kind."""
    kind, wanted = places[0][0], [at for _, at in places]
    if wanted == list(range(len(layout.names[kind]))):
        return matrices[kind]
    return builder.op("Gather", matrices[kind], np.array(wanted, np.int64), axis=1)


def _codes(coders: Sequence[onnx.NodeProto]) -> list[Codes] | None:
    """What each says of a text; None where they answer with different types or defaults."""
    found = [_codes_of(node) for node in coders]
    alike = {None if one is None else (one.values.dtype.str, one.default.tobytes()) for one in found}
    return [one for one in found if one] if len(alike) == 1 and None not in alike else None


def _codes_of(coder: onnx.NodeProto) -> Codes | None:
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in coder.attribute}
    keys = [key.decode() for key in attributes.get("keys_strings", ())]
    for values, default, kind in VALUES:
        if keys and values in attributes and default in attributes:
            one, other = (
                numpy_helper.to_array(found) if kind is None else np.array(found, kind).reshape(-1)
                for found in (attributes[values], attributes[default])
            )
            return Codes(keys, one, other)
    return None


def _looked_up(builder: GraphBuilder, texts: str, codes: Sequence[Codes]) -> str:
    """[N, k] codes of [N, k] texts by one node, which knows each text behind a character that stands for its column."""
    columns = [chr(1 + at) for at in range(len(codes))]
    keys = [column + key for column, one in zip(columns, codes, strict=True) for key in one.keys]
    return builder.op(
        "LabelEncoder",
        builder.op("StringConcat", np.array([columns], object), texts),
        domain=ML,
        keys_tensor=numpy_helper.from_array(np.array(keys, object)),
        values_tensor=numpy_helper.from_array(np.concatenate([one.values for one in codes])),
        default_tensor=numpy_helper.from_array(codes[0].default),
    )


def _side_by_side(graph: onnx.GraphProto, made_by: dict[str, onnx.NodeProto]) -> Iterator[tuple[str, Sequence[str]]]:
    """What `blocks.stacked` wrote: a tensor [N, k] and the k tensors [N] in it."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type != "Transpose" or [list(attribute.ints) for attribute in node.attribute] != [[1, 0]]:
            continue
        reshape = made_by.get(node.input[0])
        if reshape is None or reshape.op_type != "Reshape" or reshape.input[1] not in constants:
            continue
        concat = made_by.get(reshape.input[0])
        shape = numpy_helper.to_array(constants[reshape.input[1]]).tolist()
        if concat is not None and concat.op_type == "Concat" and shape == [len(concat.input), -1]:
            yield node.output[0], list(concat.input)


def _shorten(graph: onnx.GraphProto) -> None:
    """An axis that is taken away and put back stays where it is. What is then not needed is left out by the builder."""
    made_by = {name: node for node in graph.node for name in node.output}
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    kept: dict[str, str] = {}  # the tensor with the axis put back, and the one that still has it
    for node in graph.node:
        if node.op_type != "Unsqueeze" or node.input[1] not in constants:
            continue
        before, axes = made_by.get(node.input[0]), constants[node.input[1]].tolist()
        if before is None:
            continue
        if before.op_type == "Squeeze" and constants.get(before.input[1], np.zeros(0)).tolist() == axes:
            kept[node.output[0]] = before.input[0]
        elif before.op_type == "Gather" and axes == [1] and _takes_column(before, constants):
            place = numpy_helper.from_array(constants[before.input[1]].reshape(1), f"{node.output[0]}.place")
            graph.initializer.append(place)
            node.CopyFrom(helper.make_node("Gather", [before.input[0], place.name], list(node.output), axis=1))
    for node in graph.node:
        for at, name in enumerate(node.input):
            node.input[at] = kept.get(name, name)


def _takes_column(node: onnx.NodeProto, constants: Mapping[str, np.ndarray[Any, Any]]) -> bool:
    """A Gather of one column of a matrix, as a tensor [N]."""
    axes = [attribute.i for attribute in node.attribute]
    return node.input[1] in constants and constants[node.input[1]].ndim == 0 and axes == [1]
