"""A folder with data and a spec, and command lines typed there."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from modelwright.cli import app
from modelwright.runs.store import STAGES, Store

HEADER = ("x", "c", "y")


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Terminal:
    """`folder` is the current folder; what a command says is caught, not shown."""

    folder: Path
    capture: pytest.CaptureFixture[str]

    def type(self, *arguments: str) -> Said:
        self.capture.readouterr()
        code = app.run(arguments)
        said = self.capture.readouterr()
        return Said(code, said.out, said.err)

    def done(self, *arguments: str, code: int = 0) -> Said:
        said = self.type(*arguments)
        assert said.code == code, said.err
        assert "Traceback" not in said.err
        assert leftovers(self.folder) == []
        return said

    def refused(self, code: int, *arguments: str) -> str:
        """What the command complains of: in words on stderr only, or as one JSON object."""
        before = versions(self.folder)
        said = self.type(*arguments)
        assert said.code == code, said.err
        assert said.out == ""
        assert "Traceback" not in said.err
        assert "error: " in said.err
        again = self.type(*arguments, "--json")
        error = json.loads(again.out)["error"]
        assert again.code == error["exit_code"] == code
        assert all(one["message"] in said.err for one in error["problems"])
        assert versions(self.folder) == before
        assert leftovers(self.folder) == []
        return said.err[said.err.index("error: ") :]

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def json(self, relative: str) -> Any:
        return json.loads((self.folder / relative).read_bytes())


def rows(count: int = 120) -> list[list[str]]:
    """Of `HEADER`: a number, one of three words, a class that the number gives away more often than not."""
    chance = random.Random(1)
    numbers = [chance.gauss(0, 1) for _ in range(count)]
    return [[f"{x:.5f}", chance.choice("abc"), "yes" if x + chance.gauss(0, 1) > 0 else "no"] for x in numbers]


def text(header: Sequence[str], lines: Iterable[Sequence[Any]]) -> str:
    """As CSV."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(lines)
    return written.getvalue()


def with_targets(targets: Sequence[object]) -> str:
    """The rows with these targets, as CSV."""
    return text(HEADER, [[*row[:2], target] for row, target in zip(rows(len(targets)), targets, strict=True)])


def spec(
    *, kind: str = "binary", target: str = "y", source: str = "", prepare: str = "", model: str = "logistic"
) -> str:
    """A small spec; `source` and `prepare` are more of those sections."""
    return (
        f"name: small\n"
        f"task: {{kind: {kind}, target: {json.dumps(target, ensure_ascii=False)}}}\n"
        f"prepare:\n"
        f"  source: {{kind: csv, path: data.csv{source}}}\n"
        f"  features: auto\n"
        f"{prepare}"
        f"train: {{model: {{kind: {model}}}}}\n"
    )


def versions(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.glob("runs/*/*/v*"))


def intact(folder: Path, *, but: str = "") -> dict[str, list[int]]:
    """The versions of each stage, every file of them checked; not those of the stage `but`."""
    store = Store(folder / "runs")
    found = {stage: store.versions("small", stage) for stage in STAGES}
    for stage, numbers in found.items():
        for version in numbers if stage != but else ():
            store.open("small", stage, version).verify()
    return found


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.startswith(".tmp-") or path.name == "scratch"]
