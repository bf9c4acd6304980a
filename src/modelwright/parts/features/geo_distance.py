"""The distance between two places on the earth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from modelwright.parts.base import Step
from modelwright.parts.column_types import check_types
from modelwright.parts.samples import FitColumns, State

if TYPE_CHECKING:
    from modelwright.graph.blocks import Block, StepInputs
    from modelwright.graph.builder import GraphBuilder
    from modelwright.parts.samples import Target

EARTH_KM = 6371.0088  # mean radius of the International Union of Geodesy and Geophysics

Column = Annotated[str, Field(min_length=1)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-360, le=360)]


class GeoDistance(Step):
    """Kilometres along the great circle, from latitudes and longitudes in degrees; its columns stay.

    Choose it where trips, deliveries or neighbourhoods matter: a tree can't compute it and comes near only with many
    splits. It is scikit-learn's `haversine_distances` times the mean radius of the earth, and as exact at the opposite
    end of the earth, where that formula is off by up to 0.2 m. The earth is no ball: expect 0.5 % of error. Missing
    where a coordinate is, or where a latitude is beyond the poles; longitudes may go round.
    """

    kind: Literal["geo_distance"] = "geo_distance"
    name: str = Field(min_length=1, max_length=200, description="The new column.")
    start: tuple[Column, Column] = Field(description="The columns of latitude and longitude of the first place.")
    end: tuple[Latitude, Longitude] | tuple[Column, Column] = Field(
        description="Those of the other place, or its latitude and longitude in degrees."
    )
    keep: bool = Field(True, description="Keep the coordinates as features too.")

    example: ClassVar[Mapping[str, Any]] = {
        "name": "trip_km",
        "start": ["from_latitude", "from_longitude"],
        "end": ["to_latitude", "to_longitude"],
    }

    def selects(self) -> str | list[str]:
        return list(dict.fromkeys(str(name) for name in (*self.start, *self.end) if isinstance(name, str)))

    def keeps(self) -> bool:
        return self.keep

    def fit(self, columns: FitColumns, target: Target | None) -> State:
        check_types(self.kind, columns, "number")
        return {}

    def compile(self, graph: GraphBuilder, inputs: StepInputs, state: State) -> list[Block]:
        import numpy as np

        from modelwright.graph.blocks import Block
        from modelwright.graph.trigonometry import central_angle

        latitude, longitude = (inputs.column(name) for name in self.start)
        nothing = graph.op("Mul", latitude, np.array([0.0]))
        other = [
            inputs.column(place) if isinstance(place, str) else graph.op("Add", nothing, np.array([place]))
            for place in self.end
        ]
        angle = central_angle(graph, (latitude, longitude), (other[0], other[1]))
        kilometres = graph.op("Mul", angle, np.array([EARTH_KM]))
        return [Block(graph.op("Unsqueeze", kilometres, np.array([1])), [self.name])]


PART = GeoDistance
