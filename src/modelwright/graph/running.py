"""Runs a compiled graph. Needs ONNX Runtime only, so that a server carries no `onnx`.

One thread per session, spinning off: more threads changed the last bits of results and gained nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from modelwright.core.errors import ArtifactError
from modelwright.graph import encoders
from modelwright.graph.containment import has_external_data
from modelwright.graph.layout import METADATA, TYPE_OF, Layout

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before the import: it writes to the home folder and opens connections
import onnxruntime

if TYPE_CHECKING:
    import pyarrow as pa

CPU = "CPUExecutionProvider"
CHUNK = 8192
WIDE_CHUNK = 512  # where texts are cut into tokens (each row is as wide as the longest), or rows meet stored rows
SETS = b"membership_values"  # in graphs whose rows become wide on their way to the trees (see `set_columns`)
SETS_BLOCK = 128  # rows of them that stay in the processor's cache
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

Outputs = dict[str, NDArray[Any]]


def session(model: bytes, providers: Sequence[str] | None = None) -> Any:
    """An ONNX Runtime session, the same for each graph that is ever run. ArtifactError when it can't be loaded."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        made = onnxruntime.InferenceSession(
            model,
            options,
            providers=[*(one for one in providers or () if one != CPU), CPU],
            disabled_optimizers=INEXACT,
        )
    except Exception as error:
        raise ArtifactError(f"the graph can't be loaded: {str(error).splitlines()[0][:300]}") from error
    made.disable_fallback()  # a call that fails is not tried elsewhere behind our back
    return made


class Scorer:
    """A loaded graph. `inputs` are its columns and their types, `outputs` what it answers.

    `packed` says where the columns are when the graph takes matrices of them (see `packing`).
    """

    def __init__(self, model: bytes, providers: Sequence[str] | None = None) -> None:
        """From bytes that were verified; ArtifactError when they are no graph or want other files.

        `providers` are ONNX Runtime's names of what else may run it, first come first served; the processor is last.
        """
        if has_external_data(model):
            raise ArtifactError(
                "the graph keeps weights in other files; only graphs with all weights inside are loaded"
            )
        self._session = session(model, providers)
        self.chunk = WIDE_CHUNK if b"Tokenizer" in model or WIDE_NODE.encode() in model else CHUNK
        self._block = SETS_BLOCK if SETS in model else None
        columns = self._session.get_modelmeta().custom_metadata_map.get(METADATA)
        self.packed = Layout(json.loads(columns)) if columns else None
        if self.packed:
            self.inputs = {name: TYPE_OF[kind] for name, (kind, _) in self.packed.places.items()}
        else:
            self.inputs = {value.name: COLUMN_TYPES[value.type] for value in self._session.get_inputs()}
        answered = {value.name: value.shape for value in self._session.get_outputs()}
        self.outputs: tuple[str, ...] = tuple(answered)
        self.providers = tuple(self._session.get_providers())
        self.widths = {name: shape[1] if len(shape) > 1 else None for name, shape in answered.items()}  # K of [N, K]

    def run(self, feed: Mapping[str, NDArray[Any]], outputs: Sequence[str] | None = None) -> Outputs:
        """All outputs (or those named) for what the graph takes: encoded columns (see `encoders`) or matrices."""
        wanted = self.outputs if outputs is None else outputs
        if self._block is None or (rows := len(next(iter(feed.values()), ()))) <= self._block:
            return dict(zip(wanted, self._session.run(wanted, feed), strict=True))
        blocks = (
            {name: values[start : start + self._block] for name, values in feed.items()}
            for start in range(0, rows, self._block)
        )
        found = zip(*(self._session.run(wanted, block) for block in blocks), strict=True)
        return dict(zip(wanted, map(np.concatenate, found), strict=True))

    def feed(self, encoded: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        """What the graph takes, of encoded columns."""
        return self.packed.pack(encoded) if self.packed else encoded

    def run_table(self, table: pa.Table | pa.RecordBatch, chunk: int | None = None) -> Outputs:
        """All outputs for an Arrow table that has (at least) the input columns, computed chunk by chunk."""
        return self.run_columns(
            lambda start, size: self.feed(encoders.feed(self.inputs, table.slice(start, size))), len(table), chunk
        )

    def run_columns(
        self, feed_rows: Any, rows: int, chunk: int | None = None, outputs: Sequence[str] | None = None
    ) -> Outputs:
        """All outputs (or those named) for `rows` rows; `feed_rows(start, size)` gives what the graph takes of some."""
        collected: Outputs = {}
        chunk = chunk or self.chunk
        for start in range(0, max(rows, 1), chunk):
            size = min(chunk, rows - start)
            for name, values in self.run(feed_rows(start, size), outputs).items():
                if name not in collected:
                    collected[name] = np.empty((rows, *values.shape[1:]), values.dtype)
                collected[name][start : start + size] = values
        return collected


def available_providers() -> tuple[str, ...]:
    """What this build of ONNX Runtime knows; whether it works is seen when a graph is loaded."""
    return tuple(onnxruntime.get_available_providers())
