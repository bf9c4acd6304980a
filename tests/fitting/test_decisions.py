"""Labels by thresholds and costs: the best on the rows that choose, the same in the graph, refused where senseless."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import fbeta_score

from modelwright.core.columns import Column, Schema
from modelwright.core.errors import SpecError
from modelwright.fitting.decisions import Threshold, cost_table, decide
from modelwright.graph.builder import GraphBuilder
from modelwright.graph.running import Scorer
from modelwright.parts import catalog

TWO = Schema((Column("y", "category", role="target"),), ("no", "yes"))
THREE = Schema((Column("y", "category", role="target"),), ("a", "b", "c"))


def task(kind, **keys):
    return catalog.load("tasks", kind).model_validate({"kind": kind, "target": "y", **keys})


def decision(kind, schema, probabilities, truth, weights=None, *, positive=None, **given):
    keys = {"threshold": None, "f_beta": None, "costs": None} | given
    one = task(kind, **({"positive": positive} if positive else {}))
    return decide(one, schema, probabilities=probabilities, truth=truth, weights=weights, **keys)


def two_classes(rows=300, seed=0, digits=2):
    """Rounded, so that many rows share a probability."""
    random = np.random.default_rng(seed)
    second = np.round(random.beta(0.7, 2, rows), digits)
    truth = (random.random(rows) < second**1.5).astype(float)
    return np.stack([1 - second, second], axis=1), truth, random.random(rows) + 0.1


def every_threshold(probability):
    return [*np.unique(probability), 2.0]


@given(seed=st.integers(0, 10_000), wrong=st.sampled_from([(1, 5), (5, 1), (1, 1), (0, 1), (3, 0), (1, 1000)]))
def test_the_threshold_of_least_cost_costs_least_of_all_thresholds(seed, wrong):
    probabilities, truth, weights = two_classes(80, seed)
    costs = {"false_positive": wrong[0], "false_negative": wrong[1]}
    rule, told = decision("binary", TWO, probabilities, truth, weights, costs=costs)

    def cost(codes):
        errors = wrong[0] * ((codes == 1) & (truth == 0)) + wrong[1] * ((codes == 0) & (truth == 1))
        return float(np.average(errors, weights=weights))

    least = min(cost((probabilities[:, 1] >= at).astype(float)) for at in every_threshold(probabilities[:, 1]))
    assert cost(rule.codes(probabilities)) == pytest.approx(least, abs=1e-12)
    assert told["cost_per_row"] == pytest.approx(least, abs=1e-12)


@given(seed=st.integers(0, 10_000), beta=st.sampled_from([0.5, 1.0, 2.0, 10.0]))
def test_the_threshold_of_the_best_f_beta_is_the_best_of_all_thresholds(seed, beta):
    probabilities, truth, weights = two_classes(80, seed)

    def score(codes):
        return fbeta_score(truth, codes, beta=beta, sample_weight=weights, zero_division=0)

    rule, _ = decision("binary", TWO, probabilities, truth, weights, f_beta=beta)
    best = max(score((probabilities[:, 1] >= at).astype(float)) for at in every_threshold(probabilities[:, 1]))
    assert score(rule.codes(probabilities)) == pytest.approx(best, abs=1e-12)


def test_well_calibrated_probabilities_get_the_threshold_of_elkan():
    random = np.random.default_rng(0)
    second = random.random(50_000)
    truth = (random.random(50_000) < second).astype(float)
    probabilities = np.stack([1 - second, second], axis=1)
    rule, _ = decision("binary", TWO, probabilities, truth, costs={"false_positive": 1, "false_negative": 4})
    assert rule.value == pytest.approx(0.2, abs=0.03)


def test_costs_are_about_the_positive_class_wherever_it_stands():
    probabilities, truth, _ = two_classes(2000, digits=6)
    costs = {"false_positive": 1, "false_negative": 9}
    last, _ = decision("binary", TWO, probabilities, truth, costs=costs)
    first, told = decision("binary", TWO, probabilities, truth, costs=costs, positive="no")
    assert (last.codes(probabilities) == 1).mean() > (truth == 1).mean(), "a missed yes is dear, so yes is said often"
    assert (first.codes(probabilities) == 0).mean() > (truth == 0).mean(), "a missed no is dear, so no is said often"
    assert told["positive"] == "no"


def test_several_classes_get_the_label_of_the_least_expected_cost():
    random = np.random.default_rng(0)
    probabilities = random.dirichlet([1, 1, 1], 500)
    truth = random.integers(0, 3, 500).astype(float)
    rule, told = decision("multiclass", THREE, probabilities, truth, costs={"c": {"a": 10, "b": 10}})
    table = np.array([[0, 1, 1], [1, 0, 1], [10, 10, 0]])
    np.testing.assert_array_equal(rule.codes(probabilities), (probabilities @ table).argmin(axis=1))
    assert told["costs"] == table.tolist() and told["classes"] == ["a", "b", "c"]
    assert (rule.codes(probabilities) == 2).mean() > 0.6


@pytest.mark.parametrize("positive", ["no", "yes"])
@pytest.mark.parametrize("value", [0.1, 0.37, 0.9])
def test_the_graph_says_what_the_threshold_says_also_exactly_on_it(positive, value):
    code = TWO.classes.index(positive)
    second = np.concatenate(
        [np.linspace(0, 1, 101), [value, 1 - value, np.nextafter(value, 0), np.nextafter(value, 1)]]
    )
    probabilities = np.stack([1 - second, second], axis=1)
    rule = Threshold(value, code)
    graph = GraphBuilder()
    rule.compile(graph, graph.matrix_input("raw", 2), TWO)
    shown = Scorer(graph.build()).run({"raw": probabilities})
    assert shown["prediction"].tolist() == [TWO.classes[int(at)] for at in rule.codes(probabilities)]
    said = shown["prediction"] == positive
    np.testing.assert_array_equal(said, probabilities[:, code] >= value)


def test_the_graph_says_what_costs_say():
    probabilities = np.random.default_rng(1).dirichlet([1, 1, 1], 400)
    rule, _ = decision("multiclass", THREE, probabilities, np.zeros(400), costs={"a": {"b": 3, "c": 0}})
    graph = GraphBuilder()
    rule.compile(graph, graph.matrix_input("raw", 3), THREE)
    shown = Scorer(graph.build()).run({"raw": probabilities})
    assert shown["prediction"].tolist() == [THREE.classes[int(at)] for at in rule.codes(probabilities)]
    np.testing.assert_array_equal(shown["probability"], probabilities)


@pytest.mark.parametrize(
    ("labels", "costs", "message"),
    [
        (["a", "b", "c"], {"false_positive": 1}, "cost of no error"),
        (["no", "yes"], {"false_positiv": 1}, "cost of no error"),
        (["a", "b", "c"], {"d": {"a": 1}}, '"d" is not a class'),
        (["a", "b", "c"], {"a": {"bb": 1}}, 'did you mean "b"|"bb" is not a class'),
        (["no", "yes"], {"false_positive": 0, "false_negative": 0}, "no error costs anything"),
    ],
)
def test_costs_that_make_no_sense_are_refused(labels, costs, message):
    with pytest.raises(SpecError, match=message):
        cost_table(costs, labels)


def test_a_threshold_of_several_classes_is_refused():
    with pytest.raises(SpecError, match="two classes"):
        decision("multiclass", THREE, np.full((4, 3), 1 / 3), np.zeros(4), threshold=0.4)
