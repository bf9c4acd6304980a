"""The columns that a spec names, against those that the data has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from modelwright.core.errors import DataError
from modelwright.spec.header import checked_header


def missing(load_spec: Any, *overrides: str) -> list[str]:
    with pytest.raises(DataError) as raised:
        checked_header(load_spec(*overrides))
    return str(raised.value).splitlines()


def test_the_header_is_returned(load_spec: Any) -> None:
    assert checked_header(load_spec()) == ["ride_id", "requested_at", "distance_km", "weather", "duration_min"]


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("task.target=duration", 'task.target: the data has no column "duration"; did you mean "duration_min"?'),
        (
            "prepare.columns={rideid: {role: id}}",
            'prepare.columns.rideid: the data has no column "rideid"; did you mean',
        ),
        (
            "prepare.features.0.columns=[wether]",
            'prepare.features.0.columns.0: the data has no column "wether"; did you',
        ),
        ("prepare.features.0.columns=wether", 'prepare.features.0.columns: the data has no column "wether"; did you'),
        (
            "prepare.clean=[{kind: drop_rows, where: 'distance < 0'}]",
            'prepare.clean.0.where: the data has no column "dist',
        ),
        ("prepare.clean=[{kind: drop_duplicates, keys: [id]}]", 'prepare.clean.0.keys.0: the data has no column "id"'),
        (
            "prepare.checks=[{kind: not_null, columns: [durations]}]",
            "prepare.checks.0.columns.0: the data has no column",
        ),
        ("prepare.split={kind: time, column: requested}", 'prepare.split.column: the data has no column "requested"'),
        ("evaluate.slices=[wheather]", 'evaluate.slices.0: the data has no column "wheather"; did you mean "weather"?'),
        (
            "prepare.features.1={kind: expression, name: x, value: distance + 1}",
            "prepare.features.1.value: the data has no",
        ),
    ],
)
def test_a_name_that_the_data_lacks_is_located_with_the_nearest(load_spec: Any, override: str, line: str) -> None:
    said = missing(load_spec, override)
    assert said[0].startswith(f"--set {override}: {line}")


def test_all_missing_columns_are_reported_at_once_by_line(load_spec: Any) -> None:
    text = (
        "name: a\ntask: {kind: regression, target: y}\nprepare:\n  source: {kind: csv, path: rides.csv}\n"
        "  columns:\n    z: {role: ignore}\n"
    )
    with pytest.raises(DataError) as raised:
        checked_header(load_spec(text=text))
    assert [problem.where for problem in raised.value.problems] == ["rides.yaml:2:34", "rides.yaml:6:5"]


@pytest.mark.parametrize("selector", ["numeric", "all", "'dist*'", "['not:weather']", "[weather, 'no*t']"])
def test_kinds_globs_and_exceptions_are_not_names(load_spec: Any, selector: str) -> None:
    checked_header(load_spec(f"prepare.features.0.columns={selector}"))


def test_columns_made_by_earlier_steps_are_known(load_spec: Any) -> None:
    steps = (
        "prepare.features=[{kind: expression, name: speed, value: distance_km / 2},"
        "{kind: datetime_parts, columns: [requested_at], parts: [hour]},"
        "{kind: standardize, columns: [speed, requested_at_hour]}]"
    )
    checked_header(load_spec(steps))


def test_a_missing_file_is_located_at_the_path(load_spec: Any) -> None:
    with pytest.raises(DataError) as raised:
        checked_header(load_spec("prepare.source.path=riders.csv"))
    assert raised.value.problems[0].where.startswith("--set prepare.source.path=riders.csv")
    assert "riders.csv" in str(raised.value)
    Path("rides.csv").unlink()
    with pytest.raises(DataError) as raised:
        checked_header(load_spec())
    assert raised.value.problems[0].where == "rides.yaml:4:29"
