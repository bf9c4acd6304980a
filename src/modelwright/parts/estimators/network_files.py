"""A network at rest, in safetensors: its weights, and how rows and targets were encoded when they were learnt."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.core.errors import SpecError
from modelwright.parts.estimators.known_classes import other_classes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from modelwright.graph.piecewise import Encoding
    from modelwright.parts.estimators.dense_layers import Weights
    from modelwright.parts.samples import Start

NAME = "network.safetensors"
WEIGHTS, ENCODING, ORIGINS, TARGET, CODES = "weights/", "encoding/", "encoding/origins", "target", "codes"


@dataclass(frozen=True)
class Kept:
    """`target` is its mean and deviation; `codes` are those of the classes that were learnt."""

    weights: Weights
    encoding: Encoding
    target: tuple[float, float]
    codes: tuple[int, ...]


def write(folder: Path, kept: Kept) -> None:
    import numpy as np
    from safetensors.numpy import save

    arrays: dict[str, NDArray[Any]] = {WEIGHTS + name: array for name, array in kept.weights.items()}
    for field in fields(kept.encoding):
        value = getattr(kept.encoding, field.name)
        arrays[ENCODING + field.name] = _bytes(value) if field.name == "origins" else np.ascontiguousarray(value)
    arrays[TARGET] = np.array(kept.target)
    arrays[CODES] = np.array(kept.codes, np.int64)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NAME).write_bytes(save(arrays))


def read(start: Start) -> Kept:
    """What an earlier run left."""
    from safetensors.numpy import load

    from modelwright.graph.piecewise import Encoding

    arrays = load(start.files[NAME])
    told: dict[str, Any] = {
        name.removeprefix(ENCODING): array for name, array in arrays.items() if name.startswith(ENCODING)
    }
    told["origins"] = tuple(json.loads(told["origins"].tobytes()))
    weights = {name.removeprefix(WEIGHTS): array for name, array in arrays.items() if name.startswith(WEIGHTS)}
    mean, spread = arrays[TARGET].tolist()
    return Kept(weights, Encoding(**told), (mean, spread), tuple(arrays[CODES].tolist()))


def check(kept: Kept, start: Start, shapes: dict[str, tuple[int, ...]], codes: tuple[int, ...]) -> None:
    """SpecError when what is asked for is another network, DataError when it is of other classes."""
    if kept.codes != codes:
        raise other_classes(start)
    if {name: array.shape for name, array in kept.weights.items()} != shapes:
        raise SpecError(
            f"{start.label} is a network of another shape: hidden, layers or members",
            where="train.warm_start",
            hint="use the settings of the earlier run, or train without warm_start",
        )


def _bytes(names: tuple[str, ...]) -> NDArray[np.uint8]:
    import numpy as np

    return np.frombuffer(json.dumps(list(names)).encode(), np.uint8)
