"""One process per stage; the second is told at once who is there (fault matrix F7)."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from modelwright.core.errors import LockedError
from modelwright.runs.commit import begin
from modelwright.runs.identity import Identity
from modelwright.runs.locks import lock
from modelwright.runs.store import Store

HOLDING = """
import sys, time
from pathlib import Path
from modelwright.runs.locks import lock
with lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@contextmanager
def holder(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that holds the lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLDING, path], stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"held\n"
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def begin_prepare(store: Store, stage: str = "prepare", name: str = "rides"):
    return begin(store, Identity(name, stage, {}, (), 7), spec_text="", threads=1)


def test_the_second_process_is_told_the_pid_within_a_second(store: Store) -> None:
    with holder(store.root / "rides/prepare/.lock") as process:
        started = time.monotonic()
        with pytest.raises(LockedError) as caught, begin_prepare(store):
            pytest.fail("the lock was given twice")
        assert time.monotonic() - started < 1
        assert str(process.pid) in str(caught.value) and "prepare of rides" in str(caught.value)
        assert caught.value.exit_code == 6


def test_other_stages_and_names_are_free(store: Store) -> None:
    with holder(store.root / "rides/prepare/.lock"):
        for stage, name in (("train", "rides"), ("prepare", "wine")):
            with begin_prepare(store, stage, name) as staged:
                staged.commit()


def test_a_killed_owner_frees_the_lock(store: Store) -> None:
    with holder(store.root / "rides/prepare/.lock") as process:
        process.kill()
        process.wait()
        with begin_prepare(store) as staged:
            staged.commit()


def test_one_process_can_not_hold_it_twice_either(store: Store) -> None:
    with begin_prepare(store), pytest.raises(LockedError), begin_prepare(store):
        pytest.fail("the lock was given twice")


def test_an_owner_that_has_not_said_its_pid_is_not_waited_for_long(tmp_path: Path) -> None:
    import fcntl

    with (tmp_path / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        started = time.monotonic()
        with pytest.raises(LockedError, match="unknown"), lock(tmp_path / "lock"):
            pytest.fail("the lock was given twice")
        assert time.monotonic() - started < 1


def test_a_short_wait_is_enough_for_a_short_owner(tmp_path: Path) -> None:
    code = HOLDING.replace("time.sleep(60)", "time.sleep(0.2)")
    process = subprocess.Popen([sys.executable, "-c", code, tmp_path / "lock"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    with lock(tmp_path / "lock", wait_s=5):
        pass
    process.wait()
    process.stdout.close()


def test_processes_at_once_get_distinct_versions_or_exit_6(store: Store) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from modelwright.core.errors import LockedError\n"
        "from modelwright.runs.commit import begin; from modelwright.runs.identity import Identity\n"
        "from modelwright.runs.store import Store\n"
        "try:\n"
        "    for _ in range(20):\n"
        "        with begin(Store(Path(sys.argv[1])), Identity('rides', 'prepare', {}, (), 7), spec_text='',"
        " threads=1) as staged:\n"
        "            print(staged.commit().version)\n"
        "except LockedError as error: sys.exit(error.exit_code)\n"
    )
    command = [sys.executable, "-c", code, store.root]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    made: list[int] = []
    for process in processes:
        output, _ = process.communicate(timeout=60)
        assert process.returncode in (0, 6)
        made += map(int, output.split())
    assert sorted(made) == list(range(1, len(made) + 1)) == store.versions("rides", "prepare")
    assert len(made) >= 20
