"""`--set`: typed by the schema, and reported by its own text."""

from __future__ import annotations

from typing import Any

import pytest


def test_values_are_typed_by_the_schema(load_spec: Any) -> None:
    loaded = load_spec(
        "name=2026", "seed=7", "train.model.learning_rate=1e-2", "evaluate.slices=[weather]", "tune.timeout_s=3"
    )
    spec = loaded.spec
    assert (spec.name, spec.seed, spec.train.model.learning_rate) == ("2026", 7, 0.01)
    assert (spec.evaluate.slices, spec.tune.timeout_s) == (["weather"], 3.0)
    assert 'name: "2026"' in loaded.text


def test_later_overrides_win(load_spec: Any) -> None:
    assert load_spec("seed=1", "seed=2").spec.seed == 2


def test_a_tilde_deletes(load_spec: Any) -> None:
    loaded = load_spec("~train.model.leaves", "~prepare.features")
    assert "leaves" not in loaded.text
    assert loaded.spec.prepare.features == "auto"


def test_lists_are_reached_by_index_and_extended_at_their_end(load_spec: Any) -> None:
    features = load_spec(
        "prepare.features.0.columns=[ride_id]", "prepare.features.1={kind: impute, columns: numeric}"
    ).spec.prepare.features
    assert [step.kind for step in features] == ["one_hot", "impute"]
    assert features[0].columns == ["ride_id"]
    assert load_spec("~prepare.features.0").spec.prepare.features == []


def test_a_part_written_as_a_word_can_be_refined(load_spec: Any) -> None:
    assert load_spec("train.model=ridge", "train.model.alpha=2").spec.train.model.alpha == 2


def test_keys_with_dots_are_quoted_or_found(load_spec: Any) -> None:
    extra = "tune: {space: {model.leaves: {low: 4, high: 8, type: int}}}\n"
    space = load_spec("tune.space.model.leaves.high=16", extra=extra).spec.tune.space
    assert space["model.leaves"].high == 16
    space = load_spec('tune.space."model.leaves"={low: 2, high: 9}').spec.tune.space
    assert space["model.leaves"].low == 2


@pytest.mark.parametrize(
    ("override", "what"),
    [
        ("train.model.leafs=4", 'train.model.leafs: unknown key; did you mean "leaves"?'),
        ("train.model.leaves=many", "train.model.leaves: should be a valid integer, got 'many'"),
        ("seed", "is not KEY=VALUE"),
        ("=3", "'' is not a key"),
        ("a..b=3", "'a..b' is not a key"),
        ("~nothing", 'there is no "nothing" to delete'),
        ("~train.modle", 'there is no "modle" to delete; did you mean "model"?'),
        ("prepare.features.5={kind: impute}", "prepare.features is a list: '5' is not an index of it (0 to 0)"),
        ("train.model.leaves.x=3", "train.model.leaves is 15, so nothing lies below it"),
        ("seed=[", "not valid YAML"),
        ("seed=a\x00b", "not text"),
    ],
)  # fmt: skip
def test_a_wrong_override_is_named(said: Any, override: str, what: str) -> None:
    lines = said(override)
    assert lines[0].startswith(f"--set {override}: ")
    assert what in lines[0]
