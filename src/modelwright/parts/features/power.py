"""Makes a column as nearly normal as a power can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from modelwright.core.errors import DataError
from modelwright.parts.base import Step
from modelwright.parts.numbers import known, mean_and_scale, moments, too_large
from modelwright.parts.samples import FitColumns, State
from modelwright.parts.selectors import Selector

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats, Target

SAMPLE_ROWS = 200_000  # that choose lambda; its standard error is then far below what a model can tell
ZERO = 2.0**-52  # an exponent nearer to 0 is the logarithm, as in scipy


class Power(Step):
    """A power of each column, chosen by maximum likelihood, takes its skew away; missing values stay missing.

    Choose it before linear models and networks for skewed columns. `yeo_johnson` (Yeo and Johnson, 2000) takes any
    number; `box_cox` (Box and Cox, 1964) numbers above 0 only: learn must have no others, those of new rows become
    missing, as does what gets too large for float64. Lambda comes from at most 200,000 drawn rows, mean and deviation
    from all. A constant column is only standardized. scikit-learn's twin is PowerTransformer.
    """

    kind: Literal["power"] = "power"
    columns: Selector = "numeric"
    method: Literal["yeo_johnson", "box_cox"] = Field(
        "yeo_johnson", description="yeo_johnson takes any number, box_cox numbers above 0."
    )
    standardize: bool = Field(True, description="Mean 0 and standard deviation 1 on learn, after the power.")
    keep: bool = Field(False, description="Keep the columns as they were beside the new ones.")

    def selects(self) -> str | list[str]:
        return self.columns

    def keeps(self) -> bool:
        return self.keep

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        import numpy as np

        power, mean, scale = (np.full(len(columns.names), value) for value in (1.0, 0.0, 1.0))
        for at, name in enumerate(columns.names):
            values = known(columns, name)
            if self.method == "box_cox" and len(values) and values.min() <= 0:
                raise DataError(
                    f'power: "{name}" holds {values.min():g}; box_cox is for numbers above 0',
                    hint="use method: yeo_johnson",
                )
            if not moments(values, name)[2]:
                power[at] = self._best(values, name, columns.seed)
            if self.standardize:
                mean[at], scale[at] = mean_and_scale(self._transformed(values, power[at]), name)
        return {"power": power, "mean": mean, "scale": scale}

    def _best(self, values: Floats, name: str, seed: int) -> float:
        import numpy as np
        from scipy import stats

        if len(values) > SAMPLE_ROWS:
            values = np.random.default_rng(seed).choice(values, SAMPLE_ROWS, replace=False, shuffle=False)
        if np.ptp(values) == 0:
            return 1.0
        find = stats.boxcox if self.method == "box_cox" else stats.yeojohnson
        with np.errstate(all="ignore"):
            try:
                power = float(find(values)[1])
            except ValueError as error:
                raise too_large(name) from error
        if not np.isfinite(power):
            raise too_large(name)
        return power

    def _transformed(self, values: Floats, power: float) -> Floats:
        import numpy as np
        from scipy import special, stats

        transform = special.boxcox if self.method == "box_cox" else stats.yeojohnson
        with np.errstate(all="ignore"):
            transformed: Floats = transform(values, power)
        return transformed

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        from modelwright.graph.blocks import Block
        from modelwright.graph.powers import finite

        compiled = _box_cox if self.method == "box_cox" else _yeo_johnson
        powers = compiled(graph, inputs.matrix(), state["power"])
        if self.standardize:
            powers = graph.op("Div", graph.op("Sub", powers, state["mean"]), state["scale"])
        return [Block(finite(graph, powers), inputs.names)]


def _box_cox(graph: GraphBuilder, matrix: str, power: Floats) -> str:
    import numpy as np

    from modelwright.graph.steady import log_matrix

    positive = graph.op("Greater", matrix, np.float64(0))
    logarithm = log_matrix(graph, graph.op("Where", positive, matrix, np.float64(np.nan)), len(power))
    return _raised(graph, logarithm, power, len(power))


def _yeo_johnson(graph: GraphBuilder, matrix: str, power: Floats) -> str:
    """Below 0: Box-Cox's curve of 1 - x with power 2 - lambda, upside down."""
    import numpy as np

    from modelwright.graph.powers import log1p

    negative = graph.op("Less", matrix, np.float64(0))
    logarithm = log1p(graph, graph.op("Abs", matrix), len(power))
    exponent = graph.op("Where", negative, 2 - power, power)
    curve = _raised(graph, logarithm, exponent, len(power))
    return graph.op("Where", negative, graph.op("Neg", curve), curve)


def _raised(graph: GraphBuilder, logarithm: str, power: Floats | str, width: int) -> str:
    """(x ** power - 1) / power from log x; log x itself where the power is 0."""
    import numpy as np

    from modelwright.graph.powers import expm1

    zero = graph.op("Less", graph.op("Abs", power), np.float64(ZERO))
    divisor = graph.op("Where", zero, np.float64(1), power)
    curve = graph.op("Div", expm1(graph, graph.op("Mul", logarithm, divisor), width), divisor)
    return graph.op("Where", zero, logarithm, curve)


PART = Power
