"""What the Open Inference Protocol tells of a server and its model: metadata, configuration, index and statistics."""

from __future__ import annotations

from typing import Any

from modelwright import __version__
from modelwright.serving.metrics import Metrics
from modelwright.serving.protocols.inference_protocol import DATATYPES, datatype_of
from modelwright.serving.signature import Output, Signature
from modelwright.serving.traffic.routes import Route, Router

EXTENSIONS = ("binary_tensor_data", "model_configuration", "model_repository", "statistics")
CONFIG_TYPES = {"FP64": "TYPE_FP64", "INT64": "TYPE_INT64", "BOOL": "TYPE_BOOL", "BYTES": "TYPE_STRING"}
TRACING = {"trace_level": ["OFF"], "trace_rate": "0", "trace_count": "-1", "log_frequency": "0"}
LOGGING = {"log_file": "", "log_info": False, "log_warning": True, "log_error": True, "log_verbose_level": 0}


def server() -> dict[str, Any]:
    return {"name": "modelwright", "version": __version__, "extensions": list(EXTENSIONS)}


def model(signature: Signature, versions: list[int]) -> dict[str, Any]:
    """Context columns are left out: they may be sent, but are not scored."""
    return {
        "name": signature.name,
        "versions": [str(version) for version in versions],
        "platform": "onnx_onnxv1",
        "inputs": [
            {"name": field.name, "datatype": DATATYPES[field.type][0], "shape": [-1]} for field in signature.inputs
        ],
        "outputs": [
            {"name": output.name, "datatype": datatype_of(output), "shape": [-1, *_width(output)]}
            for output in signature.outputs
        ],
    }


def config(signature: Signature, versions: list[int]) -> dict[str, Any]:
    """`max_batch_size` 0: shapes are told in full, the rows among them."""
    return {
        "name": signature.name,
        "platform": "onnxruntime_onnx",
        "backend": "onnxruntime",
        "version_policy": {"specific": {"versions": versions}},
        "max_batch_size": 0,
        "input": [
            {"name": field.name, "data_type": CONFIG_TYPES[DATATYPES[field.type][0]], "dims": [-1]}
            for field in signature.inputs
        ],
        "output": [
            {"name": output.name, "data_type": CONFIG_TYPES[datatype_of(output)], "dims": [-1, *_width(output)]}
            for output in signature.outputs
        ],
    }


def index(router: Router, ready: bool) -> list[dict[str, str]]:
    state = "READY" if ready else "UNAVAILABLE"
    return [
        {"name": router.first.model.name, "version": str(version), "state": state}
        for version in sorted(router.by_version)
    ]


def statistics(router: Router, metrics: Metrics, route: Route | None) -> dict[str, Any]:
    """Rows and requests answered by each version, or by one; times are in /metrics."""
    versions = [route.model.version] if route else sorted(router.by_version)
    found = []
    for version in versions:
        rows = metrics.count("rows_total", version=version)
        requests = metrics.count("model_requests_total", version=version)
        about = {"name": router.first.model.name, "version": str(version)}
        found.append({**about, "inference_count": rows, "execution_count": requests})
    return {"model_stats": found}


def _width(output: Output) -> list[int]:
    return [] if output.width is None else [output.width]
