"""Tokens by role, requests of one address, pages of other origins, and the paths that only an admin has."""

from __future__ import annotations

import asyncio
import hmac
from pathlib import Path
from typing import Any

import pytest

from modelwright.core.errors import SpecError
from modelwright.runs.store import Store
from modelwright.serving import http
from modelwright.serving.access import CLIENTS, RateLimit
from modelwright.serving.app import Application
from modelwright.serving.refusals import RequestError
from modelwright.serving.settings import AccessSettings, ServerSettings
from serving import versions
from serving.versions import call, commit, point, times

TOKENS = AccessSettings(predict="to-predict", metrics="to-scrape", admin="to-rule")
BODY = b'{"rows": [{"x": 1.5}]}'
PAGES = {
    "predict": [("POST", "/predict"), ("GET", "/openapi.json"), ("GET", "/v2"), ("GET", "/v2/models/double")],
    "metrics": [("GET", "/metrics")],
    "admin": [("GET", "/admin/state"), ("POST", "/admin/reload")],
}


@pytest.fixture
def made(tmp_path: Path) -> Any:
    """Applications with one version and the access that is asked for."""
    store = Store(tmp_path / "runs")
    commit(store, times(2.0))
    point(store, champion=1)
    running: list[Application] = []

    def make(access: AccessSettings) -> Application:
        running.append(versions.started(versions.settings(store, access=access))[0])
        return running[-1]

    yield make
    for app in running:
        app.close()


def status(app: Application, method: str, path: str, **headers: str) -> int:
    async def answered() -> int:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": BODY, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        await app({"type": "http", "method": method, "path": path, "headers": given}, receive, send)
        return int(sent[0]["status"])

    return asyncio.run(answered())


def test_each_token_opens_its_own_pages_and_no_others(made):
    app = made(TOKENS)
    for role, token in (("predict", "to-predict"), ("metrics", "to-scrape"), ("admin", "to-rule")):
        for owner, pages in PAGES.items():
            for method, path in pages:
                expected = 200 if owner == role else 403
                assert status(app, method, path, authorization=f"Bearer {token}") == expected, (token, path)
    for pages in PAGES.values():
        for method, path in pages:
            assert status(app, method, path) == 401
    assert status(app, "GET", "/health/ready") == 200


def test_without_a_metrics_token_the_predict_token_opens_metrics(made):
    app = made(AccessSettings(predict="p"))
    assert status(app, "GET", "/metrics") == 401
    assert status(app, "GET", "/metrics", authorization="Bearer p") == 200


def test_without_an_admin_token_there_is_no_admin(made):
    app = made(AccessSettings())
    for method, path in PAGES["admin"]:
        assert status(app, method, path) == 404


def test_the_admin_path_says_nothing_without_its_token(made):
    app = made(AccessSettings(admin="to-rule"))
    for path in ("/admin", "/admin/", "/admin/nothing", "/administrator", "/admin/reload/../state"):
        assert status(app, "GET", path) == 401
        assert status(app, "GET", path, authorization="Bearer to-rule") == 404
    assert status(app, "GET", "/admin/reload", authorization="Bearer to-rule") == 405
    assert status(app, "POST", "/admin/canary/promote", authorization="Bearer to-rule") == 409


def test_tokens_are_compared_in_constant_time(made, monkeypatch):
    compared = []
    monkeypatch.setattr(http.hmac, "compare_digest", lambda a, b: compared.append((a, b)) or hmac_equal(a, b))
    app = made(TOKENS)
    assert status(app, "GET", "/admin/state", authorization="Bearer x") == 403
    assert compared == [(b"x", b"to-rule")]


def hmac_equal(first: bytes, second: bytes) -> bool:
    return hmac.new(b"k", first, "sha256").digest() == hmac.new(b"k", second, "sha256").digest()


