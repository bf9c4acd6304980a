"""A run appears at once and whole, or not at all."""

import errno
import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from modelwright.core.errors import ArtifactError, ResourceError, SpecError
from modelwright.runs.commit import begin
from modelwright.runs.identity import Identity
from modelwright.runs.store import Store

IDENTITY = Identity("rides", "prepare", {"a": 1}, (), 7)


def started(store: Store):
    return begin(store, IDENTITY, spec_text="name: rides\n", threads=2)


def left_over(store: Store) -> list[str]:
    """What lies beside the committed versions."""
    return [path.name for path in store.folder("rides", "prepare").iterdir() if path.name.startswith(".tmp-")]


def test_a_committed_run_holds_what_was_written_with_its_manifest(store: Store) -> None:
    with started(store) as staged:
        staged.write_json("schema.json", {"columns": []})
        staged.path("weights/deep/tree.txt").write_text("leaf")
        staged.timing("read", 0.25)
        run = staged.commit()
    assert run.label == "prepare/v0001" and run.path == store.root / "rides/prepare/v0001"
    assert sorted(run.manifest.outputs) == ["schema.json", "spec.yaml", "weights/deep/tree.txt"]
    assert (run.manifest.seed, run.manifest.threads, run.manifest.key) == (7, 2, IDENTITY.key)
    assert run.read_json("schema.json") == {"columns": []}
    assert run.read_bytes("spec.yaml") == b"name: rides\n"
    environment = json.loads((run.path / "environment.json").read_bytes())
    assert environment["durations_s"]["read"] == 0.25 and environment["durations_s"]["total"] >= 0
    assert store.open("rides", "prepare", 1) == run


def test_nothing_is_visible_before_the_commit(store: Store) -> None:
    with started(store) as staged:
        staged.write_bytes("a.txt", b"a")
        assert store.versions("rides", "prepare") == []
        assert not staged.folder.name.startswith("v")


