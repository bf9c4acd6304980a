"""Whatever is wrong with spec or data: its exit code, one message with place and hint, and nothing half-written."""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from stories.story import CONFIGS
from stories.terminal import HEADER, Terminal, rows, spec, text

ROWS = rows()


def changed(place: int, column: int, value: str) -> list[list[str]]:
    """The rows, with one value changed."""
    lines = [list(row) for row in ROWS]
    lines[place][column] = value
    return lines


def numbered(targets: Sequence[object]) -> str:
    """The rows with other targets."""
    return text(HEADER, [[*row[:2], target] for row, target in zip(ROWS, targets, strict=False)])


@dataclass(frozen=True)
class Bad:
    """`said`: what the message holds, in this order."""

    data: str | bytes | None
    said: tuple[str, ...]
    code: int = 3
    spec: str = spec()


GOOD = text(HEADER, ROWS)
CLASSES = {
    "missing file": Bad(None, ("small.yaml:4:29: ", "data.csv: no such file", "hint: ")),
    "empty file": Bad("", ("data.csv: ", "the file is empty")),
    "blank lines only": Bad("\n\n\n", ("data.csv: ", "the file is empty")),
    "header only": Bad("x,c,y\n", ("data.csv: ", "a header, but no rows")),
    "header only, no line end": Bad("x,c,y", ("data.csv: ", "a header, but no rows")),
    "missing target": Bad(
        GOOD, ("small.yaml:2:30: task.target", 'no column "yy"', 'did you mean "y"?'), spec=spec(target="yy")
    ),
    "missing column": Bad(
        GOOD,
        ("small.yaml:6:13: prepare.columns.xx: ", 'no column "xx"', 'did you mean "x"?'),
        spec=spec(prepare="  columns: {xx: {role: id}}\n"),
    ),
    "missing column of a cleaner": Bad(
        GOOD,
        ("small.yaml:6:42: prepare.clean.0.keys.0: ", 'no column "xx"', 'did you mean "x"?'),
        spec=spec(prepare="  clean: [{kind: drop_duplicates, keys: [xx]}]\n"),
    ),
    "missing column of a feature step": Bad(
        GOOD,
        ("small.yaml:5:39: prepare.features.0.columns.0: ", 'no column "xx"', 'did you mean "x"?'),
        spec=spec().replace("features: auto", "features: [{kind: impute, columns: [xx], strategy: median}]"),
    ),
    "too many bad rows": Bad(
        text(HEADER, [*ROWS[:10], ["1", "a"], ["1", "a", "yes", "more"], *ROWS[10:]]),
        ("2 of 122 rows", "max_reject_share (1.00%)", "data.csv:12: too few", "data.csv:13: too many", "hint: mend"),
    ),
    "values of another type": Bad(
        text(HEADER, [[("bad" if n % 15 == 3 else row[0]), *row[1:]] for n, row in enumerate(ROWS)]),
        ('column "x"', "112 values are numbers, 8 are not", 'data.csv:5: "bad"', "hint: add them to null_words"),
    ),
    "stray quote": Bad(
        GOOD.replace(",a,", ',"a,', 1), ("data.csv:", "a quote opens here and takes in the next", "hint: quote: none")
    ),
    "two stray quotes": Bad(
        "x,c,y\n" + "".join(f"{n}," + ('"a' if n in (7, 70) else "a") + ",no\n" for n in range(120)),
        ("data.csv:9", "a quote opens here and takes in the next", "hint: quote: none"),
    ),
    "not UTF-8": Bad(
        GOOD.replace(",b,", ",é,").encode("cp1252"), ("data.csv:", "byte 0xe9 is not utf-8", "hint: ", "cp1252")
    ),
    "UTF-16": Bad(GOOD.encode("utf-16"), ("data.csv:1: ", "byte 0xff is not utf-8", "utf-16")),
    "NUL": Bad(GOOD.replace("a", "\0", 1), ("data.csv:", "a NUL character in a text file", "hint: ")),
    "random bytes": Bad(random.Random(1).randbytes(4000), ("data.csv:1: ", "is not utf-8")),
    "one class": Bad(numbered(["yes"] * 120), ("y: the target has one class only: 'yes'", "hint: ")),
    "no target value": Bad(numbered([""] * 120), ("no rows are left", "hint: removed by missing target: 120")),
    "three classes for binary": Bad(
        numbered([n % 3 for n in range(120)]), ("y: the target has 3 classes: [0, 1, 2]", "hint: ", "multiclass")
    ),
    "fractions for classes": Bad(
        numbered([n / 7 for n in range(120)]), ('the target "y"', "not classes", "regression")
    ),
    "words for numbers": Bad(
        GOOD,
        ("y: the target is of type text; regression needs numbers", "hint: "),
        spec=spec(kind="regression", model="ridge"),
    ),
    "constant target": Bad(
        numbered([3.5] * 120),
        ("y: the target is the same on every row of learn (3.5)", "hint: "),
        spec=spec(kind="regression", model="ridge"),
    ),
    "too many infinite values": Bad(
        text(HEADER, [[("-inf" if n % 20 == 3 else row[0]), *row[1:]] for n, row in enumerate(ROWS)]),
        ('column "x"', "6 are not", 'data.csv:5: "-inf"'),
    ),
    "no column with a value": Bad(
        text(["id", *HEADER], [[n, "", "", row[2]] for n, row in enumerate(ROWS)]),
        ("no column is left to predict from", "hint: "),
        spec=spec(prepare="  columns: {id: {role: id}}\n"),
    ),
    "negative weight": Bad(
        text([*HEADER, "w"], [[*row, -1 if n == 9 else 1] for n, row in enumerate(ROWS)]),
        ('the weight "w"', "negative in 1 rows", "hint: "),
        spec=spec(prepare="  columns: {w: {role: weight}}\n"),
    ),
    "missing weight": Bad(
        text([*HEADER, "w"], [[*row, "" if n == 9 else 1] for n, row in enumerate(ROWS)]),
        ('the weight "w"', "missing", "hint: "),
        spec=spec(prepare="  columns: {w: {role: weight}}\n"),
    ),
    "all weights zero": Bad(
        text([*HEADER, "w"], [[*row, 0] for row in ROWS]),
        ('the weight "w" is 0 in all rows',),
        spec=spec(prepare="  columns: {w: {role: weight}}\n"),
    ),
    "words for weights": Bad(
        text([*HEADER, "w"], [[*row, "heavy"] for row in ROWS]),
        ('the weight "w" is of type text',),
        spec=spec(prepare="  columns: {w: {role: weight}}\n"),
    ),
    "column called prediction": Bad(
        GOOD.replace("x", "prediction", 1), ('"prediction" can\'t be an input', "hint: rename"), 2
    ),
    "column called __row__": Bad(GOOD.replace("x", "__row__", 1), ('data.csv: a column may not be called "__row__"',)),
    "two columns of one name": Bad(GOOD.replace("c", "x", 1), ('data.csv: two columns are called "x"', "hint: ")),
    "names that differ by case": Bad(GOOD.replace("c", "X", 1), ('"x" and "X" differ only by case', "hint: ")),
    "a model for another task": Bad(
        GOOD, ("small.yaml:6:16: train.model: ridge is for regression, not for binary",), 2, spec(model="ridge")
    ),
    "one row": Bad(text(HEADER, ROWS[:1]), ("the split leaves no rows for", "hint: more rows")),
    "time without zone": Bad(
        text(HEADER, [[f"2026-03-{1 + n % 28:02d} 02:30:00", *row[1:]] for n, row in enumerate(ROWS)]),
        ('column "x": "2026-03-01 02:30:00" names no time zone', "hint: columns: {x: {timezone: UTC}}"),
    ),
}
CLASSES |= {
    "a Parquet file for a CSV file": Bad(b"PAR1" + bytes(range(256)) * 9, ("data.csv:", " is not utf-8")),
    "unreadable Parquet": Bad("x,c,y\n", ("data.csv: ",), spec=spec().replace("kind: csv", "kind: parquet")),
}


