"""Runs a compiled graph. Needs ONNX Runtime only, so that a server carries no `onnx`.

One thread per session, spinning off: more threads changed the last bits of results and gained nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from modelwright.core.errors import ArtifactError
from modelwright.graph import encoders
from modelwright.graph.containment import has_external_data

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before the import: it writes to the home folder and opens connections
import onnxruntime

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK = 8192
WIDE_CHUNK = 512  # where texts are cut into tokens (each row is as wide as the longest), or rows meet stored rows
WIDE_NODE = "stored_rows"  # name of a node that makes a row as wide as there are stored rows
# It drops x / c and x - c where c is 1 or 0 to float32's precision only, so that 1.00000001 would be taken for 1, and
# moves a factor beside a matrix product into the product as a float32.
INEXACT = ["NoopElimination", "MatMulScaleFusion"]
COLUMN_TYPES = {
    "tensor(double)": "number",
    "tensor(float)": "number",
    "tensor(string)": "text",
    "tensor(int64)": "timestamp",
}


class Scorer:
    """A loaded graph. `inputs` are its columns and their types, `outputs` what it answers."""

    def __init__(self, model: bytes) -> None:
        """From bytes that were verified; ArtifactError when they are no graph or want other files."""
        if has_external_data(model):
            raise ArtifactError(
                "the graph keeps weights in other files; only graphs with all weights inside are loaded"
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"], disabled_optimizers=INEXACT
            )
        except Exception as error:
            raise ArtifactError(f"the graph can't be loaded: {str(error).splitlines()[0][:300]}") from error
        self.chunk = WIDE_CHUNK if b"Tokenizer" in model or WIDE_NODE.encode() in model else CHUNK
        self.inputs: dict[str, str] = {value.name: COLUMN_TYPES[value.type] for value in self._session.get_inputs()}
        self.outputs: tuple[str, ...] = tuple(value.name for value in self._session.get_outputs())

    def run(self, feed: Mapping[str, NDArray[Any]], outputs: Sequence[str] | None = None) -> dict[str, NDArray[Any]]:
        """All outputs (or those named) for encoded columns; see `encoders`."""
        wanted = self.outputs if outputs is None else tuple(outputs)
        return dict(zip(wanted, self._session.run(list(wanted), dict(feed)), strict=True))

    def run_table(self, table: pa.Table | pa.RecordBatch, chunk: int | None = None) -> dict[str, NDArray[Any]]:
        """All outputs for an Arrow table that has (at least) the input columns, computed chunk by chunk."""
        return self.run_columns(
            lambda start, size: encoders.feed(self.inputs, table.slice(start, size)), len(table), chunk
        )

    def run_columns(self, feed_rows: Any, rows: int, chunk: int | None = None) -> dict[str, NDArray[Any]]:
        """All outputs for `rows` rows; `feed_rows(start, size)` gives the encoded columns of some."""
        collected: dict[str, NDArray[Any]] = {}
        chunk = chunk or self.chunk
        for start in range(0, max(rows, 1), chunk):
            size = min(chunk, rows - start)
            for name, values in self.run(feed_rows(start, size)).items():
                if name not in collected:
                    collected[name] = np.empty((rows, *values.shape[1:]), values.dtype)
                collected[name][start : start + size] = values
        return collected
