"""A real server process over loopback: same answers, no strange libraries, no dropped request, no lost log."""

from __future__ import annotations

import http.client
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelwright.serving.log.reading_log import read_log
from modelwright.serving.settings import AccessSettings, Limits, RouteSettings

STRANGERS = (
    "pandas",
    "sklearn",
    "scipy",
    "torch",
    "onnx",
    "duckdb",
    "pydantic",
    "typer",
    "rich",
    "yaml",
    "lightgbm",
    "optuna",
    "modelwright.spec",
    "modelwright.parts",
    "modelwright.tables",
    "modelwright.fitting",
    "modelwright.cli",
    "modelwright.stages",
)


def post(server, rows: Any, path: str = "/predict", connection: http.client.HTTPConnection | None = None):
    talking = connection or http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    talking.request("POST", path, json.dumps({"rows": rows}), {"content-type": "application/json"})
    answer = talking.getresponse()
    body = json.loads(answer.read())
    if connection is None:
        talking.close()
    return answer.status, body


def get(server, path: str):
    talking = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    talking.request("GET", path)
    answer = talking.getresponse()
    body = answer.read()
    talking.close()
    return answer.status, body


def test_answers_over_http_are_bit_for_bit_those_of_the_graph(start, model, row):
    random = np.random.default_rng(5)
    rows = [
        {**row, "age": float(age), "income.$ [k]": float(income), "visits": int(visits)}
        for age, income, visits in zip(
            random.normal(50, 20, 200), random.normal(0, 9, 200), random.integers(0, 9, 200), strict=True
        )
    ]
    expected = model.score(model.decoder.convert(rows)).answers["probability"]
    server = start()
    talking = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    for number, one in enumerate(rows):
        status, answer = post(server, [one], connection=talking)
        assert status == 200
        assert list(answer["predictions"][0]["probability"].values()) == expected[number].tolist()
    talking.close()
    status, answer = post(server, rows)
    assert [list(one["probability"].values()) for one in answer["predictions"]] == expected.tolist()


def test_many_callers_at_once_each_get_their_own_answer(start, model, row):
    server = start()
    wrong: list[Any] = []

    def call(number: int) -> None:
        talking = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        for turn in range(20):
            rows = [{**row, "age": float(number * 100 + turn)}] * (1 + turn % 3 * 50)
            status, answer = post(server, rows, connection=talking)
            expected = model.score(model.decoder.convert(rows[:1])).answers["probability"][0].tolist()
            if status != 200 or any(list(p["probability"].values()) != expected for p in answer["predictions"]):
                wrong.append((number, turn))
        talking.close()

    callers = [threading.Thread(target=call, args=(number,)) for number in range(12)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert wrong == []
    assert b'rows_total{route="champion",version="1"}' in get(server, "/metrics")[1]


def test_sigterm_turns_readiness_off_answers_what_is_in_flight_flushes_and_exits_0(start, row, tmp_path):
    server = start(log_folder=str(tmp_path / "log"), drain_s=1.0)
    body = json.dumps({"rows": [row]}).encode()
    head = f"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    waiting = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(20)]
    for caller in waiting:
        caller.sendall(head + body[:10])
    time.sleep(0.2)
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    assert get(server, "/health/ready")[0] == 503
    assert get(server, "/health/live")[0] == 200
    time.sleep(1.2)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=5)
    for caller in waiting:
        caller.sendall(body[10:])
    for caller in waiting:
        assert caller.recv(10_000).startswith(b"HTTP/1.1 200")
        caller.close()
    stopped = server.line()["stopped"]
    assert server.wait() == 0
    assert stopped["rows"] == stopped["written"] == 20
    table = read_log(tmp_path / "log")
    assert table is not None
    assert table.num_rows == 20
    assert not list((tmp_path / "log").glob("*.arrows"))
    assert server.process.stderr.read() == b""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_ends_at_once_with_exit_code_0(start, number):
    server = start(drain_s=0.0)
    server.process.send_signal(number)
    assert server.wait() == 0


def test_a_server_ends_with_its_supervisor(start):
    server = start(drain_s=0.0)
    server.process.stdin.close()
    assert server.wait() == 0
    server.process.stdin = None


def test_the_log_is_readable_after_kill_9(start, row, tmp_path):
    server = start(log_folder=str(tmp_path))
    for number in range(30):
        post(server, [{**row, "visit": f"v{number}"}])
    until = time.monotonic() + 10
    while b"log_rows_written_total 30" not in get(server, "/metrics")[1] and time.monotonic() < until:
        time.sleep(0.05)
    server.process.kill()
    server.wait()
    table = read_log(tmp_path)
    assert table is not None
    assert table["visit"].to_pylist() == [f"v{number}" for number in range(30)]
    follower = start(log_folder=str(tmp_path), drain_s=0.0)
    follower.process.terminate()
    assert follower.wait() == 0
    assert [path.suffix for path in tmp_path.iterdir()] == [".parquet"]
    assert read_log(tmp_path) == table


