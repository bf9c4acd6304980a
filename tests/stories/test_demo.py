"""`make demo` tells the whole life of a model, and every step of it goes as told."""

from __future__ import annotations

import os
import subprocess
import sys

from stories.story import ROOT


def test_the_demo_ends_with_a_second_champion_and_a_quiet_week(tmp_path):
    told = subprocess.run(
        [sys.executable, ROOT / "scripts" / "demo.py"],
        env={**os.environ, "MODELWRIGHT_DEMO": str(tmp_path / "rides")},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    story = told.stdout
    for moment in ("QUIET", "ALERT for week 13", "ALERT for week 14", "challenger", "QUIET again", "What to try next"):
        assert moment in story
        story = story[story.index(moment) :]
    assert (tmp_path / "rides" / "runs" / "rides" / "aliases.json").is_file()
