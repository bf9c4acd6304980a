"""Errors that stages and parts find at work are shown with the file and line of the key that they are about."""

import pytest

from modelwright.core.errors import DataError, SpecError
from modelwright.spec.load import load
from modelwright.spec.placing import placed

SPEC = """name: rides
task: {kind: regression, target: minutes}
prepare:
  source: {kind: query, sources: {rides: {kind: csv, path: rides.csv}}, query: SELECT * FROM rides}
  clean:
    - {kind: strip}
    - {kind: drop_rows, where: km < 1}
  checks:
    - {kind: foreign_key, columns: [driver], references: {source: {kind: csv, path: drivers.csv}, columns: [id]}}
  split: {kind: time, column: at}
  features: [standardize]
"""


@pytest.fixture
def loaded(tmp_path):
    (tmp_path / "rides.yaml").write_text(SPEC)
    return load(tmp_path / "rides.yaml")


@pytest.mark.parametrize(
    ("where", "line", "said"),
    [
        ("prepare.clean.1", "7:7", "prepare.clean.1: no"),
        ("prepare.clean.1: drop_rows.where", "7:32", "prepare.clean.1.where: no"),
        ("prepare.clean.1: drop_rows.where: km", "7:32", "prepare.clean.1.where: km: no"),
        ("prepare.clean.1: my_step.py:3", "7:7", "prepare.clean.1: my_step.py:3: no"),
        ("prepare.checks.0: foreign_key.references.columns", "9:108", "prepare.checks.0.references.columns: no"),
        ("prepare.features.0 (standardize)", "11:14", "prepare.features.0 (standardize): no"),
        ("split.column", "10:31", "prepare.split.column: no"),
        ("sources.rides", "4:42", "prepare.source.sources.rides: no"),
    ],
)
def test_a_key_is_found_in_the_file(loaded, where, line, said):
    with pytest.raises(SpecError) as caught, placed(loaded):
        raise SpecError("no", where=where, hint="think")
    problem = caught.value.problems[0]
    assert problem.where.endswith(f"rides.yaml:{line}") and problem.message == said and problem.hint == "think"


@pytest.mark.parametrize(
    "where", ["", "data/rides.csv:17", "prepare", "train", "train.csv", "prepare.tune", "split.csv"]
)
def test_what_is_no_key_of_the_file_stays(loaded, where):
    with pytest.raises(DataError) as caught, placed(loaded):
        raise DataError("no", where=where)
    assert caught.value.problems[0].where == where and caught.value.problems[0].message == "no"
