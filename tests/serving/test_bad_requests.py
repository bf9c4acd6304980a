"""A corpus of bad requests, sent as bytes to a real server: each is a 4xx with the field's name; the server stays."""

from __future__ import annotations

import gzip
import json
import re
import socket
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from modelwright.serving.settings import Limits

ROW = {
    "age": 41.5,
    "income.$ [k]": 12.25,
    "visits": 3,
    "smoker": True,
    "city": "Kyiv",
    "joined": "2026-01-01T08:00:00Z",
    "note": "knee",
}
LIMITS = Limits(body_bytes=200_000, rows=50, string_chars=100, body_s=0.5)
PREDICT, INFER = "/predict", "/v2/models/clinic/infer"


def rows(count: int = 1, **changes: Any) -> bytes:
    row = {**ROW, **changes}
    return json.dumps({"rows": [{name: value for name, value in row.items() if value is not ...}] * count}).encode()


def text(old: str, new: str) -> bytes:
    """A request whose JSON no encoder would write."""
    whole = rows().decode()
    assert old in whole
    return whole.replace(old, new, 1).encode()


def tensors(**change: Any) -> bytes:
    kinds = {"visits": "INT64", "smoker": "BOOL", "city": "BYTES", "joined": "BYTES", "note": "BYTES"}
    inputs = [
        {"name": name, "shape": [1], "datatype": kinds.get(name, "FP64"), "data": [value]}
        | (change if name == "age" else {})
        for name, value in ROW.items()
    ]
    return json.dumps({"inputs": inputs}).encode()


def raw(data: bytes, size: int) -> tuple[bytes, dict[str, str]]:
    head = json.loads(tensors())
    head["inputs"][0] = {"name": "age", "shape": [1], "datatype": "FP64", "parameters": {"binary_data_size": size}}
    content = json.dumps(head).encode()
    return content + data, {"Inference-Header-Content-Length": str(len(content))}


GZIP = {"Content-Encoding": "gzip"}
CSV = {"Content-Type": "text/csv"}
# name: (path, body, headers, status, field)
CORPUS: dict[str, tuple[str, bytes, dict[str, str], int, str | None]] = {
    "missing field": (PREDICT, rows(visits=...), {}, 422, "visits"),
    "unknown field": (PREDICT, rows(vists=3), {}, 422, "vists"),
    "target as a field": (PREDICT, rows(ill="yes"), {}, 422, "ill"),
    "text in a number": (PREDICT, rows(age="41"), {}, 422, "age"),
    "number in a category": (PREDICT, rows(city=5), {}, 422, "city"),
    "number for true": (PREDICT, rows(smoker=1), {}, 422, "smoker"),
    "true for a number": (PREDICT, rows(age=True), {}, 422, "age"),
    "fraction in a whole number": (PREDICT, rows(visits=2.5), {}, 422, "visits"),
    "list for a number": (PREDICT, rows(age=[41.5]), {}, 422, "age"),
    "no time": (PREDICT, rows(joined="yesterday"), {}, 422, "joined"),
    "time without a zone": (PREDICT, rows(joined="2026-01-01T08:00:00"), {}, 422, "joined"),
    "wrong shape of rows": (PREDICT, b'{"rows": {"age": 1}}', {}, 422, "rows"),
    "a row that is a list": (PREDICT, b'{"rows": [[1, 2]]}', {}, 422, None),
    "empty batch": (PREDICT, b'{"rows": []}', {}, 422, "rows"),
    "no rows": (PREDICT, b"{}", {}, 422, "rows"),
    "empty body": (PREDICT, b"", {}, 400, None),
    "NaN literal": (PREDICT, text("41.5", "NaN"), {}, 400, "age"),
    "Infinity literal": (PREDICT, text("41.5", "-Infinity"), {}, 400, "age"),
    "a number beyond measure": (PREDICT, text("41.5", "1e999"), {}, 422, "age"),
    "null where not allowed": (PREDICT, rows(visits=None), {}, 422, "visits"),
    "empty text where one is needed": (PREDICT, rows(note=""), {}, 422, "note"),
    "too many rows": (PREDICT, rows(51), {}, 422, "rows"),
    "too long text": (PREDICT, rows(note="x" * 101), {}, 422, "note"),
    "UTF-16": (PREDICT, rows().decode().encode("utf-16"), {}, 400, None),
    "not UTF-8": (PREDICT, rows().replace(b"knee", b"\xff\xfe"), {}, 400, None),
    "key given twice": (PREDICT, text('"age": 41.5', '"age": 41.5, "age": 2'), {}, 422, "age"),
    "key given twice, once escaped": (PREDICT, text('"age": 41.5', '"age": 41.5, "\\u0061ge": 2'), {}, 422, "age"),
    "lone surrogate": (PREDICT, text("knee", "\\ud800"), {}, 400, "note"),
    "deep nesting": (PREDICT, b'{"rows":' + b"[" * 90_000, {}, 422, None),
    "deep nesting in a field": (PREDICT, text("41.5", "[" * 90_000), {}, 422, "age"),
    "deep objects": (PREDICT, b'{"a":' * 30_000, {}, 422, "a"),
    "JSON with more behind it": (PREDICT, rows() + b"{}", {}, 400, None),
    "too large": (PREDICT, b" " * 200_001, {}, 413, None),
    "bad gzip": (PREDICT, b"no gzip", GZIP, 400, None),
    "torn gzip": (PREDICT, gzip.compress(rows())[:-6], GZIP, 400, None),
    "gzip bomb": (PREDICT, gzip.compress(b" " * 50_000_000), GZIP, 413, None),
    "unknown encoding": (PREDICT, rows(), {"Content-Encoding": "br"}, 415, None),
    "unknown version": (PREDICT, rows(), {"X-Model-Version": "99"}, 404, None),
    "version that is no number": (PREDICT, rows(), {"X-Model-Version": "../1"}, 404, None),
    "unknown model": ("/v2/models/clinics/infer", tensors(), {}, 404, None),
    "unknown version in the path": ("/v2/models/clinic/versions/9/infer", tensors(), {}, 404, None),
    "unknown path": ("/predictions", rows(), {}, 404, None),
    "tensor: text in a number": (INFER, tensors(data=["x"]), {}, 422, "age"),
    "tensor: wrong shape": (INFER, tensors(shape=[2]), {}, 422, "age"),
    "tensor: wrong datatype": (INFER, tensors(datatype="BOOL"), {}, 422, "age"),
    "tensor: unknown input": (INFER, tensors(name="agee"), {}, 422, "agee"),
    "tensor: too few bytes": (INFER, *raw(b"\0" * 4, 4), 422, "age"),
    "tensor: size past the body": (INFER, *raw(b"\0" * 8, 9), 422, "age"),
    "tensor: bytes left over": (INFER, *raw(b"\0" * 9, 8), 422, None),
    "tensor: infinity": (INFER, *raw(struct.pack("<d", float("inf")), 8), 422, "age"),
    "tensor: header length past the body": (INFER, tensors(), {"Inference-Header-Content-Length": "99999"}, 400, None),
    "csv: unknown column": (PREDICT, b"agee\n1\n", CSV, 422, "agee"),
    "csv: open quote": (PREDICT, b'age\n"1\n', CSV, 400, None),
    "arrow: no stream": (PREDICT, b"ARROW1", {"Content-Type": "application/vnd.apache.arrow.stream"}, 400, None),
}


