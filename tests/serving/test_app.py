"""Paths, methods, tokens, versions and counters of the application."""

from __future__ import annotations

import asyncio
import json

import pytest

from modelwright.core.errors import SpecError
from modelwright.serving.app import Application
from modelwright.serving.bundle import open_bundle
from modelwright.serving.model import ServedModel
from modelwright.serving.pace import Pace
from modelwright.serving.settings import AccessSettings, Limits, RouteSettings, ServerSettings
from modelwright.serving.traffic.routes import Route, Router


@pytest.mark.parametrize(
    "path", ["/health/live", "/v2/health/live", "/v2", "/metrics", "/openapi.json", "/v2/models/clinic"]
)
def test_pages_answer_get_and_head_and_nothing_else(app, asking, path):
    assert asking(app, "GET", path).status == 200
    assert asking(app, "HEAD", path).status == 200
    refused = asking(app, "DELETE", path)
    assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/predict", "/v2/models/clinic/infer", "/v2/models/clinic/versions/1/infer"])
def test_scoring_wants_post(app, asking, path):
    refused = asking(app, "GET", path)
    assert (refused.status, refused.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "path",
    [
        "/predict/",
        "/v2/models/other",
        "/v2/models/other/infer",
        "/v2/models/clinic/versions/2",
        "/v2/models/clinic/versions/x/infer",
        "/v2/models/clinic/versions/1/infer/more",
        "/v2/models/../clinic",
        "/v2/models/clinic/versions/" + "9" * 5000 + "/ready",
        "/v2/models/\x00",
    ],
)
def test_unknown_models_versions_and_paths_are_404(app, asking, path):
    for method in ("GET", "POST"):
        refused = asking(app, method, path)
        assert refused.status == 404, refused.body
        assert len(refused.body) < 300


def test_readiness_turns_503_while_draining_and_requests_are_still_answered(app, asking, row):
    assert asking(app, "GET", "/health/ready").json == {"ready": True}
    app.draining = True
    for path in ("/health/ready", "/v2/health/ready", "/v2/models/clinic/ready"):
        assert asking(app, "GET", path).status == 503
    assert asking(app, "GET", "/health/live").status == 200
    reply = asking(app, "POST", "/predict", {"rows": [row]})
    assert (reply.status, reply.headers["connection"]) == (200, "close")


def test_a_token_guards_everything_but_health(app, asking, row):
    guarded = Application(app.router, app.limits, access=AccessSettings(predict="s3cret-ü"))
    for path in ("/health/live", "/health/ready", "/v2/health/ready"):
        assert asking(guarded, "GET", path).status == 200
    for method, path in (("GET", "/metrics"), ("GET", "/openapi.json"), ("POST", "/predict"), ("GET", "/nowhere")):
        missing = asking(guarded, method, path, {"rows": [row]})
        assert (missing.status, missing.headers["www-authenticate"]) == (401, "Bearer")
        for wrong in ("Bearer wrong", "Bearer", "Basic s3cret-ü", "s3cret-ü", "Bearer s3cret"):
            assert asking(guarded, method, path, {"rows": [row]}, {"authorization": wrong}).status == 403
    right = {"authorization": "Bearer s3cret-ü"}
    assert asking(guarded, "POST", "/predict", {"rows": [row]}, right).status == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com", ""])
def test_an_address_that_others_reach_needs_a_token(host):
    with pytest.raises(SpecError, match="token is required"):
        ServerSettings(routes=(), host=host)
    assert ServerSettings(routes=(), host=host, access=AccessSettings(predict="x")).host == host


def test_settings_survive_the_pipe_and_hide_the_token():
    settings = ServerSettings(
        routes=(RouteSettings("champion", 0.5, "a"),), access=AccessSettings(predict="hush"), limits=Limits(rows=7)
    )
    assert ServerSettings.from_json(settings.to_json()) == settings
    assert "hush" not in repr(settings)


def test_a_callers_request_id_is_kept_when_it_may_be_a_header(predict, row):
    assert predict([row], **{"x-request-id": "abc-1"}).json["request_id"] == "abc-1"
    for strange in ("a b", "x" * 129, "\x7f"):
        assert predict([row], **{"x-request-id": strange}).json["request_id"] != strange


def test_large_headers_are_refused(predict, row):
    assert predict([row], **{"x-more": "x" * 20_000}).status == 431


def test_too_many_requests_at_once_are_told_to_come_back(app, asking, row):
    app.metrics.in_flight = app.limits.concurrency
    busy = asking(app, "POST", "/predict", {"rows": [row]})
    assert (busy.status, busy.headers["retry-after"]) == (503, "1")
    assert asking(app, "GET", "/health/live").status == 200


def test_a_slow_body_is_given_up(app, row):
    slow = Application(app.router, Limits(body_s=0.05))
    sent = []

    async def receive():
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b" ", "more_body": True}

    async def send(message):
        sent.append(message)

    asyncio.run(slow({"type": "http", "method": "POST", "path": "/predict", "headers": []}, receive, send))
    assert sent[0]["status"] == 408


