"""A run folder that was damaged by hand: exit 4, or a new version and a warning; never taken for what it was."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from modelwright.cli import app
from modelwright.runs.store import Store
from stories.terminal import HEADER, Terminal, intact, rows, spec, text

ARGUMENTS = {"monitor": ("--data", "data.csv"), "tune": ("--set", "tune.trials=2")}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one version of every stage."""
    folder = tmp_path_factory.mktemp("told")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "data.csv").write_text(text(HEADER, rows()))
        (folder / "small.yaml").write_text(spec() + "tune: {model: {kind: lightgbm, iterations: 10}}\n")
        assert app.run(["run", "small.yaml", "--quiet"]) == 0
        for stage, options in ARGUMENTS.items():
            assert app.run([stage, "small.yaml", *options, "--quiet"]) in (0, 11)
    return folder


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES: tuple[Callable[[Path], None], ...] = (truncate, flip, Path.unlink)
DONE = ("prepare", "train", "evaluate", "export", "tune", "monitor")


@pytest.fixture
def damaged(told: Path, terminal: Terminal) -> Callable[..., None]:
    """Gives the current folder fresh runs, of which one file is damaged."""

    def make(relative: str, damage: Callable[[Path], None]) -> None:
        shutil.rmtree(terminal.folder / "runs", ignore_errors=True)
        shutil.copytree(told, terminal.folder, dirs_exist_ok=True)
        damage(terminal.folder / "runs/small" / relative)

    return make


@pytest.mark.parametrize("stage", DONE)
def test_no_damaged_file_is_ever_taken_for_a_result(
    told: Path, terminal: Terminal, damaged: Callable[..., None], stage: str
) -> None:
    """A stage whose run is damaged would run again; what needs that run says exit 4 and names the file."""
    version = told / "runs/small" / stage / "v0001"
    manifest = Store(told / "runs").open("small", stage, 1).manifest
    files = sorted(path.relative_to(version).as_posix() for path in version.rglob("*") if path.is_file())
    for number, file in enumerate(files):
        damages = DAMAGES if file not in manifest.unhashed else (Path.unlink,)
        for damage in (damages[number % len(damages)], Path.unlink):
            damaged(f"{stage}/v0001/{file}", damage)
            verified = terminal.type("runs", "verify")
            assert verified.code == 4 and file in verified.err, f"{file}: {verified.err}"
            said = terminal.type(stage, "small.yaml", *ARGUMENTS.get(stage, ()), "--dry-run", "--json")
            assert said.code in (0, 4), said.err
            assert '"status": "to run"' in said.out or said.code == 4, f"{file} is damaged and {said.out} used it"
            assert "Traceback" not in said.err and file in said.err + verified.err


@pytest.mark.parametrize(("stage", "file"), [("prepare", "learn.parquet"), ("train", "model.onnx"), ("export", "")])
def test_the_next_run_replaces_a_damaged_version_and_says_so(
    terminal: Terminal, damaged: Callable[..., None], stage: str, file: str
) -> None:
    damaged(f"{stage}/v0001/{file or 'manifest.json'}", flip)
    said = terminal.done("run", "small.yaml")
    assert f"{stage}/v0001" in said.err and "damaged" in said.err
    assert intact(terminal.folder, but=stage)[stage] == [1, 2]
    Store(terminal.folder / "runs").open("small", stage, 2).verify()


def test_what_needs_a_damaged_run_is_exit_4_with_file_and_both_hashes(
    terminal: Terminal, damaged: Callable[..., None]
) -> None:
    damaged("prepare/v0001/learn.parquet", flip)
    for arguments in (
        ("train", "small.yaml", "--from", "prepare/v0001", "--force"),
        ("tune", "small.yaml", "--from", "prepare/v0001", "--force"),
    ):
        complaint = terminal.refused(4, *arguments)
        assert "prepare/v0001/learn.parquet" in complaint
        assert len(set(re.findall(r"\b[0-9a-f]{64}\b", complaint))) == 2


def test_no_file_of_a_bundle_may_be_damaged(told: Path, terminal: Terminal, damaged: Callable[..., None]) -> None:
    bundle = told / "runs/small/export/v0001"
    manifest = Store(told / "runs").open("small", "export", 1).manifest
    for number, file in enumerate(sorted(manifest.outputs)):
        damage = DAMAGES[number % 3]
        damaged(f"export/v0001/{file}", damage)
        for arguments in (
            ("predict", "runs/small/export/v0001", "data.csv"),
            ("monitor", "--bundle", "runs/small/export/v0001", "--data", "data.csv", "--force"),
        ):
            said = terminal.type(*arguments)
            assert said.code == 4, f"{arguments[0]} with {file} damaged: {said}"
            assert file in said.err and "hint: " in said.err
    assert (bundle / "model.onnx").is_file()
