"""A network goes on from the checkpoint of a killed training, with the same bytes, and from an earlier run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from modelwright.core.progress import Silent
from modelwright.stages import train
from stages.test_train import prepared
from stages.trips import Trips, project

SECTION = "{model: {kind: mlp, hidden: 8, epochs: 12, patience: null}, refit: learn+validation}"
KILLED = """
import os, signal, sys
from pathlib import Path

from modelwright.core.progress import Silent
from modelwright.learning import dense, loop
from modelwright.stages import train
from stages.test_train import prepared

loop.CHECKPOINT_EVERY_S = 0.0
steps, loss = 0, dense.DenseTask.loss

def killed(*given):
    global steps
    steps += 1
    if steps == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return loss(*given)

dense.DenseTask.loss = killed
train.run(train.plan(prepared(Path(sys.argv[1]), "regression", sys.argv[3])), Silent())
"""


@pytest.mark.parametrize(("steps", "spared"), [(20, 18), (90, 72 + 9)], ids=["in the fit", "in the refit"])
def test_a_killed_training_ends_with_the_same_bytes_and_leaves_no_checkpoint(
    steps: int, spared: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch", reason="torch is not installed", exc_type=ImportError)
    from modelwright.learning import dense

    for name in ("killed", "whole"):
        (tmp_path / name).mkdir()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", KILLED, str(tmp_path / "killed"), str(steps), SECTION]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    counted, loss = [0], dense.DenseTask.loss

    def count(*given):
        counted[0] += 1
        return loss(*given)

    monkeypatch.setattr(dense.DenseTask, "loss", count)
    jobs = {name: prepared(tmp_path / name, "regression", SECTION) for name in ("whole", "killed")}
    made, took = {}, {}
    for name, job in jobs.items():
        made[name] = train.run(train.plan(job), Silent()).run
        took[name], counted[0] = counted[0], 0
    assert made["killed"].read_bytes("model.onnx") == made["whole"].read_bytes("model.onnx")
    assert made["killed"].read_bytes("curve.parquet") == made["whole"].read_bytes("curve.parquet")
    assert took["killed"] == took["whole"] - spared, "epochs that were over are not repeated"
    assert not (made["killed"].path.parent / train.CHECKPOINTS).exists()


@pytest.mark.parametrize(("task", "target"), [("regression", "minutes"), ("binary", "late")])
def test_a_network_goes_on_from_the_weights_of_an_earlier_run(task: str, target: str, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed", exc_type=ImportError)
    made = project(tmp_path, task=task, target=target)
    trips = Trips(made.folder, ("train.model={kind: mlp, hidden: 8, epochs: 6}", "~evaluate.gates"))
    trips.stages("prepare", "train")
    trips.write("second.csv", 400, seed=2)
    trips.stage("prepare")
    done = trips.stage("train", "train.warm_start=train/v0001").run
    first = trips.job().store.open("trips", "train", 1)
    assert done.read_json("model.json")["warm_start"]["run"] == "train/v0001"
    assert done.read_json("parity.json")["largest"] <= 1e-9
    curves = [pq.read_table(run.file("curve.parquet"))["validation"].to_numpy() for run in (first, done)]
    assert curves[1][0] < curves[0][0], "it starts where the other had come to"
