"""The world that `make_rides.py` writes about: how rides come about, and what changes when a bridge closes.

No ride here ever took place; `docs/rides.md` tells the whole story. A week depends on nothing but the seed
and its number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Row = dict[str, Any]  # None is a missing value
Name = TypeVar("Name")

LAST_WEEK = 18
CHANGE_WEEK = 13  # the bridge closes on Monday, 23 March 2026
FIRST_MONDAY = datetime(2025, 12, 29)
RIVER_LON = 30.575

HOUR_WEIGHTS = dict(enumerate((3, 7, 11, 11, 9, 8, 8, 9, 9, 7, 6, 5, 3, 2, 2), start=6))
WEEKDAY_WEIGHTS = (18, 18, 18, 18, 17, 7, 4)
DEPOTS = {"Podil": 0.40, "Solomianka": 0.35, "Darnytsia": 0.25}
MOBILITY_MIN = {"walking": 2.5, "wheelchair": 7.5, "stretcher": 12.0}  # to get in and out
VEHICLES = {  # chance of each vehicle for each need
    "walking": {"car": 0.8, "van": 0.2},
    "wheelchair": {"van": 0.9, "ambulance": 0.1},
    "stretcher": {"ambulance": 1.0},
}
TRAFFIC_KMH = {"low": 41.0, "moderate": 34.0, "heavy": 26.5, "jammed": 19.5}
PACE = {"car": 0.95, "van": 1.0, "ambulance": 1.06}  # how long the same way takes


@dataclass(frozen=True)
class World:
    """What differs between the weeks before and after the bridge closes."""

    weather: dict[str, float]  # chance of each
    delay: dict[str, float]  # how much longer a way takes in it than `avg_speed_kmh` lets expect
    speed: float  # factor on every speed
    detour_km: tuple[float, float]  # shortest and longest, for a ride that crosses the river
    queue_min: float  # at the bridges that stay open: seen by no speed sensor


BEFORE = World(
    weather={"clear": 0.37, "cloudy": 0.32, "rain": 0.18, "fog": 0.07, "snow": 0.06},
    delay={"clear": 1.0, "cloudy": 1.0, "rain": 1.07, "fog": 1.10, "snow": 1.20},
    speed=1.0,
    detour_km=(0.0, 0.0),
    queue_min=0.0,
)
AFTER = World(
    weather={"clear": 0.16, "cloudy": 0.24, "rain": 0.12, "fog": 0.06, "snow": 0.42},
    delay={"clear": 1.0, "cloudy": 1.0, "rain": 1.07, "fog": 1.10, "snow": 1.30},
    speed=0.84,
    detour_km=(3.0, 6.5),
    queue_min=10.0,
)


@dataclass(frozen=True)
class Week:
    """One week of rides as they were, before anybody wrote them down."""

    number: int
    rides: list[Row]
    expected_min: Floats  # the best prediction that the inputs allow


def simulate(number: int, seed: int) -> Week:
    """All rides of one week, in the order of their requests."""
    random = np.random.default_rng([seed, number])
    world = BEFORE if number < CHANGE_WEEK else AFTER
    count = int(random.integers(1330, 1470))
    times = _request_times(random, number, count)
    mobility = _choose(random, {"walking": 0.55, "wheelchair": 0.32, "stretcher": 0.13}, count)
    vehicle = [_choose(random, VEHICLES[need], 1)[0] for need in mobility]
    weather = _choose(random, world.weather, count)
    traffic = [_traffic(random, time) for time in times]
    left_bank = random.random(count) < 0.34
    distance = 1.2 + random.gamma(2.4, 2.3, count) + left_bank * random.uniform(3.5, 6.5, count)
    distance = (distance + left_bank * random.uniform(*world.detour_km, count)).round(1)
    speed = _each(TRAFFIC_KMH, traffic) * random.lognormal(0, 0.12, count) * world.speed
    speed = speed.round(1)
    places = _places(random, left_bank)

    pace = _each(PACE, vehicle) * _each(world.delay, weather)
    boarding = 2.0 + _each(MOBILITY_MIN, mobility)
    driving = 60 * (distance + 1.3 * _beeline_km(places)) / speed * pace
    queue = left_bank * world.queue_min
    duration = boarding + driving * random.lognormal(-0.00125, 0.05, count) + random.normal(0, 2.5, count)
    duration = np.maximum(duration + queue * random.uniform(0.8, 1.2, count), 4.0).round(1)

    columns: dict[str, Sequence[Any]] = {
        "ride_id": [f"R26{number:02d}-{index:05d}" for index in range(count)],
        "requested_at": times,
        "depot": _choose(random, DEPOTS, count),
        "driver_id": [f"D{driver:02d}" for driver in random.integers(1, 37, count)],
        "vehicle": vehicle,
        "mobility": mobility,
        "traffic": traffic,
        "weather": weather,
        "distance_km": distance.tolist(),
        "avg_speed_kmh": speed.tolist(),
        **{name: values.tolist() for name, values in places.items()},
        "duration_min": duration.tolist(),
    }
    rides = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    _forget(random, rides)
    return Week(number, rides, boarding + driving + queue)


def _places(random: np.random.Generator, left_bank: NDArray[np.bool_]) -> dict[str, Floats]:
    """Where customer and driver are; all hospitals are on the right bank."""
    count = len(left_bank)
    lat = random.normal(50.45, 0.035, count)
    west = np.minimum(random.normal(30.49, 0.03, count), RIVER_LON - 0.015)
    east = np.maximum(random.normal(30.635, 0.018, count), RIVER_LON + 0.015)
    lon = np.where(left_bank, east, west)
    driver_lat, driver_lon = lat + random.normal(0, 0.014, count), lon + random.normal(0, 0.019, count)
    places = {"driver_lat": driver_lat, "driver_lon": driver_lon, "customer_lat": lat, "customer_lon": lon}
    return {name: values.round(5) for name, values in places.items()}


def _beeline_km(places: dict[str, Floats]) -> Floats:
    """From driver to customer; at 50.45 degrees north a degree is 111.2 km by 70.8 km."""
    north = 111.2 * (places["driver_lat"] - places["customer_lat"])
    east = 70.8 * (places["driver_lon"] - places["customer_lon"])
    return np.sqrt(north * north + east * east)


def _each(values: dict[str, float], names: list[str]) -> Floats:
    return np.array([values[name] for name in names])


def _request_times(random: np.random.Generator, number: int, count: int) -> list[datetime]:
    monday = FIRST_MONDAY + timedelta(weeks=number - 1)
    days = _choose(random, dict(enumerate(WEEKDAY_WEIGHTS)), count)
    hours = _choose(random, HOUR_WEIGHTS, count)
    minutes = random.integers(0, 60, count)
    return sorted(
        monday + timedelta(days=day, hours=hour, minutes=int(minute))
        for day, hour, minute in zip(days, hours, minutes, strict=True)
    )


def _choose(random: np.random.Generator, chances: Mapping[Name, float], count: int) -> list[Name]:
    edges = np.cumsum(list(chances.values()), dtype=np.float64)
    positions = np.searchsorted(edges / edges[-1], random.random(count), side="right")
    names = list(chances)
    return [names[position] for position in positions]


def _traffic(random: np.random.Generator, time: datetime) -> str:
    weekend, peak = time.weekday() >= 5, time.hour in (8, 9, 16, 17)
    chances = (0.55, 0.35, 0.09, 0.01) if weekend else (0.05, 0.25, 0.45, 0.25) if peak else (0.25, 0.45, 0.25, 0.05)
    return _choose(random, dict(zip(TRAFFIC_KMH, chances, strict=True)), 1)[0]


def _forget(random: np.random.Generator, rides: list[Row]) -> None:
    """Some values are never measured: in exports and in live requests alike."""
    for ride in rides:
        for column, chance in {"avg_speed_kmh": 0.03, "weather": 0.02, "traffic": 0.015}.items():
            if random.random() < chance:
                ride[column] = None
        if random.random() < 0.015:  # no signal
            ride["driver_lat"] = ride["driver_lon"] = None
