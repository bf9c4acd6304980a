"""S1: nothing is ever unpickled, neither by us nor by a library on our behalf; a pickle is refused like any garbage."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from modelwright.runs.store import Run
from stories.terminal import HEADER, rows, spec, text

TELLING = """
import sys
seen = []

def hook(event, arguments):
    if event == "pickle.find_class":
        seen.append(".".join(map(str, arguments)))

sys.addaudithook(hook)
from modelwright.cli import app

for command in sys.argv[1:]:
    code = app.run([*command.split(), "--quiet"])
    assert code in (0, 11), (command, code)
assert not seen, sorted(set(seen))
import pickle
pickle.loads(pickle.dumps(app.run))
assert seen, "the hook hears nothing"
"""


class Payload:
    """Leaves a file where it was unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("unpickled",)


PICKLES = {f"protocol {protocol}": pickle.dumps(Payload(), protocol) for protocol in (0, 2, 4)}
EXTENSIONS = ("csv", "parquet", "yaml", "json", "onnx", "pkl", "joblib", "pt", "npy", "txt")


@pytest.fixture
def story(tmp_path: Path) -> Path:
    (tmp_path / "data.csv").write_text(text(HEADER, rows()))
    (tmp_path / "small.yaml").write_text(spec(model="lightgbm") + "tune: {trials: 2}\n")
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True, timeout=120)


def test_no_stage_unpickles_anything(story: Path) -> None:
    commands = (
        "run small.yaml",
        "tune small.yaml",
        "predict runs/small/export/v0001 data.csv -o out.csv",
        "monitor small.yaml --data data.csv",
        "evaluate small.yaml --data data.csv",
    )
    done = run(story, "-c", TELLING, *commands)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from modelwright.cli import app

    folder = tmp_path_factory.mktemp("told")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "data.csv").write_text(text(HEADER, rows()))
        (folder / "small.yaml").write_text(spec())
        assert app.run(["run", "small.yaml", "--quiet"]) == 0
    return folder


@pytest.mark.parametrize("name", PICKLES)
def test_a_pickle_is_refused_by_every_command_under_every_extension(
    told: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    """As a spec, as data, as a bundle and as an output."""
    from modelwright.cli import app

    shutil.copytree(told, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    bundle = "runs/small/export/v0001"
    for extension in EXTENSIONS:
        evil = f"evil.{extension}"
        Path(evil).write_bytes(PICKLES[name])
        reader = "parquet" if extension == "parquet" else "csv"
        Path("reads.yaml").write_text(spec().replace("csv, path: data.csv", f"{reader}, path: {evil}"))
        for command, codes in {
            **{f"{stage} {evil}": (2,) for stage in ("check", "plan", "run", "prepare", "train", "tune", "evaluate")},
            **{f"{stage} {evil}": (2,) for stage in ("export", "serve", "monitor", "retrain")},
            **{f"{stage} reads.yaml": (3,) for stage in ("run", "prepare")},
            "check reads.yaml": (0, 3),  # does not open Parquet
            f"init {evil} --target y": (2, 3),
            f"predict {evil} data.csv": (4,),
            f"predict {bundle} {evil}": (3,),
            f"serve --bundle {evil}": (4,),
            f"evaluate --bundle {bundle} --data {evil}": (3,),
            f"monitor --bundle {bundle} --data {evil}": (3,),
        }.items():
            code = app.run(command.split())
            said = capfd.readouterr()
            assert code in codes, f"{command}: {code} {said.err}"
            assert "Traceback" not in said.err and ("error: " in said.err or not code), said.err
    assert not Path("unpickled").exists()


@pytest.mark.parametrize("name", PICKLES)
def test_a_pickle_among_the_files_of_a_run_is_damage(
    told: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    from modelwright.cli import app

    shutil.copytree(told, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    bundle = Path("runs/small/export/v0001")
    unhashed = Run.at(bundle).manifest.unhashed  # what may differ from run to run, and is never read
    for path in sorted(path for path in bundle.rglob("*") if path.is_file() and path.name not in unhashed):
        whole = path.read_bytes()
        path.write_bytes(PICKLES[name])
        assert app.run(["predict", str(bundle), "data.csv"]) == 4, path
        path.write_bytes(whole)
    assert "Traceback" not in capfd.readouterr().err
    assert not Path("unpickled").exists()
