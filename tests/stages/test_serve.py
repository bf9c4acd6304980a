"""Serve finds the versions behind the routes, starts a process that answers, and ends cleanly or with an error."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from modelwright.core.columns import Column, Schema
from modelwright.core.errors import ArtifactError, ResourceError
from modelwright.core.outputs import Output
from modelwright.core.progress import Silent
from modelwright.graph.builder import NUMBER, GraphBuilder
from modelwright.runs.aliases import Aliases
from modelwright.runs.commit import begin
from modelwright.runs.identity import Identity
from modelwright.runs.store import Run, Store
from modelwright.serving.log.reading_log import read_log
from modelwright.serving.model import ServedModel
from modelwright.serving.settings import Limits
from modelwright.serving.signature import signature_of
from modelwright.serving.smoke import smoke
from modelwright.spec.load import load
from modelwright.stages import serve
from modelwright.stages.job import Job

SPEC = """
name: double
task: {kind: regression, target: y}
prepare: {source: {kind: csv, path: x.csv}}
serve:
  port: 0
  log: {folder: logs}
  routes: {challenger: {weight: 0.25}, champion: {weight: 0.75}}
"""
SCHEMA = Schema((Column("x", "number"), Column("y", "number", role="target")))
OUTPUTS = (Output("prediction", "number"),)


class Teller(Silent):
    """Hears what the stage says, and acts on the address."""

    def __init__(self, act: Any) -> None:
        self.act, self.lines = act, list[str]()

    def say(self, text: str) -> None:
        self.lines.append(text)
        if "http://" in text:
            self.act(text.rpartition("http://")[2])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


@pytest.fixture
def new_version(store: Store) -> Any:
    """Commits an export that answers `factor * x`."""

    def committed(factor: float) -> Run:
        builder = GraphBuilder()
        scaled = builder.op("Mul", builder.input("x", "number"), factor)
        builder.output("prediction", scaled, NUMBER, ["N"])
        model, signature = (
            builder.build(),
            signature_of(SCHEMA, {"x"}, name="double", task="regression", outputs=OUTPUTS),
        )
        with begin(store, Identity("double", "export", {"f": factor}, (), 0), spec_text=SPEC, threads=1) as staged:
            staged.write_bytes("model.onnx", model)
            staged.write_json("signature.json", signature.to_dict())
            served = ServedModel(signature, model, version=0, limits=Limits())
            staged.write_json("smoke.json", smoke(served, [{"x": 1.5}], tolerance=0.0))
            return staged.commit()

    return committed


@pytest.fixture
def job(tmp_path: Path, store: Store) -> Any:
    (tmp_path / "spec.yaml").write_text(SPEC)

    def made(*overrides: str, source: str | None = None, **options: Any) -> Job:
        loaded = load(tmp_path / "spec.yaml", overrides)
        return Job(loaded.spec, loaded.base, store, source=source, spec_text=loaded.text, options=options)

    return made


def shares(plan: Any) -> dict[str, tuple[int, float]]:
    return {share.alias: (share.run.version, share.weight) for share in serve.routed(plan.job)}


def test_nothing_exported_is_exit_4_with_the_command_to_run(job):
    with pytest.raises(ArtifactError, match="nothing to serve") as caught:
        serve.plan(job())
    assert "modelwright export" in caught.value.problems[0].hint


def test_without_aliases_the_newest_export_answers(job, new_version):
    new_version(2.0), new_version(3.0)
    assert shares(serve.plan(job())) == {"newest": (2, 1.0)}


def test_from_names_a_version(job, new_version):
    new_version(2.0), new_version(3.0)
    assert shares(serve.plan(job(source="export/v0001"))) == {"from": (1, 1.0)}


def test_routes_follow_aliases_with_the_champion_first(job, store, new_version):
    new_version(2.0), new_version(3.0)
    Aliases(store, "double").set("champion", 1)
    Aliases(store, "double").set("challenger", 2)
    plan = serve.plan(job())
    assert list(shares(plan).items()) == [("champion", (1, 0.75)), ("challenger", (2, 0.25))]
    assert plan.cached is None
    assert plan.summary["routes"]["champion"] == {"model": "export/v0001", "weight": 0.75}


def test_a_missing_challengers_weight_goes_to_the_champion(job, store, new_version):
    new_version(2.0)
    Aliases(store, "double").set("champion", 1)
    assert shares(serve.plan(job())) == {"champion": (1, 1.0)}


@pytest.mark.parametrize(
    ("alias", "overrides", "words"),
    [
        ("challenger", (), "has no champion"),
        ("champion", ("serve.routes={champion: {weight: 1}, canary: {weight: 1}}",), "no alias 'canary'"),
        ("champion", ("serve.routes={champion: {weight: 0}, staging: {weight: 1}}",), "no alias 'staging'"),
    ],
)
def test_routes_that_lead_nowhere_are_exit_4(job, store, new_version, alias, overrides, words):
    new_version(2.0)
    Aliases(store, "double").set(alias, 1)
    with pytest.raises(ArtifactError, match=words):
        serve.plan(job(*overrides))


CANARY = "serve.canary={alias: try, steps: [5, 100], every_s: 60}"
SHADOW = "serve.shadow={alias: mirror}"


def test_canary_and_shadow_follow_their_aliases_which_may_come_later(job, store, new_version):
    new_version(2.0), new_version(3.0), new_version(4.0)
    Aliases(store, "double").set("champion", 1)
    assert list(shares(serve.plan(job(CANARY, SHADOW)))) == ["champion"]
    Aliases(store, "double").set("try", 2)
    Aliases(store, "double").set("mirror", 3)
    plan = serve.plan(job(CANARY, SHADOW))
    assert plan.summary["routes"] == {
        "champion": {"model": "export/v0001", "weight": 1.0},
        "try": {"model": "export/v0002", "weight": "canary: 5, 100 %"},
        "mirror": {"model": "export/v0003", "weight": "shadow"},
    }
    settings = serve.settings_of(plan)
    assert [(route.alias, route.role) for route in settings.routes] == [
        ("champion", "route"),
        ("try", "canary"),
        ("mirror", "shadow"),
    ]
    assert settings.canary and settings.canary.steps == (5, 100)


def test_a_canary_whose_alias_does_not_exist_yet_is_said(job, new_version):
    new_version(2.0)
    teller = Teller(lambda address: threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start())
    serve.run(serve.plan(job(CANARY)), teller)
    assert teller.lines[1] == "canary: there is no alias try yet; modelwright runs tag try VERSION starts it"


def test_a_bundle_or_a_version_of_ones_choice_follows_no_alias(job, new_version, tmp_path):
    run = new_version(2.0)
    assert serve.settings_of(serve.plan(job())).following
    assert serve.settings_of(serve.plan(job(source="export/v0001"))).following is None
    assert serve.settings_of(serve.plan(job(bundle=run.path))).following is None


def test_tokens_certificates_and_limits_reach_the_server_and_tokens_stay_out_of_plans(job, new_version, monkeypatch):
    new_version(2.0)
    for name in ("PREDICT", "METRICS", "ADMIN"):
        monkeypatch.setenv(f"TOKEN_{name}", f"hush {name}")
    tokens = {"token": "PREDICT", "metrics_token": "METRICS", "admin_token": "ADMIN"}
    changes = [f"serve.{key}='${{env:TOKEN_{name}}}'" for key, name in tokens.items()]
    changes += ["serve.tls={cert: a.crt, key: keys/a.key}", "serve.cors=['https://app.example.com']"]
    changes += ["serve.rate_limit={per_s: 5}", "serve.cache={max_mb: 2}", "serve.reload_s=0"]
    job = job(*changes)
    plan = serve.plan(job)
    settings = serve.settings_of(plan)
    access = settings.access
    assert (access.predict, access.metrics, access.admin) == ("hush PREDICT", "hush METRICS", "hush ADMIN")
    assert (access.cors, access.per_s, access.burst) == (("https://app.example.com",), 5, 10)
    assert settings.tls and settings.tls.key == str(job.base / "keys" / "a.key")
    assert (settings.cache_mb, settings.following and settings.following.every_s) == (2, 0)
    assert plan.summary["address"] == "https://127.0.0.1:0"
    assert "hush" not in repr(settings) + repr(plan) + str(plan.identity.section)


def test_a_bundle_that_is_newer_than_the_tool_is_exit_4_with_a_hint(job, new_version):
    run = new_version(2.0)
    plan = serve.plan(job(bundle=run.path))
    manifest = run.path / "manifest.json"
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**content, "schema_version": content["schema_version"] + 1}))
    with pytest.raises(ArtifactError, match="schema version") as caught:
        serve.run(plan, Silent())
    assert "use the modelwright that wrote it" in caught.value.problems[0].hint


def test_serving_answers_logs_and_ends_with_0_on_sigterm(job, new_version, tmp_path):
    """The real thing, in this process's own main thread: SIGTERM reaches the stage, which lets the server finish."""
    new_version(2.0)
    answers = []

    def use(address: str) -> None:
        def talk() -> None:
            talking = http.client.HTTPConnection(address, timeout=20)
            for x in (1.5, -4.0):
                talking.request("POST", "/predict", json.dumps({"rows": [{"x": x}]}))
                answers.append(json.loads(talking.getresponse().read())["predictions"][0]["prediction"])
            talking.close()
            os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=talk).start()

    before = signal.getsignal(signal.SIGTERM)
    teller = Teller(use)
    result = serve.run(serve.plan(job()), teller)
    assert signal.getsignal(signal.SIGTERM) is before
    assert answers == [3.0, -8.0]
    assert (result.exit_code, result.run.label) == (0, "export/v0001")
    assert {"requests": 2, "rows": 2, "written": 2, "dropped": 0}.items() <= result.summary.items()
    assert [line.split(" at ")[0] for line in teller.lines] == [
        "serving double (export/v0001)",
        "stopped after 2 requests",
    ]
    table = read_log(tmp_path / "logs")
    assert table is not None
    assert table["prediction"].to_pylist() == [3.0, -8.0]


