"""Reads the small data sets that scikit-learn brings along."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Reader

if TYPE_CHECKING:
    from modelwright.tables.engine import Engine
    from modelwright.tables.reading import Reading

TARGET = "target"
CELL = (
    *("radius", "texture", "perimeter", "area", "smoothness"),
    *("compactness", "concavity", "concave points", "symmetry", "fractal dimension"),
)
COLUMNS: dict[str, tuple[str, ...]] = {  # so that a spec can be checked without importing scikit-learn
    "breast_cancer": (
        *(f"mean {measure}" for measure in CELL),
        *(f"{measure} error" for measure in CELL),
        *(f"worst {measure}" for measure in CELL),
    ),
    "diabetes": ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"),
    "digits": tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8)),
    "iris": ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"),
    "wine": (
        *("alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols", "flavanoids"),
        *(
            "nonflavanoid_phenols",
            "proanthocyanins",
            "color_intensity",
            "hue",
            "od280/od315_of_diluted_wines",
            "proline",
        ),
    ),
}


class Builtin(Reader):
    """Data sets bundled with scikit-learn, for a first try. The column to predict is called `target`."""

    kind: Literal["builtin"] = "builtin"
    name: Literal["breast_cancer", "diabetes", "digits", "iris", "wine"] = Field(description="Which one.")

    example: ClassVar[Mapping[str, Any]] = {"name": "iris"}

    def inputs(self, base: Path) -> list[Path]:
        return []

    def header(self, base: Path) -> list[str]:
        return [*COLUMNS[self.name], TARGET]

    def read(self, engine: Engine, base: Path) -> Reading:
        import pyarrow as pa
        from sklearn import datasets

        from modelwright.tables.sources.arrow_rows import read_arrow

        loaded = getattr(datasets, f"load_{self.name}")()
        labels = loaded.get("target_names", [])
        # Labels that are words are read as words: 0 and 1 would leave open which is malignant.
        words = len(labels) > 0 and isinstance(labels[0], str)
        target = [str(labels[code]) for code in loaded.target] if words else loaded.target
        values = [*(pa.array(column) for column in loaded.data.T), pa.array(target)]
        return read_arrow(engine, pa.table(values, names=self.header(base)), self.name)


PART = Builtin
