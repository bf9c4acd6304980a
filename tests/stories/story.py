"""One config of `configs/` on its way through the stages."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelwright.chains.run import run_stage
from modelwright.core.progress import Silent
from modelwright.runs.store import Run, Store
from modelwright.spec.load import load
from modelwright.stages.job import Job, Result

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs"
DATA = Path(os.environ.get("MODELWRIGHT_DATA", ROOT.parent / "shared" / "data")).resolve()

BUNDLED = ("breast_cancer", "breast_cancer_anomalies", "diabetes", "digits", "wine", "wine_clusters")
REAL = ("adult", "bike_sharing", "diamonds", "sms_spam", "telco_churn", "vic_electricity", "wine_quality")
ALL = tuple(sorted((*BUNDLED, *REAL, "rides")))


@contextmanager
def once(folder: Path) -> Iterator[bool]:
    """Whether the work in a folder is still to be done; another test worker waits until it is."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / "done"
        yield not done.exists()
        done.touch()


@dataclass(frozen=True)
class Story:
    """One config with a folder for its runs; `overrides` are `--set` arguments."""

    config: str
    folder: Path
    overrides: tuple[str, ...] = ()

    def job(self, **options: Any) -> Job:
        loaded = load(CONFIGS / f"{self.config}.yaml", self.overrides)
        store = Store(self.folder / "runs")
        return Job(loaded.spec, loaded.base, store, spec_text=loaded.text, options=options)

    def stage(self, name: str, **options: Any) -> Result:
        return run_stage(name, self.job(**options), Silent())

    def tell(self) -> None:
        """To export; once, however many test workers ask for it."""
        with once(self.folder) as to_do:
            for stage in ("prepare", "train", "evaluate", "export") if to_do else ():
                result = self.stage(stage)
                assert result.exit_code == 0 and not result.cached, f"{stage}: {result.summary}"

    def first(self, stage: str) -> Run:
        job = self.job()
        return job.store.open(job.spec.name, stage, 1)

    def spec_stage(self, spec_file: Path, name: str) -> Result:
        """A stage of another spec file, such as a best.yaml, with the same runs."""
        loaded = load(spec_file)
        job = Job(loaded.spec, loaded.base, Store(self.folder / "runs"), spec_text=loaded.text)
        return run_stage(name, job, Silent())