def test_sighup_reaches_the_server_which_follows_the_aliases(job, store, new_version):
    new_version(2.0), new_version(5.0)
    Aliases(store, "double").promote(1)
    answers = []

    def ask(address: str) -> float:
        talking = http.client.HTTPConnection(address, timeout=20)
        talking.request("POST", "/predict", json.dumps({"rows": [{"x": 1.0}]}))
        answers.append(json.loads(talking.getresponse().read())["predictions"][0]["prediction"])
        talking.close()
        return answers[-1]

    def use(address: str) -> None:
        def talk() -> None:
            ask(address)
            Aliases(store, "double").promote(2)
            ask(address)
            os.kill(os.getpid(), signal.SIGHUP)
            until = time.monotonic() + 15
            while ask(address) != 5.0 and time.monotonic() < until:
                time.sleep(0.05)
            os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=talk).start()

    before = signal.getsignal(signal.SIGHUP)
    serve.run(serve.plan(job("serve.routes={champion: {}}", "serve.reload_s=0")), Teller(use))
    assert answers[:2] == [2.0, 2.0] and answers[-1] == 5.0
    assert signal.getsignal(signal.SIGHUP) is before


def test_a_closed_terminal_ends_the_server(job, new_version, monkeypatch):
    new_version(2.0)
    monkeypatch.setattr(serve, "_at_terminal", lambda: True)
    teller = Teller(lambda address: os.kill(os.getpid(), signal.SIGHUP))
    assert serve.run(serve.plan(job()), teller).exit_code == 0


