"""A small CSV, a spec for it, and ways to load variations of that spec."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from modelwright.core.errors import SpecError
from modelwright.spec.load import Loaded, load

ROWS = "ride_id,requested_at,distance_km,weather,duration_min\nr1,2026-01-01T08:00:00Z,2.5,rain,11\n"

SPEC = """\
name: rides
task: {kind: regression, target: duration_min}
prepare:
  source: {kind: csv, path: rides.csv}
  columns:
    ride_id: {role: id}
  features:
    - {kind: one_hot, columns: [weather]}
train:
  model:
    kind: lightgbm
    leaves: 15
"""

Load = Callable[..., Loaded]
Said = Callable[..., list[str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rides.csv").write_text(ROWS)
    return tmp_path


@pytest.fixture
def load_spec(folder: Path) -> Load:
    """The spec above with overrides; `extra` text is appended to it, `text` replaces it."""

    def loaded(*overrides: str, extra: str = "", text: str = SPEC) -> Loaded:
        (folder / "rides.yaml").write_text(text + extra)
        return load(Path("rides.yaml"), overrides)

    return loaded


@pytest.fixture
def said(load_spec: Load) -> Said:
    """The lines of the error that loading ends with, which is the spec's fault."""

    def lines(*overrides: str, extra: str = "", text: str = SPEC) -> list[str]:
        with pytest.raises(SpecError) as raised:
            load_spec(*overrides, extra=extra, text=text)
        return str(raised.value).splitlines()

    return lines
