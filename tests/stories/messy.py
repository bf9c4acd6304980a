"""A messy table of rides, and specs over it that together use every cleaner, check, history, split and step."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from stories.terminal import text

ROWS = 420
HEADER = (
    *("ride", "driver", "asked", "booked", "done", "km", "speed", "age", "stops", "urgent", "vehicle", "weather"),
    *("note", "lat_from", "lon_from", "lat_to", "lon_to", "fold", "weight", "internal", "late", "minutes"),
)
VEHICLES = ("van", "car", "bus", "minibus Ünïcode", "\u00e9cole", "e\u0301cole", "quad \U0001f69c")
WEATHERS = ("dry", " Rain", "RAIN ", "snow", "ﬁne", "storm")
WORDS = ("wheelchair", "Стоїть", "oxygen", "second floor", "it's", "\U0001f600", "ВЕЛИКИЙ", "No 7", "a,b", "12%")
SHAPES = ("%Y-%m-%d %H:%M", "%d.%m.%Y %H.%M")


def rides(rows: int = ROWS, seed: int = 1) -> list[dict[str, Any]]:
    """Numbers with outliers and in texts, holes, zones, odd letters, repeated and refused rows."""
    draw = random.Random(seed)
    made = [_ride(draw, number) for number in range(rows)]
    made += [dict(made[number]) for number in range(7, rows, 61)]  # told twice
    made.append({**made[3], "ride": ""})  # an unknown id is nobody's duplicate
    made[11]["asked"] = "yesterday"  # in no format: the row is refused
    made[23]["speed"] = "fast"  # no number: refused by cast
    made[31]["minutes"] = ""
    return made


def _ride(draw: random.Random, number: int) -> dict[str, Any]:
    asked = datetime(2026, 3, 20, tzinfo=UTC) + timedelta(minutes=97 * number)  # over the hour that Kyiv skips
    kyiv = asked.astimezone(ZoneInfo("Europe/Kyiv")).replace(tzinfo=None)
    km = 400.0 if number % 97 == 5 else round(draw.lognormvariate(2, 0.5), 3)
    weather, speed = draw.choice(WEATHERS), draw.uniform(20, 60)
    minutes = 60 * km / speed + 8 * (weather == "snow") + draw.gauss(0, 2)
    hole = draw.random
    booked = kyiv - timedelta(minutes=draw.randint(10, 5000))
    return {
        "ride": f"R{number:05d}",
        "driver": f"D{draw.randint(1, 25)}",
        "asked": asked.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "booked": booked.strftime(SHAPES[number % 2]),
        "done": (asked + timedelta(minutes=max(minutes, 1))).isoformat(timespec="seconds"),
        "km": "" if hole() < 0.05 else km,
        "speed": f"{speed:.2f} km/h".replace(".", ","),
        "age": -999 if hole() < 0.1 else draw.randint(1, 99),
        "stops": "" if hole() < 0.05 else draw.randint(0, 4),
        "urgent": draw.choice(("yes", "no")),
        "vehicle": "" if hole() < 0.08 else draw.choices(VEHICLES, (90, 60, 40, 9, 9, 9, 2))[0],
        "weather": "" if hole() < 0.05 else weather,
        "note": "" if hole() < 0.3 else " ".join(draw.choices(WORDS, k=draw.randint(1, 9))),
        "lat_from": round(draw.uniform(50.3, 50.6), 6),
        "lon_from": round(draw.uniform(30.3, 30.8), 6),
        "lat_to": "" if hole() < 0.05 else round(draw.uniform(50.3, 50.6), 6),
        "lon_to": round(draw.uniform(30.3, 30.8), 6),
        "fold": ("train", "train", "train", "valid", "test")[number % 5],
        "weight": draw.choice((1, 2, 0.5)),
        "internal": draw.randint(0, 9),
        "late": "late" if minutes > 20 + draw.gauss(0, 4) else "in time",
        "minutes": round(max(minutes, 1), 3),
    }


def write(folder: Path) -> None:
    """Data and specs; of the same bytes wherever."""
    lines = [[ride[name] for name in HEADER] for ride in rides()]
    (folder / "rides.csv").write_text(text(HEADER, lines), "utf-8")
    held = len(lines) - 90
    (folder / "parts").mkdir()
    (folder / "parts/rides_a.csv").write_text(text(HEADER, lines[:held]), "utf-8")
    (folder / "parts/rides_test.csv").write_text(text(HEADER, lines[held:]), "utf-8")
    (folder / "drivers.csv").write_text("id\n" + "".join(f"D{number}\n" for number in range(1, 26)))
    (folder / "own.py").write_text(OWN)
    for name, spec in SPECS.items():
        (folder / f"{name}.yaml").write_text(spec, "utf-8")


OWN = """\
def clean(frame):
    calm = frame[~((frame["stops"] == 4) & (frame["age"] > 90)).fillna(False)]
    more = calm.head(2).assign(ride=["X1", "X2"]).reset_index(drop=True)
    import pandas
    return pandas.concat([calm, more])
