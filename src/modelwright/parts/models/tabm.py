"""A neural network of several members that share their weights: slower to train than `mlp`, and more accurate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Model
from modelwright.parts.estimators.networks import SEARCH_SPACE, fit_network, settings_of
from modelwright.parts.estimators.objectives import OBJECTIVE_TEXT, Objective
from modelwright.parts.estimators.trained_networks import BATCH_TEXT, BINS_TEXT, DEVICE_TEXT, ITERATIONS_TEXT, Device
from modelwright.parts.samples import FitContext, Fitted, Samples


class TabM(Model):
    """Several multilayer perceptrons in one that share most of their weights and are averaged (TabM: Gorishniy,
    Kotelnikov and Babenko, ICLR 2025, after BatchEnsemble: Wen, Tran and Ba, ICLR 2020). Choose it where `mlp` does
    well and seconds of training do not count: it takes about `members` / 2 times as long, and overfits less. Install
    torch with `pip install 'modelwright[networks]'`.

    Numbers, categories and missing values are encoded as in `mlp`, in place of learnt embeddings of numbers. It is
    trained in float32 in one thread, so the same rows give the same bits, and predicts in float64. With validation rows
    it keeps the epoch whose loss on them is least.
    """

    kind: Literal["tabm"] = "tabm"
    members: int = Field(8, ge=2, le=64, description="Networks that share their weights.")
    hidden: int = Field(96, ge=4, le=4096, description="Units of each hidden layer.")
    layers: int = Field(2, ge=1, le=8, description="Hidden layers.")
    dropout: float | None = Field(
        None, ge=0, lt=0.9, description="Share of units left out in each step; default: 0.3, of values 0."
    )
    learning_rate: float | None = Field(
        None, gt=0, le=1, description="Of AdamW, at its highest; default: 0.002, of values 0.006."
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
        dropout, rate = (0.3, 2e-3) if context.n_classes else (0.0, 6e-3)
        settings = settings_of(self, dropout=dropout, learning_rate=rate)
        return fit_network(settings, learn, validation, context)


PART = TabM
