"""The error boundary: every way to fail has its exit code and a message, and never a traceback but for bugs."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from modelwright.cli import app, schema
from modelwright.core.errors import ArtifactError, DataError, LockedError, Problem, ResourceError, SpecError


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`modelwright schema` raises what it is given."""

    def make(error: BaseException) -> None:
        def fail() -> None:
            raise error

        monkeypatch.setattr(schema, "schema", fail)

    return make


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SpecError("x"), 2),
        (DataError("x"), 3),
        (ArtifactError("x"), 4),
        (ResourceError("x"), 5),
        (LockedError("x"), 6),
        (MemoryError(), 5),
        (OSError(errno.ENOSPC, "No space left on device", "runs"), 5),
        (OSError(errno.EROFS, "Read-only file system", "runs"), 5),
        (PermissionError(errno.EACCES, "Permission denied", "runs"), 5),
        (KeyboardInterrupt(), 130),
        (app.Terminated(143), 143),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_errors_become_exit_codes_and_one_message(command: Any, failing: Any, error: BaseException, code: int) -> None:
    failing(error)
    said = command("schema")
    assert said.code == code
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert "Traceback" not in said.err


def test_several_problems_are_all_told_with_place_and_hint(command: Any, failing: Any) -> None:
    failing(SpecError.of([Problem("wrong", "a.yaml:1:2", "do this"), Problem("bad")]))
    assert command("schema").err.splitlines() == ["error: a.yaml:1:2: wrong", "  hint: do this", "error: bad"]


def test_a_bug_shows_its_traceback_and_asks_to_be_reported(command: Any, failing: Any) -> None:
    failing(RuntimeError("boom"))
    said = command("schema")
    assert said.code == 1
    assert "Traceback" in said.err
    assert "a bug in modelwright" in said.err
    assert "please report it" in said.err


def test_a_bug_of_many_lines_is_named_by_its_first(command: Any, failing: Any) -> None:
    failing(RuntimeError("boom\nLINE 1: SELECT\n           ^^^^"))
    assert "a bug in modelwright" in (last := command("schema").err.splitlines()[-2]) and "RuntimeError: boom" in last


@pytest.mark.parametrize("error", [SpecError("wrong", hint="do"), RuntimeError("boom"), KeyboardInterrupt()])
def test_json_has_one_object_also_for_errors(
    command: Any, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    monkeypatch.setattr("modelwright.spec.load.load", lambda *_: (_ for _ in ()).throw(error))
    said = command("check", "a.yaml", "--json")
    found = json.loads(said.out)
    assert found["error"]["exit_code"] == said.code
    assert found["error"]["problems"][0].keys() == {"message", "where", "hint"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["trian"], 'there is no command "trian"; did you mean "train"?'),
        (["xyzzy"], "known: init, check"),
        (["train", "--sett", "a=1"], "or --set?"),
        (["train"], "missing argument 'spec'"),
        (["train", "a.yaml", "b.yaml"], "unexpected extra argument"),
        (["runs", "lits"], "list"),
        (["serve", "a.yaml", "--port", "many"], "--port"),
        (["check", "nothere.yaml"], "there is no file nothere.yaml"),
        (["check", "."], "is a folder"),
    ],
)
def test_usage_errors_exit_2_and_say_what_was_meant(command: Any, arguments: list[str], words: str) -> None:
    said = command(*arguments)
    assert said.code == 2
    assert words in said.err
    assert said.out == ""
    assert "Traceback" not in said.err


def test_usage_errors_are_json_as_well(command: Any) -> None:
    said = command("train", "--json")
    assert json.loads(said.out)["error"]["exit_code"] == 2


def test_help_lists_every_command_with_its_first_sentence(command: Any) -> None:
    said = command("--help")
    assert said.code == 0
    assert all(f"\n  {name} " in said.out for name in app.COMMANDS)


@pytest.mark.parametrize("name", app.COMMANDS)
def test_every_command_has_help(command: Any, name: str) -> None:
    said = command(name, "--help")
    assert said.code == 0
    assert said.out.startswith(f"Usage: modelwright {name} ")


def test_version(command: Any) -> None:
    from modelwright import __version__

    assert command("--version").out == f"modelwright {__version__}\n"


def start(code: str, folder: Path) -> subprocess.Popen[str]:
    """`modelwright schema` in a process of its own, with the command replaced by `code`."""
    setup = f"import modelwright.cli.schema as s, sys, time\n{code}\nsys.argv[1:] = ['schema']"
    program = [sys.executable, "-c", f"{setup}\nfrom modelwright.cli.app import main\nmain()"]
    return subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder)


@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_signals_leave_through_every_finally(tmp_path: Path, number: signal.Signals, code: int, word: str) -> None:
    process = start(
        "def wait():\n"
        "    open('started', 'w').close()\n"
        "    try: time.sleep(30)\n"
        "    finally: open('cleaned', 'w').close()\n"
        "s.schema = wait",
        tmp_path,
    )
    for _ in range(200):
        if (tmp_path / "started").exists():
            break
        time.sleep(0.05)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == code
    assert (out, err) == ("", f"error: {word}\n")
    assert (tmp_path / "cleaned").exists()


def test_a_closed_pipe_is_no_error_message(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "modelwright", "schema"], stdout=writer, stderr=subprocess.PIPE, text=True
    )
    os.close(writer)
    assert done.stderr == ""
    assert done.returncode in (0, 141)


def test_a_reader_that_leaves_early_is_not_a_bug(command: Any, failing: Any) -> None:
    failing(BrokenPipeError(errno.EPIPE, "Broken pipe"))
    said = command("schema")
    assert (said.code, said.err) == (141, "")


def test_help_of_runs_cuts_no_sentence(command: Any) -> None:
    said = command("runs", "--help")
    assert "...\n" not in said.out.partition("Commands:")[2]
    assert "files that differ." in said.out


def test_control_characters_from_data_do_not_reach_the_terminal(command: Any, failing: Any) -> None:
    failing(DataError("column \x1b[31mred\x07"))
    assert "\x1b" not in command("schema").err
