"""What binary and multiclass classification share: class codes in, labels and probabilities out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelwright.core.columns import Schema
from modelwright.core.errors import DataError
from modelwright.core.spelling import spelling_hint

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.task import Task


def encode_classes(values: Any, schema: Schema) -> NDArray[np.float64]:
    """Arrow labels [N] to codes [N] in the order of `schema.classes`. DataError for a label never seen."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    known = pa.array(list(schema.classes or ()))
    codes = pc.index_in(values.cast(known.type), value_set=known)
    if codes.null_count:
        unseen = pc.unique(values.filter(codes.is_null())).to_pylist()
        label = schema.target.name if schema.target else "target"
        raise DataError(
            f"{label}: {codes.null_count} rows have labels that prepare never saw: {unseen[:5]}",
            hint=f"known classes: {list(schema.classes or ())[:10]}",
        )
    return np.asarray(codes.to_numpy(zero_copy_only=False), dtype=np.float64)


def compile_classes(graph: GraphBuilder, scores: str, schema: Schema) -> None:
    """Outputs `prediction` [N] (the most probable label, ties to the first) and `probability` [N, K]."""
    publish_classes(graph, graph.op("ArgMax", scores, axis=1, keepdims=0), scores, schema)


def publish_classes(graph: GraphBuilder, codes: str, scores: str, schema: Schema) -> None:
    """Outputs `prediction`, the labels of `codes` [N], and `probability` [N, K]."""
    import numpy as np
    from onnx import TensorProto

    classes = list(schema.classes or ())
    if isinstance(classes[0], bool):
        labels, kind = np.array(classes, dtype=np.bool_), TensorProto.BOOL
    elif isinstance(classes[0], int):
        labels, kind = np.array(classes, dtype=np.int64), TensorProto.INT64
    else:
        labels, kind = np.array([str(label) for label in classes], dtype=object), TensorProto.STRING
    graph.output("prediction", graph.op("Gather", graph.constant(labels), codes, axis=0), kind, ["N"])
    graph.output("probability", scores, TensorProto.DOUBLE, ["N", len(classes)])


def positive_code(task: Task, schema: Schema) -> int:
    """Which of two classes metrics and thresholds are about: the second, unless `task.positive` names the first."""
    named = getattr(task, "positive", None)
    return 0 if named is not None and schema.classes is not None and schema.classes[0] == named else 1


def check_classes(schema: Schema, *, at_least: int, at_most: int, otherwise: str) -> None:
    """DataError when the number of classes in learn doesn't fit the task."""
    name = schema.target.name if schema.target else "target"
    classes = schema.classes or ()
    if len(classes) < 2:
        raise DataError(
            f"{name}: the target has {'one class only: ' + repr(classes[0]) if classes else 'no values'}",
            hint="check the target's name, the cleaners and the split; a model needs at least two classes",
        )
    if not at_least <= len(classes) <= at_most:
        hint = spelling_hint(name, map(str, classes)) or otherwise
        raise DataError(f"{name}: the target has {len(classes)} classes: {list(classes)[:5]}", hint=hint)
