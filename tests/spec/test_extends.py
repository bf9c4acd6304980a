"""`extends:`, where each value keeps the place at which it was written."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelwright.core.errors import SpecError
from modelwright.spec.load import load

BASE = "name: base\ntask: {kind: regression, target: duration_min}\nprepare:\n  source: {kind: csv, path: rides.csv}\n"


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(exist_ok=True)
        path.with_suffix(".yaml").write_text(text)


def test_mappings_merge_and_all_else_is_replaced(folder: Path) -> None:
    base = BASE + "evaluate: {slices: [weather, vehicle], confidence: 0.9}\n"
    write(folder, base=base, top="extends: base.yaml\nname: top\nevaluate: {slices: [hour]}\n")
    spec = load(Path("top.yaml")).spec
    assert (spec.name, spec.evaluate.slices, spec.evaluate.confidence) == ("top", ["hour"], 0.9)


def test_a_part_of_another_kind_replaces_the_whole_part(folder: Path) -> None:
    base = BASE + "train: {model: {kind: lightgbm, leaves: 7}}\n"
    write(folder, base=base, other="extends: base.yaml\ntrain: {model: {kind: ridge}}\n")
    write(folder, same="extends: base.yaml\ntrain: {model: {learning_rate: 0.2}}\n")
    assert load(Path("other.yaml")).spec.train.model.kind == "ridge"
    assert load(Path("same.yaml")).spec.train.model.model_dump()["leaves"] == 7


def test_errors_in_an_extended_file_point_into_that_file(folder: Path) -> None:
    write(folder, base=BASE + "train: {modl: {kind: ridge}}\n", top="extends: base.yaml\nserv: {}\n")
    with pytest.raises(SpecError) as raised:
        load(Path("top.yaml"))
    assert [str(problem) for problem in raised.value.problems] == [
        'base.yaml:5:9: train.modl: unknown key; did you mean "model"?',
        'top.yaml:2:1: serv: unknown key; did you mean "serve"?',
    ]


def test_relative_paths_of_an_extended_file_are_relative_to_that_file(folder: Path) -> None:
    write(folder, shared__base=BASE + "serve: {log: {folder: /var/log/rides}}\n", top="extends: shared/base.yaml\n")
    (folder / "shared" / "rides.csv").write_text("duration_min\n1\n")
    loaded = load(Path("top.yaml"))
    assert loaded.spec.prepare.source.inputs(loaded.base) == [folder / "shared" / "rides.csv"]
    assert loaded.spec.serve.log is not None
    assert loaded.spec.serve.log.folder == "/var/log/rides"


def test_chains_of_extends_work_and_cycles_are_found(folder: Path) -> None:
    write(folder, a=BASE, b="extends: a.yaml\nname: b\n", c="extends: b.yaml\nseed: 3\n")
    assert load(Path("c.yaml")).spec.name == "b"
    write(folder, a="extends: c.yaml\n" + BASE)
    with pytest.raises(SpecError, match="extends this file again") as raised:
        load(Path("c.yaml"))
    assert raised.value.problems[0].where == "a.yaml:1:10"


@pytest.mark.parametrize(
    ("text", "what"),
    [("extends: nope.yaml\n", "no file nope.yaml"), ("extends: [a]\n", "one spec file"), ("extends: 3\n", "one")],
)
def test_what_extends_can_not_be_is_located(folder: Path, text: str, what: str) -> None:
    write(folder, top=text + BASE)
    with pytest.raises(SpecError, match=what) as raised:
        load(Path("top.yaml"))
    assert raised.value.problems[0].where == "top.yaml:1:10"


def test_the_resolved_text_stands_alone(folder: Path) -> None:
    write(folder, base=BASE, top="extends: base.yaml\nname: top\n")
    loaded = load(Path("top.yaml"))
    write(folder, resolved=loaded.text)
    again = load(Path("resolved.yaml"))
    assert "extends" not in loaded.text
    assert (again.spec, again.text, again.digest) == (loaded.spec, loaded.text, loaded.digest)
