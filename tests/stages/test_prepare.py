"""Prepare turns messy rows into splits, features and an account of every row, or refuses with nothing written."""

import json
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pyarrow.parquet as pq
import pytest

from modelwright.core.columns import ROW_DIGEST, Schema
from modelwright.core.errors import DataError, ModelwrightError, SpecError
from modelwright.core.progress import Silent
from modelwright.runs.store import Store
from modelwright.spec.load import load
from modelwright.stages import prepare
from modelwright.stages.incoming import read_rows
from modelwright.stages.job import Job
from modelwright.tables.profiles import Profile

REAL = Path(__file__).parents[3] / "shared" / "data"
HEAVY = {"duckdb", "pyarrow", "numpy", "pandas", "onnx", "onnxruntime", "sklearn", "lightgbm", "optuna", "altair"}
SPEC = """
    name: fruit
    task: {kind: regression, target: weight}
    prepare:
      source: {kind: csv, path: fruit.csv}
      columns:
        id: {role: id}
      split: {kind: random, validation: 0.2, test: 0.2}
"""


def fruit(rows=200):
    lines = ["id,kind,length,ripe,note,weight"]
    for number in range(rows):
        kind = ("apple", "pear", "")[number % 3]
        weight = "" if number % 50 == 7 else f"{number * 1.5 + number % 7:.1f}"
        lines.append(f"F{number:04d},{kind},{number % 17},{'true' if number % 2 else 'false'},,{weight}")
    return lines


def job(folder, spec=SPEC, lines=None, **files):
    for name, text in {"fruit.csv": "\n".join(lines or fruit()) + "\n", **files}.items():
        (folder / name).write_text(text)
    (folder / "spec.yaml").write_text(dedent(spec))
    loaded = load(folder / "spec.yaml")
    return Job(loaded.spec, loaded.base, Store(folder / "runs"), spec_text=loaded.text)


def run(folder, spec=SPEC, lines=None, **files):
    return prepare.run(prepare.plan(job(folder, spec, lines, **files)), Silent())


def changed(**replacements):
    spec = SPEC
    for old, new in replacements.items():
        spec = spec.replace(f"{old}:", new, 1)
    return spec


def with_prepare(*lines):
    return SPEC.rstrip() + "\n" + "\n".join(f"      {line}" for line in lines) + "\n"


def test_every_row_is_accounted_for(tmp_path):
    lines = fruit()
    lines[10] += ",extra"
    done = run(tmp_path, with_prepare('clean: [{kind: drop_rows, where: "length = 16"}]'), [*lines, lines[1]]).run
    rows = done.read_json("rows.json")["rows"]
    assert rows["read"] == 201 and rows["rejected"] == 1
    removed = {entry["step"]: entry["removed"] for entry in rows["removed"]}
    assert removed["missing target"] == 4 and removed["drop_rows"] == 11
    left = sum(pq.read_table(done.file(f"{name}.parquet")).num_rows for name in prepare.SPLITS)
    assert left == rows["learn"] + rows["validation"] + rows["test"] == 201 - 1 - 4 - 11
    refused = pq.read_table(done.file("rejects.parquet")).to_pylist()
    assert [(row["file"], row["line"], row["reason"]) for row in refused] == [("fruit.csv", 11, "too many values")]


def test_what_is_written(tmp_path):
    done = run(tmp_path).run
    schema = Schema.from_dict(done.read_json("schema.json"))
    assert {column.name: (column.type, column.role, column.nullable) for column in schema.columns} == {
        "id": ("text", "id", False),
        "kind": ("category", "input", True),
        "length": ("integer", "input", False),
        "ripe": ("boolean", "input", False),
        "note": ("text", "ignore", True),
        "weight": ("number", "target", False),
    }
    assert schema["kind"].categories == ("apple", "pear")
    assert (schema["length"].minimum, schema["length"].maximum) == (0.0, 16.0)
    learn = pq.read_table(done.file("learn.parquet"))
    assert learn.column_names == [*schema.names, ROW_DIGEST]
    profile = Profile.from_dict(done.read_json("profile.json"))
    assert profile.names == ("kind", "length", "ripe", "weight") and profile.rows == learn.num_rows
    assert pq.read_table(done.file("preview.parquet")).num_rows == 100
    assert b"<html" in done.read_bytes("report.html").lower()
    assert '"note" has no value in any row of learn: ignored' in done.read_json("rows.json")["warnings"]
    assert not (done.path / "scratch").exists()


