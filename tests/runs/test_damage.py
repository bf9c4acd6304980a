"""A damaged run is noticed, named and never used (fault matrix F6; rules S3 and S4)."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelwright.core.errors import ArtifactError, ModelwrightError
from modelwright.runs.manifest import Manifest
from modelwright.runs.store import Run, Store


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def delete(path: Path) -> None:
    path.unlink()


def link(path: Path) -> None:
    path.rename(path.parent.parent / "moved")
    path.symlink_to(path.parent.parent / "moved")


def into_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [truncate, flip, delete, link, into_a_folder])
@pytest.mark.parametrize("relative", ["model.onnx", "weights/tree.txt", "spec.yaml"])
def test_damage_to_any_file_is_named_with_both_hashes(store: Store, make_run, damage, relative: str) -> None:
    good, bad = make_run(), make_run()
    damage(bad.path / relative)
    for read in (bad.read_bytes, bad.file, lambda _: bad.verify()):
        with pytest.raises(ArtifactError) as caught:
            read(relative)
        assert caught.value.exit_code == 4
        assert relative in str(caught.value)
        if damage in (truncate, flip, delete):
            assert bad.manifest.outputs[relative].sha256 in str(caught.value)
    assert store.find("rides", "prepare", bad.manifest.key) == good
    assert any("prepare/v0002 was passed over" in text for text in store.warnings)


@pytest.mark.parametrize("damage", [truncate, flip, delete, link, into_a_folder])
def test_a_damaged_manifest_hides_the_run(store: Store, make_run, damage) -> None:
    good, bad = make_run(), make_run()
    damage(bad.path / "manifest.json")
    with pytest.raises(ArtifactError, match=r"manifest\.json"):
        store.open("rides", "prepare", 2)
    assert store.find("rides", "prepare", bad.manifest.key) == good
    assert store.newest("rides", "prepare") == good
    assert make_run().version == 3, "the number of a damaged run is not used again"


def test_all_damaged_files_are_reported_at_once(make_run) -> None:
    run = make_run()
    for relative in ("model.onnx", "weights/tree.txt"):
        flip(run.path / relative)
    (run.path / "environment.json").unlink()
    with pytest.raises(ArtifactError) as caught:
        run.verify()
    assert len(caught.value.problems) == 3


def test_with_no_intact_run_nothing_is_found(store: Store, make_run) -> None:
    run = make_run()
    flip(run.path / "model.onnx")
    assert store.find("rides", "prepare", run.manifest.key) is None
    assert len(store.warnings) == 1


def test_a_folder_in_place_of_subfolder_is_damage_not_a_crash(make_run) -> None:
    run = make_run()
    (run.path / "weights/tree.txt").unlink()
    (run.path / "weights").rmdir()
    (run.path / "weights").write_text("now a file")
    with pytest.raises(ArtifactError, match="missing"):
        run.verify()


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_no_flipped_bit_in_a_manifest_is_believed(make_run, store: Store, position: int, bit: int) -> None:
    run = store.newest("rides", "prepare") or make_run()
    whole = run.manifest.to_bytes()
    content = bytearray(whole)
    content[position % len(content)] ^= 1 << bit
    folder = store.root / "flipped"
    folder.mkdir(exist_ok=True)
    (folder / "manifest.json").write_bytes(content)
    with pytest.raises(ArtifactError):
        Manifest.load(folder)


@pytest.mark.parametrize("relative", ["../outside", "/etc/passwd", "a//b", "a\\b", "a\0b", "", "./a"])
def test_a_manifest_can_not_name_files_outside(make_run, relative: str) -> None:
    from modelwright.core.canonical import digest, to_json

    run = make_run()
    content = json.loads((run.path / "manifest.json").read_bytes())
    del content["digest"]
    content["outputs"][relative] = {"bytes": 1, "sha256": "0"}
    (run.path / "manifest.json").write_bytes(to_json({**content, "digest": digest(content)}))
    with pytest.raises(ArtifactError, match="manifest"):
        Run.at(run.path)


def test_a_manifest_of_a_later_modelwright_is_refused_with_advice(make_run) -> None:
    run = make_run()
    path = run.path / "manifest.json"
    path.write_text(path.read_text().replace('"schema_version": 2', '"schema_version": 9'))
    with pytest.raises(ArtifactError, match="schema version 9"):
        Run.at(run.path)


def test_only_files_of_the_run_can_be_read(make_run) -> None:
    run = make_run()
    (run.path / "stray.txt").write_text("not in the manifest")
    for relative in ("stray.txt", "../v0001/model.onnx", "/etc/passwd", "", "model.onnx\0"):
        with pytest.raises(ArtifactError):
            run.read_bytes(relative)


def test_a_pipe_in_place_of_a_file_does_not_hang(make_run) -> None:
    run = make_run()
    (run.path / "model.onnx").unlink()
    os.mkfifo(run.path / "model.onnx")
    with pytest.raises(ArtifactError, match="plain file"):
        run.verify()


@pytest.mark.parametrize("make", ["copy", "link"])
def test_a_version_copied_or_linked_by_hand_is_refused(store: Store, make_run, make: str) -> None:
    import shutil

    run = make_run()
    other = run.path.with_name("v0002")
    shutil.copytree(run.path, other) if make == "copy" else other.symlink_to(run.path)
    with pytest.raises(ModelwrightError):
        store.open("rides", "prepare", 2)
    assert store.newest("rides", "prepare") == run


def test_a_run_can_be_read_where_it_was_copied_to(make_run, tmp_path: Path) -> None:
    import shutil

    run = make_run("export")
    copied = Run.at(Path(shutil.copytree(run.path, tmp_path / "bundle")))
    copied.verify()
    assert (copied.name, copied.label, copied.digest) == ("rides", "export/v0001", run.digest)
