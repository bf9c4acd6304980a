"""Small versions of one model, `double`, that answer well, fail, answer NaN or are slow; and requests to them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.core.columns import Column, Schema
from modelwright.core.outputs import Output
from modelwright.graph.builder import INTEGER, NUMBER, GraphBuilder
from modelwright.runs.aliases import Aliases
from modelwright.runs.commit import begin
from modelwright.runs.identity import Identity
from modelwright.runs.store import Run, Store
from modelwright.serving.app import Application
from modelwright.serving.assembly import assemble
from modelwright.serving.model import ServedModel
from modelwright.serving.settings import (
    CanarySettings,
    Following,
    Limits,
    ServerSettings,
    ShadowSettings,
)
from modelwright.serving.signature import signature_of
from modelwright.serving.smoke import smoke
from modelwright.serving.traffic.following import shares

NAME = "double"
SCHEMA = Schema((Column("key", "text", role="id"), Column("x", "number"), Column("y", "number", role="target")))
OUTPUTS = (Output("prediction", "number"),)

Build = Callable[[GraphBuilder, str], str]


def times(factor: float) -> Build:
    return lambda builder, x: builder.op("Mul", x, factor)


def failing_below_zero(builder: GraphBuilder, x: str) -> str:
    """Looks `x` up in a short list; a place before its start is an error of the whole call."""
    return builder.op("Gather", np.arange(100.0), builder.cast(x, INTEGER))


def nan_below_zero(builder: GraphBuilder, x: str) -> str:
    return builder.op("Sqrt", x)


def slow(builder: GraphBuilder, x: str) -> str:
    """Some milliseconds of multiplying."""
    wide = builder.op("Mul", builder.op("Unsqueeze", x, np.array([1])), np.full((1, 700), 1e-3))
    for _ in range(6):
        wide = builder.op("MatMul", wide, np.full((700, 700), 1e-3))
    return builder.op("Add", builder.op("ReduceMax", wide, np.array([1]), keepdims=0), x)


def commit(store: Store, build: Build, *, name: str = NAME, lie: bool = False) -> Run:
    """The next export version; `lie` writes golden answers that the graph does not give."""
    builder = GraphBuilder()
    builder.output("prediction", build(builder, builder.input("x", "number")), NUMBER, ["N"])
    model = builder.build()
    signature = signature_of(SCHEMA, {"x"}, name=name, task="regression", outputs=OUTPUTS)
    served = ServedModel(signature, model, version=0, limits=Limits())
    asked = smoke(served, [{"x": x} for x in (1.0, 4.0)], tolerance=1e-9)
    if lie:
        asked["requests"][0]["answer"]["prediction"] += 1.0
    with begin(store, Identity(name, "export", {"model": len(model)}, (), 0), spec_text="", threads=1) as staged:
        staged.write_bytes("model.onnx", model)
        staged.write_json("signature.json", signature.to_dict())
        staged.write_json("smoke.json", asked)
        return staged.commit()


def settings(
    store: Store,
    log: Path | None = None,
    *,
    weights: dict[str, float] | None = None,
    canary: CanarySettings | None = None,
    shadow: ShadowSettings | None = None,
    **changes: Any,
) -> ServerSettings:
    """A server that follows the aliases of the store; `try` is the canary's, `mirror` the shadow's."""
    following = Following(
        str(store.root), NAME, weights or {"champion": 1.0}, canary and "try", shadow and "mirror", every_s=0.05
    )
    return ServerSettings(
        routes=tuple(share.settings() for share in shares(following)),
        port=0,
        drain_s=0.1,
        log_folder=str(log) if log else None,
        following=following,
        canary=canary,
        shadow=shadow,
        **changes,
    )


def started(server: ServerSettings) -> tuple[Application, list[str]]:
    """The application without a socket, and what it says; its watcher looks when a test tells it to."""
    said: list[str] = []
    return assemble(server, said.append), said


def point(store: Store, **versions: int | None) -> None:
    """Set aliases; `try_` is `try`."""
    for alias, version in versions.items():
        Aliases(store, NAME).set(alias.rstrip("_"), version)


async def post(app: Application, x: float, key: str | None = None, **headers: str) -> tuple[int, dict[str, Any]]:
    """One request to the application."""
    body = json.dumps({"rows": [{"x": x} | ({"key": key} if key else {})]}).encode()
    return await call(app, "POST", "/predict", body, **headers)


async def call(
    app: Application, method: str, path: str, body: bytes = b"", client: str = "10.0.0.1", **headers: str
) -> tuple[int, dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "headers": given, "client": (client, 1)}
    await app(scope, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"] or b"null")


def versions_of(app: Application, count: int, x: float = 3.0) -> list[int]:
    """Which version answers each of so many callers."""

    async def ask() -> list[int]:
        found = []
        for number in range(count):
            status, answer = await post(app, x, f"caller {number}")
            assert status == 200, answer
            found.append(answer["version"])
        return found

    return asyncio.run(ask())


def metrics_of(app: Application) -> str:
    return app.metrics.text(ready=True).decode()
