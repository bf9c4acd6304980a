"""Golden requests: rows whose answers were written down at export, asked again before a server lets anyone in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from modelwright.core.errors import ArtifactError
from modelwright.serving.model import ServedModel
from modelwright.serving.refusals import RequestError


def smoke(model: ServedModel, rows: Sequence[Mapping[str, Any]], *, tolerance: float) -> dict[str, Any]:
    """`smoke.json`: each row asked alone, since that is how most will be."""
    return {"tolerance": tolerance, "requests": [{"row": dict(row), "answer": _ask(model, row)} for row in rows]}


def check_smoke(model: ServedModel, golden: Mapping[str, Any]) -> float:
    """The largest difference from the golden answers. ArtifactError when it is beyond the bundle's tolerance.

    On the processor and the libraries that the bundle was made with it is 0.
    """
    largest = 0.0
    for number, request in enumerate(golden["requests"]):
        try:
            found = _ask(model, request["row"])
        except RequestError as refusal:
            raise _failed(model, number, f"was refused: {refusal.message}") from refusal
        difference = _difference(request["answer"], found)
        if not difference <= golden["tolerance"]:
            raise _failed(model, number, f"is {found}, should be {request['answer']}")
        largest = max(largest, difference)
    return largest


def _ask(model: ServedModel, row: Mapping[str, Any]) -> dict[str, Any]:
    """Through the same bytes as a request over HTTP."""
    columns = model.decoder.decode(msgspec.json.encode({"rows": [row]}))
    return model.predictions(model.score(columns))[0]


def _difference(expected: Any, found: Any) -> float:
    """Relative above 1, absolute below; infinite where values that are no numbers differ."""
    if isinstance(expected, dict) and isinstance(found, dict) and expected.keys() == found.keys():
        return max((_difference(expected[key], found[key]) for key in expected), default=0.0)
    numbers = isinstance(expected, int | float) and isinstance(found, int | float)
    if not numbers or isinstance(expected, bool) or isinstance(found, bool):
        return 0.0 if expected == found and type(expected) is type(found) else math.inf
    return float(abs(expected - found) / max(1.0, abs(expected)))


def _failed(model: ServedModel, number: int, what: str) -> ArtifactError:
    return ArtifactError(
        f"{model.name} version {model.version} does not answer as when it was exported: golden request {number} {what}",
        hint="the libraries here differ from requirements.lock, or export the model again",
    )
