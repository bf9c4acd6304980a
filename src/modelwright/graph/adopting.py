"""Reads an ONNX model that was made elsewhere: what it takes and answers, and its nodes at the version of our graphs.

Only weights inside the file are loaded (see `containment`). Its operators are raised to our version where ONNX knows
how; one of a newer version, or of a foreign domain, is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from modelwright.core.errors import ArtifactError
from modelwright.graph.builder import CONTRIB, ML, OPSET
from modelwright.graph.containment import has_external_data
from modelwright.graph.running import session

WHERE = "train.model.path"
NUMBERS: dict[int, Any] = {
    TensorProto.FLOAT: np.float32,
    TensorProto.DOUBLE: np.float64,
    TensorProto.INT64: np.int64,
    TensorProto.INT32: np.int32,
}
DOMAINS = frozenset({"", "ai.onnx", ML, CONTRIB})
ML_NEWEST = 5


@dataclass(frozen=True)
class Port:
    """An input or output: its element type, and its dimensions, None for those that are free."""

    name: str
    element: int
    shape: tuple[int | None, ...] | None  # None: not told

    @property
    def flat(self) -> bool:
        """Whether it is [N]."""
        return self.shape is None or len(self.shape) == 1

    @property
    def said(self) -> str:
        dimensions = "?" if self.shape is None else ", ".join("N" if one is None else str(one) for one in self.shape)
        return f'"{self.name}" ({TensorProto.DataType.Name(self.element).lower()} [{dimensions}])'


@dataclass(frozen=True)
class ForeignModel:
    """A model with one answer: `native` as it came, `raised` at the version of our graphs."""

    native: bytes
    raised: bytes
    inputs: tuple[Port, ...]
    output: Port

    @cached_property
    def _session(self) -> Any:
        return session(self.native)

    def run(self, feed: dict[str, NDArray[Any]]) -> NDArray[Any]:
        """ArtifactError when it does not take what its inputs say."""
        try:
            found: NDArray[Any] = self._session.run([self.output.name], feed)[0]
        except Exception as error:
            raise ArtifactError(f"the model can't be run: {str(error).splitlines()[0][:300]}", where=WHERE) from error
        return found


def read_foreign(content: bytes, output: str | None) -> ForeignModel:
    """ArtifactError, with what the model has, when it can't be adopted. `output` names the answer where several are."""
    if has_external_data(content):
        raise ArtifactError(
            "the model keeps weights in other files (or is no ONNX model)",
            where=WHERE,
            hint="save it with all weights inside: onnx.save(onnx.load(FILE), OTHER)",
        )
    try:
        model = onnx.load_from_string(content)
        onnx.checker.check_model(model)
    except Exception as error:
        raise ArtifactError(f"not an ONNX model: {str(error).splitlines()[0][:300]}", where=WHERE) from error
    unknown = {entry.domain for entry in model.opset_import} - DOMAINS
    if unknown:
        raise ArtifactError(
            f"it uses operators of {', '.join(sorted(unknown))}, which nothing here can run", where=WHERE
        )
    if model.functions:
        from onnx import inliner

        model = inliner.inline_local_functions(model)
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = tuple(_port(value) for value in model.graph.input if value.name not in constants)
    chosen = _answering(model, output)
    return ForeignModel(model.SerializeToString(), _raised(model).SerializeToString(), inputs, chosen)


def _answering(model: onnx.ModelProto, wanted: str | None) -> Port:
    """The one answer, left as the only output; what a ZipMap names is taken as the matrix that it comes from."""
    producers = {name: node for node in model.graph.node for name in node.output}
    ports: dict[str, Port] = {}
    for value in model.graph.output:
        producer = producers.get(value.name)
        if producer is not None and producer.op_type == "ZipMap":
            ports[value.name] = Port(producer.input[0], TensorProto.FLOAT, (None, len(_zipped(producer))))
        elif value.type.HasField("tensor_type"):
            ports[value.name] = _port(value)
    usable = {name: port for name, port in ports.items() if port.element in (TensorProto.FLOAT, TensorProto.DOUBLE)}
    said = ", ".join(port.said for port in ports.values()) or "none that is a tensor"
    if wanted is not None and wanted not in usable:
        raise ArtifactError(f'no output "{wanted}" of numbers; it has {said}', where="train.model.output")
    if wanted is None and len(usable) != 1:
        hint = "name the one that answers: output: NAME" if usable else "export it with an output of numbers"
        raise ArtifactError(f"{len(usable)} of its outputs are numbers; it has {said}", where=WHERE, hint=hint)
    port = usable[wanted] if wanted is not None else next(iter(usable.values()))
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info(port.name, port.element, None))
    return port


def _zipped(node: onnx.NodeProto) -> Sequence[Any]:
    labels = [helper.get_attribute_value(entry) for entry in node.attribute if entry.name.startswith("classlabels")]
    return next((found for found in labels if found), [])


def _port(value: onnx.ValueInfoProto) -> Port:
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return Port(value.name, tensor.elem_type, None)
    sizes = (one.dim_value if one.HasField("dim_value") and one.dim_value > 0 else None for one in tensor.shape.dim)
    return Port(value.name, tensor.elem_type, tuple(sizes))


def _raised(model: onnx.ModelProto) -> onnx.ModelProto:
    versions = {entry.domain or "ai.onnx": entry.version for entry in model.opset_import}
    version = versions.get("ai.onnx", OPSET)
    if version > OPSET or versions.get(ML, 1) > ML_NEWEST:
        raise ArtifactError(
            f"its operators are of opset {version}, newer than {OPSET}",
            where=WHERE,
            hint=f"export it with opset {OPSET}",
        )
    if version == OPSET:
        return model
    try:
        return onnx.version_converter.convert_version(model, OPSET)
    except Exception as error:
        raise ArtifactError(
            f"its operators are of opset {version}, and some can't be raised to {OPSET}: {str(error)[:200]}",
            where=WHERE,
            hint=f"export it with opset {OPSET}",
        ) from error
