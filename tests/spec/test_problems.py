"""Everything that is wrong, at once: where it is, what it is, what to write instead."""

from __future__ import annotations

from typing import Any

import pytest

WRONG = """\
name: Rides!
task: {kind: regresion, target: duration_min}
seed: -1
prepare:
  source: {kind: csv, path: rides.csv, delimitr: ;}
  features:
    - {kind: winsorize, columns: numeric, lower: 0.9, uper: 0.995}
    - {columns: [weather]}
train:
  model:
    kind: lightgbm
    leafs: 31
  validation: {kind: kfold, folds: 1}
evaluate: {confidence: high, gates: [{kind: threshold, metric: rmse}]}
serve: {port: 99999, routes: {champion: {wieght: 1}}}
monitor: {labels: {kind: csv, path: x.csv}, alpha: no}
"""


def test_all_problems_are_reported_at_once_in_the_order_of_the_file(said: Any) -> None:
    places = [line.split(": ")[:2] for line in said(text=WRONG) if not line.startswith("  hint")]
    assert places == [
        ["rides.yaml:1:7", "name"],
        ["rides.yaml:2:14", "task"],
        ["rides.yaml:3:7", "seed"],
        ["rides.yaml:5:40", "prepare.source.delimitr"],
        ["rides.yaml:7:55", "prepare.features.0.uper"],
        ["rides.yaml:8:7", "prepare.features.1.kind"],
        ["rides.yaml:12:5", "train.model.leafs"],
        ["rides.yaml:13:36", "train.validation.folds"],
        ["rides.yaml:14:24", "evaluate.confidence"],
        ["rides.yaml:14:38", "evaluate.gates.0"],
        ["rides.yaml:15:15", "serve.port"],
        ["rides.yaml:15:42", "serve.routes.champion.wieght"],
        ["rides.yaml:16:11", "monitor.labels.key"],
        ["rides.yaml:16:52", "monitor.alpha"],
    ]


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("train.model.leafs=4", 'train.model.leafs: unknown key; did you mean "leaves"?'),
        ("train.modl=ridge", 'train.modl: unknown key; did you mean "model"?'),
        ("train.validation={kind: kfold, fold: 3}", 'train.validation.fold: unknown key; did you mean "folds"?'),
        ("train.validation={kind: kfld}", 'train.validation: there is no kind "kfld"; did you mean "kfold"?'),
        ("serve.limits.rowz=4", 'serve.limits.rowz: unknown key; did you mean "rows"?'),
        ("train.model.kind=lightgmb", 'train.model: there is no kind "lightgmb"; did you mean "lightgbm"?'),
        (
            "prepare.columns.ride_id.role=idd",
            "should be 'input', 'id', 'time', 'entity', 'weight' or 'ignore', got 'idd'",
        ),
        ("prepare.columns.ride_id.rol=id", 'prepare.columns.ride_id.rol: unknown key; did you mean "role"?'),
        ("prepare.columns.ride_id.timezone=Europe/Kiyv", 'no time zone; did you mean "Europe/Kyiv"?'),
        ("prepare.memory=lots", "prepare.memory: 'lots' is not a size; write for example 512MB or 2GiB"),
        ("prepare.memory=1MB", "prepare.memory: must be at least 64MB"),
        ("prepare.features=3", "prepare.features: should be 'auto' or a list, got 3"),
        ("evaluate.metrics=rmse", "evaluate.metrics: should be a list, got 'rmse'"),
        ("evaluate.metrics=[rsme]", 'evaluate.metrics.0: there is no kind "rsme"; did you mean "rmse"?'),
        ("tune.space={model.leaves: {low: 9, high: 3}}", "low (9) must be below high (3)"),
        ("tune.space={model.leaves: {lo: 9, high: 3}}", 'unknown key; did you mean "low"?'),
        ("tune.space={model.leafs: {low: 1, high: 3}}", 'lightgbm has no such key; did you mean "model.leaves"?'),
        ("monitor.window.last=7 days", "monitor.window.last: '7 days' is not a duration"),
        ("monitor.retrain={after: 3, of: 2}", "monitor.retrain: after must not be larger than of"),
        ("serve.host=0.0.0.0", "serve: host 0.0.0.0 is reachable from outside, so a token is needed"),
        ("serve.routes={champion: {weight: 0}}", "serve.routes: at least one route needs a weight above 0"),
        ("serve.routes={../x: {weight: 1}}", "serve.routes: '../x' is not a valid name"),
        ("export.container.base='a; rm -rf /'", "export.container.base: should match pattern"),
        ("seed=1.5", "seed: should be a valid integer, got 1.5"),
        ("train.model.learning_rate=.inf", "train.model.learning_rate: should be a finite number"),
        ("task.metric=acuracy", 'task.metric: there is no metric "acuracy"; did you mean "accuracy"?'),
        (
            "task.metric=accuracy",
            "task.metric: accuracy is for binary, multiclass, multilabel, ordinal, not for regression",
        ),
        (
            "evaluate.metrics=[roc_auc]",
            "evaluate.metrics.0: roc_auc is for binary, multiclass, multilabel, not for regression",
        ),
        ("train.model=logistic", "train.model: logistic is for binary, multiclass, not for regression"),
        ("evaluate.gates=[{kind: threshold, metric: rms, max: 1}]", 'there is no metric "rms"; did you mean "rmse"?'),
        ("prepare.columns.duration_min.role=id", "prepare.columns.duration_min.role: it is the target"),
        ("prepare.columns={a: {role: time}, b: {role: time}}", "prepare.columns.b.role: a already has the role time"),
        ("prepare.columns.a={role: time, type: number}", "a column with the role time is a timestamp, not number"),
    ],
)
def test_each_kind_of_mistake_has_its_words(said: Any, override: str, line: str) -> None:
    assert any(line in found for found in said(override))