@pytest.mark.parametrize("case", CLASSES)
def test_bad_data_is_refused_with_place_and_hint(terminal: Terminal, case: str) -> None:
    bad = CLASSES[case]
    if bad.data is not None:
        terminal.write("data.csv", bad.data)
    terminal.write("small.yaml", bad.spec)
    complaint = terminal.refused(bad.code, "run", "small.yaml")
    place = 0
    for words in bad.said:
        place = complaint.find(words, place)
        assert place >= 0, f"{words!r} is not in {complaint}"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("seed: many", "small.yaml:2:7: seed: "),
        ("seed: -1", "small.yaml:2:7: seed: "),
        ("train: {model: {kind: lightgbm, leaves: 1}}", "small.yaml:2:41: train.model.leaves: "),
        ("train: {model: {kind: lightgbm, leaves: a lot}}", "small.yaml:2:41: train.model.leaves: "),
        ("train: {model: {kind: lightgmb}}", 'did you mean "lightgbm"?'),
        ("prepare: {split: {kind: random, validation: 1.5, test: 0.1}}", "small.yaml:2:45: prepare.split.validation: "),
        ("prepare: {max_reject_share: 2}", "small.yaml:2:29: prepare.max_reject_share: "),
        ("prepare: {memory: lots}", "small.yaml:2:19: prepare.memory: "),
        ("prepare: {columns: {x: {timezone: Europe/Kyiw}}}", 'did you mean "Europe/Kyiv"?'),
        ("prepare: [1, 2]", "small.yaml:2:10: prepare: "),
        ("evaluate: {gates: [{kind: threshold, metric: rsme, max: 1}]}", "small.yaml:2:46: evaluate.gates"),
        ("serve: {port: 99999}", "small.yaml:2:15: serve.port: "),
        ("monitor: {alpha: nan}", "small.yaml:2:18: monitor.alpha: "),
        ("task: {kind: binary, target: y, positive: maybe}", "task.positive: 'maybe' is not a class"),
        ("evaluate: {slices: [c], confidence: 2}", "small.yaml:2:37: evaluate.confidence: "),
    ],
)
def test_a_bad_value_is_refused_in_its_line_and_column(terminal: Terminal, written: str, said: str) -> None:
    terminal.write("data.csv", GOOD)
    terminal.write("base.yaml", spec())
    terminal.write("small.yaml", f"extends: base.yaml\n{written}\n")
    complaint = terminal.refused(2, "prepare", "small.yaml")
    assert said in complaint


