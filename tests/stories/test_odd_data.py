"""Odd, but no fault: holes, infinities, classes of any type, clocks that jump, wide tables, names that inject."""

from __future__ import annotations

import json
import random
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelwright.serving.bundle import open_bundle
from stories.talking import ask, serving
from stories.terminal import HEADER, Terminal, rows, spec, text, with_targets

ROWS = rows()


def test_an_empty_column_is_told_and_left_out(terminal: Terminal) -> None:
    terminal.write("data.csv", text([*HEADER[:2], "z", "y"], [[*row[:2], "", row[2]] for row in ROWS]))
    terminal.write("small.yaml", spec())
    said = terminal.done("run", "small.yaml")
    assert '"z" has no value in any row of learn' in said.err
    schema = terminal.json("runs/small/export/v0001/signature.json")
    assert "z" not in [field["name"] for field in schema["inputs"]]


@pytest.mark.parametrize("model", ["logistic", "lightgbm", "random_forest"])
def test_missing_values_everywhere_are_no_obstacle(terminal: Terminal, model: str) -> None:
    chance = random.Random(3)
    holes = [[value if chance.random() < 0.6 else "" for value in row[:2]] + row[2:] for row in ROWS]
    terminal.write("data.csv", text(HEADER, holes))
    terminal.write("small.yaml", spec(model=model))
    terminal.done("run", "small.yaml")
    nothing = text(HEADER[:2], [["", ""]] * 3)
    terminal.write("nothing.csv", nothing)
    said = terminal.done("predict", "runs/small/export/v0001", "nothing.csv")
    assert len(said.out.splitlines()) == 4


def test_infinite_values_never_reach_a_model(terminal: Terminal) -> None:
    numbers = [float(row[0]) for row in ROWS]
    numbers[5], numbers[6], numbers[7] = float("inf"), float("-inf"), float("nan")
    table = {"x": pa.array(numbers), "y": pa.array([row[2] for row in ROWS])}
    pq.write_table(pa.table(table), terminal.folder / "data.parquet")
    terminal.write("small.yaml", spec(prepare="  max_reject_share: 0.05\n").replace("csv", "parquet"))
    terminal.done("run", "small.yaml")
    rejects = pq.read_table(terminal.folder / "runs/small/prepare/v0001/rejects.parquet").to_pylist()
    assert [row["value"] for row in rejects] == ["inf", "-inf"]  # NaN is how Parquet writes "missing"


TARGETS = {
    "true and false": ("true", "false", [False, True]),
    "True and False": ("True", "False", [False, True]),
    "one and zero": ("1", "0", [0, 1]),
    "decimals": ("1.0", "0.0", [0, 1]),
    "yes and no": ("yes", "no", ["no", "yes"]),
    "codes": ("007", "010", ["007", "010"]),
    "negative": ("-1", "1", [-1, 1]),
    "True and no": ("True", "no", ["True", "no"]),
    "none and nan": ("none", "Inf", ["Inf", "none"]),
}


@pytest.mark.parametrize("case", TARGETS)
def test_classes_keep_their_type_from_prepare_to_predict(terminal: Terminal, case: str) -> None:
    one, other, classes = TARGETS[case]
    terminal.write("data.csv", with_targets([one if row[2] == "yes" else other for row in ROWS]))
    terminal.write("small.yaml", spec())
    terminal.done("run", "small.yaml")
    assert terminal.json("runs/small/prepare/v0001/schema.json")["classes"] == classes
    said = terminal.done("predict", "runs/small/export/v0001", "data.csv", "--json")
    predicted = {row["prediction"] for row in json.loads(said.out)["predictions"]}
    assert predicted <= set(classes)
    assert {type(label) for label in predicted} == {type(label) for label in classes}
    assert terminal.type("monitor", "small.yaml", "--data", "data.csv").code in (0, 11)


def test_time_zones_and_the_hours_that_clocks_skip_or_repeat(terminal: Terminal) -> None:
    """In Kyiv 2026-03-29 03:30 does not exist, and 2026-10-25 03:30 happens twice."""
    local = ["2026-03-29 02:59:00", "2026-03-29 03:30:00", "2026-03-29 04:00:00", "2026-10-25 03:30:00"]
    times = [*local, *(f"2026-0{1 + n % 9}-{1 + n % 27:02d} 12:00:00" for n in range(116))]
    terminal.write("data.csv", text(["t", *HEADER], [[time, *row] for time, row in zip(times, ROWS, strict=True)]))
    zone = "  columns: {t: {type: timestamp, timezone: Europe/Kyiv}}\n  split: {kind: random}\n"
    terminal.write("small.yaml", spec(prepare=zone))
    terminal.done("run", "small.yaml")
    tables = [terminal.folder / f"runs/small/prepare/v0001/{name}.parquet" for name in ("learn", "validation", "test")]
    found = {f"{time:%F %T}" for table in tables for time in pq.read_table(table)["t"].to_pylist()}
    assert {"2026-03-29 00:59:00", "2026-03-29 01:00:00"} <= found
    assert found & {"2026-10-25 00:30:00", "2026-10-25 01:30:00"}
    offset = [f"2026-01-{1 + n % 28:02d}T0{n % 9}:00:00{('Z', '+05:30', '-0300')[n % 3]}" for n in range(120)]
    terminal.write("data.csv", text(["t", *HEADER], [[time, *row] for time, row in zip(offset, ROWS, strict=True)]))
    terminal.done("run", "small.yaml")


