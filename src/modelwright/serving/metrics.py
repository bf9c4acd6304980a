"""`GET /metrics`: counters and a latency histogram in Prometheus' text format, which needs no library."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from pathlib import Path

from modelwright.serving.counters import Counters, Labels

BUCKETS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
LATENCY, LATENCY_WORDS = "request_latency_seconds", "Time from first byte of the request to the answer."

HELP = {
    "requests_total": "HTTP requests answered.",
    "model_requests_total": "Requests answered by each route.",
    "rows_total": "Rows answered by each route.",
    "route_fallbacks_total": "Requests answered by the first route instead.",
    "requests_in_flight": "Requests being answered.",
    "cache_hits_total": "Requests whose scores were remembered.",
    "cache_misses_total": "Requests that were scored because they were not remembered.",
    "canary_changes_total": "Changes of a canary's state.",
    "reloads_total": "Reloads after an alias changed, by outcome.",
    "shadow_requests_total": "Requests mirrored to the shadow, by outcome.",
    "worker_restarts_total": "Workers that ended by themselves and were started again.",
    "log_rows_written_total": "Prediction log rows written.",
    "log_rows_dropped_total": "Prediction log rows dropped.",
    "log_rows_sampled_out_total": "Prediction log rows left out by sampling.",
}
GAUGES = frozenset({"requests_in_flight"})


class Metrics:
    """Written by the event loop only, so that no lock is needed; what is read is the sum over all workers."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder` is shared by the workers of one server."""
        self._counters = Counters(folder)
        self._values = self._counters.values
        self._requests: dict[tuple[str, int], int] = {}  # place by path and status
        self._models: dict[tuple[str, int], tuple[int, int]] = {}  # places by alias and version
        self._in_flight = self._counters.place("requests_in_flight")
        self._fallbacks = self._counters.place("route_fallbacks_total")
        self._latency_sum = self._counters.place(LATENCY, part="sum")
        self._buckets = [self._counters.place(LATENCY, le=bound) for bound in (*BUCKETS_S, "+Inf")]

    @property
    def in_flight(self) -> int:
        """Of this worker."""
        return int(self._values[self._in_flight])

    @in_flight.setter
    def in_flight(self, count: int) -> None:
        self._values[self._in_flight] = count

    def observe(self, path: str, status: int, latency_s: float) -> None:
        place = self._requests.get((path, status))
        if place is None:
            place = self._requests[path, status] = self._counters.place("requests_total", path=path, status=status)
        values = self._values
        values[place] += 1
        values[self._buckets[bisect_left(BUCKETS_S, latency_s)]] += 1
        values[self._latency_sum] += latency_s

    def observe_all(self, path: str, status: int, latencies_s: Sequence[float]) -> None:
        """The same for requests that were answered together; there is at least one."""
        for latency_s in latencies_s:
            self.observe(path, status, latency_s)

    def scored(self, alias: str, version: int, rows: int, requests: int = 1) -> None:
        places = self._models.get((alias, version))
        if places is None:
            labels = {"route": alias, "version": version}
            names = ("model_requests_total", "rows_total")
            all_requests, all_rows = (self._counters.place(name, **labels) for name in names)
            places = self._models[alias, version] = all_requests, all_rows
        self._values[places[0]] += requests
        self._values[places[1]] += rows

    def fell_back(self) -> None:
        self._values[self._fallbacks] += 1

    def add(self, name: str, amount: int, **labels: object) -> None:
        """Count under any name of HELP."""
        self._values[self._counters.place(name, **labels)] += amount

    def logged(self, counts: Mapping[str, int]) -> None:
        """The prediction log's own counters, as they are now."""
        for what, count in counts.items():
            self._values[self._counters.place(f"log_rows_{what}_total")] = count

    def count(self, name: str, **labels: object) -> int:
        """The sum of all series of a name that have these labels."""
        wanted = {(label, str(value)) for label, value in labels.items()}
        return int(sum(n for (found, has), n in self._counters.total().items() if found == name and wanted <= set(has)))

    def worker_ended(self, pid: int) -> None:
        """What it had in flight is no more."""
        self._counters.forget(pid, "requests_in_flight")

    def text(self, *, ready: bool) -> bytes:
        """All series that were counted."""
        lines: list[str] = []
        latency: dict[str, float] = {}
        series: dict[str, list[tuple[Labels, float]]] = {name: [] for name in HELP}
        for (name, labels), value in sorted(self._counters.total().items()):
            if name == LATENCY:
                latency[labels[0][1]] = value
            else:
                series[name].append((labels, value))
        for name, words in HELP.items():
            if series[name]:
                _head(lines, name, words, "gauge" if name in GAUGES else "counter")
                lines += [f"{_labelled(name, labels)} {int(value)}" for labels, value in series[name]]
        _head(lines, "ready", "1 when requests are welcome.", "gauge")
        lines.append(f"modelwright_ready {int(ready)}")
        _histogram(lines, latency)
        return ("\n".join(lines) + "\n").encode()


def _histogram(lines: list[str], latency: Mapping[str, float]) -> None:
    _head(lines, LATENCY, LATENCY_WORDS, "histogram")
    reached = 0
    for bound in (*BUCKETS_S, "+Inf"):
        reached += int(latency[str(bound)])
        lines.append(f'modelwright_{LATENCY}_bucket{{le="{bound}"}} {reached}')
    lines += [f"modelwright_{LATENCY}_sum {latency['sum']!r}", f"modelwright_{LATENCY}_count {reached}"]


def _head(lines: list[str], name: str, words: str, kind: str) -> None:
    lines += [f"# HELP modelwright_{name} {words}", f"# TYPE modelwright_{name} {kind}"]


def _labelled(name: str, labels: Labels) -> str:
    inside = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
    return f"modelwright_{name}{{{inside}}}" if inside else f"modelwright_{name}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
