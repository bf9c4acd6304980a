"""What `init` writes: a guess that passes `check`, with its reasons beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelwright.core.errors import DataError
from modelwright.spec.draft import draft
from modelwright.spec.header import checked_header
from modelwright.spec.load import Loaded, load


def drafted(data: Path, target: str, output: str = "spec.yaml") -> Loaded:
    spec = data.parent / output
    spec.write_text(draft(data, target, spec), encoding="utf-8")
    loaded = load(spec)
    checked_header(loaded)
    return loaded


def write(folder: Path, rows: dict[str, list[object]], delimiter: str = ",") -> Path:
    lines = [delimiter.join(rows), *(delimiter.join(map(str, row)) for row in zip(*rows.values(), strict=True))]
    path = folder / "My Data 2026.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


N = 200
COLUMNS: dict[str, list[object]] = {
    "ride_id": [f"r{n:05d}" for n in range(N)],
    "at": [f"2026-01-{n % 28 + 1:02d} 08:00" for n in range(N)],
    "seen": [f"2026-01-{n % 28 + 1:02d}T08:00:00+02:00" for n in range(N)],
    "km": [n * 0.37 for n in range(N)],
    "fixed": ["same"] * N,
    "nothing": [""] * N,
    "yes_no": ["yes" if n % 3 else "no" for n in range(N)],
    "stars": [n % 5 for n in range(N)],
    "count": [n % 50 for n in range(N)],
    "colour": [("red", "green", "blue")[n % 3] for n in range(N)],
}


@pytest.mark.parametrize(
    ("target", "task"),
    [
        ("yes_no", "binary"),
        ("stars", "multiclass"),
        ("colour", "multiclass"),
        ("count", "regression"),
        ("km", "regression"),
    ],
)
def test_the_task_follows_from_the_targets_values(tmp_path: Path, target: str, task: str) -> None:
    spec = drafted(write(tmp_path, COLUMNS), target).spec
    assert (spec.name, spec.task.kind, spec.task.target) == ("my-data-2026", task, target)
    assert task in spec.train.model.tasks


def test_roles_and_types_follow_from_the_values(tmp_path: Path) -> None:
    columns = drafted(write(tmp_path, COLUMNS), "km").spec.prepare.columns
    assert {name: column.model_dump(exclude_unset=True) for name, column in columns.items()} == {
        "ride_id": {"role": "id"},
        "at": {"type": "timestamp", "timezone": "UTC"},
        "seen": {"type": "timestamp"},
        "fixed": {"role": "ignore"},
        "nothing": {"role": "ignore"},
    }


def test_rows_in_order_of_time_are_split_by_time(tmp_path: Path) -> None:
    days = [f"2026-{n // 28 + 1:02d}-{n % 28 + 1:02d} 08:00" for n in range(N)]
    prepare = drafted(write(tmp_path, {**COLUMNS, "at": days}), "km").spec.prepare
    assert prepare.split is not None
    assert (prepare.split.kind, getattr(prepare.split, "column", None)) == ("time", "at")
    assert drafted(write(tmp_path, {**COLUMNS, "at": days[::-1]}), "km").spec.prepare.split is None


@pytest.mark.parametrize(
    ("day", "form"),
    [
        (lambda n: f"{2000 + n // 12}-{n % 12 + 1:02d}", "%Y-%m"),
        (lambda n: f"{n % 28 + 1:02d}.01.2026", "%d.%m.%Y"),
        (lambda n: f"{n % 28 + 1:02d}/01/2026 08:00", "%d/%m/%Y %H:%M"),
    ],
)
def test_dates_that_are_not_iso_get_their_format(tmp_path: Path, day: Callable[[int], str], form: str) -> None:
    rows: dict[str, list[object]] = {"day": [day(n) for n in range(N)], "km": [n * 0.37 for n in range(N)]}
    assert drafted(write(tmp_path, rows), "km").spec.prepare.columns["day"].format == form


def test_a_column_that_numbers_the_rows_is_an_id(tmp_path: Path) -> None:
    rows: dict[str, list[object]] = {"instant": list(range(1, N + 1)), "km": [n * 0.37 for n in range(N)]}
    assert drafted(write(tmp_path, rows), "km").spec.prepare.columns["instant"].role == "id"


def test_a_question_mark_means_missing(tmp_path: Path) -> None:
    rows: dict[str, list[object]] = {"age": ["?" if n % 9 == 0 else n % 60 for n in range(N)], "km": COLUMNS["km"]}
    source = drafted(write(tmp_path, rows), "km").spec.prepare.source
    assert {"", "NA", "?"} <= set(getattr(source, "null_words", ()))


def test_quotes_that_swallow_rows_are_ordinary_characters(tmp_path: Path) -> None:
    said = ['"hello' if n % 50 == 7 else "fine" for n in range(N)]
    source = drafted(write(tmp_path, {"said": said, "km": COLUMNS["km"]}, "\t"), "km").spec.prepare.source
    assert getattr(source, "quote", None) == "none"
    said = ['"a ""big"" one"' for n in range(N)]
    source = drafted(write(tmp_path, {"said": said, "km": COLUMNS["km"]}), "km").spec.prepare.source
    assert getattr(source, "quote", None) == '"'


def test_a_file_without_names_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "plain.csv"
    path.write_text("".join(f"{('ham', 'spam')[n % 3 == 0]},{n}.5\n" for n in range(1, 50)))
    assert "looks like a row" in draft(path, "ham", tmp_path / "s.yaml")
    with pytest.raises(DataError) as caught:
        draft(path, "label", tmp_path / "s.yaml")
    assert "source.names" in caught.value.problems[0].hint


def test_serving_is_logged_so_that_monitor_has_something_to_look_at(tmp_path: Path) -> None:
    log = drafted(write(tmp_path, COLUMNS), "km").spec.serve.log
    assert log is not None
    assert log.folder == "logs/my-data-2026"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    assert drafted(write(tmp_path, COLUMNS, delimiter), "km").spec.task.target == "km"


def test_parquet_is_read_as_parquet(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "data.bin"
    pq.write_table(pa.table({"x": [1.5, 2.5, 3.5] * 10, "y": [True, False, None] * 10}), path)
    spec = drafted(path, "y").spec
    assert (spec.prepare.source.kind, spec.task.kind) == ("parquet", "binary")


def test_the_path_is_relative_to_the_spec(tmp_path: Path) -> None:
    data = write(tmp_path, COLUMNS)
    (tmp_path / "configs").mkdir()
    text = draft(data, "km", tmp_path / "configs" / "a.yaml")
    assert 'path: "../My Data 2026.csv"' in text or "path: ../My Data 2026.csv" in text


@pytest.mark.parametrize(
    ("content", "target", "words"),
    [
        (b"", "y", "is empty"),
        (b"a,b\n1,2\n", "bb", 'no column "bb"; did you mean "b"'),
        (b"a,b\n1,2\n1,3\n", "a", "one value"),
        (b"a,b\n", "a", "no value"),
        (b"a,b\n\xff\xfe1,2\n", "a", "not UTF-8"),
        (b"PAR1 not really", "a", "can't be read as Parquet"),
        (b"d\n2026-01-01\n2026-01-02\n2026-01-03\n", "d", "a timestamp column"),
    ],
)
def test_data_that_nothing_can_be_drafted_from(tmp_path: Path, content: bytes, target: str, words: str) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=words.replace('"', ".")):
        draft(path, target, tmp_path / "s.yaml")


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        draft(tmp_path / "nope.csv", "y", tmp_path / "s.yaml")


NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Zs"], exclude_characters='",;|\ufeff'),
    min_size=1,
    max_size=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(NAMES, min_size=2, max_size=4, unique=True))
def test_any_column_names_give_a_spec_that_passes_check(tmp_path: Path, names: list[str]) -> None:
    rows: dict[str, list[object]] = {name: [f"v{n}" for n in range(150)] for name in names[:-1]}
    loaded = drafted(write(tmp_path, {**rows, names[-1]: [n * 0.5 for n in range(150)]}), names[-1])
    assert set(loaded.spec.prepare.columns) == set(names[:-1])