def test_an_unknown_key_at_any_depth_is_located_and_refused(terminal: Terminal, rides_data: Path) -> None:
    source = (CONFIGS / "rides.yaml").read_text("utf-8").replace("data/rides-2026-", f"{rides_data}/rides-2026-")
    keys = [(token.start_mark, token.value) for token in _keys(source)]
    assert len(keys) > 30
    lines = source.splitlines(keepends=True)
    for mark, key in keys:
        line = lines[mark.line]
        typo = line[: mark.column] + key + "q" + line[mark.column + len(key) :]
        terminal.write("typo.yaml", "".join([*lines[: mark.line], typo, *lines[mark.line + 1 :]]))
        said = terminal.type("prepare", "typo.yaml")
        assert said.code in (2, 3) and "Traceback" not in said.err, key
        assert f"typo.yaml:{mark.line + 1}:" in said.err, (key, said.err)


def _keys(source: str) -> list[yaml.ScalarToken]:
    """The keys of all mappings, but for names that the user makes up."""
    tokens = list(yaml.scan(source))
    after_key = [tokens[place + 1] for place, token in enumerate(tokens) if isinstance(token, yaml.KeyToken)]
    return [token for token in after_key if isinstance(token, yaml.ScalarToken) and token.value not in ("champion", "challenger")]


