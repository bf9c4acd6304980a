"""Shows on real rows that a bundle answers as it should: against what was evaluated, and request by request."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from modelwright.graph.parity import difference
from modelwright.serving.model import ServedModel
from modelwright.serving.rows import accepted, json_rows
from modelwright.serving.signature import probability_column

if TYPE_CHECKING:
    import pyarrow as pa

BATCHES = (1, 16, 128, 1024)
BUDGET_S = 0.05  # for each batch size


def request_difference(model: ServedModel, rows: pa.Table) -> float:
    """The largest difference between scoring the table and asking for each row alone, as a client would."""
    inputs = model.signature.inputs
    whole = model.score_table(rows)
    largest = 0.0
    for number, row in enumerate(json_rows(rows, inputs)):
        if accepted(row, inputs):
            alone = model.score(model.decoder.convert([row]))
            for name, values in whole.items():
                answered = alone.prediction if name == "prediction" else alone.probability
                largest = max(largest, difference(np.asarray(answered), values[number : number + 1]))
    return largest


def table_difference(model: ServedModel, rows: pa.Table, predictions: pa.Table) -> float:
    """The largest difference between scoring the rows and the predictions that were written down for them."""
    if predictions.num_rows != rows.num_rows:
        return float("inf")
    found = model.score_table(rows)
    expected = {"prediction": predictions.column("prediction").to_numpy()}
    if model.signature.classes:
        columns = [predictions.column(probability_column(label)).to_numpy() for label in model.signature.classes]
        expected["probability"] = np.stack(columns, axis=1)
    return max(difference(found[name], values) for name, values in expected.items())


def largest_prediction(model: ServedModel, rows: pa.Table) -> float:
    """What differences are to be seen beside; 1 for classes."""
    predicted = model.score_table(rows)["prediction"]
    return 1.0 if model.signature.classes else float(np.abs(predicted[np.isfinite(predicted)]).max(initial=0.0))


def latency(model: ServedModel, rows: pa.Table) -> dict[str, Any]:
    """Median microseconds of the graph for several batch sizes, on this machine."""
    found = {}
    for size in BATCHES:
        feed = model.feed(rows.take(np.arange(size) % rows.num_rows))
        times: list[int] = []
        until = time.perf_counter() + BUDGET_S
        while len(times) < 5 or time.perf_counter() < until:
            started = time.perf_counter_ns()
            model.run(feed)
            times.append(time.perf_counter_ns() - started)
        median_us = float(np.median(times)) / 1000
        found[str(size)] = {"us": round(median_us, 1), "us_per_row": round(median_us / size, 2), "runs": len(times)}
    return found
