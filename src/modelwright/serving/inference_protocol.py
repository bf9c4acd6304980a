"""The Open Inference Protocol (V2, REST): tensors by column instead of rows, for clients that speak it already.

https://github.com/kserve/open-inference-protocol. A column is a tensor of shape [N] or [N, 1]: FP64 or INT64 for
numbers (any number type is taken), BOOL, and BYTES for text, categories and RFC 3339 timestamps.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from modelwright import __version__
from modelwright.core.names import did_you_mean
from modelwright.serving.model import Scored, ServedModel
from modelwright.serving.refusals import RequestError, not_json
from modelwright.serving.requests import Columns, refuse_duplicate_keys
from modelwright.serving.signature import Field, Output, Signature

Scalar = bool | float | str | None
Parameters = dict[str, Scalar]

NUMBERS = frozenset({"FP16", "FP32", "FP64", *(f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64))})
DATATYPES = {
    "number": ("FP64", NUMBERS),
    "integer": ("INT64", NUMBERS),
    "boolean": ("BOOL", frozenset({"BOOL"})),
    "category": ("BYTES", frozenset({"BYTES"})),
    "text": ("BYTES", frozenset({"BYTES"})),
    "timestamp": ("BYTES", frozenset({"BYTES"})),
}


class Tensor(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    shape: list[int]
    datatype: str
    data: list[Scalar | list[Scalar]]
    parameters: Parameters | UnsetType = UNSET


class RequestedOutput(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    parameters: Parameters | UnsetType = UNSET


class InferRequest(msgspec.Struct, forbid_unknown_fields=True):
    inputs: list[Tensor]
    id: str | UnsetType = UNSET
    parameters: Parameters | UnsetType = UNSET
    outputs: list[RequestedOutput] | UnsetType = UNSET


_decoder = msgspec.json.Decoder(InferRequest)


def decode(body: bytes) -> InferRequest:
    """A request body, its form checked. RequestError otherwise."""
    try:
        request = _decoder.decode(body)
    except msgspec.ValidationError as error:
        raise RequestError(422, str(error).replace("`", "")) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise not_json(error) from error
    refuse_duplicate_keys(body, request)
    return request


def columns(request: InferRequest, model: ServedModel) -> Columns:
    """The tensors as rows of the model's signature, checked by the same decoder as `POST /predict`."""
    fields = {field.name: field for field in model.signature.fields}
    known_outputs = [output.name for output in model.signature.outputs]
    for wanted in request.outputs or ():
        if wanted.name not in known_outputs:
            raise RequestError(
                422, f"outputs: no output {wanted.name[:80]!r}{did_you_mean(wanted.name[:80], known_outputs)}"
            )
    found: dict[str, list[Scalar]] = {}
    for tensor in request.inputs:
        if tensor.name in found:
            raise RequestError(422, f"{tensor.name}: the input is given twice", field=tensor.name)
        if tensor.name in fields:
            _check_datatype(tensor, fields[tensor.name])
        found[tensor.name] = _flat(tensor)
    lengths = {name: len(values) for name, values in found.items()}
    if len(set(lengths.values())) > 1:
        raise RequestError(422, f"the inputs disagree on the number of rows: {dict(list(lengths.items())[:5])}")
    count = next(iter(lengths.values()), 0)
    if count > model.max_rows:  # before the rows are built
        raise RequestError(422, f"expected at most {model.max_rows} rows")
    names = tuple(found)
    return model.decoder.convert([dict(zip(names, row, strict=True)) for row in zip(*found.values(), strict=True)])


def answer(request: InferRequest, model: ServedModel, scored: Scored) -> dict[str, Any]:
    """`prediction` [N] and `probability` [N, K], or those outputs that were asked for."""
    asked = [output.name for output in request.outputs] if request.outputs else None
    outputs = [_output(output, scored) for output in model.signature.outputs if asked is None or output.name in asked]
    content = {"model_name": model.name, "model_version": str(model.version), "outputs": outputs}
    return content if request.id is UNSET else {**content, "id": request.id}


def server_metadata() -> dict[str, Any]:
    return {"name": "modelwright", "version": __version__, "extensions": []}


def model_metadata(signature: Signature, versions: list[int]) -> dict[str, Any]:
    return {
        "name": signature.name,
        "versions": [str(version) for version in versions],
        "platform": "onnx_onnxv1",
        "inputs": [
            {"name": field.name, "datatype": DATATYPES[field.type][0], "shape": [-1]} for field in signature.inputs
        ],
        "outputs": [
            {"name": output.name, "datatype": _datatype(output), "shape": [-1, output.width] if output.width else [-1]}
            for output in signature.outputs
        ],
    }


def _check_datatype(tensor: Tensor, field: Field) -> None:
    preferred, taken = DATATYPES[field.type]
    if tensor.datatype not in taken:
        text = f"{tensor.name}: datatype {tensor.datatype[:20]!r}, expected {preferred}"
        raise RequestError(422, text, field=tensor.name)


def _flat(tensor: Tensor) -> list[Scalar]:
    values: list[Scalar] = []
    for value in tensor.data:
        values += value if isinstance(value, list) else (value,)
    if tensor.shape not in ([len(values)], [len(values), 1]):
        text = f"{tensor.name}: shape {tensor.shape[:4]} does not fit {len(values)} values; expected [N] or [N, 1]"
        raise RequestError(422, text, field=tensor.name)
    return values


def _output(output: Output, scored: Scored) -> dict[str, Any]:
    values = scored.prediction if output.name == "prediction" else scored.probability
    assert values is not None  # the signature says so, and smoke.json was answered
    return {
        "name": output.name,
        "datatype": _datatype(output),
        "shape": list(values.shape),
        "data": values.ravel().tolist(),
    }


def _datatype(output: Output) -> str:
    return DATATYPES[output.type][0]