def test_a_server_carries_only_what_serving_needs_even_after_a_log_flush(bundle, tmp_path):
    """Runs in a process of its own and asks itself, then looks at what was imported."""
    program = f"""
import json, sys, threading, http.client, os, signal
from modelwright.serving.server import serve
from modelwright.serving.settings import RouteSettings, ServerSettings
def use(url):
    talking = http.client.HTTPConnection(url.removeprefix("http://"))
    for _ in range(3):
        talking.request("POST", "/predict", json.dumps({{"rows": [json.loads(sys.argv[1])]}}))
        assert talking.getresponse().read().startswith(b'{{"model"')
    os.kill(os.getpid(), signal.SIGTERM)
routes = (RouteSettings("champion", 1.0, {str(bundle.folder)!r}),)
settings = ServerSettings(routes=routes, port=0, drain_s=0.0, log_folder={str(tmp_path / "log")!r})
serve(settings, lambda url: threading.Thread(target=use, args=(url,)).start())
print(json.dumps(sorted(sys.modules)))
"""
    asked = json.dumps(bundle.smoke["requests"][0]["row"])
    done = subprocess.run([sys.executable, "-c", program, asked], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout)
    assert read_log(tmp_path / "log").num_rows == 3
    assert "pyarrow" not in loaded  # 26 MB; compaction is another process
    assert [name for name in loaded if f"{name}.".startswith(tuple(f"{stranger}." for stranger in STRANGERS))] == []


def test_a_port_in_use_is_exit_5_with_a_hint(start):
    first = start()
    second = start(port=first.port)
    assert second.failure["exit_code"] == 5
    ((message, _, hint),) = second.failure["problems"]
    assert f"port {first.port}" in message
    assert f"serve.port={first.port + 1}" in hint
    assert second.wait() == 5


def test_an_address_of_another_machine_is_exit_5(start):
    assert start(host="203.0.113.7", access=AccessSettings(predict="x")).failure["exit_code"] == 5
    assert start(host="no-such-host.invalid", access=AccessSettings(predict="x")).failure["exit_code"] == 5


def test_a_token_never_shows(start, row):
    server = start(access=AccessSettings(predict="sesame"))
    assert post(server, [row])[0] == 401
    arguments = Path(f"/proc/{server.process.pid}/cmdline").read_bytes()
    environment = Path(f"/proc/{server.process.pid}/environ").read_bytes()
    assert b"sesame" not in arguments + environment


@pytest.mark.parametrize("damage", ["flip", "truncate", "delete", "signature", "manifest", "smoke"])
def test_a_damaged_bundle_is_exit_4(start, bundle, tmp_path, damage):
    copy = tmp_path / "copied bundle"
    shutil.copytree(bundle.folder, copy)
    model = copy / "model.onnx"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    match damage:
        case "flip":
            model.write_bytes(content)
        case "truncate":
            model.write_bytes(content[:-1])
        case "delete":
            model.unlink()
        case "signature" | "smoke":
            file = copy / f"{damage}.json"
            file.write_bytes(file.read_bytes().replace(b"1", b"2"))
        case "manifest":
            (copy / "manifest.json").write_text("{}")
    failure = start(routes=(RouteSettings("bundle", 1.0, str(copy)),)).failure
    assert failure["exit_code"] == 4
    assert str(copy) in failure["problems"][0][1]


def test_a_copied_bundle_serves_alone_under_its_version(bundle, tmp_path, row):
    copy = tmp_path / "bundle"
    shutil.copytree(bundle.folder, copy)
    command = [sys.executable, "-m", "modelwright.serving", "--bundle", str(copy), "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    url = process.stderr.readline().split()[-1]
    talking = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    talking.request("POST", "/predict", json.dumps({"rows": [row]}))
    assert json.loads(talking.getresponse().read())["version"] == 1
    talking.close()
    process.terminate()
    assert process.wait(timeout=20) == 0
    process.stderr.close()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--bundle", "nowhere"], 4), (["--bundle", "nowhere", "--host", "0.0.0.0"], 2), (["--nonsense"], 2), ([], 2)],
)
def test_the_processs_own_errors_have_exit_codes(arguments, code, tmp_path):
    command = [sys.executable, "-m", "modelwright.serving", *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert "Traceback" not in done.stderr


RAW = {
    "garbage": b"\x00\x01\x02\r\n\r\n",
    "no version": b"GET /health/live\r\n\r\n",
    "wrong content length": b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: abc\r\n\r\n",
    "negative content length": b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n{}",
    "both lengths": b"POST /predict HTTP/1.1\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "bad chunk": b"POST /predict HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n\r\n",
    "upgrade": b"GET /predict HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    "percent path": b"GET /v2/models/%2e%2e%2fx HTTP/1.1\r\nhost: x\r\n\r\n",
    "bad percent": b"GET /v2/models/%zz HTTP/1.1\r\nhost: x\r\n\r\n",
    "header bytes": b"GET /health/live HTTP/1.1\r\nhost: x\r\nx-a: " + b"\xff" * 30_000 + b"\r\n\r\n",
}


def test_raw_garbage_is_never_a_5xx_and_the_server_lives_on(start, row):
    server = start(limits=Limits(body_s=0.3))
    for name, sent in RAW.items():
        with socket.create_connection(("127.0.0.1", server.port), timeout=2) as talking:
            talking.sendall(sent)
            talking.shutdown(socket.SHUT_WR)
            answer = talking.recv(1000)
            assert not answer.startswith(b"HTTP/1.1 5"), (name, answer)
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as talking:
        talking.sendall(b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\n{")
        assert talking.recv(1000).startswith(b"HTTP/1.1 408")
    assert post(server, [row])[0] == 200
    assert server.process.poll() is None