"""
CLEANERS = """\
  clean:
    - {kind: drop_duplicates, keys: [ride]}
    - {kind: replace, columns: [age], values: {"-999": null}}
    - {kind: replace, columns: [speed], pattern: " km/h$"}
    - {kind: cast, columns: [speed], to: number, decimal: ",", failed: reject}
    - {kind: parse_dates, columns: [booked], formats: ["%Y-%m-%d %H:%M", "%d.%m.%Y %H.%M"], timezone: Europe/Kyiv}
    - {kind: strip, columns: [weather], lower: true}
    - {kind: normalise_text, columns: [weather, vehicle]}
    - {kind: drop_rows, where: "km > 300 and stops >= 1"}
    - {kind: drop_columns, columns: [internal]}
"""
CHECKS = """\
  checks:
    - {kind: allowed, columns: [weather], values: [dry, rain, snow, fine], severity: warn}
    - {kind: between, columns: [speed], min: 1, max: 200}
    - {kind: expression, value: "weight > 0"}
    - {kind: foreign_key, columns: [driver], references: {source: {kind: csv, path: drivers.csv}, columns: [id]}}
    - {kind: freshness, column: asked, max_age: 365d, as_of: "2026-05-01"}
    - {kind: not_null, columns: [asked, driver]}
    - {kind: regex, columns: [ride], pattern: "[RX][0-9]+"}
    - {kind: row_count, min: 300}
    - {kind: type, columns: [fold], type: text}
    - {kind: unique, columns: [ride], severity: warn}
"""
HEAD = """\
name: NAME
seed: 11
task: TASK
evaluate: {resamples: 100, slices: [vehicle]}
prepare:
  source: {kind: csv, path: "SOURCE"}
  max_reject_share: 0.05
  columns:
    ride: {role: id}
    driver: {role: entity}
    asked: {type: timestamp, role: time}
    booked: {type: text}
    speed: {type: text}
    note: {type: text}
    weight: {role: weight}
    done: {role: ignore}
    OTHER: {role: ignore}
"""
TIME = """\
    - {kind: drop_outliers, columns: [km, speed, age], method: isolation_forest}
  history:
    - {kind: lag, columns: [minutes, weather], rows: [1, 2], elapsed: true, delay: 2h}
    - {kind: rolling, columns: [minutes], window: 3d, delay: 2h}
    - {kind: expanding, columns: [minutes, km], statistics: [mean, std], delay: 2h}
  split: {kind: time, validation: 0.15, test: 0.15, gap: 6h}
  matrix: true
  features:
    - {kind: expression, name: naive, value: "60 * km / max(speed, 1)"}
    - {kind: geo_distance, name: line_km, start: [lat_from, lon_from], end: [lat_to, lon_to]}
    - {kind: datetime_difference, columns: [booked], since: asked, unit: minutes, keep: true}
    - {kind: datetime_parts, columns: [asked, booked], parts: [hour, weekday], cyclical: true}
    - {kind: knn_impute, columns: [km, age], donors: 60, indicator: true}
    - {kind: impute, columns: [stops], by: vehicle}
    - {kind: regression_impute, columns: [line_km, lat_to, naive]}
    - {kind: winsorize, columns: [km, naive]}
    - {kind: rare, columns: [vehicle, weather, weather_lag_1, weather_lag_2], min_count: 12}
    - {kind: target, columns: [vehicle], keep: true}
    - {kind: ordinal, columns: [vehicle, urgent]}
    - {kind: frequency, columns: [weather]}
    - {kind: hashing, columns: categorical, buckets: 8}
    - {kind: tfidf, columns: [note], max_features: 20, keep: true}
    - {kind: text_statistics, columns: [note]}
    - {kind: variance_filter}
    - {kind: importance_selection, columns: numeric, top: 25}