def test_a_copied_bundle_serves_without_a_store(job, new_version, tmp_path):
    copy = tmp_path / "elsewhere"
    shutil.copytree(new_version(2.0).path, copy)
    shutil.rmtree(tmp_path / "runs")
    teller = Teller(lambda address: os.kill(os.getpid(), signal.SIGINT))
    assert serve.run(serve.plan(job(bundle=copy)), teller).run.version == 1


def test_a_port_in_use_is_exit_5_with_a_hint(job, new_version):
    new_version(2.0)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ResourceError, match=f"port {port}") as caught:
            serve.run(serve.plan(job(f"serve.port={port}")), Silent())
    assert "serve.port=" in caught.value.problems[0].hint


def test_a_damaged_bundle_never_serves(job, new_version):
    run = new_version(2.0)
    plan = serve.plan(job())
    (run.path / "model.onnx").write_bytes(b"")
    with pytest.raises(ArtifactError, match="damaged"):
        serve.run(plan, Silent())


def test_a_graph_that_answers_otherwise_than_at_export_never_serves(job, store):
    builder = GraphBuilder()
    builder.output("prediction", builder.op("Neg", builder.input("x", "number")), NUMBER, ["N"])
    signature = signature_of(SCHEMA, {"x"}, name="double", task="regression", outputs=OUTPUTS)
    with begin(store, Identity("double", "export", {}, (), 0), spec_text=SPEC, threads=1) as staged:
        staged.write_bytes("model.onnx", builder.build())
        staged.write_json("signature.json", signature.to_dict())
        golden = {"tolerance": 1e-9, "requests": [{"row": {"x": 1.5}, "answer": {"prediction": 1.5}}]}
        staged.write_json("smoke.json", golden)
        staged.commit()
    with pytest.raises(ArtifactError, match="golden request 0"):
        serve.run(serve.plan(job()), Silent())


def test_a_server_that_dies_is_an_error_not_a_success(job, new_version, monkeypatch):
    new_version(2.0)
    started = []
    real = serve.subprocess.Popen

    def remembered(*args: Any, **options: Any) -> Any:
        started.append(real(*args, **options))
        return started[-1]

    monkeypatch.setattr(serve.subprocess, "Popen", remembered)
    with pytest.raises(ResourceError, match="signal 9"):
        serve.run(serve.plan(job()), Teller(lambda address: started[0].kill()))


def test_log_grpc_and_traces_reach_the_server_as_the_spec_says(job, new_version):
    new_version(2.0)
    chosen = job(
        "serve.log={folder: logs, sample: 0.25, redact: [x]}",
        "serve.grpc.port=8091",
        'serve.traces={endpoint: "http://localhost:4318/v1/traces", sample: 0.5}',
    )
    settings = serve.settings_of(serve.plan(chosen))
    assert (settings.log_sample, settings.log_redact, settings.grpc_port) == (0.25, ("x",), 8091)
    assert settings.traces and (settings.traces.endpoint, settings.traces.sample) == (
        "http://localhost:4318/v1/traces",
        0.5,
    )
    plain = serve.settings_of(serve.plan(job()))
    assert (plain.log_sample, plain.log_redact, plain.grpc_port, plain.traces) == (1.0, (), None, None)