def test_all_problems_of_a_spec_are_told_at_once(terminal: Terminal) -> None:
    wrong = "seeed: 1\nserve: {port: 0.5, hots: a}\ntune: {trials: -1}\n"
    terminal.write("small.yaml", spec() + wrong)
    complaint = terminal.refused(2, "run", "small.yaml")
    assert re.findall(r"error: small\.yaml:\d+:\d+: ([\w.]+)", complaint) == [
        *("seeed", "serve.port", "serve.hots", "tune.trials")
    ]


def test_refused_rows_are_kept_with_file_and_line_and_counted(terminal: Terminal) -> None:
    lines = GOOD.splitlines()
    lines[5:5] = ["", "1,a"]  # a blank line is no row, and counts as a line
    lines[60] = 'inf,"two\nlines",no'
    lines.append("1,a,yes,more")
    terminal.write("data.csv", "\n".join(lines) + "\n")
    terminal.write("small.yaml", spec(source=", multiline: true", prepare="  max_reject_share: 0.05\n"))
    terminal.done("prepare", "small.yaml")
    run = terminal.folder / "runs/small/prepare/v0001"
    rejects = pq.read_table(run / "rejects.parquet").to_pylist()
    assert [(row["file"], row["line"], row["column"]) for row in rejects] == [
        ("data.csv", 7, None),
        ("data.csv", 125, None),
        ("data.csv", 61, "x"),
    ]
    assert json.loads((run / "rows.json").read_bytes())["rows"]["rejected"] == 3
    assert all(row["reason"] for row in rejects)
    report = (run / "report.html").read_text("utf-8")
    assert "data.csv" in report and "61" in report


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


def test_ten_rows_are_too_few_to_judge_a_model_by(terminal: Terminal) -> None:
    lines = [[n, "ab"[n % 2], ("no", "yes")[n % 2]] for n in range(10)]
    terminal.write("data.csv", text(HEADER, lines))
    terminal.write("small.yaml", spec())
    said = terminal.done("run", "small.yaml", code=3)
    assert "2 rows to evaluate on; at least 10 are needed" in said.err
    assert "hint: " in said.err and said.out == ""


def test_a_class_that_learn_lacks_is_named(terminal: Terminal) -> None:
    terminal.write("data.csv", numbered(["c" if n == 118 else "ab"[n % 2] for n in range(120)]))
    terminal.write("small.yaml", spec(kind="multiclass", prepare="  split: {kind: random}\n"))
    said = terminal.type("prepare", "small.yaml")
    if said.code:  # the one row of that class may be in learn
        assert said.code == 3 and "'c'" in said.err and "hint: " in said.err


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
    terminal.write("data.csv", numbered([one if row[2] == "yes" else other for row in ROWS]))
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


EVIL = "a\"b'; DROP TABLE rows; --</script><img src=x onerror=alert(1)>\u202e\U0001f600\n{{7*7}} `$(id)` \\ \x1b[31m %s ../.."


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
    from modelwright.serving.bundle import open_bundle
    from stories.talking import ask, serving

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


def test_paths_that_are_no_files_are_refused(terminal: Terminal) -> None:
    terminal.write("small.yaml", spec())
    (terminal.folder / "data.csv").mkdir()
    terminal.refused(3, "run", "small.yaml")
    (terminal.folder / "data.csv").rmdir()
    (terminal.folder / "data.csv").symlink_to("nowhere")
    terminal.refused(3, "run", "small.yaml")
    (terminal.folder / "data.csv").unlink()
    os.mkfifo(terminal.folder / "data.csv")
    terminal.refused(3, "run", "small.yaml")
    assert Path("small.yaml").is_file()
