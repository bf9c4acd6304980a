"""What every feature step makes of a row sent as JSON is, to the last bit, what it makes of it in a batch."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pyarrow as pa
import pytest

from contracts.test_steps import ARROW, Case, every_step, learn_of, schema, table
from modelwright.core.columns import Schema
from modelwright.core.outputs import Output
from modelwright.fitting.features import FittedFeatures
from modelwright.serving.model import ServedModel
from modelwright.serving.rows import json_rows
from modelwright.serving.settings import Limits
from modelwright.serving.signature import signature_of

INDIA = timezone(timedelta(hours=5, minutes=30))
ODD: dict[str, list[Any]] = {
    "number": [None, 0.0, -0.0, 5e-324, 1e-9, 0.1, -3.25, 2.0**53 + 2, -1e12, 1e15, 7, 12345.678901234567],
    "text": [
        *(None, "", " ", "red", "RED", "red ", "Ünïcode", "U\u0308ni\u0308code", "never seen", "it's", 'a"b\\c'),
        *(
            "\u0301\U0001f600",
            "ﬁne ＲＥＤ",
            "İstanbul ǅ ß",
            "нуль\u0000",
            "a\nb\tc",
            "\ufeff\u202e",
            "red green " * 300,
        ),
    ],
    "timestamp": [
        *(None, datetime(1970, 1, 1, tzinfo=UTC), datetime(1900, 2, 28, 23, 59, 59, 999999, UTC)),
        *(datetime(2026, 3, 29, 1, 30, tzinfo=UTC), datetime(2024, 2, 29, 12, tzinfo=INDIA)),
        *(datetime(2100, 12, 31, 23, 0, 0, 1, UTC), datetime(1582, 10, 15, tzinfo=UTC)),
    ],
}
ODD["category"] = ODD["text"]
ROWS = 40


def odd_rows(columns: dict[str, str]) -> pa.Table:
    """Plain rows, and after them rows of odd values: each beside plain ones, and beside other odd ones."""
    plain = table(columns, ROWS, "served", 0.1).to_pydict()
    for place, (name, kind) in enumerate(columns.items()):
        odd = ODD[kind]
        alone = [
            odd[row // len(columns) % len(odd)] if row % len(columns) == place else plain[name][row % ROWS]
            for row in range(len(columns) * len(ODD["text"]))
        ]
        together = [odd[(row * (place + 1) + place) % len(odd)] for row in range(ROWS)]
        plain[name] += [*alone, *together]
    return pa.table({name: pa.array(values, ARROW[columns[name]]) for name, values in plain.items()})


def answered(served: ServedModel, rows: list[dict[str, Any]]) -> bytes:
    decoded = served.decoder.decode(json.dumps({"rows": rows}).encode())
    return served.run(served.feed_rows(decoded))["features"].tobytes()


def served_by(fitted: FittedFeatures, columns: Schema) -> ServedModel:
    outputs = (Output("features", "number", tuple(feature.name for feature in fitted.features)),)
    signature = signature_of(columns, fitted.inputs, name="steps", task="regression", outputs=outputs)
    return ServedModel(signature, fitted.model, version=1, limits=Limits())


@pytest.fixture(scope="module")
def cases() -> dict[str, Case]:
    return {}


@pytest.fixture
def case(kind: str, cases: dict[str, Case]) -> Case:
    if kind not in cases:
        cases[kind] = Case(kind)
    return cases[kind]


@every_step
def test_rows_sent_as_json_give_the_bits_of_the_batch(case: Case) -> None:
    fitted = case.fit(learn_of(case, 0.15))
    rows = odd_rows(case.columns)
    batch = fitted.transform(rows)
    served = served_by(fitted, schema(case.columns))
    sent = json_rows(rows, served.signature.fields)
    for number, row in enumerate(sent):
        assert answered(served, [row]) == batch[number].tobytes(), row
    assert answered(served, sent) == batch.tobytes()
    absent = {name: value for name, value in sent[0].items() if value is not None}
    assert answered(served, [absent]) == batch[0].tobytes()
