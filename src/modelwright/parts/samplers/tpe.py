"""Bayesian search by tree-structured Parzen estimators (Bergstra et al. 2011; Watanabe 2023)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from modelwright.parts.base import Sampler

if TYPE_CHECKING:
    from modelwright.parts.space import Choices, Range


class Tpe(Sampler):
    """Learns from earlier trials where good values lie. The default: best for 20 to a few hundred trials."""

    kind: Literal["tpe"] = "tpe"
    startup: int = Field(10, ge=1, le=1000, description="Random trials before the model of good values is trusted.")
    multivariate: bool = Field(True, description="Model the parameters jointly instead of one by one.")

    def build(self, space: Mapping[str, Range | Choices], seed: int) -> Any:
        import warnings

        from optuna.exceptions import ExperimentalWarning
        from optuna.samplers import TPESampler

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)  # multivariate is marked so, and long in use
            return TPESampler(seed=seed, n_startup_trials=self.startup, multivariate=self.multivariate)


PART = Tpe
