"""The pipelines in a bundle do what they say: their seven commands are run here one by one, as CI runs them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import yaml

from modelwright.serving.packaging import pipelines

SPEC = """\
name: rides
task: {kind: regression, target: minutes}
prepare:
  source: {kind: csv, path: rides.csv}
train: {model: {kind: ridge}}
tune:
  model: {kind: ridge}
  trials: 2
  space: {model.alpha: {low: 0.1, high: 10, log: true}}
evaluate: {gates: [{kind: threshold, metric: r2, min: 0.5}]}
"""


def test_the_seven_commands_run_as_they_are_written(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    lines = [
        f"{km:.3f},{speed:.3f},{60 * km / speed + random.normal():.3f}"
        for km, speed in random.uniform(20, 40, (400, 2))
    ]
    (tmp_path / "rides.csv").write_text("\n".join(["km,speed,minutes", *lines]) + "\n")
    (tmp_path / "current.csv").write_text("\n".join(["km,speed,minutes", *lines[:100]]) + "\n")
    (tmp_path / "rides.yaml").write_text(SPEC)
    job = yaml.safe_load(pipelines.files("rides")["ci/github-actions.yml"])["jobs"]["model"]
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, **job["env"], "CURRENT": "current.csv", "PATH": path}
    for step in job["steps"]:
        if "run" in step and step["name"] != "install":
            script = step["run"].replace("8080", str(port))
            done = subprocess.run(
                ["bash", "-e", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
            )
            assert done.returncode == 0, (step["name"], done.stderr)
    made = {folder.name for folder in (tmp_path / "runs/rides").iterdir() if folder.is_dir()}
    assert made >= {"prepare", "train", "tune", "evaluate", "export", "monitor"}
