"""`GET /metrics`: counters and a latency histogram in Prometheus' text format, which needs no library."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping

BUCKETS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Written by the event loop only, so that no lock is needed."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()  # by path and status
        self.answered: Counter[tuple[str, int]] = Counter()  # requests by alias and version
        self.rows: Counter[tuple[str, int]] = Counter()
        self.fallbacks = 0
        self.in_flight = 0
        self._latency = [0] * (len(BUCKETS_S) + 1)
        self._latency_sum = 0.0

    def observe(self, path: str, status: int, latency_s: float) -> None:
        self.requests[path, status] += 1
        self._latency[bisect_left(BUCKETS_S, latency_s)] += 1
        self._latency_sum += latency_s

    def scored(self, alias: str, version: int, rows: int) -> None:
        self.answered[alias, version] += 1
        self.rows[alias, version] += rows

    def text(self, *, ready: bool, logged: Mapping[str, int] | None) -> bytes:
        """All series; `logged` are the prediction log's row counts, if there is a log."""
        lines: list[str] = []
        by_path = (({"path": path, "status": status}, n) for (path, status), n in sorted(self.requests.items()))
        _series(lines, "requests_total", "counter", "HTTP requests answered.", by_path)
        for what, words, counts in (
            ("model_requests_total", "Requests answered by each route.", self.answered),
            ("rows_total", "Rows answered by each route.", self.rows),
        ):
            by_model = (({"route": alias, "version": version}, n) for (alias, version), n in sorted(counts.items()))
            _series(lines, what, "counter", words, by_model)
        _series(
            lines,
            "route_fallbacks_total",
            "counter",
            "Requests answered by the first route instead.",
            [({}, self.fallbacks)],
        )
        _series(lines, "requests_in_flight", "gauge", "Requests being answered.", [({}, self.in_flight)])
        _series(lines, "ready", "gauge", "1 when requests are welcome.", [({}, int(ready))])
        self._histogram(lines)
        for what, count in (logged or {}).items():
            _series(lines, f"log_rows_{what}_total", "counter", f"Prediction log rows {what}.", [({}, count)])
        return ("\n".join(lines) + "\n").encode()

    def _histogram(self, lines: list[str]) -> None:
        name = "modelwright_request_latency_seconds"
        lines += [f"# HELP {name} Time from first byte of the request to the answer.", f"# TYPE {name} histogram"]
        reached = 0
        for bound, count in zip((*BUCKETS_S, "+Inf"), self._latency, strict=True):
            reached += count
            lines.append(f'{name}_bucket{{le="{bound}"}} {reached}')
        lines += [f"{name}_sum {self._latency_sum!r}", f"{name}_count {reached}"]


def _series(
    lines: list[str], name: str, kind: str, words: str, samples: Iterable[tuple[Mapping[str, object], int]]
) -> None:
    lines += [f"# HELP modelwright_{name} {words}", f"# TYPE modelwright_{name} {kind}"]
    for labels, value in samples:
        inside = ",".join(f'{key}="{_escaped(str(text))}"' for key, text in labels.items())
        lines.append(f"modelwright_{name}{{{inside}}} {value}" if inside else f"modelwright_{name} {value}")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
