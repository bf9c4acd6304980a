"""Stories by the name of their config, with the data that they need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import make_rides
from stories.story import ALL, DATA, REAL, Story, once
from stories.terminal import Terminal


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Terminal:
    """In an empty folder."""
    monkeypatch.chdir(tmp_path)
    return Terminal(tmp_path, capfd)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A folder that all test workers of this session see."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if hasattr(request.config, "workerinput") else base) / "stories"


@pytest.fixture(scope="session")
def rides_data(shared: Path) -> Path:
    """Weeks 1 to 9 of the simulated fleet."""
    folder = shared / "rides-data"
    with once(folder) as to_do:
        for week in range(1, 10) if to_do else ():
            make_rides.write_week(week, 7, folder)
    return folder


@pytest.fixture(scope="session")
def story_of(rides_data: Path) -> Callable[[str, Path], Story]:
    """A story by the name of its config; skipped where its data is not here."""

    def made(config: str, folder: Path) -> Story:
        if config in REAL and not (DATA / config).is_dir():
            pytest.skip(f"the data set {config} is not in {DATA}")
        few = "train.model={kind: auto, budget_s: 3600, max_models: 3}"  # so that the clock decides nothing
        overrides = {
            "adult": (few.replace("3}", "2}"), "train.validation={kind: kfold, folds: 2}"),
            "telco_churn": (few,),
            "rides": (
                few,
                f"prepare.source.path={rides_data}/rides-2026-w*.csv",
                f"monitor.labels.path={rides_data}/actuals-2026-w*.csv",
            ),
        }
        return Story(config, folder, ("evaluate.resamples=200", *overrides.get(config, ())))

    return made


@pytest.fixture(scope="session", params=ALL)
def told(request: pytest.FixtureRequest, shared: Path, story_of: Callable[[str, Path], Story]) -> Iterator[Story]:
    """Every config, told to export; the first version of each stage is what tests look at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELWRIGHT_DATA", str(DATA))
        story = story_of(request.param, shared / request.param)
        story.tell()
        yield story
