"""What runs the graph: the processor, or a graphics card where one is wanted and there."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from modelwright.core.errors import ResourceError
from modelwright.graph.running import Scorer, available_providers

logger = logging.getLogger(__name__)

RUNTIME = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
WHY = {
    "cuda": "it needs an NVIDIA card, its driver, CUDA and the package onnxruntime-gpu",
    "tensorrt": "it needs an NVIDIA card, its driver, CUDA, TensorRT and the package onnxruntime-gpu",
}


def opened(model: bytes, wanted: Sequence[str], *, fallback: bool) -> Scorer:
    """The graph on the first provider that takes each node; what none takes runs on the processor.

    ResourceError when one that is wanted is not there, unless `fallback` allows to go on without it.
    """
    there = [name for name in wanted if RUNTIME[name] in available_providers()]
    scorer = Scorer(model, [RUNTIME[name] for name in there] or None)
    missing = [name for name in wanted if RUNTIME[name] not in scorer.providers]
    if missing and not fallback:
        raise ResourceError(
            f"serve.providers: {missing[0]} is not available here: {WHY.get(missing[0], '')}",
            hint="set serve.providers: [cpu], or serve.fallback: true to go on without it",
        )
    if missing:
        logger.warning("serving without %s, which is not available here", ", ".join(missing))
    return scorer
