"""Equal keys promise equal outputs: whatever can change an output changes the key."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from modelwright.core.errors import SpecError
from modelwright.runs import installed
from modelwright.runs.identity import Identity, Input

DATA = Input("data", "rides.csv", "aa")
IDENTITY = Identity("rides", "prepare", {"a": {"b": 1}, "c": [1.5, None, "x"]}, (DATA,), 7)


@pytest.mark.parametrize(
    "changed",
    [
        {"stage": "train"},
        {"section": {"a": {"b": 2}, "c": [1.5, None, "x"]}},
        {"section": {"a": {"b": 1}}},
        {"inputs": ()},
        {"inputs": (replace(DATA, digest="bb"),)},
        {"inputs": (replace(DATA, role="labels"),)},
        {"inputs": (DATA, DATA)},
        {"seed": 8},
    ],
)
def test_what_an_output_depends_on_changes_the_key(changed: dict) -> None:
    assert replace(IDENTITY, **changed).key != IDENTITY.key


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "wine"},
        {"section": {"c": [1.5, None, "x"], "a": {"b": 1}}},
        {"section": {"a": {"b": 1}, "c": (1.5, None, "x")}},
        {"inputs": (replace(DATA, name="elsewhere/rides.csv"),)},
    ],
)
def test_names_and_the_order_of_keys_do_not(changed: dict) -> None:
    assert replace(IDENTITY, **changed).key == IDENTITY.key


def test_other_code_or_libraries_change_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    from modelwright.runs import identity

    for function in ("code_digest", "library_digest"):
        with monkeypatch.context() as patched:
            patched.setattr(identity, function, lambda: "other")
            assert replace(IDENTITY).key != IDENTITY.key


def test_what_changed_can_be_said() -> None:
    other = replace(IDENTITY, seed=8, section={})
    assert other.changed_since(IDENTITY.parts) == ("spec", "seed")
    assert IDENTITY.changed_since(IDENTITY.parts) == ()


def test_the_key_is_made_of_the_same_parts_in_every_process() -> None:
    code = (
        "from modelwright.runs.identity import Identity, Input\n"
        "print(*Identity('rides', 'prepare', {'a': {'b': 1}, 'c': [1.5, None, 'x']},"
        " (Input('data', 'rides.csv', 'aa'),), 7).parts.items())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # The digest of the code is left out: a colleague may be editing it right now.
    shared = [str(item) for item in IDENTITY.parts.items() if item[0] != "code"]
    assert len(shared) == 5 and all(item in done.stdout for item in shared)


@pytest.mark.parametrize("name", ["", "..", "a/b", "A", "a b", "-a", "a" * 65, "a\n"])
def test_names_that_are_no_folder_names_are_refused(name: str) -> None:
    with pytest.raises(SpecError):
        replace(IDENTITY, name=name)
    with pytest.raises(SpecError):
        replace(IDENTITY, stage=name)


def test_versions_are_those_that_the_installer_knows() -> None:
    from importlib.metadata import version

    found = installed.library_versions()
    assert {"numpy", "duckdb", "pyarrow", "scikit-learn", "lightgbm", "onnx"} <= found.keys()
    assert found == {name: version(name) for name in found}


def test_a_library_that_offers_parts_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "fancy_models-1.2.dist-info"
    info.mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    installed.library_versions.cache_clear()
    try:
        assert "fancy-models" not in installed.library_versions()
        (info / "entry_points.txt").write_text("[modelwright.models]\nfancy = fancy_models:PART\n")
        installed.library_versions.cache_clear()
        assert installed.library_versions()["fancy-models"] == "1.2"
    finally:
        installed.library_versions.cache_clear()