@pytest.mark.parametrize("ending", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_whatever_ends_the_work_leaves_nothing(store: Store, make_run, ending: type[BaseException]) -> None:
    make_run()
    with pytest.raises(ending), started(store) as staged:
        staged.write_bytes("a.txt", b"a")
        raise ending
    assert left_over(store) == [] and store.versions("rides", "prepare") == [1]


def test_a_block_that_never_commits_makes_no_version(store: Store) -> None:
    with started(store) as staged:
        staged.write_bytes("a.txt", b"a")
    assert store.versions("rides", "prepare") == [] and left_over(store) == []


def test_orphans_of_dead_processes_are_swept(store: Store, make_run) -> None:
    folder = make_run().path.parent
    (folder / ".tmp-prepare-1-dead").mkdir()
    (folder / ".tmp-prepare-1-dead" / "half.parquet").write_bytes(b"PAR1")
    make_run()
    assert left_over(store) == [] and store.versions("rides", "prepare") == [1, 2]


def test_the_digest_is_the_same_in_another_folder_and_on_repetition(store: Store, make_run, tmp_path: Path) -> None:
    first, again = make_run(), make_run()
    elsewhere = make_run(into=Store(tmp_path / "other"))
    assert first.digest == again.digest == elsewhere.digest
    assert first.manifest.outputs == elsewhere.manifest.outputs
    assert make_run(files={"model.onnx": b"another"}).digest != first.digest


def test_the_spec_is_verified_but_does_not_change_the_digest(make_run) -> None:
    first, second = make_run(spec="name: rides\n"), make_run(spec="name: rides\nserve: {port: 1}\n")
    assert first.digest == second.digest
    (second.path / "spec.yaml").write_text("name: other\n")
    with pytest.raises(ArtifactError, match=r"sha256"):
        second.verify()


def test_unhashed_files_stay_out_of_the_digest(store: Store) -> None:
    digests = set()
    for content in (b"one", b"another"):
        with started(store) as staged:
            staged.write_bytes("study.db", content)
            staged.unhashed("study.db")
            run = staged.commit()
        digests.add(run.digest)
        assert run.manifest.unhashed == ("environment.json", "study.db")
        assert run.read_bytes("study.db") == content
    assert len(digests) == 1


def test_versions_are_numbers_not_names_and_never_times(store: Store, make_run) -> None:
    first = make_run()
    first.path.rename(first.path.with_name("v9999"))
    assert make_run().label == "prepare/v10000"
    assert store.versions("rides", "prepare") == [9999, 10000]
    assert store.newest("rides", "prepare").version == 10000


@pytest.mark.parametrize("make", [Path.touch, lambda path: (path.mkdir(), (path / "kept.txt").touch())])
def test_a_number_taken_by_hand_is_not_overwritten(store: Store, make_run, make) -> None:
    folder = make_run().path.parent
    blocker = folder / "v0002"
    make(blocker)
    run = make_run()
    assert run.version == 3 and run.manifest.version == 3 and blocker.exists()
    store.open("rides", "prepare", 3).verify()


@pytest.mark.parametrize("relative", ["../a", "/etc/passwd", "a/../../b", "a\0b", "manifest.json", ".", ""])
def test_files_stay_inside_the_run(store: Store, relative: str) -> None:
    with started(store) as staged, pytest.raises((SpecError, ValueError)):
        staged.path(relative)


@pytest.mark.parametrize("folder", [True, False])
def test_a_link_is_not_committed(store: Store, tmp_path: Path, folder: bool) -> None:
    target = tmp_path / "outside"
    target.mkdir() if folder else target.write_text("secret")
    with pytest.raises((ArtifactError, ResourceError)), started(store) as staged:
        (staged.folder / "link").symlink_to(target)
        staged.commit()
    assert store.versions("rides", "prepare") == [] and left_over(store) == []


def test_a_library_that_reports_a_full_disk_in_words_is_understood(store: Store) -> None:
    with pytest.raises(ResourceError, match="no space left") as caught, started(store):
        raise RuntimeError(f"IO Error: could not write: {os.strerror(errno.ENOSPC)}")
    assert caught.value.exit_code == 5


def test_the_manifest_knows_the_commit_of_the_folder_worked_in(
    tmp_path: Path, make_run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert make_run().manifest.git is None
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
    (tmp_path / "spec.yaml").write_text("name: rides\n")
    for command in (["init", "-q"], ["add", "spec.yaml"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], check=True, capture_output=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    assert make_run().manifest.git == {"commit": head, "dirty": False}
    (tmp_path / "spec.yaml").write_text("name: changed\n")
    assert make_run().manifest.git == {"commit": head, "dirty": True}


def test_everything_is_durable_before_it_is_visible(store: Store, make_run, monkeypatch: pytest.MonkeyPatch) -> None:
    make_run()
    calls: list[tuple[str, str]] = []
    fsync, rename = os.fsync, os.rename

    def recording_fsync(handle: int) -> None:
        calls.append(("fsync", Path(f"/proc/self/fd/{handle}").resolve().name))
        fsync(handle)

    def recording_rename(source: Path, target: Path) -> None:
        calls.append(("rename", Path(target).name))
        rename(source, target)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("this system does not say which file a descriptor belongs to")
    monkeypatch.setattr(os, "fsync", recording_fsync)
    monkeypatch.setattr(os, "rename", recording_rename)
    make_run()
    visible = calls.index(("rename", "v0002"))
    before = [name for _, name in calls[:visible]]
    manifest = before.index("manifest.json")
    assert {"model.onnx", "tree.txt", "spec.yaml", "environment.json", "weights"} <= set(before[:manifest])
    assert len(before) == manifest + 2 and before[-1].startswith(".tmp-"), "the folder after the manifest"
    assert calls[visible + 1 :] == [("fsync", "prepare")]


def test_a_clock_that_jumps_back_changes_neither_order_nor_durations(
    store: Store, make_run, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run()
    monkeypatch.setattr(time, "time", lambda: 0.0)
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    newest = make_run()
    os.utime(newest.path, (0, 0))
    environment = json.loads((newest.path / "environment.json").read_bytes())
    assert store.newest("rides", "prepare") == newest and newest.version == 2
    assert all(seconds >= 0 for seconds in environment["durations_s"].values())
