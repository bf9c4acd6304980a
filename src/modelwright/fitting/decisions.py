"""How labels follow from probabilities: by the most probable class, a threshold, or the least expected cost.

Elkan, The Foundations of Cost-Sensitive Learning (IJCAI 2001); thresholds are chosen on rows that the model was not
fitted on, as in Sheng and Ling, Thresholding for Making Classifiers Cost-Sensitive (AAAI 2006).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from modelwright.core.columns import Schema
from modelwright.core.errors import SpecError
from modelwright.core.names import did_you_mean
from modelwright.fitting import scoring
from modelwright.fitting.prepared import Prepared
from modelwright.fitting.training import Trained, fitted_digests
from modelwright.parts.base import Task
from modelwright.parts.classes import positive_code, publish_classes

if TYPE_CHECKING:
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Floats

Costs = Mapping[str, float | Mapping[str, float]]
WHERE = "train.decision"
EVEN = 0.5


@dataclass(frozen=True)
class Threshold:
    """The positive of two classes from a probability of `value` on."""

    value: float
    positive: int  # its code
    costs: Floats | None = None  # [2, 2], truth by prediction, where a cost matrix chose

    def codes(self, probabilities: Floats) -> Floats:
        said = probabilities[:, self.positive] >= self.value
        found: Floats = np.where(said, self.positive, 1 - self.positive).astype(np.float64)
        return found

    def compile(self, graph: GraphBuilder, probabilities: str, schema: Schema) -> None:
        """The outputs `prediction` and `probability`."""
        own = graph.op("Gather", probabilities, np.int64(self.positive), axis=1)
        said = graph.op("GreaterOrEqual", own, np.float64(self.value))
        code = graph.op("Where", said, np.int64(self.positive), np.int64(1 - self.positive))
        publish_classes(graph, code, probabilities, schema)


@dataclass(frozen=True)
class LeastCost:
    """The class whose expected cost is least; ties go to the first."""

    costs: Floats  # [K, K], truth by prediction

    def codes(self, probabilities: Floats) -> Floats:
        found: Floats = np.argmin(probabilities @ self.costs, axis=1).astype(np.float64)
        return found

    def compile(self, graph: GraphBuilder, probabilities: str, schema: Schema) -> None:
        """The outputs `prediction` and `probability`."""
        saved = graph.op("MatMul", probabilities, -self.costs)
        publish_classes(graph, graph.op("ArgMax", saved, axis=1, keepdims=0), probabilities, schema)


Decision = Threshold | LeastCost


def with_decision(
    data: Prepared, trained: Trained, *, threshold: float | None, f_beta: float | None, costs: Costs | None
) -> Trained:
    """Labels as the spec says, for scores of rows that the model was not fitted on; what they chose counts as seen."""
    rule, told = decide(
        data.task,
        data.schema,
        threshold=threshold,
        f_beta=f_beta,
        costs=costs,
        probabilities=trained.scores,
        truth=data.target(trained.judged),
        weights=scoring.weights_of(trained.judged, data.schema),
    )
    found = replace(trained, decision=rule, told={**trained.told, "decision": told})
    if threshold is not None or isinstance(rule, LeastCost):  # rows had no say
        return found
    who = {**trained.chosen_by, "threshold": trained.chosen_by["scores"]}
    return replace(found, chosen_by=who, fitted_rows=np.union1d(trained.fitted_rows, fitted_digests(trained.judged)))


def check_decision(task: Task, schema: Schema, costs: Costs | None) -> None:
    """SpecError for costs of classes that there are not, before anything is fitted."""
    if costs is not None:
        labels = [str(label) for label in schema.classes or ()]
        cost_table(costs, labels, positive_code(task, schema), ranked=task.kind == "ordinal")


def decide(
    task: Task,
    schema: Schema,
    *,
    threshold: float | None,
    f_beta: float | None,
    costs: Costs | None,
    probabilities: Floats,
    truth: Floats,
    weights: Floats | None,
) -> tuple[Decision, dict[str, Any]]:
    """The rule that the spec asks for, and what is told of it; exactly one of the three is given.

    Probabilities [N, K] and codes [N] of rows that the model was not fitted on choose a threshold.
    """
    labels = [str(label) for label in schema.classes or ()]
    if len(labels) > 2 and costs is None:
        raise SpecError(
            f"a threshold is for two classes; the target has {len(labels)}",
            where=WHERE,
            hint="of several classes, costs decide: costs: {TRUE: {PREDICTED: 5}}",
        )
    weights = np.ones(len(truth)) if weights is None else weights
    positive = positive_code(task, schema)
    table = None if costs is None else cost_table(costs, labels, positive, ranked=task.kind == "ordinal")
    if table is not None and len(labels) > 2:
        rule: Decision = LeastCost(table)
        told: dict[str, Any] = {"rule": "least expected cost"}
    else:
        score = _Scored(probabilities[:, positive], truth == positive, weights)
        if threshold is not None:
            rule, told = Threshold(threshold, positive), {"rule": "threshold"}
        elif f_beta is not None:
            rule, told = Threshold(score.best_f(f_beta), positive), {"rule": "f_beta", "beta": f_beta}
        else:
            assert table is not None
            rule = Threshold(
                score.cheapest(table[1 - positive, positive], table[positive, 1 - positive]), positive, table
            )
            told = {"rule": "least cost"}
        told |= {"threshold": rule.value, "positive": labels[positive]}
    if table is not None:
        told |= {"classes": labels, "costs": table.tolist()}
        told |= {"cost_per_row": mean_cost(table, truth, rule.codes(probabilities), weights)}
        told |= {"cost_per_row_by_most_probable": mean_cost(table, truth, probabilities.argmax(axis=1), weights)}
    return rule, told


def rule_of(told: Mapping[str, Any] | None, schema: Schema) -> Decision | None:
    """The rule that model.json and the signature tell of; None: the most probable class."""
    if not told:
        return None
    if "threshold" not in told:
        return LeastCost(np.array(told["costs"], np.float64))
    labels = [str(label) for label in schema.classes or ()]
    return Threshold(told["threshold"], labels.index(told["positive"]))


def mean_cost(costs: Floats, truth: Any, predicted: Any, weights: Floats) -> float:
    """What errors cost per row, of codes [N]."""
    return float(np.average(costs[truth.astype(np.int64), predicted.astype(np.int64)], weights=weights))


def cost_table(costs: Costs, labels: Sequence[str], positive: int = 1, *, ranked: bool = False) -> Floats:
    """[K, K], truth by prediction: 0 where they agree and 1 where they don't, unless `costs` says otherwise; of classes
    with an order, how many steps they are apart.

    SpecError for a class that there is not, or a matrix by which nothing is ever wrong.
    """
    ranks = np.arange(len(labels), dtype=np.float64)
    steps = np.abs(ranks[:, None] - ranks)
    table = steps if ranked else np.minimum(steps, 1.0)
    named = {"false_positive": (1 - positive, positive), "false_negative": (positive, 1 - positive)}
    for key, entry in costs.items():
        if not isinstance(entry, Mapping):
            if key not in named or len(labels) != 2:
                hint = "two classes: {false_positive: 1, false_negative: 5}; more: {TRUE: {PREDICTED: 5}}"
                raise SpecError(f"{key}: {entry:g} is a cost of no error", where=f"{WHERE}.costs", hint=hint)
            table[named[key]] = entry
            continue
        row = _code(key, labels)
        for predicted, cost in entry.items():
            table[row, _code(predicted, labels)] = cost
    if (table <= table.diagonal()[:, None]).all():
        raise SpecError("by these costs no error costs anything", where=f"{WHERE}.costs")
    return table


def _code(label: str, labels: Sequence[str]) -> int:
    if label not in labels:
        hint = f"classes: {', '.join(labels[:10])}"
        raise SpecError(f'"{label}" is not a class{did_you_mean(label, labels)}', where=f"{WHERE}.costs", hint=hint)
    return labels.index(label)


class _Scored:
    """Rows by falling probability of the positive class: what each threshold would get right and wrong."""

    def __init__(self, probability: Floats, positive: Any, weights: Floats) -> None:
        order = np.argsort(-probability, kind="stable")
        ranked = probability[order]
        last = np.flatnonzero(np.diff(ranked, append=-np.inf))  # the last row of each distinct probability
        hits, misses = weights * positive, weights * ~positive
        self.hits = np.concatenate([[0.0], np.cumsum(hits[order])[last]])
        self.false = np.concatenate([[0.0], np.cumsum(misses[order])[last]])
        self.positives, self.negatives = float(hits.sum()), float(misses.sum())
        distinct = ranked[last]
        middles = (distinct[:-1] + distinct[1:]) / 2  # as far as can be from rows on either side
        never = (1 + distinct[0]) / 2 if distinct[0] < 1 else np.nextafter(1.0, 2.0)
        self.thresholds = np.concatenate([[never], middles, [distinct[-1] / 2]])

    def cheapest(self, false_positive: float, false_negative: float) -> float:
        missed = np.maximum(self.positives - self.hits, 0.0)  # rounding may say less
        total = false_positive * self.false + false_negative * missed
        return self._nearest(
            total <= total.min() + 1e-12 * total.max(), false_positive / (false_positive + false_negative)
        )

    def best_f(self, beta: float) -> float:
        weight = beta**2
        total = (1 + weight) * self.hits + weight * (self.positives - self.hits) + self.false
        f = np.divide((1 + weight) * self.hits, total, out=np.zeros_like(total), where=total > 0)
        return self._nearest(f >= f.max() * (1 - 1e-12), EVEN)

    def _nearest(self, best: Any, wanted: float) -> float:
        """Of equally good thresholds the one nearest to what calibrated probabilities ask for."""
        at = np.flatnonzero(best)
        return float(self.thresholds[at[np.argmin(np.abs(self.thresholds[at] - wanted))]])
