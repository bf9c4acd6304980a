"""Run a command line in this process, in an empty folder, as a terminal or a pipe would see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from modelwright.cli import app


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


Command = Callable[..., Said]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def command(folder: Path, capfd: pytest.CaptureFixture[str]) -> Command:
    def run(*arguments: str) -> Said:
        capfd.readouterr()
        code = app.run(arguments)
        said = capfd.readouterr()
        return Said(code, said.out, said.err)

    return run
