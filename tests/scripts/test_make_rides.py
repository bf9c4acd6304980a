"""The simulated rides are the same for a seed, as messy as promised, and change with the world."""

from __future__ import annotations

import csv
import hashlib
import importlib
import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(scope="module")
def rides() -> Iterator[ModuleType]:
    """The script as a module: `scripts` is no package, so its folder joins the path for a while."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SCRIPTS)
        yield importlib.import_module("make_rides")


@pytest.fixture(scope="module")
def world(rides: ModuleType) -> ModuleType:
    return importlib.import_module("ride_world")


@pytest.fixture(scope="module")
def folder(rides: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("rides") / "data"
    rides.main(["--out", str(out), "--weeks", "11-14", "--requests"])
    return out


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rmse(truth: np.ndarray, predicted: np.ndarray) -> float:
    return float(np.sqrt(np.mean((truth - predicted) ** 2)))


def test_the_same_seed_writes_the_same_bytes_whatever_weeks_are_asked_for(
    rides: ModuleType, folder: Path, tmp_path: Path
) -> None:
    rides.main(["--out", str(tmp_path), "--weeks", "12", "--requests"])
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["actuals-2026-w12.csv", "requests-2026-w12.jsonl", "rides-2026-w12.csv"]
    for name in names:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_the_bytes_of_one_week_are_known(rides: ModuleType, tmp_path: Path) -> None:
    """Fails where another machine, Python or numpy simulates other rides than the docs speak of."""
    export, *_ = rides.write_week(1, 7, tmp_path)
    assert hashlib.sha256(export.read_bytes()).hexdigest()[:16] == "a8e988b0098181d0"


def test_another_seed_writes_other_rides(rides: ModuleType, folder: Path, tmp_path: Path) -> None:
    rides.main(["--out", str(tmp_path), "--weeks", "12", "--seed", "8"])
    assert (tmp_path / "rides-2026-w12.csv").read_bytes() != (folder / "rides-2026-w12.csv").read_bytes()


def test_the_export_is_messy_in_every_way_that_the_docs_tell(folder: Path) -> None:
    found = [row for week in (11, 12) for row in rows(folder / f"rides-2026-w{week}.csv")]
    share = {
        "repeated rows": 1 - len({tuple(row.values()) for row in found}) / len(found),
        "repeated ids": 1 - len({row["ride_id"] for row in found}) / len(found),
        "missing speed": sum(row["avg_speed_kmh"] == "" for row in found) / len(found),
        "missing label": sum(row["duration_min"] == "" for row in found) / len(found),
        "dotted dates": sum("." in row["requested_at"] for row in found) / len(found),
        "no way": sum(row["distance_km"] in ("0.0", "-1.0") for row in found) / len(found),
        "never closed": sum(row["duration_min"] == "9999.0" for row in found) / len(found),
        "unreadable": sum(" km" in row["distance_km"] or row["avg_speed_kmh"] == "n/a" for row in found) / len(found),
        "stray blanks": sum(row["weather"] != row["weather"].strip() for row in found) / len(found),
        "stray capitals": sum(row["weather"] != row["weather"].lower() for row in found) / len(found),
    }
    low_and_high = {
        "repeated rows": (0.004, 0.02),
        "repeated ids": (0.01, 0.03),
        "missing speed": (0.02, 0.06),
        "missing label": (0.02, 0.08),
        "dotted dates": (0.2, 0.3),
        "no way": (0.001, 0.015),
        "never closed": (0.0005, 0.01),
        "unreadable": (0.0005, 0.01),  # below the spec's max_reject_share
        "stray blanks": (0.003, 0.03),
        "stray capitals": (0.01, 0.05),
    }
    outside = {name: share[name] for name, (low, high) in low_and_high.items() if not low <= share[name] <= high}
    assert outside == {}


def test_late_labels_are_in_the_actuals(folder: Path) -> None:
    export = {row["ride_id"]: row["duration_min"] for row in rows(folder / "rides-2026-w12.csv")}
    known = {row["ride_id"]: row for row in rows(folder / "actuals-2026-w12.csv")}
    late = [ride for ride, minutes in export.items() if not minutes]
    assert len(set(late) & set(known)) > 0.9 * len(late)
    assert 0.95 < len(known) / len(export) < 1
    assert all(datetime.fromisoformat(row["finished_at"]).tzinfo for row in known.values())


def test_requests_hold_typed_values_and_no_outcome(folder: Path) -> None:
    lines = (folder / "requests-2026-w14.jsonl").read_text().splitlines()
    asked = [json.loads(line) for line in lines]
    assert "duration_min" not in asked[0]
    assert {type(request["distance_km"]) for request in asked} == {float}
    assert {type(request["avg_speed_kmh"]) for request in asked} == {float, type(None)}
    offsets = {str(datetime.fromisoformat(request["requested_at"]).utcoffset()) for request in asked}
    assert offsets == {"3:00:00"}  # summer time began on 29 March


def test_the_floor_leaves_room_below_the_gate_of_the_spec_before_and_after(world: ModuleType) -> None:
    for number, floor in {12: 2.8, 16: 3.3}.items():
        week = world.simulate(number, 7)
        truth = np.array([ride["duration_min"] for ride in week.rides])
        assert rmse(truth, week.expected_min) == pytest.approx(floor, abs=0.15)


def test_the_world_changes_in_what_goes_in_and_in_what_comes_out(world: ModuleType) -> None:
    quiet, before, after = (world.simulate(number, 7).rides for number in (11, 12, 13))

    def snow(week: list[dict[str, object]]) -> float:
        return Counter(ride["weather"] for ride in week)["snow"] / len(week)

    def speed(week: list[dict[str, float]]) -> float:
        return float(np.median([ride["avg_speed_kmh"] for ride in week if ride["avg_speed_kmh"]]))

    assert abs(snow(quiet) - snow(before)) < 0.03 and snow(after) > snow(before) + 0.25
    assert abs(speed(quiet) / speed(before) - 1) < 0.03 and speed(after) < 0.9 * speed(before)


def test_what_was_learnt_before_the_change_is_clearly_wrong_after_it(world: ModuleType) -> None:
    """The best prediction of the old world, applied to the inputs of the new one."""
    week = world.simulate(13, 7)
    complete = [ride for ride in week.rides if None not in ride.values()]
    truth = np.array([ride["duration_min"] for ride in complete])
    old = np.array([_expected_before(world, ride) for ride in complete])
    assert rmse(truth, old) > 7.0


def _expected_before(world: ModuleType, ride: dict[str, float]) -> float:
    away = np.hypot(
        111.2 * (ride["driver_lat"] - ride["customer_lat"]),
        70.8 * (ride["driver_lon"] - ride["customer_lon"]),
    )
    pace = world.PACE[ride["vehicle"]] * world.BEFORE.delay[ride["weather"]]
    driving = 60 * (ride["distance_km"] + 1.3 * away) / ride["avg_speed_kmh"] * pace
    return float(2.0 + world.MOBILITY_MIN[ride["mobility"]] + driving)


@pytest.mark.parametrize("weeks", ["0-3", "17-19", "9-8", "x"])
def test_weeks_that_do_not_exist_are_refused(rides: ModuleType, tmp_path: Path, weeks: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        rides.main(["--out", str(tmp_path / "out"), "--weeks", weeks])
    assert stopped.value.code == 2
    assert not (tmp_path / "out").exists()