def test_an_admin_token_that_opens_other_doors_too_is_refused():
    for access in (AccessSettings(predict="a", admin="a"), AccessSettings(metrics="a", admin="a")):
        with pytest.raises(SpecError, match="admin_token"):
            ServerSettings(routes=(), access=access)


def test_an_address_that_asks_too_often_is_told_when_to_come_back(made):
    app = made(AccessSettings(per_s=0.5, burst=3))

    async def ask(client: str) -> tuple[int, dict[str, Any]]:
        return await call(app, "POST", "/predict", BODY, client=client)

    answers = [asyncio.run(ask("10.0.0.1")) for _ in range(4)]
    assert [status for status, _ in answers] == [200, 200, 200, 429]
    assert answers[3][1]["error"] == "more than 0.5 requests a second from your address; try again in 2 s"
    assert asyncio.run(ask("10.0.0.2"))[0] == 200
    assert asyncio.run(call(app, "GET", "/health/live", client="10.0.0.1"))[0] == 200
    assert 'requests_total{path="other",status="429"} 1' in versions.metrics_of(app)


def test_guessing_tokens_is_limited_too(made):
    app = made(AccessSettings(predict="p", per_s=1.0, burst=2))
    answers = [asyncio.run(call(app, "POST", "/predict", BODY, authorization="Bearer x"))[0] for _ in range(3)]
    assert answers == [403, 403, 429]


def test_the_rate_is_that_of_the_spec_over_a_longer_time():
    now = [0.0]
    limit = RateLimit(2.0, 5, clock=lambda: now[0])
    allowed = 0
    for _ in range(1000):
        now[0] += 0.01
        try:
            limit.check("a")
            allowed += 1
        except RequestError as refusal:
            assert dict(refusal.headers)[b"retry-after"] == b"1"
    assert allowed == 5 + 2 * 10 - 1 or allowed == 5 + 2 * 10


def test_clients_of_one_ipv6_network_share_a_limit_and_memory_is_bounded():
    limit = RateLimit(1.0, 1)
    limit.check("2001:db8:1:2:aaaa::1")
    with pytest.raises(RequestError):
        limit.check("2001:db8:1:2:bbbb::9")
    limit.check("2001:db8:1:3::1")
    limit.check("::ffff:10.0.0.1")
    limit.check("::ffff:10.0.0.2")
    for number in range(CLIENTS + 50):
        limit.check(f"host {number}")
    assert len(limit._buckets) == CLIENTS


PREFLIGHT = {"origin": "https://app.example.com", "access_control_request_method": "POST"}


def test_without_cors_no_page_of_another_origin_may_ask(app, asking, row):
    refused = asking(app, "OPTIONS", "/predict", b"", {name.replace("_", "-"): v for name, v in PREFLIGHT.items()})
    assert refused.status == 405
    answered = asking(app, "POST", "/predict", {"rows": [row]}, {"origin": "https://app.example.com"})
    assert not [name for name in answered.headers if name.startswith("access-control")]


def test_listed_origins_may_ask_and_read_every_answer(app, asking, row):
    listed = Application(app.router, app.limits, access=AccessSettings(predict="p", cors=("https://app.example.com",)))
    asked = {name.replace("_", "-"): value for name, value in PREFLIGHT.items()}
    preflight = asking(listed, "OPTIONS", "/predict", b"", asked)  # without the token: browsers send none
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-origin"] == "https://app.example.com"
    assert "authorization" in preflight.headers["access-control-allow-headers"]
    for token, expected in (("p", 200), ("q", 403)):
        headers = {"origin": "https://app.example.com", "authorization": f"Bearer {token}"}
        answered = asking(listed, "POST", "/predict", {"rows": [row]}, headers)
        assert (answered.status, answered.headers["vary"]) == (expected, "origin")
        assert answered.headers["access-control-allow-origin"] == "https://app.example.com"
    other = asking(listed, "OPTIONS", "/predict", b"", {**asked, "origin": "https://evil.example.com"})
    assert (other.status, other.headers.get("access-control-allow-origin")) == (403, None)
    listed.close()
