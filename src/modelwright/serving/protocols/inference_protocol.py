"""The Open Inference Protocol (V2, REST): tensors by column instead of rows, for clients that speak it already.

https://github.com/kserve/open-inference-protocol, with the binary tensor extension in both directions. A column is a
tensor of shape [N] or [N, 1]: FP64 or INT64 for numbers (any number type is taken), BOOL, and BYTES for text,
categories and RFC 3339 timestamps.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from modelwright.core.names import did_you_mean
from modelwright.serving.http import Answer
from modelwright.serving.layout import Rows
from modelwright.serving.model import Scored, ServedModel
from modelwright.serving.protocols import binary_tensors
from modelwright.serving.refusals import RequestError, not_json
from modelwright.serving.requests import refuse_duplicate_keys
from modelwright.serving.signature import Field, Output, Signature

Scalar = bool | float | str | None
Parameters = dict[str, Scalar]

NUMBERS = frozenset(
    {"BF16", "FP16", "FP32", "FP64", *(f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64))}
)
DATATYPES = {
    "number": ("FP64", NUMBERS),
    "integer": ("INT64", NUMBERS),
    "boolean": ("BOOL", frozenset({"BOOL"})),
    "category": ("BYTES", frozenset({"BYTES"})),
    "text": ("BYTES", frozenset({"BYTES"})),
    "timestamp": ("BYTES", frozenset({"BYTES"})),
}
HEADER_LENGTH = b"inference-header-content-length"
OCTETS = b"application/octet-stream"


class Tensor(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    shape: list[int]
    datatype: str
    data: list[Scalar | list[Scalar]] | UnsetType = UNSET
    parameters: Parameters | UnsetType = UNSET


class RequestedOutput(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    parameters: Parameters | UnsetType = UNSET


class InferRequest(msgspec.Struct, forbid_unknown_fields=True):
    inputs: list[Tensor]
    id: str | UnsetType = UNSET
    parameters: Parameters | UnsetType = UNSET
    outputs: list[RequestedOutput] | UnsetType = UNSET


class Inference:
    """One request: its tensors, and the raw values behind the JSON of those that are binary."""

    def __init__(self, request: InferRequest, raw: Mapping[int, bytes | memoryview]) -> None:
        """`raw` holds the values of those inputs, by their number, that are not in `data`."""
        self.request, self._raw = request, raw

    @classmethod
    def of_body(cls, body: bytes, header_length: bytes | None = None) -> Inference:
        """RequestError when the form is wrong; names and values are looked at by `rows`."""
        place = _header_length(header_length, len(body))
        request = _decoded(body[:place])
        raw: dict[int, memoryview] = {}
        for number, tensor in enumerate(request.inputs):
            if (size := _binary_size(tensor)) is None:
                continue
            if size > len(body) - place:
                words = f"binary_data_size {size} runs past the end of the body ({len(body) - place} bytes are left)"
                raise RequestError(422, f"{tensor.name[:80]}: {words}", field=tensor.name)
            raw[number] = memoryview(body)[place : place + size]
            place += size
        if place != len(body):
            raise RequestError(422, f"{len(body) - place} bytes follow the last binary tensor")
        return cls(request, raw)

    @property
    def id(self) -> str | None:
        return None if self.request.id is UNSET else self.request.id

    def rows(self, model: ServedModel) -> Rows:
        """The tensors as rows of the model's signature."""
        self._check_outputs(model.signature)
        tensors = self.request.inputs
        counts = [_count(tensor) for tensor in tensors]
        plain = {number: _flat(tensor) for number, tensor in enumerate(tensors) if number not in self._raw}
        if len(set(counts)) > 1:
            found = {tensor.name[:80]: count for tensor, count in zip(tensors[:5], counts, strict=False)}
            raise RequestError(422, f"the inputs disagree on the number of rows: {found}")
        numbered = {tensor.name: number for number, tensor in enumerate(tensors)}
        return model.by_column.read(
            [tensor.name for tensor in tensors],
            counts[0] if counts else 0,
            lambda field: self._encoded(model, field, numbered[field.name], plain),
        )

    def answer(self, model: ServedModel, scored: Scored) -> Answer:
        """All outputs, or those that were asked for; as JSON, or raw behind it where that was asked for."""
        by_default = bool((self.request.parameters or {}).get("binary_data_output"))
        described, raw = [], []
        for output, values in self.outputs(model, scored):
            tensor: dict[str, Any] = {"name": output.name, "datatype": datatype_of(output), "shape": list(values.shape)}
            if self._parameters_of(output).get("binary_data", by_default):
                raw.append(binary_tensors.raw_of(datatype_of(output), values))
                tensor["parameters"] = {"binary_data_size": len(raw[-1])}
            else:
                tensor["data"] = values.ravel().tolist()
            described.append(tensor)
        content = {"model_name": model.name, "model_version": str(model.version), "outputs": described}
        head = msgspec.json.encode(content if self.id is None else {**content, "id": self.id})
        if not raw:
            return Answer(head)
        return Answer(b"".join((head, *raw)), 200, OCTETS, ((HEADER_LENGTH, b"%d" % len(head)),))

    def outputs(self, model: ServedModel, scored: Scored) -> list[tuple[Output, NDArray[Any]]]:
        """All of them, or those that were asked for."""
        asked = {output.name for output in self.request.outputs or ()}
        found = [output for output in model.signature.outputs if not asked or output.name in asked]
        return [(output, scored.answers[output.name]) for output in found]

    def _parameters_of(self, output: Output) -> Parameters:
        return next((one.parameters or {} for one in self.request.outputs or () if one.name == output.name), {})

    def _encoded(self, model: ServedModel, field: Field, number: int, plain: dict[int, list[Scalar]]) -> NDArray[Any]:
        tensor, reader = self.request.inputs[number], model.by_column
        preferred, taken = DATATYPES[field.type]
        if tensor.datatype not in taken:
            text = f"{field.name}: datatype {tensor.datatype[:20]!r}, expected {preferred}"
            raise RequestError(422, text, field=field.name)
        if number in plain:
            return reader.values(field, plain[number])
        count, raw = _count(tensor), self._raw[number]
        if tensor.datatype != "BYTES":
            return reader.numbers(field, binary_tensors.numbers(field.name, tensor.datatype, raw, count))
        texts = reader.texts(field, binary_tensors.texts(field.name, raw, count))
        return texts if field.textual else reader.values(field, [text or None for text in texts.tolist()])

    def _check_outputs(self, signature: Signature) -> None:
        known = [output.name for output in signature.outputs]
        for wanted in self.request.outputs or ():
            name = wanted.name[:80]
            if wanted.name not in known:
                raise RequestError(422, f"outputs: no output {name!r}{did_you_mean(name, known)}", field=wanted.name)
            if unknown := set(wanted.parameters or ()) - {"binary_data"}:
                words = f"outputs: the parameter {sorted(unknown)[0][:80]!r} of {name!r} is not supported"
                raise RequestError(422, words, field=wanted.name)


