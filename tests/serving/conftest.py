"""A small real bundle: a logistic model over columns of every type, committed like any export, and ways to ask it."""

from __future__ import annotations

import asyncio
import json
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import numpy_helper

from modelwright.core.columns import Column, Schema
from modelwright.core.outputs import Output
from modelwright.graph import steady
from modelwright.graph.builder import ML, NUMBER, GraphBuilder
from modelwright.parts.classes import compile_classes
from modelwright.runs.commit import begin
from modelwright.runs.identity import Identity
from modelwright.runs.store import Run, Store
from modelwright.serving.app import Application
from modelwright.serving.bundle import Bundle, open_bundle
from modelwright.serving.model import ServedModel
from modelwright.serving.settings import Limits, RouteSettings, ServerSettings
from modelwright.serving.signature import signature_of
from modelwright.serving.smoke import smoke
from modelwright.serving.traffic.routes import Route, Router

SCHEMA = Schema(
    (
        Column("visit", "text", role="id"),
        Column("age", "number", nullable=True, minimum=18, maximum=90),
        Column("income.$ [k]", "number"),
        Column("visits", "integer"),
        Column("smoker", "boolean"),
        Column("city", "category", categories=("Kyiv", "Lviv"), nullable=True),
        Column("joined", "timestamp"),
        Column("note", "text"),
        Column("ill", "category", role="target"),
        Column("importance", "number", role="weight"),
        Column("source", "text", role="ignore"),
    ),
    classes=("no", "yes"),
)
ROW = {
    "age": 41.5,
    "income.$ [k]": 12.25,
    "visits": 3,
    "smoker": True,
    "city": "Kyiv",
    "joined": "2026-01-01T08:00:00Z",
    "note": "knee",
}
SMOKE = [ROW, {**ROW, "age": None, "city": None, "visits": 0}]


def graph(bias: float = 0.0) -> bytes:
    """sigmoid(bias + .01 age + .1 income + .2 visits - .5 smoker + city code + days/1e5 + (note = "knee"))."""
    builder = GraphBuilder()
    age = builder.input("age", "number")
    parts = [
        builder.op("Where", builder.op("IsNaN", age), np.zeros(1), age),
        *(builder.input(name, "number") for name in ("income.$ [k]", "visits", "smoker")),
        _coded(builder, "city", {"Kyiv": 0.5, "Lviv": -0.5}),
        builder.cast(builder.op("Div", builder.input("joined", "timestamp"), np.int64(86_400_000_000)), NUMBER),
        _coded(builder, "note", {"knee": 1.0}),
    ]
    matrix = builder.op("Concat", *(builder.op("Unsqueeze", part, np.array([1])) for part in parts), axis=1)
    weights = np.array([[0.01], [0.1], [0.2], [-0.5], [1.0], [1e-5], [1.0]])
    logit = builder.op("Add", builder.op("Squeeze", builder.op("MatMul", matrix, weights), np.array([1])), bias)
    probability = steady.both_classes(builder, steady.sigmoid(builder, logit))
    compile_classes(builder, probability, SCHEMA)
    return builder.build()


def _coded(builder: GraphBuilder, name: str, codes: dict[str, float]) -> str:
    return builder.op(
        "LabelEncoder",
        builder.input(name, "text"),
        domain=ML,
        keys_strings=list(codes),
        values_tensor=numpy_helper.from_array(np.array(list(codes.values()))),
        default_tensor=numpy_helper.from_array(np.zeros(1)),
    )


