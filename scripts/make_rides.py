"""Writes weeks of rides of a medical transport fleet to files, as messy as real exports are. All simulated.

    python scripts/make_rides.py --out demo/rides/data --weeks 1-16

`ride_world.py` holds the world; `docs/rides.md` tells its story, what is broken on purpose, and how good a
prediction can be at best. The same seed writes the same bytes, whatever weeks are asked for.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Sequence
from datetime import UTC, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from ride_world import FIRST_MONDAY, LAST_WEEK, Row, Week, simulate

KYIV = ZoneInfo("Europe/Kyiv")


def export(week: Week, seed: int) -> list[Row]:
    """The rides as the week's CSV export has them: every cell is text, and some of it is wrong."""
    random = np.random.default_rng([seed, week.number, 1])
    sunday = FIRST_MONDAY + timedelta(weeks=week.number - 1, days=6)
    rows = []
    for ride in week.rides:
        row = {column: _cell(value) for column, value in ride.items()}
        form = "%d.%m.%Y %H:%M" if ride["depot"] == "Darnytsia" else "%Y-%m-%d %H:%M"
        row["requested_at"] = ride["requested_at"].strftime(form)
        if random.random() < (0.55 if ride["requested_at"] >= sunday else 0.01):
            row["duration_min"] = ""  # the trip sheet comes in after the export
        _break(random, row)
        rows.append(row)
        if random.random() < 0.008:
            rows.append(dict(row))
    for row in (dict(rows[int(position)]) for position in random.integers(0, len(rows), len(rows) // 150)):
        row["avg_speed_kmh"] = ""  # sent again by a tablet that had lost its connection
        rows.append(row)
    return rows


def _break(random: np.random.Generator, row: Row) -> None:
    """What hands and devices do to one row."""
    for column in ("weather", "vehicle", "mobility", "traffic"):
        chance = random.random()
        if chance < 0.02:
            row[column] = row[column].title()
        elif chance < 0.03:
            row[column] = f" {row[column]} "
        elif chance < 0.033:
            row[column] = row[column].upper()
    chance = random.random()
    if chance < 0.003:
        row["distance_km"] = "0.0"  # cancelled at the door
    elif chance < 0.005:
        row["distance_km"] = "-1.0"  # no route found
    elif chance < 0.008:
        row["duration_min"] = "9999.0"  # nobody closed the ride
    elif chance < 0.0095:
        row["distance_km"] = row["distance_km"].replace(".", ",") + " km"
    elif chance < 0.011:
        row["avg_speed_kmh"] = "n/a"


def _cell(value: object) -> str:
    return "" if value is None else str(value)


def actuals(week: Week, seed: int) -> list[Row]:
    """How long each ride took, as known in the end; a few are never reported."""
    random = np.random.default_rng([seed, week.number, 2])
    reported = random.random(len(week.rides)) >= 0.03
    rows = []
    for ride, known in zip(week.rides, reported, strict=True):
        if known:
            finished = ride["requested_at"].replace(tzinfo=KYIV) + timedelta(minutes=ride["duration_min"])
            moment = finished.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            rows.append({"ride_id": ride["ride_id"], "duration_min": str(ride["duration_min"]), "finished_at": moment})
    return rows


def requests(week: Week) -> list[Row]:
    """The rides as the dispatcher's app asks for a prediction: typed values, nothing known of the outcome."""
    return [
        {column: value for column, value in ride.items() if column not in ("duration_min", "driver_id")}
        | {"requested_at": ride["requested_at"].replace(tzinfo=KYIV).isoformat()}
        for ride in week.rides
    ]


def write_week(number: int, seed: int, folder: Path, *, with_requests: bool = False) -> list[Path]:
    """Write one week's files: the export, the actuals and, when wanted, the requests."""
    week, name = simulate(number, seed), f"2026-w{number:02d}"
    written = [
        _write_csv(folder / f"rides-{name}.csv", export(week, seed)),
        _write_csv(folder / f"actuals-{name}.csv", actuals(week, seed)),
    ]
    if with_requests:
        path = folder / f"requests-{name}.jsonl"
        lines = [json.dumps(request, separators=(",", ":")) for request in requests(week)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")
        written.append(path)
    return written


def _write_csv(path: Path, rows: Sequence[Row]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def week_range(text: str) -> range:
    """`13` or `1-12`."""
    first, _, last = text.partition("-")
    weeks = range(int(first), int(last or first) + 1)
    if not weeks or weeks[0] < 1 or weeks[-1] > LAST_WEEK:
        raise ValueError(text)
    return weeks


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Simulate weeks of rides (see docs/rides.md).")
    parser.add_argument("--out", type=Path, default=Path("demo/rides/data"), help="folder to write to")
    parser.add_argument("--weeks", type=week_range, default=range(1, 17), help=f"A-B, within 1-{LAST_WEEK}")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--requests", action="store_true", help="also write what the app would ask the server")
    chosen = parser.parse_args(arguments)
    chosen.out.mkdir(parents=True, exist_ok=True)
    for number in chosen.weeks:
        for path in write_week(number, chosen.seed, chosen.out, with_requests=chosen.requests):
            print(path)


if __name__ == "__main__":
    main()
