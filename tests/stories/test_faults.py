"""Killed, interrupted, locked, full: the old version or the new one, never half; and the next run succeeds."""

from __future__ import annotations

import json
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from modelwright.runs.store import STAGES, Store
from stories.terminal import HEADER, Terminal, intact, leftovers, rows, spec, text

TUNE = "tune: {trials: 400, model: {kind: lightgbm, iterations: 10}}\n"
SHORT = {"tune": ("--set", "tune.trials=2")}
WORKING_S = 60  # how long a process may take to begin

LOOPING = """
import sys
from modelwright.cli import app
stage, *options = sys.argv[1:]
app.run([stage, "small.yaml", *options])  # all is imported now
print("warm", flush=True)
while True:
    assert app.run([stage, "small.yaml", *options, "--force"]) == 0
"""


def write_story(terminal: Terminal, count: int = 150) -> None:
    terminal.write("data.csv", text(HEADER, rows(count)))
    terminal.write("small.yaml", spec() + TUNE)


@contextmanager
def process(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process in the folder that does not outlive the block."""
    started = subprocess.Popen(
        [sys.executable, *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with started:
        try:
            yield started
        finally:
            started.kill()


def await_work(folder: Path, stage: str, running: subprocess.Popen[str]) -> None:
    """Until the stage has begun to write."""
    until = time.monotonic() + WORKING_S
    while not list(folder.glob(f"runs/small/{stage}/.tmp-*")):
        assert running.poll() is None and time.monotonic() < until
        time.sleep(0.005)


@pytest.mark.parametrize(("stage", "kills"), [("prepare", 6), ("train", 5), ("evaluate", 4)])
def test_killed_at_a_random_moment(terminal: Terminal, stage: str, kills: int) -> None:
    write_story(terminal)
    terminal.done("run", "small.yaml")
    moments = random.Random(stage)
    before = intact(terminal.folder)
    for _ in range(kills):
        with process(terminal.folder, "-c", LOOPING, stage) as running:
            assert running.stdout is not None and running.stdout.readline()
            time.sleep(moments.uniform(0, 0.25))
            running.kill()
        after = intact(terminal.folder)
        assert after[stage][: len(before[stage])] == before[stage], "older versions stay"
        assert after[stage] == list(range(1, len(after[stage]) + 1)), "no number is lost or used twice"
        before = after
    terminal.done(stage, "small.yaml", "--force")  # and nothing temporary is left
    assert intact(terminal.folder)[stage] == [*before[stage], before[stage][-1] + 1]


def finished_trials(folder: Path) -> int:
    (database,) = folder.glob("runs/small/tune/.study-*.db")
    with closing(sqlite3.connect(database)) as study:
        count: int = study.execute("SELECT count(*) FROM trials WHERE state = 'COMPLETE'").fetchone()[0]
    return count


def test_tune_killed_loses_at_most_the_trial_that_ran(terminal: Terminal) -> None:
    write_story(terminal)
    terminal.done("prepare", "small.yaml")
    command = ("tune", "small.yaml", "--set", "tune.trials=30")
    finished = 0
    for more in (3, 2):
        with process(terminal.folder, "-m", "modelwright", *command) as running:
            assert running.stderr is not None
            for _ in range(more):
                while not running.stderr.readline().startswith("trial "):
                    assert running.poll() is None
            running.kill()
        assert finished_trials(terminal.folder) >= finished + more, "what was told is kept"
        finished = finished_trials(terminal.folder)
        assert intact(terminal.folder)["tune"] == []
    said = terminal.done(*command)
    assert len(re.findall(r"^trial \d+: ", said.err, re.MULTILINE)) == 30 - finished, "only what was not done before"
    assert terminal.json("runs/small/tune/v0001/best.json")["trials"] == 30
    assert not list(terminal.folder.glob("runs/small/tune/.study-*"))


@pytest.mark.parametrize("stage", ["prepare", "train", "tune"])
@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_signal_ends_a_stage_in_one_line(
    terminal: Terminal, stage: str, number: signal.Signals, code: int, word: str
) -> None:
    write_story(terminal, 20_000)
    if stage != "prepare":
        terminal.done("prepare", "small.yaml")
    slow = ("--set", "train.model={kind: lightgbm, iterations: 10000}") if stage == "train" else ()
    with process(terminal.folder, "-m", "modelwright", stage, "small.yaml", *slow) as running:
        await_work(terminal.folder, stage, running)
        running.send_signal(number)
        out, err = running.communicate(timeout=30)
    assert running.returncode == code
    assert out == ""
    assert re.findall("^error: .*", err, re.MULTILINE) == [f"error: {word}"] and err.endswith(f"error: {word}\n")
    assert "Traceback" not in err
    assert intact(terminal.folder)[stage] == [] and leftovers(terminal.folder) == []
    terminal.done(stage, "small.yaml", *SHORT.get(stage, ()))


def test_the_second_of_two_is_turned_away_at_once_with_the_pid_of_the_first(terminal: Terminal) -> None:
    write_story(terminal)
    terminal.done("prepare", "small.yaml")
    with process(terminal.folder, "-m", "modelwright", "tune", "small.yaml") as running:
        await_work(terminal.folder, "tune", running)
        started = time.monotonic()
        said = terminal.type("tune", "small.yaml", "--json")
        assert time.monotonic() - started < 1
        assert said.code == 6 == json.loads(said.out)["error"]["exit_code"]
        assert f"tune of small is in use by process {running.pid}" in said.err
        assert "hint: " in said.err and "Traceback" not in said.err
        terminal.type("train", "small.yaml")  # another stage is not in the way
    assert intact(terminal.folder)["train"] == [1]


@contextmanager
def disk(place: Path, size: str) -> Iterator[Path]:
    """A file system of its own."""
    place.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("file systems can't be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def test_a_full_disk_is_exit_5_at_whatever_file_it_fills(terminal: Terminal) -> None:
    write_story(terminal)
    codes = []
    for size_kb in (8, 40, 120, 200, 280, 360, 600, 1200):
        with disk(terminal.folder / "disk", f"{size_kb}k"):
            said = terminal.type("run", "small.yaml", "--runs", "disk/runs")
            codes.append(said.code)
            assert "Traceback" not in said.err
            assert leftovers(terminal.folder) == []
            if said.code:
                assert said.code == 5 and said.out == ""
                assert "no space left on the disk" in said.err and "hint: free space, or pass --runs DIR" in said.err
                store = Store(terminal.folder / "disk/runs")
                for stage in STAGES:
                    for version in store.versions("small", stage):
                        store.open("small", stage, version).verify()
    assert codes[0] == 5 and codes.count(5) >= 3


def test_a_read_only_folder_is_exit_5_and_its_runs_can_still_be_used(terminal: Terminal) -> None:
    write_story(terminal)
    with disk(terminal.folder / "disk", "8m") as place:
        terminal.done("run", "small.yaml", "--runs", "disk/runs")
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        complaint = terminal.refused(5, "prepare", "small.yaml", "--runs", "disk/runs", "--force")
        assert "Read-only file system" in complaint and "hint: " in complaint
        terminal.refused(5, "train", "small.yaml", "--runs", "disk/runs", "--set", "seed=9", "--from", "prepare/v0001")
        terminal.done("predict", "disk/runs/small/export/v0001", "data.csv")
        terminal.done("runs", "list", "--runs", "disk/runs")
        terminal.done("prepare", "small.yaml", "--runs", "disk/runs")  # nothing has changed, so nothing is written


def test_a_file_where_the_runs_should_be_is_exit_5(terminal: Terminal) -> None:
    write_story(terminal)
    terminal.write("runs", "not a folder")
    said = terminal.type("prepare", "small.yaml")
    assert said.code == 5 and "Traceback" not in said.err and said.out == ""
    assert (terminal.folder / "runs").read_text() == "not a folder"
