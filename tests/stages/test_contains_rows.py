"""A model that holds rows of its training data says so, in the bundle and in the card."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.trips import project

STEPS = "[{kind: drop, columns: [weather]}, {kind: STEP, columns: [km]}]"


@pytest.mark.parametrize(
    ("step", "model", "held"),
    [
        ("knn_impute, donors: 10", "ridge", True),
        ("standardize", "ridge", False),
        ("standardize", "k_nearest", True),
    ],
)
def test_rows_in_the_graph_are_told_of(tmp_path: Path, step: str, model: str, held: bool) -> None:
    trips = project(tmp_path, rows=200)
    told = (f"prepare.features={STEPS.replace('STEP', step)}", f"train.model={{kind: {model}}}", "evaluate.gates=[]")
    prepare, train, evaluate, export = (
        trips.stage(name, *told).run for name in ("prepare", "train", "evaluate", "export")
    )
    assert prepare.read_json("features.json")["contains_rows"] is ("knn" in step)
    assert train.read_json("model.json")["contains_rows"] is held
    assert export.read_json("signature.json")["contains_rows"] is held
    assert export.read_json("model.json")["contains_rows"] is held
    assert ("contains rows of its training data" in evaluate.read_bytes("model_card.md").decode()) is held
