"""The express lane: what it takes is answered as the application answers it, whatever comes before or after."""

from __future__ import annotations

import asyncio
import functools
import json
import re
import socket
import time
from typing import Any

import pytest
import uvicorn

from modelwright.serving.app import Application
from modelwright.serving.connection import Connection
from modelwright.serving.express import Express, express_of
from modelwright.serving.log.prediction_log import PredictionLog
from modelwright.serving.log.reading_log import read_log
from modelwright.serving.refusals import RequestError
from modelwright.serving.settings import AccessSettings
from modelwright.serving.traffic.cache import AnswerCache
from modelwright.serving.traffic.routes import Route, Router

CHUNKED = b"POST /predict HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
HEALTH = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n"


def request(body: Any, headers: str = "") -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return f"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: {len(content)}\r\n{headers}\r\n".encode() + content


def answers(talking: socket.socket, count: int) -> list[tuple[bytes, bytes]]:
    """The next so many answers: head and body."""
    found: list[tuple[bytes, bytes]] = []
    received = b""
    while len(found) < count:
        head, end, rest = received.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        if end and length and len(rest) >= int(length[1]):
            found.append((head, rest[: int(length[1])]))
            received = rest[int(length[1]) :]
            continue
        more = talking.recv(65536)
        assert more, (found, received)
        received += more
    assert received == b""
    return found


@pytest.fixture(scope="module")
def server(start_for_module: Any) -> Any:
    return start_for_module()


@pytest.fixture
def talking(server: Any) -> Any:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as talking:
        talking.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield talking


