"""Runs of an earlier modelwright are refused in words and made anew; their files are never half understood."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from modelwright.cli import app
from modelwright.core.canonical import digest, to_json
from modelwright.runs.manifest import SCHEMA_VERSION
from stories.terminal import HEADER, Terminal, rows, spec, text


def make_older(run: Path) -> None:
    """As issue 2 wrote it: no seed among the features, another schema version; all digests are right."""
    manifest = json.loads((run / "manifest.json").read_bytes())
    del manifest["digest"]
    if "features.json" in manifest["outputs"]:
        features = json.loads((run / "features.json").read_bytes())
        del features["seed"], features["contains_rows"]
        content = to_json(features)
        (run / "features.json").write_bytes(content)
        written = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        manifest["outputs"]["features.json"] = written
    manifest["schema_version"] = 1
    (run / "manifest.json").write_bytes(to_json({**manifest, "digest": digest(manifest)}))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One version of each stage up to export, as it was."""
    folder = tmp_path_factory.mktemp("older")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "data.csv").write_text(text(HEADER, rows()))
        (folder / "small.yaml").write_text(spec())
        assert app.run(["run", "small.yaml", "--set", "evaluate.resamples=100", "--quiet"]) == 0
    for run in folder.glob("runs/small/*/v0001"):
        make_older(run)
    return folder


@pytest.fixture
def older(told: Path, terminal: Terminal) -> Terminal:
    shutil.copytree(told, terminal.folder, dirs_exist_ok=True)
    return terminal


SAID = f"is of schema version 1, this modelwright reads {SCHEMA_VERSION}"


@pytest.mark.parametrize(
    "command",
    [
        ("train", "small.yaml", "--from", "prepare/v0001"),
        ("evaluate", "small.yaml", "--from", "train/v0001"),
        ("evaluate", "--bundle", "runs/small/export/v0001", "--data", "data.csv"),
        ("predict", "runs/small/export/v0001", "data.csv"),
        ("runs", "show", "prepare/v0001"),
    ],
)
def test_what_names_an_older_run_is_told_its_version(older: Terminal, command: tuple[str, ...]) -> None:
    said = older.refused(4, *command)
    assert SAID in said and "hint: use the modelwright that wrote it, or run its stage again" in said


def test_what_looks_for_a_run_passes_older_ones_over_and_says_so(older: Terminal) -> None:
    said = older.refused(4, "train", "small.yaml")
    assert "small has no prepare run yet" in said and "hint: run: modelwright prepare small.yaml" in said
    done = older.done("prepare", "small.yaml")
    assert done.out.strip().endswith("prepare/v0002")
    assert "prepare/v0001 was passed over: " in done.err and SAID in done.err
    assert older.done("run", "small.yaml").out
    older.done("runs", "list")
