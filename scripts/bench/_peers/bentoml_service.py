"""A BentoML service with one worker; `bentoml serve bentoml_service:Bench`."""

from typing import Any

import bentoml


@bentoml.service(workers=1, metrics={"enabled": True}, logging={"access": {"enabled": False}})
class Bench:
    def __init__(self) -> None:
        from scoring import score

        self.score = score

    @bentoml.api
    def predict(self, rows: list[dict[str, Any]]) -> list[list[float]]:
        return self.score(rows)