def test_a_caller_who_leaves_is_counted_and_not_answered(app, asking):
    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        raise AssertionError("nobody is there")

    asyncio.run(app({"type": "http", "method": "POST", "path": "/predict", "headers": []}, receive, send))
    assert app.metrics.count("requests_total", path="/predict", status=499) == 1


def test_metrics_count_by_path_status_route_and_rows(app, asking, predict, row):
    predict([row, row])
    predict([])
    asking(app, "GET", "/nowhere/" + "x" * 50)
    text = asking(app, "GET", "/metrics").body.decode()
    for line in (
        'modelwright_requests_total{path="/predict",status="200"} 1',
        'modelwright_requests_total{path="/predict",status="422"} 1',
        'modelwright_requests_total{path="other",status="404"} 1',
        'modelwright_rows_total{route="champion",version="1"} 2',
        "modelwright_request_latency_seconds_count 3",
        "modelwright_ready 1",
    ):
        assert line in text.splitlines()


def test_the_openapi_document_names_every_field(app, asking):
    document = asking(app, "GET", "/openapi.json").json
    row = document["components"]["schemas"]["Row"]
    assert row["additionalProperties"] is False
    assert set(row["required"]) == {"income.$ [k]", "visits", "smoker", "joined", "note"}
    assert row["properties"]["age"]["type"] == ["number", "null"]
    assert row["properties"]["joined"]["format"] == "date-time"
    assert {"/predict", "/metrics", "/v2/models/clinic/infer"} <= document["paths"].keys()


def two_versions(new_bundle, champion: float, challenger: float) -> Application:
    models = []
    for bias in (0.0, 5.0):
        bundle = open_bundle(new_bundle(bias=bias).path)
        models.append(ServedModel(bundle.signature, bundle.model, version=bundle.version, limits=Limits()))
    routes = [Route("champion", champion, models[0]), Route("challenger", challenger, models[1])]
    return Application(Router(routes), Limits())


def test_routes_share_requests_by_weight_and_keep_an_id_on_its_route(new_bundle, asking, row):
    app = two_versions(new_bundle, 0.7, 0.3)
    versions = [
        asking(app, "POST", "/predict", {"rows": [{**row, "visit": f"v{n}"}]}).json["version"] for n in range(300)
    ]
    again = [asking(app, "POST", "/predict", {"rows": [{**row, "visit": f"v{n}"}]}).json["version"] for n in range(300)]
    assert versions == again
    assert 60 <= versions.count(2) <= 120
    anonymous = {asking(app, "POST", "/predict", {"rows": [row]}).json["version"] for _ in range(60)}
    assert anonymous == {1, 2}


def test_a_caller_may_insist_on_a_version(new_bundle, asking, row):
    app = two_versions(new_bundle, 1.0, 0.0)
    body = {"rows": [row]}
    assert asking(app, "POST", "/predict", body).json["version"] == 1
    assert asking(app, "POST", "/predict", body, {"x-model-version": "2"}).json["version"] == 2
    assert asking(app, "POST", "/predict", body, {"x-model-version": "v0002"}).json["version"] == 2
    assert asking(app, "POST", "/predict", body, {"x-model-version": "3"}).status == 404
    assert asking(app, "GET", "/v2/models/clinic").json["versions"] == ["1", "2"]


def test_a_challenger_that_wants_other_columns_never_breaks_a_request(new_bundle, store, asking, row):
    from dataclasses import replace

    champion = open_bundle(new_bundle().path)
    stricter = replace(
        champion.signature, inputs=tuple(replace(field, nullable=False) for field in champion.signature.inputs)
    )
    models = [
        ServedModel(champion.signature, champion.model, version=1, limits=Limits()),
        ServedModel(stricter, champion.model, version=2, limits=Limits()),
    ]
    app = Application(Router([Route("champion", 0.0, models[0]), Route("challenger", 1.0, models[1])]), Limits())
    assert asking(app, "POST", "/predict", {"rows": [row]}).json["version"] == 2
    reply = asking(app, "POST", "/predict", {"rows": [{**row, "age": None}]})
    assert (reply.status, reply.json["version"]) == (200, 1)
    assert app.metrics.count("route_fallbacks_total") == 1


def test_large_requests_go_through_a_thread_and_answer_the_same(predict, row):
    rows = [{**row, "age": float(n)} for n in range(Pace().inline_rows * 2)]
    together = predict(rows).json["predictions"]
    assert together == [predict([one]).json["predictions"][0] for one in rows]


def test_a_bug_is_a_500_that_tells_nothing(app, asking, row, monkeypatch, caplog):
    monkeypatch.setattr(app, "_predict", None)
    reply = asking(app, "POST", "/predict", json.dumps({"rows": [row]}).encode())
    assert (reply.status, reply.json["error"]) == (500, "internal error")
    assert "Traceback" in caplog.text
