"""What the peers of the serving benchmark share: the trained graph in ONNX Runtime, asked with rows as dictionaries."""

import os
from typing import Any

import numpy as np

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(os.environ["BENCH_GRAPH"], options, providers=["CPUExecutionProvider"])
TYPES: dict[str, Any] = {
    one.name: object if one.type == "tensor(string)" else np.float64 for one in session.get_inputs()
}


def score_columns(columns: dict[str, list[Any]]) -> list[list[float]]:
    """The probabilities of the classes, row by row."""
    feed = {name: np.array(columns[name], kind) for name, kind in TYPES.items()}
    found: list[list[float]] = session.run(["probability"], feed)[0].tolist()
    return found


def score(rows: list[dict[str, Any]]) -> list[list[float]]:
    return score_columns({name: [row[name] for row in rows] for name in TYPES})
