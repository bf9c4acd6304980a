"""Copies one ONNX model's nodes into another, without the stack traces and paths that exporters leave."""

from collections.abc import Mapping

import onnx

from modelwright.graph.running import WIDE_NODE


def copied(
    model: onnx.ModelProto, prefix: str, bindings: Mapping[str, str]
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto], dict[str, str]]:
    """Nodes and constants under a prefix, and every tensor's new name; `bindings` feeds the inputs."""
    if model.functions:
        from onnx import inliner

        model = inliner.inline_local_functions(model)
    names = dict(bindings)
    initializers = []
    for tensor in model.graph.initializer:
        constant = onnx.TensorProto()
        constant.CopyFrom(tensor)
        constant.ClearField("doc_string")
        constant.ClearField("metadata_props")
        constant.name = names[tensor.name] = prefix + tensor.name
        initializers.append(constant)
    return _nodes(model.graph.node, prefix, names), initializers, names


def _nodes(nodes: list[onnx.NodeProto], prefix: str, names: dict[str, str]) -> list[onnx.NodeProto]:
    renamed = []
    for node in nodes:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        for field in ("doc_string", "metadata_props"):
            copy.ClearField(field)
        if not copy.name.startswith(WIDE_NODE):
            copy.ClearField("name")
        del copy.input[:], copy.output[:]
        copy.input.extend(names[name] if name else "" for name in node.input)
        for name in node.output:
            if name:
                names[name] = prefix + name
        copy.output.extend(names[name] if name else "" for name in node.output)
        for attribute in copy.attribute:
            attribute.ClearField("doc_string")
            for body in (attribute.g, *attribute.graphs) if attribute.HasField("g") else attribute.graphs:
                _rename_body(body, prefix, names)
        renamed.append(copy)
    return renamed


def _rename_body(body: onnx.GraphProto, prefix: str, outer: Mapping[str, str]) -> None:
    """In place: the body of an If, Loop or Scan sees the outer names and adds its own."""
    names = dict(outer)
    for value in (*body.input, *body.initializer):
        names[value.name] = prefix + value.name
        value.name = prefix + value.name
        value.ClearField("doc_string")
    nodes = _nodes(list(body.node), prefix, names)
    del body.node[:], body.value_info[:]
    body.node.extend(nodes)
    for value in body.output:
        value.name = names[value.name]


def names_within(node: onnx.NodeProto) -> set[str]:
    """All tensors that the bodies of an If, Loop or Scan read, the outer ones among them."""
    names: set[str] = set()
    for attribute in node.attribute:
        for body in (attribute.g, *attribute.graphs) if attribute.HasField("g") else attribute.graphs:
            for inner in body.node:
                names.update(inner.input)
                names |= names_within(inner)
            names.update(value.name for value in body.output)
    return names
