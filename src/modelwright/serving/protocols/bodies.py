"""The bodies that `POST /predict` takes and answers with: rows as JSON, and CSV or an Arrow stream for many rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from numpy.typing import NDArray

from modelwright.serving.http import Answer
from modelwright.serving.layout import Rows
from modelwright.serving.model import Scored, ServedModel
from modelwright.serving.refusals import RequestError

CSV = b"text/csv"
ARROW = b"application/vnd.apache.arrow.stream"


@dataclass(frozen=True)
class Body:
    """How a body is read for a model, and how its answer is written."""

    rows: Callable[[ServedModel, bytes], Rows]
    answer: Callable[[ServedModel, Scored, str], Answer]


def body_of(content_type: bytes) -> Body:
    """By `Content-Type`; what is neither CSV nor Arrow is read as JSON. RequestError 415 for text that is not UTF-8."""
    kind, _, parameters = content_type.lower().partition(b";")
    if kind.strip() == CSV:
        charset = parameters.replace(b" ", b"").replace(b'"', b"").partition(b"charset=")[2].partition(b";")[0]
        if charset not in (b"", b"utf-8", b"utf8", b"us-ascii"):
            raise RequestError(415, "Content-Type: send CSV in UTF-8")
        return Body(_csv_rows, _csv_answer)
    return Body(_arrow_rows, _arrow_answer) if kind.strip() == ARROW else JSON


def about(model: ServedModel) -> tuple[tuple[bytes, bytes], ...]:
    """What JSON says in the body, as headers."""
    return ((b"x-model", model.name.encode()), (b"x-model-version", b"%d" % model.version))


def answered(model: ServedModel, scored: Scored) -> dict[str, tuple[str, NDArray[Any]]]:
    """The columns of an answer with their types: the row's id where the model has one, and each output."""
    found: dict[str, tuple[str, NDArray[Any]]] = {}
    if (known := model.signature.id_field) is not None:
        field = next(field for field in model.signature.context if field.name == known)
        found[known] = (field.type, scored.rows.column(known))
    for output in model.signature.outputs:
        values = scored.answers[output.name]
        parts = [values] if output.labels is None else list(values.T)
        found |= {name: (output.type, part) for name, part in zip(output.columns, parts, strict=True)}
    return found


def _json_rows(model: ServedModel, body: bytes) -> Rows:
    return model.decoder.decode(body)


def _json_answer(model: ServedModel, scored: Scored, request_id: str) -> Answer:
    content = msgspec.json.encode({"model": model.name, "version": model.version, "request_id": request_id})
    return Answer(b'%b,"predictions":[%b]}' % (content[:-1], b",".join(model.written(scored))))


def _csv_rows(model: ServedModel, body: bytes) -> Rows:
    from modelwright.serving.protocols.csv_body import rows

    return rows(model.by_column, body)


def _csv_answer(model: ServedModel, scored: Scored, request_id: str) -> Answer:
    from modelwright.serving.protocols.csv_body import written

    return Answer(written(answered(model, scored)), 200, CSV + b"; charset=utf-8", about(model))


def _arrow_rows(model: ServedModel, body: bytes) -> Rows:
    from modelwright.serving.protocols.arrow_body import rows

    return rows(model.by_column, body)


def _arrow_answer(model: ServedModel, scored: Scored, request_id: str) -> Answer:
    from modelwright.serving.protocols.arrow_body import written

    return Answer(written(answered(model, scored)), 200, ARROW, about(model))


JSON = Body(_json_rows, _json_answer)
