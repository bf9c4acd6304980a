"""OpenTelemetry traces: a span for each request, below the caller's own where it sent a `traceparent`. Off by default.

Spans leave the process in the background, to the collector that the spec names and nowhere else; a collector that is
down costs spans and no answer.
"""

from __future__ import annotations

import time
from typing import Any

from modelwright.core.errors import ResourceError
from modelwright.serving.http import Call
from modelwright.serving.settings import TraceSettings

TIMEOUT_S = 5.0


class Tracing:
    def __init__(self, settings: TraceSettings, *, name: str, version: int, exporter: Any = None) -> None:
        """ResourceError when the extra is not installed. Another exporter than OTLP over HTTP may be given."""
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
            from opentelemetry.trace import SpanKind, StatusCode
            from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        except ImportError as error:
            hint = "pip install 'modelwright[otel]'"
            raise ResourceError("serve.traces: OpenTelemetry is not installed", hint=hint) from error
        about = Resource({"service.name": name, "service.version": str(version)})
        self._provider = TracerProvider(resource=about, sampler=ParentBased(TraceIdRatioBased(settings.sample)))
        exporter = exporter or OTLPSpanExporter(endpoint=settings.endpoint, timeout=TIMEOUT_S)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("modelwright.serving")
        self._kind, self._failed = SpanKind.SERVER, StatusCode.ERROR
        self._propagator = TraceContextTextMapPropagator()

    def record(self, call: Call, status: int) -> None:
        """The request that was answered just now."""
        ended = time.time_ns()
        sent = {
            key: call.headers[key.encode()].decode("latin-1")
            for key in ("traceparent", "tracestate")
            if key.encode() in call.headers
        }
        span = self._tracer.start_span(
            f"{call.method} {call.path}",
            context=self._propagator.extract(sent),
            kind=self._kind,
            start_time=ended - int(call.elapsed_s * 1e9),
            attributes={
                "http.request.method": call.method,
                "http.route": call.path,
                "http.response.status_code": status,
                "modelwright.request_id": call.request_id,
            },
        )
        if status >= 500:
            span.set_status(self._failed)
        span.end(ended)

    def close(self) -> None:
        """Send what waits."""
        self._provider.shutdown()