def write_bundle(store: Store, bias: float = 0.0, schema: Schema = SCHEMA) -> Run:
    """Commit the small model as the next export version."""
    consumed = {"age", "income.$ [k]", "visits", "smoker", "city", "joined", "note"}
    outputs = (Output("prediction", "text"), Output("probability", "number", ("no", "yes")))
    signature = signature_of(schema, consumed, name="clinic", task="binary", outputs=outputs, positive="yes")
    model = graph(bias)
    identity = Identity("clinic", "export", {"bias": bias}, (), 0)
    with begin(store, identity, spec_text="", threads=1) as staged:
        served = ServedModel(signature, model, version=0, limits=Limits())
        staged.write_bytes("model.onnx", model)
        staged.write_json("signature.json", signature.to_dict())
        staged.write_json("smoke.json", smoke(served, SMOKE, tolerance=1e-9))
        staged.write_json("profile.json", {})
        return staged.commit()


@pytest.fixture
def row() -> dict[str, Any]:
    return dict(ROW)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


@pytest.fixture
def new_bundle(store: Store) -> Callable[..., Run]:
    """Commits one more version of the small model."""
    return lambda **options: write_bundle(store, **options)


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """One bundle for all tests that only read it."""
    return open_bundle(write_bundle(Store(tmp_path_factory.mktemp("runs"))).path)


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    app: Application, method: str, path: str, body: bytes | Any = b"", headers: dict[str, str] | None = None
) -> Reply:
    """One request to the application, without a socket."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent: list[dict[str, Any]] = []
    given = [(key.lower().encode(), value.encode()) for key, value in (headers or {}).items()]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": given}
    asyncio.run(app(scope, receive, send))
    answered = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
    return Reply(sent[0]["status"], answered, sent[1]["body"])


@pytest.fixture
def asking() -> Callable[..., Reply]:
    return ask


def served(bundle: Bundle, limits: Limits) -> ServedModel:
    return ServedModel(bundle.signature, bundle.model, version=bundle.version, limits=limits)


@pytest.fixture(scope="session")
def model(bundle: Bundle) -> ServedModel:
    return served(bundle, Limits())


@pytest.fixture
def app(bundle: Bundle) -> Application:
    limits = Limits(rows=500, string_chars=100, body_bytes=200_000)
    return Application(Router([Route("champion", 1.0, served(bundle, limits))]), limits)


@pytest.fixture
def predict(app: Application) -> Callable[..., Reply]:
    """POST /predict of a body or of rows."""

    def posted(body: Any, **headers: str) -> Reply:
        content = {"rows": body} if isinstance(body, list) else body
        return ask(app, "POST", "/predict", content, headers)

    return posted


class ServerProcess:
    """A real server process, as `modelwright serve` starts it."""

    def __init__(self, settings: ServerSettings) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "modelwright.serving", "--settings", "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdin
        self.process.stdin.write(settings.to_json() + b"\n")
        self.process.stdin.flush()
        first = self.line()
        self.failure = None if "url" in first else first
        self.url = first.get("url", "")
        self.port = int(self.url.rpartition(":")[2]) if self.url else 0

    def line(self) -> dict[str, Any]:
        assert self.process.stdout
        ready, _, _ = select.select([self.process.stdout], [], [], 30)
        text = self.process.stdout.readline() if ready else b""
        assert text, "the server process said nothing"
        found: dict[str, Any] = json.loads(text)
        return found

    def wait(self) -> int:
        return self.process.wait(timeout=30)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()


@contextmanager
def servers(bundle: Bundle) -> Iterator[Callable[..., ServerProcess]]:
    """Starts server processes and ends those that are left."""
    running: list[ServerProcess] = []
    base = ServerSettings(routes=(RouteSettings("champion", 1.0, str(bundle.folder)),), port=0, drain_s=0.3)

    def started(**changes: Any) -> ServerProcess:
        running.append(ServerProcess(replace(base, **changes)))
        return running[-1]

    try:
        yield started
    finally:
        for server in running:
            server.close()


@pytest.fixture
def start(bundle: Bundle) -> Iterator[Callable[..., ServerProcess]]:
    with servers(bundle) as started:
        yield started


@pytest.fixture(scope="module")
def start_for_module(bundle: Bundle) -> Iterator[Callable[..., ServerProcess]]:
    """For tests that only ask."""
    with servers(bundle) as started:
        yield started