def test_features_are_fitted_on_learn_only(tmp_path):
    steps = "features: [{kind: drop, columns: [kind, ripe]}, {kind: standardize, columns: [length]}]"
    done = run(tmp_path, with_prepare(steps)).run
    learn = pq.read_table(done.file("learn.parquet"))
    values = learn["length"].to_numpy()[:100]
    preview = pq.read_table(done.file("preview.parquet"))["length"].to_numpy()
    assert preview == pytest.approx((values - learn["length"].to_numpy().mean()) / learn["length"].to_numpy().std())


def test_same_spec_and_data_give_the_same_bytes_whatever_the_threads(tmp_path, monkeypatch):
    digests = []
    for threads in (1, 2, 3):
        folder = tmp_path / str(threads)
        folder.mkdir()
        monkeypatch.setattr("modelwright.stages.prepare.available_threads", lambda threads=threads: threads)
        digests.append({name: output.sha256 for name, output in run(folder).run.manifest.outputs.items()})
    assert digests[0] == digests[1] == digests[2]


def test_plan_knows_a_cached_run_and_imports_nothing_heavy(tmp_path):
    first = job(tmp_path)
    assert prepare.plan(first).cached is None
    done = prepare.run(prepare.plan(first), Silent()).run
    cached = prepare.plan(first).cached
    assert cached is not None and cached.label == done.label
    assert prepare.result(cached, cached=True).summary == prepare.result(done).summary
    code = f"""
import sys
from pathlib import Path
from modelwright.runs.store import Store
from modelwright.spec.load import load
from modelwright.stages import prepare
from modelwright.stages.job import Job
folder = Path({str(tmp_path)!r})
loaded = load(folder / "spec.yaml")
assert prepare.plan(Job(loaded.spec, loaded.base, Store(folder / "runs"), spec_text=loaded.text)).cached is not None
print(sorted({HEAVY} & set(sys.modules)))
"""
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "[]\n"


