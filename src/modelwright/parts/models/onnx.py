"""Adopts a model that was trained elsewhere, as one ONNX file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field

from modelwright.core.errors import ArtifactError, SpecError
from modelwright.core.names import did_you_mean
from modelwright.parts.base import Model
from modelwright.parts.samples import FitContext, Fitted, Samples

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from modelwright.graph.adopting import ForeignModel, Port
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats

WHERE = "train.model.path"
TOO_LARGE = 2_000_000_000  # bytes that one ONNX message can have
TRIED_ROWS = 20


class Onnx(Model):
    """A model that something else trained, in place of one that is fitted here. Choose it to evaluate, serve and
    monitor what you have, or to compare it with a model of your own rows; features, calibration, thresholds, gates and
    the bundle work as for any other.

    Inputs: one matrix [N, F] takes the features in their order (`features` in model.json lists them); several inputs
    [N] or [N, 1] take the features of their names. Numbers only: text becomes numbers in `prepare.features`, which are
    to be those that it was trained on. Output: values [N] or [N, 1]; of classes the probabilities [N, K], columns in
    the order of the classes by value, or of two classes that of the second. Weights must be inside the file.
    """

    kind: Literal["onnx"] = "onnx"
    path: str = Field(min_length=1, description="ONNX file, relative to the spec.")
    output: str | None = Field(None, description="The output that answers, where several are numbers.")
    sha256: str | None = Field(
        None, pattern=r"^[0-9a-f]{64}$", description="Refuse the file unless its bytes have this digest."
    )

    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "regression"})
    example: ClassVar[Mapping[str, Any]] = {"path": "theirs.onnx"}

    def files(self, base: Path) -> list[Path]:
        path = base / self.path
        if not path.is_file():
            siblings = [one.name for one in path.parent.glob("*.onnx")] if path.parent.is_dir() else []
            message = f"{self.path}: no such file{did_you_mean(path.name, siblings)}"
            raise SpecError(message, where=WHERE, hint="paths are relative to the spec file")
        return [path]

    def at(self, base: Path) -> Self:
        return self.model_copy(update={"path": str(base / self.path)})

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        from modelwright.graph.adopting import read_foreign

        foreign = read_foreign(self._content(), self.output)
        names = [feature.name for feature in context.features]
        columns = _matched(foreign.inputs, names)
        tried = learn.features[:TRIED_ROWS]
        width = _checked_width(foreign, foreign.run(fed(foreign, columns, tried)), len(tried), context.n_classes)
        return FittedOnnx(foreign, columns, context.n_classes, width)

    def _content(self) -> bytes:
        import hashlib

        path = Path(self.path)
        if path.stat().st_size > TOO_LARGE:
            raise ArtifactError(f"{path.name} has more than 2 GB", where=WHERE)
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        if self.sha256 not in (None, digest):
            raise ArtifactError(f"{path.name} has the digest {digest}, not {self.sha256}", where="train.model.sha256")
        return content


def _matched(inputs: Sequence[Port], names: Sequence[str]) -> tuple[int, ...] | None:
    """Which feature each input takes; None for one input that takes them all."""
    from modelwright.graph.adopting import NUMBERS

    said = ", ".join(port.said for port in inputs)
    for port in inputs:
        if port.element not in NUMBERS:
            raise ArtifactError(
                f"its input {port.said} is not of numbers, and features are",
                where=WHERE,
                hint="export the model without its own preparation of text; prepare.features does that here",
            )
    if len(inputs) == 1 and (inputs[0].shape is None or (len(inputs[0].shape) == 2 and inputs[0].shape[1] != 1)):
        wanted = None if inputs[0].shape is None else inputs[0].shape[1]
        if wanted not in (None, len(names)):
            shown = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
            raise ArtifactError(
                f"its input {said} takes {wanted} columns; there are {len(names)} features: {shown}",
                where=WHERE,
                hint="prepare.features is to make the columns that it was trained on, in their order",
            )
        return None
    found = []
    for port in inputs:
        if port.shape is not None and (
            len(port.shape) > 2 or (len(port.shape) == 2 and port.shape[1] not in (1, None))
        ):
            raise ArtifactError(
                f"its input {port.said} is neither one column nor the only input; it has {said}", where=WHERE
            )
        if port.name not in names:
            raise ArtifactError(
                f'no feature is called "{port.name}"{did_you_mean(port.name, names)}; its inputs are {said}',
                where=WHERE,
                hint=f"features: {', '.join(names[:12])}",
            )
        found.append(list(names).index(port.name))
    return tuple(found)


def fed(foreign: ForeignModel, columns: tuple[int, ...] | None, features: Floats) -> dict[str, NDArray[Any]]:
    """What the inputs take of the features [N, F]."""
    from modelwright.graph.adopting import NUMBERS

    if columns is None:
        return {foreign.inputs[0].name: features.astype(NUMBERS[foreign.inputs[0].element])}
    feed = {}
    for port, at in zip(foreign.inputs, columns, strict=True):
        column = features[:, at].astype(NUMBERS[port.element])
        feed[port.name] = column if port.flat else column[:, None]
    return feed


def _checked_width(foreign: ForeignModel, found: NDArray[Any], rows: int, n_classes: int) -> int:
    """How many columns it answers. ArtifactError where that is no value, or are no probabilities."""
    import numpy as np

    width = 1 if found.ndim == 1 else found.shape[-1]
    allowed = {n_classes or 1, 1} if n_classes <= 2 else {n_classes}
    if found.ndim > 2 or len(found) != rows or width not in allowed:
        shape = ", ".join(["N", *(str(size) for size in found.shape[1:])])
        expected = f"probabilities [N, {n_classes}]" if n_classes else "values [N] or [N, 1]"
        raise ArtifactError(f"its output {foreign.output.said} gives [{shape}]; {expected} are wanted", where=WHERE)
    low, high = float(found.min()), float(found.max())
    summed = width == 1 or np.allclose(found.sum(axis=1), 1, atol=1e-4)
    if n_classes and not (low >= -1e-6 and high <= 1 + 1e-6 and summed):
        raise ArtifactError(
            f"its output {foreign.output.said} gives no probabilities: from {low:g} to {high:g}"
            + ("" if summed else ", not summing to 1"),
            where=WHERE,
            hint="name another output, or export the model with its probabilities",
        )
    return int(width)


@dataclass(frozen=True)
class FittedOnnx:
    """`columns` are the features that the inputs take, in their order; None: one input takes the matrix."""

    foreign: ForeignModel
    columns: tuple[int, ...] | None
    n_classes: int
    width: int  # of what it answers: 1 for [N] and [N, 1]
    importance: Mapping[str, float] | None = None
    curve: Sequence[Mapping[str, float]] = ()
    notes: Mapping[str, Any] = field(default_factory=lambda: {"trained": "elsewhere"})

    def predict(self, features: Floats) -> Floats:
        import numpy as np

        found = self.foreign.run(fed(self.foreign, self.columns, features)).astype(np.float64)
        if self.n_classes and self.width == self.n_classes:
            return found
        column = found.reshape(-1)
        return np.stack([1 - column, column], axis=1) if self.n_classes else column

    def compile(self, graph: GraphBuilder, features: str) -> str:
        import numpy as np

        from modelwright.graph import steady
        from modelwright.graph.builder import NUMBER

        bindings = {}
        for place, port in enumerate(self.foreign.inputs):
            tensor = features
            if self.columns is not None:
                at = np.int64(self.columns[place]) if port.flat else np.array([self.columns[place]])
                tensor = graph.op("Gather", features, at, axis=1)
            bindings[port.name] = tensor if port.element == NUMBER else graph.cast(tensor, port.element)
        raw = graph.cast(graph.inline(self.foreign.raised, bindings)[self.foreign.output.name], NUMBER)
        if self.n_classes and self.width == self.n_classes:
            return raw
        column = graph.op("Reshape", raw, np.array([-1]))
        return steady.both_classes(graph, column) if self.n_classes else column

    def save_native(self, folder: Path) -> None:
        """Nothing: the graph is all there is."""


PART = Onnx