@pytest.mark.parametrize("more", ["", "accept-encoding: gzip\r\n"])
@pytest.mark.parametrize("request_id", ["r-1", 'odd"\\id', "no id!"])
@pytest.mark.parametrize("count", [1, 8])
def test_answers_are_the_same_bytes_as_those_of_the_application(talking, row, count, request_id, more):
    """A version that is insisted on is nothing for the express lane."""
    body = {"rows": [{**row, "age": float(age)} for age in range(count)]}
    headers = f"x-request-id: {request_id}\r\n{more}"
    talking.sendall(request(body, headers))
    express = answers(talking, 1)[0]
    talking.sendall(request(body, headers + "x-model-version: 1\r\n"))
    usual = answers(talking, 1)[0]

    def plain(answer: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
        if " " not in request_id:
            return re.sub(rb"date: [^\r]+", b"", answer[0]), answer[1]
        return re.sub(rb"date: [^\r]+|[0-9a-f]{32}", b"", answer[0]), re.sub(rb"[0-9a-f]{32}", b"", answer[1])

    assert plain(express) == plain(usual)
    assert express[0].startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("size", [1, 7, 100])
def test_requests_that_come_in_pieces_are_answered(talking, row, size):
    whole = request({"rows": [row]}) * 2
    for start in range(0, len(whole), size):
        talking.sendall(whole[start : start + size])
    assert [head[:15] for head, _ in answers(talking, 2)] == [b"HTTP/1.1 200 OK"] * 2


@pytest.mark.parametrize("pause_s", [0.0, 0.001, 0.1])
def test_a_body_may_come_after_its_headers(talking, row, pause_s):
    head, end, body = request({"rows": [row]}).partition(b"\r\n\r\n")
    for _ in range(3):
        talking.sendall(head + end)
        time.sleep(pause_s)
        talking.sendall(body)
        assert answers(talking, 1)[0][0].startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("pause_s", [0.0, 0.002, 0.015])
def test_a_large_body_is_waited_for_and_one_that_comes_too_slowly_is_the_applications(talking, row, pause_s):
    """The last pause makes the body take longer than the express lane waits."""
    rows = [{**row, "note": "x" * 900}] * 60
    whole = request({"rows": rows})
    for start in range(0, len(whole), 20_000):
        talking.sendall(whole[start : start + 20_000])
        time.sleep(pause_s)
    head, body = answers(talking, 1)[0]
    assert head.startswith(b"HTTP/1.1 200")
    assert len(json.loads(body)["predictions"]) == 60


@pytest.mark.parametrize("together", [True, False])
def test_pipelined_requests_are_answered_in_their_order(talking, row, together):
    wanted = [f"r{number}" for number in range(40)]
    sent = []
    for number, request_id in enumerate(wanted):
        rows = [row] if number % 5 else [{**row, "age": "old"}]
        sent.append(request({"rows": rows}, f"x-request-id: {request_id}\r\n"))
    for part in [b"".join(sent)] if together else sent:
        talking.sendall(part)
    found = answers(talking, len(wanted))
    assert [json.loads(body)["request_id"] for _, body in found] == wanted
    assert [int(head[9:12]) for head, _ in found] == [200 if number % 5 else 422 for number in range(40)]


def test_all_kinds_of_requests_share_a_connection(talking, row):
    good = request({"rows": [row]})
    body = json.dumps({"rows": [row]}).encode()
    kinds = [
        (good, 200),
        (HEALTH, 200),
        (CHUNKED % (len(body), body), 200),
        (good, 200),
        (request({"rows": [{**row, "age": "old"}]}), 422),
        (request(b'{"rows":[{"age":1,"age":2}]}'), 422),
        (request({"rows": [row]}, "x-model-version: 9\r\n"), 404),
        (request({"rows": [row] * 600}), 200),
        (good, 200),
        (good.replace(b"/predict", b"/elsewhere"), 404),
        (good + HEALTH + good, 200),
    ]
    for sent, status in kinds:
        talking.sendall(sent)
        for head, _ in answers(talking, sent.count(b" HTTP/1.1\r\n")):
            assert int(head[9:12]) == status
    talking.sendall(request({"rows": [row]}, "connection: close\r\n"))
    assert b"connection: close" in answers(talking, 1)[0][0]
    assert talking.recv(10) == b""


def test_requests_are_counted_and_logged(start, row, tmp_path):
    server = start(log_folder=str(tmp_path / "log"), log_sample=1.0)
    callers = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(20)]
    for number, caller in enumerate(callers):
        rows = [{**row, "age": float(number)}] * (1 + number % 3)
        caller.sendall(request({"rows": rows}, f"x-request-id: r{number}\r\n"))
    for caller in callers:
        answers(caller, 1)
    with callers[0] as asking:
        asking.sendall(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n")
        text = answers(asking, 1)[0][1].decode()
    assert 'modelwright_requests_total{path="/predict",status="200"} 20\n' in text
    assert 'modelwright_model_requests_total{route="champion",version="1"} 20\n' in text
    assert 'modelwright_rows_total{route="champion",version="1"} 39\n' in text
    assert "modelwright_requests_in_flight 1\n" in text
    assert "modelwright_request_latency_seconds_count 20\n" in text
    for caller in callers:
        caller.close()
    server.process.terminate()
    assert server.wait() == 0
    table = read_log(tmp_path / "log")
    assert table is not None
    found = sorted(
        (r["request_id"], r["row"], r["age"]) for r in table.select(["request_id", "row", "age"]).to_pylist()
    )
    assert found == sorted((f"r{n}", at, float(n)) for n in range(20) for at in range(1 + n % 3))


def test_a_token_is_asked_for(start, row):
    server = start(access=AccessSettings(predict="secret"))
    for headers, status in (
        ("", 401),
        ("authorization: Bearer other\r\n", 403),
        ("authorization: Bearer secret\r\n", 200),
    ):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as talking:
            for _ in range(2):
                talking.sendall(request({"rows": [row]}, headers))
                assert int(answers(talking, 1)[0][0][9:12]) == status


class Caller:
    def __init__(self) -> None:
        self.answered: list[bytes] = []
        self.referred: list[bytes] = []

    def answer(self, content: bytes, now: float) -> None:
        self.answered.append(content)

    def refer(self, request: bytes) -> None:
        self.referred.append(request)


def taken(express: Express, requests: list[bytes]) -> list[Caller]:
    """All in one turn."""
    callers = [Caller() for _ in requests]

    async def turn() -> None:
        for caller, sent in zip(callers, requests, strict=True):
            end = sent.find(b"\r\n\r\n") + 4
            head = express.head(sent, end)
            if head is None or not express.take(caller, sent, end, head, time.perf_counter()):
                caller.refer(sent)
        await asyncio.sleep(0)

    asyncio.run(turn())
    return callers


def test_requests_of_a_turn_are_scored_in_one_call(app, row, monkeypatch):
    model = app.router.first.model
    sizes: list[int] = []
    score = model.score
    monkeypatch.setattr(model, "score", lambda rows: sizes.append(len(rows)) or score(rows))
    callers = taken(Express(app), [request({"rows": [{**row, "age": float(age)}]}) for age in range(30)])
    assert sizes == [30]
    found = [json.loads(caller.answered[0].partition(b"\r\n\r\n")[2])["predictions"][0] for caller in callers]
    assert found == [model.predictions(score(model.decoder.convert([{**row, "age": float(n)}])))[0] for n in range(30)]
    assert app.metrics.in_flight == 0


def test_what_can_not_be_answered_together_is_left_to_the_application(app, row, monkeypatch):
    def failing(rows: Any) -> Any:
        raise RequestError(422, "one of them")

    express = Express(app)
    monkeypatch.setattr(app.router.first.model, "score", failing)
    assert all(len(caller.referred) == 1 for caller in taken(express, [request({"rows": [row]})] * 3))
    monkeypatch.undo()
    refused = [
        request({"rows": [{**row, "note": None}]}),
        request({"rows": [row] * 100}),
        request({"rows": [row]}, "content-type: text/csv\r\n"),
        request({"rows": [row]}, "content-encoding: gzip\r\n"),
        request({"rows": [row]}, "x-twice: 1\r\nx-twice: 2\r\n"),
        request({"rows": [row]}, f"x-long: {'x' * 20_000}\r\n"),
        request({"rows": [row]}, "expect: 100-continue\r\n"),
        request({"rows": [row]}, "connection: close\r\n"),
    ]
    for caller, sent in zip(taken(express, refused), refused, strict=True):
        assert (caller.answered, caller.referred) == ([], [sent])
    app.draining = True
    assert taken(express, [request({"rows": [row]})])[0].answered == []
    assert app.metrics.in_flight == 0


def test_sampling_takes_the_same_requests_however_they_were_answered(app, row, tmp_path):
    signature = app.router.first.model.signature
    found = []
    for number, size in enumerate((1, 50)):
        folder = tmp_path / str(number)
        log = PredictionLog(folder, {1: signature}, queue_rows=1000, sample=0.3)
        express = Express(Application(app.router, app.limits, log=log))
        asked = [request({"rows": [row] * (1 + n % 2)}, f"x-request-id: r{n}\r\n") for n in range(50)]
        for start in range(0, 50, size):
            taken(express, asked[start : start + size])
        log.close()
        table = read_log(folder)
        assert table is not None
        found.append([(r["request_id"], r["row"]) for r in table.select(["request_id", "row"]).to_pylist()])
        assert log.counts()["sampled_out"] == 75 - table.num_rows
    assert found[0] == found[1]
    assert 0 < len(found[0]) < 50


def test_only_plain_answers_take_it(app):
    assert express_of(app) is not None
    assert express_of(Application(app.router, app.limits, cache=AnswerCache(1))) is None
    assert express_of(Application(app.router, app.limits, access=AccessSettings(per_s=5))) is None
    assert express_of(Application(app.router, app.limits, access=AccessSettings(cors=("*",)))) is None
    model = app.router.first.model
    assert Router([Route("a", 1.0, model), Route("b", 1.0, model)]).only is None
    assert Router([Route("a", 1.0, model)], shadow=Route("b", 1.0, model)).only is None


def test_a_connection_that_says_nothing_more_is_closed(app, row):
    """And neither in the middle of a request, nor while uvicorn's own time runs."""

    async def story() -> tuple[float, bytes]:
        config = uvicorn.Config(app, http="httptools", lifespan="off", log_config=None, timeout_keep_alive=1)
        config.load()
        server = uvicorn.Server(config)
        loop = asyncio.get_running_loop()
        made = functools.partial(Connection, Express(app), config, server.server_state, {})
        listening = await loop.create_server(made, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
        for _ in range(3):
            writer.write(request({"rows": [row]}))
            await reader.readuntil(b"}]}")
            await asyncio.sleep(0.6)
        writer.write(HEALTH)
        await reader.readuntil(b"true}")
        await asyncio.sleep(0.6)
        writer.write(request({"rows": [row]}))
        await reader.readuntil(b"}]}")
        started = time.monotonic()
        rest = await reader.read()
        writer.close()
        await writer.wait_closed()
        listening.close()
        return time.monotonic() - started, rest

    waited_s, rest = asyncio.run(story())
    assert rest == b""
    assert 0.8 < waited_s < 3