def test_words_where_truth_is_wanted_get_a_hint(said: Any) -> None:
    extra = "monitor: {labels: {kind: csv, path: x.csv, key: id, multiline: yes}}\n"
    lines = said(extra=extra)
    assert lines == [
        "rides.yaml:13:64: monitor.labels.multiline: should be a valid boolean, got 'yes'",
        "  hint: write true or false",
    ]


def test_a_number_where_text_is_wanted_gets_a_hint(said: Any) -> None:
    lines = said(text="name: 2026\ntask: {kind: regression, target: y}\nprepare: {source: {kind: csv, path: a.csv}}\n")
    assert lines == ["rides.yaml:1:7: name: should be a valid string, got 2026", "  hint: quote it to make it text"]


def test_a_missing_key_is_located_at_its_parent(said: Any) -> None:
    lines = said(text="name: a\ntask: {kind: regression}\nprepare:\n  source: {kind: csv}\n")
    assert lines == ["rides.yaml:2:1: task.target: missing key", "rides.yaml:4:3: prepare.source.path: missing key"]
    assert said(text="seed: 1\n") == [f"rides.yaml:1:1: {key}: missing key" for key in ("name", "task", "prepare")]


def test_a_misspelled_kind_key_is_recognised(said: Any) -> None:
    lines = said(text="name: a\ntask: {knd: regression, target: y}\nprepare: {source: {kind: csv, path: a.csv}}\n")
    assert lines == ["rides.yaml:2:1: task.kind: missing key", '  hint: "knd" should be kind']


def test_expressions_are_parsed_when_the_spec_is(said: Any) -> None:
    lines = said("prepare.features.1={kind: expression, name: x, value: 'distance_km / / 2'}")
    assert "prepare.features.1.value: 'distance_km / / 2': expected a value, got '/' at character 15" in lines[0]


@pytest.mark.parametrize("text", ["", "# only a comment\n", "- a\n", "text\n", "[]"])
def test_what_is_no_mapping_is_no_spec(said: Any, text: str) -> None:
    assert said(text=text)[0].startswith("rides.yaml:1:1: ")


def test_tune_takes_the_model_of_train_and_repeats_no_error(load_spec: Any, said: Any) -> None:
    assert load_spec().spec.tune.model.leaves == 15
    assert "tune" not in load_spec().text
    assert len(said("train.model.leafs=4")) == 1
