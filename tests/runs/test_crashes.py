"""Killed, full, read-only: the old or the new version, never half of one (fault matrix F1 to F4)."""

import errno
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelwright.core.errors import ResourceError
from modelwright.runs.aliases import Aliases
from modelwright.runs.collection import collect
from modelwright.runs.commit import begin
from modelwright.runs.identity import Identity
from modelwright.runs.store import Store

IDENTITY = Identity("rides", "prepare", {"a": 1}, (), 7)
EVERY_CALL = Path(__file__).with_name("crash_at_every_call.py")

COMMITTING = """
import sys
from pathlib import Path
from modelwright.runs.commit import begin
from modelwright.runs.identity import Identity
from modelwright.runs.store import Store

identity = Identity("rides", "prepare", {"a": 1}, (), 7)
while True:
    with begin(Store(Path(sys.argv[1])), identity, spec_text="name: rides", threads=1) as staged:
        for number in range(4):
            staged.write_bytes(f"part/{number}.bin", bytes([number]) * 50_000)
        staged.commit()
    print("made", flush=True)
    if len(sys.argv) > 2:
        break
"""


def commit_one(store: Store) -> None:
    with begin(store, IDENTITY, spec_text="name: rides\n", threads=1) as staged:
        staged.write_bytes("model.onnx", b"graph")
        staged.write_bytes("weights/tree.txt", b"leaf")
        staged.commit()


def orphans(store: Store) -> list[Path]:
    return sorted(store.root.rglob(".tmp-*"))


def all_intact(store: Store) -> list[int]:
    versions = store.versions("rides", "prepare")
    for version in versions:
        store.open("rides", "prepare", version).verify()
    return versions


def test_killed_at_random_moments(store: Store) -> None:
    moments = random.Random(7)
    for _ in range(30):
        process = subprocess.Popen([sys.executable, "-c", COMMITTING, store.root], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()  # it works now
        time.sleep(moments.uniform(0, 0.03))
        process.kill()
        process.wait()
        process.stdout.close()
        all_intact(store)
    before = all_intact(store)
    commit_one(store)
    assert all_intact(store) == [*before, before[-1] + 1] and not orphans(store)
    assert before == list(range(1, len(before) + 1)), "no number was lost or used twice"


@pytest.mark.parametrize(
    "function", ["mkdir", "open", "write", "fsync", "rename", "replace", "close", "pwrite", "unlink", "rmdir"]
)
def test_killed_at_every_call(tmp_path: Path, function: str) -> None:
    command = [sys.executable, EVERY_CALL, tmp_path / "runs", function]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 1, "no call was hit"


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("call", ["fsync", "rename", "mkdir"])
def test_killed_inside_the_system_call(store: Store, call: str) -> None:
    commit_one(store)
    fired = 0
    for position in range(1, 40):
        trace = ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={call}"]
        trace += ["-e", f"inject={call}:signal=KILL:when={position}"]
        command = [*trace, sys.executable, "-B", "-c", COMMITTING, store.root, "once"]
        done = subprocess.run(command, capture_output=True, text=True)
        all_intact(store)
        if done.returncode == 0:
            break
        if re.search("ptrace|not permitted", done.stderr):
            pytest.skip("strace may not trace here")
        fired += 1
    assert fired >= 1
    before = all_intact(store)
    commit_one(store)
    assert all_intact(store)[:-1] == before and not orphans(store)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO])
@pytest.mark.parametrize("function", ["mkdir", "open", "write", "fsync", "rename", "pwrite", "ftruncate"])
def test_an_error_at_any_call_is_exit_5_and_leaves_nothing(
    store: Store, function: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit_one(store)
    original, hit = getattr(os, function), 0
    for position in range(1, 100):
        calls = 0

        def failing(*arguments, **options):
            nonlocal calls
            calls += 1
            if calls == position:  # noqa: B023  # used within this turn of the loop only
                raise OSError(code, os.strerror(code))
            return original(*arguments, **options)

        before = all_intact(store)
        monkeypatch.setattr(os, function, failing)
        try:
            commit_one(store)
        except ResourceError as error:
            assert error.exit_code == 5
            hit += 1
        finally:
            monkeypatch.setattr(os, function, original)
        assert all_intact(store)[: len(before)] == before and not orphans(store)
        if calls < position:
            break
    assert hit == position - 1, "every position raised a ResourceError"
    assert hit >= 1 or function == "mkdir"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 400 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", place], capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip("file systems can't be mounted here")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk_is_exit_5_and_older_versions_stay(small_disk: Path) -> None:
    store = Store(small_disk / "runs")
    commit_one(store)
    for size_kb in (399, 385, 380, 376, 372, 360):
        with (
            pytest.raises(ResourceError, match="no space left"),
            begin(store, IDENTITY, spec_text="name: rides", threads=1) as staged,
        ):
            for number in range(10):
                staged.write_bytes(f"{number}.bin", b"x" * (size_kb * 100))
            staged.path("by_a_library.bin").write_bytes(b"x" * 400_000)
        assert all_intact(store) == [1] and not orphans(store)
    commit_one(store)
    assert all_intact(store) == [1, 2]


def test_a_read_only_disk_is_exit_5_and_can_still_be_read(small_disk: Path) -> None:
    store = Store(small_disk / "runs")
    commit_one(store)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(ResourceError, match="Read-only"):
        commit_one(store)
    with pytest.raises(ResourceError):
        Aliases(store, "rides").set("champion", None)
    with pytest.raises(ResourceError):
        collect(store, "rides")
    found = store.find("rides", "prepare", IDENTITY.key)
    assert found is not None and found.version == 1


def test_a_file_where_the_runs_should_be_is_exit_5(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("not a folder")
    store = Store(tmp_path / "runs")
    with pytest.raises(ResourceError):
        commit_one(store)
    assert store.names() == [] and store.newest("rides", "prepare") is None


def test_an_interrupt_from_the_keyboard_leaves_nothing(store: Store) -> None:
    commit_one(store)
    code = COMMITTING.replace("staged.commit()", "print('made', flush=True); import time; time.sleep(30)")
    process = subprocess.Popen(
        [sys.executable, "-c", code, store.root], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    process.stdout.readline()
    assert orphans(store)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=5)
    process.stdout.close()
    assert not orphans(store) and all_intact(store) == [1]
