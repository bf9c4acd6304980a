"""Traces reach a real collector over HTTP, hang below the caller's span, and never hold up an answer."""

from __future__ import annotations

import http.client
import http.server
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from modelwright.serving.settings import TraceSettings

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Collector:
    def __init__(self) -> None:
        self.spans: list[Any] = []
        collector = self

        class Taking(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    for scope in resource.scope_spans:
                        collector.spans += [(resource.resource, span) for span in scope.spans]
                self.send_response(200)
                self.end_headers()

            def log_message(self, *words: object) -> None:
                pass

        self._server = http.server.HTTPServer(("127.0.0.1", 0), Taking)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/traces"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    opened = Collector()
    yield opened
    opened.close()


def ask(server: Any, row: Any, **headers: str) -> tuple[int, float]:
    talking = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    started = time.monotonic()
    talking.request("POST", "/predict", json.dumps({"rows": [row]}), headers)
    status = talking.getresponse().status
    talking.close()
    return status, time.monotonic() - started


def values(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


def test_each_request_is_a_span_below_its_caller(start, row, collector):
    server = start(traces=TraceSettings(collector.url), drain_s=0.0)
    ask(server, row, traceparent=PARENT, **{"x-request-id": "mine"})
    ask(server, {**row, "age": "x"})
    server.process.terminate()
    assert server.wait() == 0
    (resource, first), (_, second) = collector.spans
    assert values(resource.attributes)["service.name"] == "clinic"
    assert (first.trace_id.hex(), first.parent_span_id.hex()) == (PARENT[3:35], PARENT[36:52])
    assert first.name == "POST /predict"
    assert values(first.attributes) == {
        "http.request.method": "POST",
        "http.route": "/predict",
        "http.response.status_code": 200,
        "modelwright.request_id": "mine",
    }
    assert 0 < first.end_time_unix_nano - first.start_time_unix_nano < 5e9
    assert values(second.attributes)["http.response.status_code"] == 422
    assert second.parent_span_id == b""


def test_a_caller_decides_what_is_sampled(start, row, collector):
    server = start(traces=TraceSettings(collector.url, sample=0.0), drain_s=0.0)
    ask(server, row)
    ask(server, row, traceparent=PARENT)
    ask(server, row, traceparent=PARENT[:-1] + "0")
    ask(server, row, traceparent="nonsense")
    server.process.terminate()
    server.wait()
    assert [span.parent_span_id.hex() for _, span in collector.spans] == [PARENT[36:52]]


def test_a_collector_that_is_down_costs_no_answer(start, row):
    server = start(traces=TraceSettings("http://127.0.0.1:9/v1/traces"), drain_s=0.0)
    for _ in range(20):
        status, took_s = ask(server, row)
        assert status == 200
        assert took_s < 2
    server.process.terminate()
    assert server.wait() == 0


def test_without_the_extra_the_hint_says_what_to_install():
    program = """
import sys
sys.modules["opentelemetry.sdk"] = None
from modelwright.core.errors import ResourceError
from modelwright.serving.settings import TraceSettings
from modelwright.serving.tracing import Tracing
try:
    Tracing(TraceSettings("http://x"), name="m", version=1)
except ResourceError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "pip install 'modelwright[otel]'" in done.stdout
