"""Shows on real rows that a bundle answers as it should: against what was evaluated, and request by request."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from modelwright.graph.parity import difference
from modelwright.serving.model import ServedModel
from modelwright.serving.rows import accepted, json_rows

if TYPE_CHECKING:
    import pyarrow as pa

BATCHES = (1, 4, 16, 64, 256, 1024)
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
                largest = max(largest, difference(alone.answers[name], values[number : number + 1]))
    return largest


def table_difference(model: ServedModel, rows: pa.Table, predictions: pa.Table) -> float:
    """The largest difference between scoring the rows and the predictions that were written down for them."""
    if predictions.num_rows != rows.num_rows:
        return float("inf")
    found = model.score_table(rows)
    largest = 0.0
    for output in model.signature.outputs:
        columns = [predictions.column(name).to_numpy() for name in output.columns]
        expected = columns[0] if output.labels is None else np.stack(columns, axis=1)
        largest = max(largest, difference(found[output.name], expected))
    return largest


def largest_prediction(model: ServedModel, rows: pa.Table) -> float:
    """What differences are to be seen beside; probabilities are never above 1."""
    scored = model.score_table(rows)
    names = [output.name for output in model.signature.outputs if output.type == "number"]
    return max((float(np.abs(_finite(scored[name])).max(initial=0.0)) for name in names), default=0.0)


def _finite(values: NDArray[Any]) -> NDArray[Any]:
    found: NDArray[Any] = values[np.isfinite(values)]
    return found


def latency(model: ServedModel, rows: pa.Table, resident_before: float) -> dict[str, Any]:
    """For several batch sizes: median microseconds of a call of the graph, on this machine, and what memory it took."""
    found = {}
    loaded = resident_mb() - resident_before
    for size in BATCHES:
        feed = model.feed(rows.take(np.arange(size) % rows.num_rows))
        times: list[int] = []
        until = time.perf_counter() + BUDGET_S
        while len(times) < 5 or time.perf_counter() < until:
            started = time.perf_counter_ns()
            model.run(feed)
            times.append(time.perf_counter_ns() - started)
        median_us = float(np.median(times)) / 1000
        found[str(size)] = {
            "us": round(median_us, 1),
            "us_per_row": round(median_us / size, 2),
            "runs": len(times),
            "memory_mb": round(max(0.0, resident_mb() - resident_before), 1),
        }
    return {"batches": found, "loaded_mb": round(max(0.0, loaded), 1)}


def resident_mb() -> float:
    """Memory of this process now; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
