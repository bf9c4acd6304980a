"""What is odd about well-known tables is reported by itself, with a spec that says no more than the target."""

import json
from pathlib import Path

import pytest

from modelwright.core.errors import DataError
from modelwright.core.progress import Silent
from modelwright.runs.store import Store
from modelwright.spec.load import load
from modelwright.stages import prepare
from modelwright.stages.job import Job

REAL = Path(__file__).parents[3] / "shared" / "data"


def warnings(folder, path, task, **section):
    if not list(REAL.glob(path)):
        pytest.skip(f"{path} is not here")
    content = {
        "name": "real",
        "task": task,
        "prepare": {"source": {"kind": "csv", "path": str(REAL / path)}, **section},
    }
    (folder / "spec.yaml").write_text(json.dumps(content))
    loaded = load(folder / "spec.yaml")
    job = Job(loaded.spec, loaded.base, Store(folder / "runs"), spec_text=loaded.text)
    return prepare.run(prepare.plan(job), Silent()).run.read_json("rows.json")["warnings"]


def test_bike_sharing(tmp_path):
    found = warnings(tmp_path, "bike_sharing/hour.csv", {"kind": "regression", "target": "cnt"})
    assert '"casual" + "registered" is exactly the target "cnt": a leak' in found
    assert any(said.startswith('"instant" rises from row to row') for said in found)
    assert any('"cnt" changes with time: its mean goes from 106.9 to 248.7' in said for said in found)
    assert any(said.startswith('rows next to each other in "dteday"') for said in found)


def test_wine_quality_repeats_itself(tmp_path):
    found = warnings(tmp_path, "wine_quality/winequality-white.csv", {"kind": "regression", "target": "quality"})
    assert any(said.startswith("937 rows repeat another row") for said in found)


def test_adult_has_words_for_missing(tmp_path):
    found = warnings(tmp_path, "adult/adult_train.csv", {"kind": "binary", "target": "income"})
    expected = '\'?\' in 4,262 values of "workclass", "occupation", "native-country"; source: {null_words: ["?"]}'
    assert any(expected in said for said in found)


@pytest.mark.parametrize("split", [{}, {"split": {"kind": "files", "test": "*_test.csv"}}])
def test_labels_of_adult_end_in_a_dot_in_one_file(tmp_path, split):
    with pytest.raises(DataError, match=r"(?s)'<=50K' and '<=50K\.' differ by spelling only; clean: .*kind: replace"):
        warnings(tmp_path, "adult/adult_*.csv", {"kind": "binary", "target": "income"}, **split)
    found = warnings(tmp_path, "adult/adult_*.csv", {"kind": "multiclass", "target": "income"})
    assert any("'>50K' (7,841), '>50K.' (3,846)" in said for said in found)


def test_nothing_gives_churn_away(tmp_path):
    columns = {"customerID": {"role": "id"}}
    task = {"kind": "binary", "target": "Churn"}
    found = warnings(tmp_path, "telco_churn/Telco-Customer-Churn.csv", task, columns=columns)
    assert found == ["22 rows repeat another row, ids apart; see {kind: drop_duplicates}"]
