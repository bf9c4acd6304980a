"""Progress: lines for pipes, bars for people, nothing when quiet; always on stderr."""

from __future__ import annotations

import io
import sys

import pytest

from modelwright.cli.progress import Lines, Terminal, progress_for
from modelwright.core.progress import Progress, Silent


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def work(progress: Progress) -> None:
    progress.say("reading 3 files")
    with progress.track("fold", 3) as advance:
        for _ in range(3):
            advance(1)
            progress.say("inside")
            with progress.track("inner") as step:
                step(5)


def test_pipes_get_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    progress = progress_for(quiet=False)
    assert isinstance(progress, Lines)
    work(progress)
    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert lines[0] == "reading 3 files"
    assert lines[-1].startswith("fold: 3 of 3 in ")
    assert "\x1b" not in said.err


@pytest.mark.parametrize("columns", ["40", "120"])
def test_terminals_get_bars_that_vanish(monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", screen := Screen())
    progress = progress_for(quiet=False)
    assert isinstance(progress, Terminal)
    work(progress)
    assert "reading 3 files" in screen.getvalue()
    assert "fold" in screen.getvalue()
    assert screen.getvalue().count("inside") == 3


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", screen := Screen())
    from modelwright.cli.terminal import tell

    tell("wrong", mark="error: ")
    assert screen.getvalue() == "error: wrong\n"
    monkeypatch.delenv("NO_COLOR")
    tell("wrong", mark="error: ")
    assert screen.getvalue().endswith("\x1b[31merror: \x1b[0mwrong\n")


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    progress = progress_for(quiet=True)
    assert isinstance(progress, Silent)
    work(progress)
    assert capsys.readouterr() == ("", "")


def test_an_error_inside_a_bar_leaves_the_terminal_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", screen := Screen())
    progress = Terminal()
    with pytest.raises(KeyboardInterrupt), progress.track("fold", 3):
        raise KeyboardInterrupt
    assert screen.getvalue().rstrip().endswith(("\x1b[?25h", "\x1b[2K")) or "\x1b[?25h" in screen.getvalue()
