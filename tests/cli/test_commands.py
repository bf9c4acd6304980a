"""init, check, schema, doctor: what they print where, and what they leave behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modelwright.cli import doctor

ROWS = "ride_id,weather,distance_km,duration_min\n" + "".join(
    f"r{n:04d},{('rain', 'dry')[n % 2]},{n * 0.3:.1f},{n * 0.7:.1f}\n" for n in range(150)
)


@pytest.fixture
def data(folder: Path) -> Path:
    (folder / "rides.csv").write_text(ROWS)
    return folder / "rides.csv"


@pytest.mark.usefixtures("data")
def test_init_writes_a_spec_that_passes_check(command: Any, folder: Path) -> None:
    said = command("init", "rides.csv", "--target", "duration_min")
    assert (said.code, said.out) == (0, "rides.yaml\n")
    assert (folder / ".gitignore").read_text() == "runs/\nlogs/\n"
    assert command("check", "rides.yaml").code == 0


@pytest.mark.usefixtures("data")
def test_init_never_writes_over_a_file(command: Any, folder: Path) -> None:
    (folder / "rides.yaml").write_text("mine")
    (folder / ".gitignore").write_text("mine")
    said = command("init", "rides.csv", "--target", "duration_min")
    assert said.code == 2
    assert "exists already" in said.err
    assert command("init", "rides.csv", "--target", "duration_min", "-o", "other.yaml").code == 0
    assert {(folder / name).read_text() for name in ("rides.yaml", ".gitignore")} == {"mine"}


@pytest.mark.usefixtures("data")
def test_init_says_which_columns_there_are(command: Any, folder: Path) -> None:
    said = command("init", "rides.csv", "--target", "duration")
    assert said.code == 3
    assert 'did you mean "duration_min"' in said.err
    said = command("init", "rides.csv")
    assert said.code == 2
    assert "--target one of: " in said.err and "duration_min" in said.err
    assert command("init", "rides.csv", "--target", "weather", "-o", "no/such.yaml").code == 2
    assert not list(folder.glob("*.yaml"))


@pytest.mark.usefixtures("data")
def test_check_reports_spec_and_data(command: Any, folder: Path) -> None:
    command("init", "rides.csv", "--target", "duration_min")
    said = command("check", "rides.yaml")
    assert (said.code, said.out) == (0, "")
    assert "regression of duration_min, 4 columns" in said.err
    found = json.loads(command("check", "rides.yaml", "--json").out)
    assert found["columns"] == ["ride_id", "weather", "distance_km", "duration_min"]
    assert command("check", "rides.yaml", "--quiet").err == ""
    assert command("check", "rides.yaml", "--set", "train.modle=ridge").code == 2
    said = command("check", "rides.yaml", "--set", "evaluate.slices=[wether]")
    assert said.code == 3
    assert 'did you mean "weather"' in said.err
    (folder / "rides.csv").unlink()
    said = command("check", "rides.yaml")
    assert said.code == 3
    assert said.err.startswith("error: rides.yaml:12:29: prepare.source: ")


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"a:\n\tb: 1\n", "2:1"),
        (b"[" * 20_000, "1:51"),
        (b"a: 1\na: 2\n", "2:1"),
        (b"a: \0", "1:4"),
        (b"\xef\xbb\xbfa: 1", "1:1"),
    ],
)
def test_bad_yaml_exits_2_with_line_and_column(command: Any, folder: Path, content: bytes, place: str) -> None:
    (folder / "bad.yaml").write_bytes(content)
    for name in ("check", "train", "run"):
        said = command(name, "bad.yaml")
        assert said.code == 2
        assert said.err.startswith(f"error: bad.yaml:{place}: ")
        assert "Traceback" not in said.err


@pytest.mark.parametrize(
    "typo",
    ["nmae: a", "evaluate: {slics: []}", "train: {model: {kind: ridge, alhpa: 1}}", "serve: {limits: {rwos: 1}}"],
)
def test_a_typo_never_exits_0(command: Any, folder: Path, data: Path, typo: str) -> None:
    command("init", "rides.csv", "--target", "duration_min")
    (folder / "typo.yaml").write_text(f"extends: rides.yaml\n{typo}\n")
    for name in ("check", "prepare", "serve"):
        said = command(name, "typo.yaml")
        assert said.code == 2
        assert "typo.yaml:2:" in said.err
        assert "unknown key; did you mean" in said.err


def test_schema_is_one_json_object(command: Any) -> None:
    said = command("schema")
    assert said.code == 0
    assert said.err == ""
    assert json.loads(said.out)["properties"].keys() > {"name", "task", "prepare", "extends"}


def test_doctor_says_what_is_there(command: Any) -> None:
    found = json.loads(command("doctor", "--json").out)
    assert found["onnxruntime"]["providers"]
    assert found["machine"]["cores"] >= 1
    said = command("doctor")
    assert said.code == (0 if not found["problems"] else 5)
    assert "python" in said.out


def test_doctor_exits_5_and_says_how_to_install_what_is_missing(command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "REQUIRED", ("numpy", "no-such-thing"))
    monkeypatch.setattr(doctor, "EXTRAS", {"networks": ("no_such_module",)})
    said = command("doctor")
    assert said.code == 5
    assert "pip install no-such-thing" in said.err
    assert "pip install 'modelwright[networks]'" in said.out


def test_doctor_warns_of_a_full_or_closed_folder(command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "SCARCE_BYTES", 10**18)
    said = command("doctor")
    assert said.code == 5
    assert "left" in said.err


@pytest.mark.parametrize("name", ["evaluate", "serve", "monitor"])
def test_a_spec_or_a_bundle_but_not_both(command: Any, folder: Path, name: str) -> None:
    for arguments in ((), ("a.yaml", "--bundle", "b")):
        said = command(name, *arguments)
        assert said.code == 2
        assert "either a spec or a bundle" in said.err
    said = command(name, "--bundle", "nowhere")
    assert said.code == 4
    assert "not a bundle" in said.err