train: {model: {kind: lightgbm, iterations: 25}}
"""
GROUPS = """\
    - {kind: drop_outliers, columns: [km], factor: 3}
  split: {kind: random, validation: 0.2, test: 0.2, group: driver}
  features:
    - {kind: drop, columns: [fold]}
    - {kind: datetime_parts, columns: [booked], parts: [hour]}
    - {kind: cyclical, columns: [booked_hour], period: 24}
    - {kind: em_impute, columns: [km, speed, age, stops, lat_from, lon_from, lat_to, lon_to]}
    - {kind: log1p, columns: [km], keep: true}
    - {kind: quantile, columns: [lat_from, lat_to], quantiles: 50}
    - {kind: power, columns: [speed]}
    - {kind: bin, columns: [age]}
    - {kind: polynomial, columns: [km, speed]}
    - {kind: count, columns: [note], analyzer: char, ngram_range: [1, 2], max_features: 30}
    - {kind: one_hot, columns: [vehicle, weather, urgent]}
    - {kind: robust, columns: [stops]}
    - {kind: min_max, columns: [lon_from, lon_to]}
    - {kind: standardize, columns: numeric}
    - {kind: correlation_filter}
    - {kind: mutual_information, columns: numeric, share: 0.8}
    - {kind: l1_selection, columns: numeric}
train: {model: {kind: logistic}}
"""
GIVEN = """\
    - {kind: drop_outliers, columns: [km], method: z_score, factor: 4}
    - {kind: python, file: own.py}
  split: {kind: column, column: fold}
  features:
    - {kind: drop, columns: [booked, note]}
    - {kind: impute, columns: numeric, strategy: mean}
    - {kind: clip, columns: [km], min: 0, max: 60}
    - {kind: splines, columns: [km], knots: 4}
    - {kind: max_abs, columns: [age, stops]}
    - {kind: target, columns: [vehicle, weather]}
    - {kind: one_hot, columns: [urgent]}
    - {kind: pca, columns: ["lat_*"], components: 1}
    - {kind: svd, columns: ["lon_*"], components: 1, keep: true}
    - {kind: pass_through, columns: [speed]}
    - {kind: permutation_selection, columns: numeric, share: 0.9, repeats: 2}
    - {kind: recursive_elimination, columns: numeric, top: 8}
train: {model: {kind: ridge}, validation: {kind: group, group: driver, folds: 3}}
"""
FILES = "  split: {kind: files, test: '*_test.csv'}\n"
STRATA = "  split: {kind: stratified}\n"


def regression(name: str, source: str = "rides.csv") -> str:
    return _head(name, source, "{kind: regression, target: minutes}", "late")


def binary(name: str, source: str = "rides.csv") -> str:
    return _head(name, source, "{kind: binary, target: late}", "minutes")


def _head(name: str, source: str, task: str, other: str) -> str:
    said = {"NAME": name, "SOURCE": source, "TASK": task, "OTHER": other}
    head = HEAD
    for word, value in said.items():
        head = head.replace(word, value)
    return head


SPECS = {
    "time": regression("time") + CHECKS + CLEANERS + TIME,
    "groups": binary("groups") + CLEANERS + GROUPS,
    "given": regression("given") + CLEANERS + GIVEN,
    "files": regression("files", "parts/*.csv") + CLEANERS + FILES,
    "strata": binary("strata").replace("role: entity", "role: ignore") + CLEANERS + STRATA,
}
FULL = ("time", "groups", "given")  # the others are only prepared
