"""A store in a fresh folder, and small real runs in it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from modelwright.runs.commit import begin
from modelwright.runs.identity import Identity, Input
from modelwright.runs.store import Run, Store

MakeRun = Callable[..., Run]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


@pytest.fixture
def make_run(store: Store) -> MakeRun:
    """Commit a run: `make_run("train", made_from=prepare, files={"model.onnx": b"…"})`."""

    def make(
        stage: str = "prepare",
        *,
        name: str = "rides",
        files: dict[str, bytes] | None = None,
        made_from: Run | None = None,
        inputs: tuple[Input, ...] = (),
        spec: str = "name: rides\n",
        into: Store = store,
    ) -> Run:
        if made_from is not None:
            inputs = (*inputs, Input(made_from.stage, made_from.label, made_from.digest))
        identity = Identity(name, stage, {"spec": spec}, inputs, 7)
        with begin(into, identity, spec_text=spec, threads=1) as staged:
            for relative, content in (files or {"model.onnx": b"graph", "weights/tree.txt": b"leaf"}).items():
                staged.write_bytes(relative, content)
            return staged.commit()

    return make
