"""A plain neural network, small and quick to train."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Model
from modelwright.parts.estimators.networks import SEARCH_SPACE, fit_network, settings_of
from modelwright.parts.estimators.objectives import OBJECTIVE_TEXT, Objective
from modelwright.parts.estimators.trained_networks import BATCH_TEXT, BINS_TEXT, DEVICE_TEXT, ITERATIONS_TEXT, Device
from modelwright.parts.samples import FitContext, Fitted, Samples


class MLP(Model):
    """A multilayer perceptron on piecewise-linear encoding (Gorishniy, Rubachev and Babenko, NeurIPS 2022). Choose it
    beside boosted trees: it is as good where effects are smooth, and differs from them, so it helps an average. Install
    torch with `pip install 'modelwright[networks]'`.

    Each number becomes how far it has come through each of its quantile bins, and itself, standardized and flattened
    far out; each frequent category a 0/1 column, which is an embedding in the first layer; missing values a flag. With
    `bins: null` it is quicker, and better where effects are not along single features. It is trained in float32 in one
    thread, so the same rows give the same bits, and predicts in float64. With validation rows it keeps the epoch whose
    loss on them is least.
    """

    kind: Literal["mlp"] = "mlp"
    hidden: int | None = Field(
        None, ge=4, le=4096, description="Units of each hidden layer; default: 128, of values 192."
    )
    layers: int = Field(2, ge=1, le=8, description="Hidden layers.")
    dropout: float | None = Field(
        None, ge=0, lt=0.9, description="Share of units left out in each step; default: 0.4, of values 0."
    )
    learning_rate: float | None = Field(
        None, gt=0, le=1, description="Of AdamW, at its highest; default: 0.001, of values 0.006."
    )
    weight_decay: float = Field(0.03, ge=0, le=10, description="Of AdamW, times the learning rate.")
    epochs: int = Field(24, ge=1, le=10_000, description="Passes over the rows that the learning rate is planned for.")
    iterations: int | None = Field(None, ge=1, le=10_000, description=ITERATIONS_TEXT)
    batch_size: int | None = Field(None, ge=1, le=1_000_000, description=BATCH_TEXT)
    bins: int | None = Field(16, ge=2, le=256, description=BINS_TEXT)
    patience: int | None = Field(8, ge=1, description="Epochs without gain before it stops; null: never.")
    time_limit_s: float | None = Field(
        None, gt=0, le=864_000, description="No epoch starts later; which is the last then depends on the machine."
    )
    objective: Objective = Field("squared_error", description=f"{OBJECTIVE_TEXT} The first four only.")
    quantile: float = Field(0.5, gt=0, lt=1, description="objective: quantile: which one; 0.9 is above 90 % of values.")
    class_weight: Literal["balanced"] | None = Field(
        None, description="balanced: rare classes count as much as others."
    )
    device: Device = Field("cpu", description=DEVICE_TEXT)

    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "regression"})
    seeded: ClassVar[bool] = True
    continues: ClassVar[bool] = True
    folds_in_threads: ClassVar[bool] = True
    search_space: ClassVar[Mapping[str, Any]] = SEARCH_SPACE

    def fit(self, learn: Samples, validation: Samples | None, context: FitContext) -> Fitted:
        hidden, dropout, rate = (128, 0.4, 1e-3) if context.n_classes else (192, 0.0, 6e-3)
        settings = settings_of(self, members=1, hidden=hidden, dropout=dropout, learning_rate=rate)
        return fit_network(settings, learn, validation, context)


PART = MLP