@pytest.mark.parametrize(
    ("spec", "lines", "said"),
    [
        (SPEC.replace("target: weight", "target: wieght"), None, 'no column "wieght"; did you mean "weight"'),
        (SPEC.replace("id: {role", "ID: {role"), None, 'no column "ID"; did you mean "id"'),
        (SPEC.replace("fruit.csv", "fruits.csv"), None, "did you mean fruit.csv"),
        (SPEC, [""], "the file is empty"),
        (SPEC, [*fruit(), *["x"] * 9], "more than max_reject_share"),
        (
            SPEC,
            [line.rsplit(",", 1)[0] + ",5" if number else line for number, line in enumerate(fruit())],
            "the same on every row",
        ),
        (
            SPEC,
            [line.rsplit(",", 1)[0] + "," if number else line for number, line in enumerate(fruit())],
            "no rows are left",
        ),
        (SPEC.replace("regression", "binary"), None, "not classes"),
        (
            with_prepare("checks: [{kind: between, columns: [length], max: 15}]"),
            None,
            r"check between fails on \d+ rows.*length = 16",
        ),
        (
            with_prepare("checks: [{kind: not_null, columns: [kind]}, {kind: row_count, min: 999}]"),
            None,
            r"(?s)not_null.*row_count",
        ),
        (with_prepare('clean: [{kind: drop_rows, where: "lenght = 1"}]'), None, 'did you mean "length"'),
        (with_prepare('clean: [{kind: drop_rows, where: "length >= 0"}]'), None, "no rows are left"),
        (
            SPEC.replace("id: {role: id}", "length: {nullable: false}\n        kind: {nullable: false}"),
            None,
            "is missing in",
        ),
        (SPEC, fruit(2), "leaves no rows for"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(tmp_path, spec, lines, said):
    with pytest.raises(ModelwrightError, match=said) as caught:
        run(tmp_path, spec, lines)
    assert isinstance(caught.value, DataError | SpecError)
    assert Store(tmp_path / "runs").versions("fruit", "prepare") == []
    left = [path.name for path in (tmp_path / "runs").rglob("*") if path.is_file() and ".lock" not in path.name]
    assert not [name for name in left if name.endswith((".parquet", ".duckdb", ".json", ".csv"))]


def test_failed_check_of_severity_warn_is_only_told(tmp_path):
    spec = with_prepare("checks: [{kind: not_null, columns: [kind], severity: warn}]")
    done = run(tmp_path, spec).run
    assert done.read_json("checks.json")["checks"][0]["passed"] is False
    assert any("check not_null" in warning for warning in done.read_json("rows.json")["warnings"])


CLASSES = SPEC.replace("regression, target: weight", "multiclass, target: kind").replace(
    "split: {kind: random, validation: 0.2, test: 0.2}", ""
)


def test_classes_are_those_of_learn_sorted_by_value(tmp_path):
    lines = [line.replace(",,", ",plum,", 1) if ",," in line[5:7] else line for line in fruit()]
    done = run(tmp_path, CLASSES, lines).run
    schema = Schema.from_dict(done.read_json("schema.json"))
    assert schema.classes == ("apple", "pear", "plum") == schema["kind"].categories
    rows = done.read_json("rows.json")["rows"]
    assert rows["validation"] == rows["test"] == 30, "stratified by default"


def test_whole_numbers_and_booleans_keep_their_type_as_classes(tmp_path):
    spec = CLASSES.replace("target: kind", "target: length")
    assert Schema.from_dict(run(tmp_path, spec).run.read_json("schema.json")).classes == tuple(range(17))
    spec = CLASSES.replace("multiclass, target: kind", "binary, target: ripe")
    assert Schema.from_dict(run(tmp_path, spec).run.read_json("schema.json")).classes == (False, True)


def test_class_that_learn_does_not_have_is_an_error(tmp_path):
    spec = CLASSES.rstrip() + "\n      split: {kind: time, column: length, validation: 0.1, test: 0.1}\n"
    lines = [line.replace("pear", "fig") if line.split(",")[2] == "16" else line for line in fruit()]
    with pytest.raises(DataError, match="class 'fig' of \"kind\" occurs in test but not in learn"):
        run(tmp_path, spec, lines)


def test_a_column_said_to_be_a_category_is_one_however_many_values_it_has(tmp_path):
    lines = [f"{line},{number + 1000}" for number, line in enumerate(fruit(100)[1:])]
    said = SPEC.replace("id: {role: id}", "{id: {role: id}, place: {type: category}}").replace(
        "columns:\n        ", "columns: "
    )
    done = run(tmp_path, said, [fruit()[0] + ",place", *lines]).run
    place = next(one for one in Schema.from_dict(done.read_json("schema.json")).columns if one.name == "place")
    assert place.type == "category" and len(place.categories) == done.read_json("rows.json")["rows"]["learn"]
    assert all(len(value) == 4 for value in place.categories)  # as written, not as numbers


def test_too_many_values_for_a_category_are_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("modelwright.tables.description.MOST_DECLARED", 10)
    said = SPEC.replace("id: {role: id}", "id: {type: category}")
    with pytest.raises(DataError, match="too many for categories") as caught:
        run(tmp_path, said)
    assert caught.value.problems[0].where == "prepare.columns.id.type"


def test_leaks_and_repeated_rows_are_warned_of(tmp_path):
    lines = ["a,b,c,y"] + [f"{n % 11},{n % 7},{n % 5},{n % 11 + n % 7}" for n in range(400)]
    spec = SPEC.replace("target: weight", "target: y").replace("columns:\n        id: {role: id}", "")
    warnings = run(tmp_path, spec, lines).summary["warnings"]
    assert '"a" + "b" is exactly the target "y": a leak' in warnings
    assert any("15 rows repeat another row" in warning for warning in warnings)
    lines = ["code,b,y"] + [f"{'pq'[n % 2]},{n},{'no' if n % 2 else 'yes'}" for n in range(300)]
    spec = spec.replace("regression", "binary")
    assert any(
        warning.startswith('"code" alone gives the class') for warning in run(tmp_path, spec, lines).summary["warnings"]
    )


def test_grouped_rows_stay_together_by_default(tmp_path):
    lines = ["shop,x,y"] + [f"S{n // 20},{n % 13},{'ab'[n % 2]}" for n in range(1000)]
    spec = CLASSES.replace("target: kind", "target: y").replace("id: {role: id}", "shop: {role: entity}")
    done = run(tmp_path, spec, lines).run
    shops = [set(pq.read_table(done.file(f"{name}.parquet"))["shop"].to_pylist()) for name in prepare.SPLITS]
    assert not (shops[0] & shops[1] or shops[0] & shops[2] or shops[1] & shops[2])


# --- new rows for a model that exists ---------------------------------------------------------------------------------


def incoming(folder, done, given, text, *, target="hidden"):
    (folder / "new.csv").write_text(text)
    source = given.spec.prepare.source.model_copy(update={"path": "new.csv"})
    schema = Schema.from_dict(done.read_json("schema.json"))
    return read_rows(source, folder, schema, given.spec.prepare, engine_folder=folder / "engine", target=target)


def test_prepared_rows_read_again_are_the_same(tmp_path):
    given = job(tmp_path)
    done = prepare.run(prepare.plan(given), Silent()).run
    rows = incoming(tmp_path, done, given, (tmp_path / "fruit.csv").read_text(), target="needed").table
    by_id = {row["id"]: row for row in rows.to_pylist()}
    for name in prepare.SPLITS:
        for row in pq.read_table(done.file(f"{name}.parquet")).to_pylist():
            assert by_id[row["id"]] == row


def test_new_rows_take_the_types_of_the_schema_and_ignore_what_it_does_not_know(tmp_path):
    given = job(
        tmp_path, with_prepare('clean: [{kind: drop_rows, where: "length = 3 or weight > 299 or isnull(weight)"}]')
    )
    done = prepare.run(prepare.plan(given), Silent()).run
    text = "new,ripe,kind,length,id,weight\nz,true,1,2.5,7,999\nz,false,2,3,8,1\nz,,,4,9,\n"
    found = incoming(tmp_path, done, given, text.replace("z,,,4,9,\n", "z,true,,4,9,oops\n"))
    assert found.table.column_names == [*Schema.from_dict(done.read_json("schema.json")).names, ROW_DIGEST]
    assert [(row["id"], row["kind"], row["length"], row["weight"]) for row in found.table.to_pylist()] == [
        ("7", "1", 2.5, None),
        ("9", None, 4.0, None),
    ]
    assert (found.read, found.removed, found.rejected) == (3, 1, ())
    with pytest.raises(DataError, match='"ripe" is missing in 1 rows'):
        incoming(tmp_path, done, given, text)


def test_new_rows_that_do_not_fit_are_refused_with_their_place(tmp_path):
    given = job(tmp_path, with_prepare("max_reject_share: 0.5"))
    done = prepare.run(prepare.plan(given), Silent()).run
    found = incoming(tmp_path, done, given, "id,kind,length,ripe\n1,apple,2,true\n2,pear,long,true\n")
    assert found.rejected == (("new.csv", 3, "length", "long", "is not a number"),)
    with pytest.raises(DataError, match='no column "length", which the model was made with; did you mean "lenght"'):
        incoming(tmp_path, done, given, "id,kind,lenght,ripe\n1,apple,2,true\n")
    with pytest.raises(DataError, match='no column "weight"'):
        incoming(tmp_path, done, given, "id,kind,length,ripe\n1,apple,2,true\n", target="needed")


# --- real data --------------------------------------------------------------------------------------------------------


def real(folder, path, task, prepare_section):
    if not (REAL / path).exists():
        pytest.skip(f"{path} is not here")
    section = {"source": {"kind": "csv", "path": str(REAL / path)}, **prepare_section}
    (folder / "spec.yaml").write_text(json.dumps({"name": "real", "task": task, "prepare": section}))
    loaded = load(folder / "spec.yaml")
    given = Job(loaded.spec, loaded.base, Store(folder / "runs"), spec_text=loaded.text)
    return prepare.run(prepare.plan(given), Silent()).run


def test_telco_blanks_are_missing_numbers(tmp_path):
    task = {"kind": "binary", "target": "Churn"}
    done = real(tmp_path, "telco_churn/Telco-Customer-Churn.csv", task, {"columns": {"customerID": {"role": "id"}}})
    schema = Schema.from_dict(done.read_json("schema.json"))
    assert schema["TotalCharges"].type == "number" and schema.classes == ("No", "Yes")
    assert done.read_json("rows.json")["rows"]["rejected"] == 0


def test_bike_sharing_leak_is_found(tmp_path):
    done = real(tmp_path, "bike_sharing/hour.csv", {"kind": "regression", "target": "cnt"}, {})
    assert '"casual" + "registered" is exactly the target "cnt": a leak' in done.read_json("rows.json")["warnings"]


def test_wine_duplicates_are_removed(tmp_path):
    section = {"clean": [{"kind": "drop_duplicates"}]}
    done = real(tmp_path, "wine_quality/winequality-red.csv", {"kind": "regression", "target": "quality"}, section)
    assert done.read_json("rows.json")["rows"]["removed"][0] == {"step": "drop_duplicates", "removed": 240}


def test_adult_keeps_its_official_split(tmp_path):
    section = {
        "source": {"kind": "csv", "path": str(REAL / "adult" / "adult_*.csv"), "null_words": ["?"]},
        "clean": [{"kind": "replace", "columns": ["income"], "pattern": r"\.$"}],
        "split": {"kind": "files", "test": "*_test.csv"},
    }
    done = real(tmp_path, "adult/adult_train.csv", {"kind": "binary", "target": "income"}, section)
    rows = done.read_json("rows.json")
    assert rows["rows"]["test"] == 16281 and rows["rows"]["learn"] + rows["rows"]["validation"] == 32561
    schema = Schema.from_dict(done.read_json("schema.json"))
    assert schema.classes == ("<=50K", ">50K") and schema["workclass"].nullable