def test_a_very_wide_table_goes_through_all_stages(terminal: Terminal) -> None:
    chance = random.Random(4)
    names = [f"f{number}" for number in range(300)]
    lines = [[f"{chance.random():.3f}" for _ in names] for _ in range(100)]
    terminal.write("data.csv", text([*names, "y"], [[*line, float(line[0]) + float(line[1])] for line in lines]))
    terminal.write("small.yaml", spec(kind="regression", model="ridge"))
    said = terminal.done("run", "small.yaml")
    assert '"f0" + "f1" is exactly the target' in said.err
    terminal.done("predict", "runs/small/export/v0001", "data.csv", "-o", "out.csv")


def test_thousands_of_categories_go_through_all_stages(terminal: Terminal) -> None:
    chance = random.Random(4)
    lines = [[f"place {n % 5000}", f"{chance.random():.3f}", chance.choice("ab")] for n in range(10_000)]
    terminal.write("data.csv", text(["place", "x", "y"], lines))
    steps = "features: [{kind: one_hot, columns: [place]}]"
    for features in ("features: auto", steps):
        terminal.write("small.yaml", spec().replace("features: auto", features))
        terminal.done("run", "small.yaml", "--set", "evaluate.resamples=100")
    terminal.write("new.csv", text(["place", "x"], [["never seen", "0.5"], ["place 7", "0.5"]]))
    terminal.done("predict", "runs/small/export/v0002", "new.csv")


MARKUP = "</script><img src=x onerror=alert(1)>"
EVIL = f"a\"b'; DROP TABLE rows; --{MARKUP}\u202e\U0001f600\n{{{{7*7}}}} `$(id)` \\ \x1b[31m %s ../.."


@pytest.mark.parametrize("model", ["logistic", "lightgbm"])
def test_names_that_inject_are_only_names_in_every_stage(terminal: Terminal, model: str) -> None:
    """S7 and S15: in column names, the target's name, categories and labels."""
    name, target = f"{EVIL}1", f"{EVIL}2"
    lines = [[x, f"{c}{EVIL}", f"{y}{EVIL}"] for x, c, y in ROWS]
    terminal.write("data.csv", text([name, "c", target], lines))
    escaped = json.dumps(target)[1:-1].replace("\\ud83d\\ude00", "\\U0001f600")
    small = spec(source=", multiline: true", model=model).replace('"y"', f'"{escaped}"')
    terminal.write("small.yaml", f"{small}evaluate: {{slices: [c]}}\n")
    said = terminal.done("run", "small.yaml")
    terminal.done("tune", "small.yaml", "--set", "tune.trials=2")
    terminal.done("runs", "promote", "v0001")
    predicted = terminal.done("predict", "runs/small/export/v0001", "data.csv", "--json")
    labels = {row["prediction"] for row in json.loads(predicted.out)["predictions"]}
    assert labels <= {f"yes{EVIL}", f"no{EVIL}"}
    terminal.write("new.csv", text([name, "c"], [[str(9 + n), f"{EVIL}new"] for n in range(120)]))
    alert = terminal.done("monitor", "small.yaml", "--data", "new.csv", code=11)
    for words in (said.err, alert.err):
        assert "\x1b" not in words and "\u202e" not in words
    pages = sorted(terminal.folder.glob("runs/*/*/v*/*.html"))
    assert len(pages) >= 4
    for page in pages:
        html = page.read_text("utf-8")
        assert "default-src 'none'" in html
        assert not re.search(r"<(script|img src=x)|49 `", html, re.IGNORECASE), page


def test_names_that_inject_are_served(terminal: Terminal) -> None:
    lines = [[x, f"{c}{EVIL}", f"{y}{EVIL}"] for x, c, y in ROWS]
    terminal.write("data.csv", text([EVIL, "c", "y"], lines))
    terminal.write("small.yaml", spec(source=", multiline: true"))
    terminal.done("run", "small.yaml")
    bundle = open_bundle(terminal.folder / "runs/small/export/v0001")
    with serving(bundle.folder) as port:
        (answer,) = ask(port, [{EVIL: 1.5, "c": f"a{EVIL}"}])
        assert answer["prediction"] in {f"yes{EVIL}", f"no{EVIL}"}
        with pytest.raises(AssertionError, match="DROP TABLE"):
            ask(port, [{EVIL: "many", "c": "a"}])
        with pytest.raises(AssertionError, match="unknown field"):
            ask(port, [{EVIL: 1.5, "c": "a", "\uffffcolumn_0": 1}])


@pytest.mark.parametrize(
    "name", ["probability_yes", "rowid", "features_", "score", "__label__", "select", "a b", "", "é"]
)
def test_odd_column_names_are_just_names(terminal: Terminal, name: str) -> None:
    terminal.write("data.csv", text([name, "c", "y"], ROWS))
    terminal.write("small.yaml", spec())
    terminal.done("run", "small.yaml")
    terminal.done("predict", "runs/small/export/v0001", "data.csv", "-o", "out.csv")
    columns = (terminal.folder / "out.csv").read_text("utf-8").splitlines()[0]
    assert columns.startswith('"prediction"')


@pytest.mark.parametrize("target", ["prediction", "probability", "features"])
def test_the_target_may_be_called_like_an_output(terminal: Terminal, target: str) -> None:
    terminal.write("data.csv", text(["x", "c", target], ROWS))
    terminal.write("small.yaml", spec(target=target))
    terminal.done("run", "small.yaml")
    terminal.done("evaluate", "small.yaml", "--data", "data.csv")