def datatype_of(output: Output) -> str:
    return DATATYPES[output.type][0]


_decoder = msgspec.json.Decoder(InferRequest)


def _decoded(content: bytes) -> InferRequest:
    try:
        request = _decoder.decode(content)
    except msgspec.ValidationError as error:
        raise _misformed(str(error), content) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise not_json(error, content) from error
    refuse_duplicate_keys(content, request)
    return request


def _misformed(complaint: str, content: bytes) -> RequestError:
    """Names the tensor at fault, which msgspec knows by its number."""
    words, name = complaint.replace("`", ""), None
    try:
        if found := re.search(r"\$\.inputs\[(\d+)\]", complaint):
            name = msgspec.json.decode(content)["inputs"][int(found[1])]["name"]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:  # damaged further on
        return not_json(error, content)
    except (LookupError, TypeError):  # it has no name, or `inputs` is given twice
        pass
    if not isinstance(name, str):
        return RequestError(422, words)
    return RequestError(422, f"{name[:80]}: {words}", field=name)


def _header_length(given: bytes | None, whole: int) -> int:
    """Where the JSON ends; without the header the whole body is JSON."""
    if given is None:
        return whole
    if not given.isdigit() or len(given) > 18 or int(given) > whole:
        raise RequestError(400, f"Inference-Header-Content-Length must be 0 to {whole}, the length of the body")
    return int(given)


def _binary_size(tensor: Tensor) -> int | None:
    """RequestError when it has no data at all, or data twice."""
    size = (tensor.parameters or {}).get("binary_data_size")
    if (unknown := set(tensor.parameters or ()) - {"binary_data_size"}) and any("memory" in name for name in unknown):
        raise RequestError(422, f"{tensor.name[:80]}: shared memory is not supported", field=tensor.name)
    if (size is None) == (tensor.data is UNSET):
        what = "has no data" if size is None else "has both data and binary_data_size"
        raise RequestError(422, f"{tensor.name[:80]}: {what}", field=tensor.name)
    if size is None:
        return None
    if isinstance(size, bool | str) or size < 0 or size != int(size):
        raise RequestError(422, f"{tensor.name[:80]}: binary_data_size is not a number of bytes", field=tensor.name)
    return int(size)


def _count(tensor: Tensor) -> int:
    shape = tensor.shape
    if len(shape) not in (1, 2) or shape[0] < 0 or shape[1:] not in ([], [1]):
        text = f"{tensor.name[:80]}: shape {shape[:4]}, expected [N] or [N, 1]"
        raise RequestError(422, text, field=tensor.name)
    return shape[0]


def _flat(tensor: Tensor) -> list[Scalar]:
    values: list[Scalar] = []
    for value in tensor.data or ():
        values += value if isinstance(value, list) else (value,)
    if len(values) != tensor.shape[0]:
        text = f"{tensor.name}: shape {tensor.shape[:4]} does not fit {len(values)} values"
        raise RequestError(422, text, field=tensor.name)
    return values
