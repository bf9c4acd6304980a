"""Tune: a search that resumes, the same every time, whose best settings are a spec that train takes."""

from __future__ import annotations

import pytest

from modelwright.core.errors import SpecError
from modelwright.fitting import search
from stages.trips import project


@pytest.fixture
def trips(tmp_path):
    made = project(tmp_path)
    made.stage("prepare")
    return made


def test_best_is_the_best_trial_and_the_report_and_trials_are_there(trips):
    run = trips.stage("tune").run
    best = run.read_json("best.json")
    assert best["trials"] == 3 and best["score"] <= best["first_score"]
    assert {"trials.parquet", "best.yaml", "report.html"} <= set(run.manifest.outputs)
    assert "study.db" in run.manifest.unhashed


def test_best_yaml_trains_to_the_score_that_was_found(trips):
    tuned = trips.stage("tune").run
    (trips.folder / "best.yaml").write_text(
        (tuned.path / "best.yaml").read_text().replace("../../../../data", "data")  # kept beside the first spec
    )
    spec = trips.folder / "spec.yaml"
    spec.write_text((trips.folder / "best.yaml").read_text())
    trained = trips.stage("train").run
    assert trained.read_json("scores.json")["scores"]["rmse"] == pytest.approx(tuned.read_json("best.json")["score"])


def test_best_yaml_lies_right_where_it_is(trips):
    from modelwright.spec.load import load

    loaded = load(trips.stage("tune").run.path / "best.yaml")
    (found,) = loaded.spec.prepare.source.inputs(loaded.base)
    assert found.resolve() == trips.folder / "data" / "first.csv"
    assert loaded.spec.train.model.kind == "lightgbm"


class Killed(BaseException):
    pass


def test_a_killed_search_loses_one_trial_at_most(trips, monkeypatch):
    whole = trips.stage("tune").run.read_json("best.json")
    one, calls = search._one, []

    def dies(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise Killed
        return one(*arguments)

    monkeypatch.setattr(search, "_one", dies)
    with pytest.raises(Killed):
        trips.stage("tune", "seed=3", "tune.trials=4")
    monkeypatch.setattr(search, "_one", lambda *arguments: (calls.append(1), one(*arguments))[1])
    again = trips.stage("tune", "tune.trials=4").run.read_json("best.json")
    assert len(calls) == 3 + 2, "the two trials before the kill were not made again"
    assert again["first_score"] == whole["first_score"]
    assert not list((trips.folder / "runs" / "trips" / "tune").glob(".study*"))


def test_folds_score_a_trial_out_of_fold(trips):
    run = trips.stage("tune", "tune.validation={kind: kfold, folds: 3}", "tune.trials=2").run
    assert "out of fold" in (run.path / "report.html").read_text()


@pytest.mark.parametrize("sampler", ["grid", "random"])
def test_other_samplers_search_what_the_spec_says(trips, sampler):
    space = "tune.space={model.leaves: {choices: [4, 8]}}"
    run = trips.stage("tune", f"tune.sampler={sampler}", space).run
    assert run.read_json("best.json")["parameters"]["leaves"] in (4, 8)


def test_auto_is_tuned_by_its_first_model_that_has_settings(trips):
    run = trips.stage("tune", "~tune.model", "train.model={kind: auto}", "tune.trials=1").run
    assert run.read_json("best.json")["model"] == "lightgbm"


def test_a_model_without_settings_to_search_is_a_spec_error(trips, monkeypatch):
    from modelwright.parts.models.ridge import Ridge

    monkeypatch.setattr(Ridge, "search_space", {})
    with pytest.raises(SpecError, match="ridge has no settings to search"):
        trips.stage("tune", "tune.model=ridge")
