"""Whatever is wrong with spec or data: its exit code, one message with place and hint, and nothing half-written."""

from __future__ import annotations

import json
import os
import random
import re
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from stories.story import CONFIGS
from stories.terminal import HEADER, Terminal, rows, spec, text, with_targets

ROWS = rows()


@dataclass(frozen=True)
class Bad:
    """`said`: what the message holds, in this order."""

    data: str | bytes | None
    said: tuple[str, ...]
    code: int = 3
    spec: str = spec()


GOOD = text(HEADER, ROWS)
CASES = {
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
    "one class": Bad(with_targets(["yes"] * 120), ("y: the target has one class only: 'yes'", "hint: ")),
    "no target value": Bad(with_targets([""] * 120), ("no rows are left", "hint: removed by missing target: 120")),
    "three classes for binary": Bad(
        with_targets([n % 3 for n in range(120)]), ("y: the target has 3 classes: [0, 1, 2]", "hint: ", "multiclass")
    ),
    "fractions for classes": Bad(
        with_targets([n / 7 for n in range(120)]), ('the target "y"', "not classes", "regression")
    ),
    "words for numbers": Bad(
        GOOD,
        ("y: the target is of type text; regression needs numbers", "hint: "),
        spec=spec(kind="regression", model="ridge"),
    ),
    "constant target": Bad(
        with_targets([3.5] * 120),
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
CASES |= {
    "a Parquet file for a CSV file": Bad(
        b"PAR1" + bytes(range(256)) * 9, ("data.csv:", " this is no text", "kind: parquet")
    ),
    "unreadable Parquet": Bad("x,c,y\n", ("data.csv: ",), spec=spec().replace("kind: csv", "kind: parquet")),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_data_is_refused_with_place_and_hint(terminal: Terminal, case: str) -> None:
    bad = CASES[case]
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
    return [
        token
        for token in after_key
        if isinstance(token, yaml.ScalarToken) and token.value not in ("champion", "challenger")
    ]


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


def test_ten_rows_are_too_few_to_judge_a_model_by(terminal: Terminal) -> None:
    lines = [[n, "ab"[n % 2], ("no", "yes")[n % 2]] for n in range(10)]
    terminal.write("data.csv", text(HEADER, lines))
    terminal.write("small.yaml", spec())
    said = terminal.done("run", "small.yaml", code=3)
    assert "2 rows to evaluate on; at least 10 are needed" in said.err
    assert "hint: " in said.err and said.out == ""


def test_a_class_that_learn_lacks_is_named(terminal: Terminal) -> None:
    terminal.write("data.csv", with_targets(["c" if n == 118 else "ab"[n % 2] for n in range(120)]))
    terminal.write("small.yaml", spec(kind="multiclass", prepare="  split: {kind: random}\n"))
    tried = [terminal.type("prepare", "small.yaml", "--set", f"seed={seed}") for seed in range(8)]
    refused = [said for said in tried if said.code]  # the only row of that class is in learn for some seeds
    assert 0 < len(refused) < 8
    for said in refused:
        assert said.code == 3 and "class 'c' of \"y\" occurs in" in said.err and "hint: " in said.err
