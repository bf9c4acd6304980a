"""What evaluate and the model card tell of probabilities and labels: do they hold, and how is a label decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from modelwright.parts.reliability import reliability
from modelwright.reports import charts
from modelwright.reports.page import Block, Chart, Table, Text, figure

if TYPE_CHECKING:
    from modelwright.parts.predictions import Predictions

EXPLAINED = (
    "The expected calibration error is how far, on average, predicted probabilities are from the shares that came true "
    "(ten groups of equal size)."
)


def reliability_blocks(said: Predictions, model: Mapping[str, Any], names: Sequence[str]) -> list[Block]:
    """The diagram of these rows and, where the model was calibrated, of those that it was calibrated on."""
    assert said.probability is not None
    found = reliability(said.probability, said.truth, said.weights).to_dict()
    shown = {"these rows": found}
    calibration = model.get("calibration") or {}
    if calibration.get("kind", "none") != "none":
        shown |= {"when calibrated: before": calibration["before"], "when calibrated: after": calibration["after"]}
    series = {name: [(group["predicted"], group["observed"]) for group in one["groups"]] for name, one in shown.items()}
    of_what = f"probability of {names[1]}" if len(names) == 2 else "probability of the most probable class"
    chart = charts.lines(series, (f"predicted {of_what}", "observed share"), diagonal=True)
    caption = "Reliability: when it says 70%, does it happen 70% of the time? On the dashed line it does"
    rows = [(name, figure(one["ece"], 3)) for name, one in shown.items()]
    table = Table(("rows", "expected calibration error"), rows, frozenset({1}))
    return [Chart(chart, caption), table, Text(" ".join([EXPLAINED, *calibration_words(model)]), "note")]


def calibration_words(model: Mapping[str, Any]) -> list[str]:
    """How probabilities were mapped or quantiles moved, in one sentence; nothing where they were not."""
    told = model.get("calibration")
    if not told:
        return []
    if told["kind"] == "none":
        return [
            "Calibration was tried and changed nothing for the better, so probabilities are as the model says them."
        ]
    before, after = told["before"], told["after"]
    if told["kind"] == "conformal":
        return [
            f"Each quantile was moved by one number, found on {told['rows']:,} rows ({told['fitted_on']}; "
            f"conformalized quantile regression): the share of rows inside went from {before['coverage']:.1%} to "
            f"{after['coverage']:.1%}, each row moved by what was found on others."
        ]
    return [
        f"Probabilities are calibrated ({told['kind']}) by {told['rows']:,} rows ({told['fitted_on']}): the error went "
        f"from {figure(before['ece'], 3)} to {figure(after['ece'], 3)}, the log loss from "
        f"{figure(before['log_loss'], 4)} to {figure(after['log_loss'], 4)}, each row mapped by a fit on others."
    ]


def decision_words(model: Mapping[str, Any]) -> list[str]:
    """How a label follows from the probabilities; nothing where it is the most probable class."""
    told = model.get("decision")
    if not told:
        return []
    if "threshold" not in told:
        return ["The label is the one of the least expected cost, not the most probable one."]
    why = {
        "threshold": "as the spec says",
        "f_beta": f"the best F-beta (beta {figure(told.get('beta'))})",
        "least cost": "where errors cost least",
    }[told["rule"]]
    chosen = "" if told["rule"] == "threshold" else ", on rows that the model was not fitted on"
    return [f"{told['positive']} is predicted from a probability of {figure(told['threshold'], 4)} on: {why}{chosen}."]


def decision_blocks(said: Predictions, model: Mapping[str, Any], swapped: bool) -> list[Block]:
    """The rule, and what errors cost on these rows by it and by the most probable class."""
    told = model.get("decision")
    if not told:
        return []
    blocks: list[Block] = [Text(" ".join(decision_words(model)))]
    if "costs" not in told:
        return blocks
    costs, classes = np.array(told["costs"]), list(told["classes"])
    if swapped:  # in predictions, the positive class is the last
        costs, classes = costs[::-1, ::-1], classes[::-1]
    assert said.probability is not None and said.label is not None
    weights = np.ones(len(said)) if said.weights is None else said.weights

    def cost(labels: Any) -> float:
        return float(np.average(costs[said.truth.astype(int), labels.astype(int)], weights=weights))

    rows = [
        ("the labels that it predicts", figure(cost(said.label), 4)),
        ("the most probable class", figure(cost(said.probability.argmax(axis=1)), 4)),
        *((f"always {name}", figure(cost(np.full(len(said), code)), 4)) for code, name in enumerate(classes[:8])),
    ]
    return [*blocks, Table(("labels by", "cost per row"), rows, frozenset({1}))]