def request(path: str, body: bytes, headers: dict[str, str], method: str = "POST") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def sent(port: int, content: bytes, timeout: float = 20) -> tuple[int, dict[str, Any]]:
    """Status and JSON of what comes back to these bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as talking:
        with suppress(OSError):  # refused before the end; the answer is there
            talking.sendall(content)
        received = b""
        with suppress(ConnectionResetError):
            while piece := talking.recv(65536):
                received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    status = int(head.split(b" ")[1])
    found = json.loads(body) if body.startswith(b"{") else {}
    return status, found


@pytest.fixture(scope="module")
def server(start_for_module: Any) -> Any:
    return start_for_module(limits=LIMITS)


@pytest.mark.parametrize("case", CORPUS)
def test_each_is_refused_with_the_fields_name(server, case):
    path, body, headers, status, field = CORPUS[case]
    found, answer = sent(server.port, request(path, body, headers))
    assert (found, answer.get("field")) == (status, field), answer
    assert answer["error"]
    assert len(answer["error"]) < 400
    assert field is None or field in answer["error"]


@pytest.mark.parametrize(
    ("method", "path"), [("GET", PREDICT), ("PUT", PREDICT), ("DELETE", INFER), ("POST", "/metrics")]
)
def test_a_wrong_method_is_405(server, method, path):
    assert sent(server.port, request(path, b"", {}, method))[0] == 405


def test_headers_that_flood_are_refused(server):
    for headers in ({"X-Long": "x" * 60_000}, {f"X-{number}": "x" * 50 for number in range(500)}):
        assert sent(server.port, request(PREDICT, rows(), headers))[0] == 431


def test_headers_without_end_do_not_pile_up(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as talking:
        talking.sendall(b"GET /health/live HTTP/1.1\r\n")
        with suppress(OSError):
            for number in range(2000):
                talking.sendall(b"x-%d: " % number + b"x" * 1000 + b"\r\n")
        talking.close()
    assert memory_mb(server) < 250


def test_a_body_that_drips_is_given_up(server):
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as talking:
        talking.sendall(request(PREDICT, b"", {}).replace(b"Content-Length: 0", b"Content-Length: 50"))
        for _ in range(50):
            time.sleep(0.05)
            try:
                talking.sendall(b" ")
            except OSError:
                break
            if time.monotonic() - started > 1.5:
                break
        assert talking.recv(1000).startswith(b"HTTP/1.1 408")


def memory_mb(server: Any) -> float:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1000


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_memory_stays_flat_under_the_whole_corpus(server):
    def once() -> None:
        for path, body, headers, _, _ in CORPUS.values():
            assert sent(server.port, request(path, body, headers))[0] < 500

    for _ in range(3):
        once()
    before = memory_mb(server)
    for _ in range(12):
        once()
    assert memory_mb(server) - before < 8
    assert sent(server.port, request(PREDICT, rows(), {}))[0] == 200
