"""What came of each model of a portfolio: scores with intervals, weights, sizes, times; and what was chosen of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelwright.core.seeds import child_seed
from modelwright.fitting import ensembling, scoring
from modelwright.fitting.members import Member
from modelwright.fitting.portfolio import Portfolio

if TYPE_CHECKING:
    from modelwright.parts.samples import Floats


@dataclass(frozen=True)
class Choice:
    """What the final model is made of, and what that predicts out of fold."""

    members: tuple[Member, ...]
    shares: tuple[float, ...]
    scores: Floats
    why: str

    @property
    def name(self) -> str:
        return self.members[0].name if len(self.members) == 1 else "ensemble"


def leaderboard(portfolio: Portfolio, choice: Choice) -> list[dict[str, Any]]:
    """All that were scored, the best first, then those that were not."""
    metric = portfolio.metric
    shares = {one.name: share for one, share in zip(choice.members, choice.shares, strict=True)}
    entries: list[dict[str, Any]] = [
        {
            "name": one.name,
            "model": one.model.kind,
            "parameters": one.model.model_dump(mode="json", exclude={"kind"}),
            "metric": metric.kind,
            "score": portfolio.intervals[one.name].to_dict(),
            "weight": shares.get(one.name, 0.0),
            "bytes": portfolio.final_bytes(one),
            "us_per_row": round(one.cost.row_us * max(1, len(one.fitted)), 1),
            "not_ranked_because": None,
        }
        for one in portfolio.members
    ]
    if len(choice.members) > 1:
        entries.append(_ensemble_entry(portfolio, choice, entries))
    sign = -1 if metric.direction == "higher" else 1
    entries.sort(key=lambda entry: sign * entry["score"]["value"])
    ranked = [{"rank": place + 1, **entry} for place, entry in enumerate(entries)]
    return ranked + [
        {
            "rank": None,
            "name": candidate.name,
            "model": candidate.model.kind,
            "parameters": candidate.model.model_dump(mode="json", exclude={"kind"}),
            "metric": metric.kind,
            "score": None,
            "not_ranked_because": reason,
        }
        for candidate, reason in portfolio.left_out
    ]


def _ensemble_entry(portfolio: Portfolio, choice: Choice, entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    used = [entry for entry in entries if entry["weight"]]
    predictions = portfolio.shared.predictions(choice.scores)
    score = scoring.score_interval(
        portfolio.metric,
        predictions,
        resamples=ensembling.resamples_for(len(predictions)),
        confidence=0.95,
        seed=child_seed(portfolio.recipe.seed, "leaderboard"),
    )
    return {
        "name": "ensemble",
        "model": "ensemble",
        "parameters": {"weights": {entry["name"]: entry["weight"] for entry in used}},
        "metric": portfolio.metric.kind,
        "score": score.to_dict(),
        "weight": 1.0,
        "bytes": sum(entry["bytes"] for entry in used),
        "us_per_row": round(sum(entry["us_per_row"] for entry in used), 1),
        "not_ranked_because": None,
    }


def durations(portfolio: Portfolio) -> dict[str, float]:
    """For environment.json: what the clock says differs from run to run."""
    found = {}
    for one in portfolio.members:
        found[f"fit {one.name}"] = one.fit_s
        found[f"predict {len(portfolio.shared.target)} rows with {one.name}"] = one.predict_s
    return found
