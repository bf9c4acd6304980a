"""A shadow is asked what others answered: logged under its own alias, never answered from, and bounded in cost."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from modelwright.runs.store import Store
from modelwright.serving.app import Application
from modelwright.serving.log.reading_log import read_log
from modelwright.serving.settings import ShadowSettings
from serving import versions
from serving.versions import commit, failing_below_zero, metrics_of, point, post, slow, times


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "runs")
    commit(store, times(2.0))
    point(store, champion=1)
    return store


def mirrored(store: Store, tmp_path: Path, build: Any, **chosen: Any) -> Application:
    commit(store, build)
    point(store, mirror=2)
    server = versions.settings(store, tmp_path / "log", shadow=ShadowSettings(**{"max_cpu_share": 1.0, **chosen}))
    return versions.started(server)[0]


def ask(app: Application, count: int, x: float = 3.0) -> list[dict[str, Any]]:
    """So many requests, then time for the shadow to finish."""

    async def asking() -> list[dict[str, Any]]:
        answers = [(await post(app, x, f"caller {number}"))[1] for number in range(count)]
        until = time.monotonic() + 5
        while app.answering._shadow._waiting_rows and time.monotonic() < until:
            await asyncio.sleep(0.01)
        return answers

    return asyncio.run(asking())


def test_a_shadow_scores_and_logs_what_it_never_answers(store, tmp_path):
    app = mirrored(store, tmp_path, times(3.0))
    answers = ask(app, 10)
    assert {(answer["version"], answer["predictions"][0]["prediction"]) for answer in answers} == {(1, 6.0)}
    assert 'shadow_requests_total{outcome="scored"} 10' in metrics_of(app)
    app.close()
    logged = read_log(tmp_path / "log").sort_by("version").to_pylist()
    pairs = [(line["route"], line["version"], line["prediction"], line["shadow"]) for line in logged]
    assert pairs == [("champion", 1, 6.0, False)] * 10 + [("mirror", 2, 9.0, True)] * 10
    assert sorted(line["request_id"] for line in logged[:10]) == sorted(line["request_id"] for line in logged[10:])


def test_nobody_can_ask_the_shadow(store, tmp_path):
    app = mirrored(store, tmp_path, times(3.0))
    for version in ("2", "mirror"):
        assert asyncio.run(post(app, 1.0, x_model_version=version))[0] == 404
    app.close()


def test_a_shadow_that_fails_costs_nobody_an_answer(store, tmp_path, caplog):
    app = mirrored(store, tmp_path, failing_below_zero)
    assert {answer["predictions"][0]["prediction"] for answer in ask(app, 5, x=-200.0)} == {-400.0}
    assert 'shadow_requests_total{outcome="failed"} 5' in metrics_of(app)
    assert caplog.text.count("could not score a request") == 1
    app.close()


def test_what_comes_while_too_much_waits_is_left_out_and_counted(store, tmp_path):
    app = mirrored(store, tmp_path, slow, waiting_rows=3)
    ask(app, 30)
    text = metrics_of(app)
    counts = {
        outcome: int(text.partition(f'shadow_requests_total{{outcome="{outcome}"}} ')[2].partition("\n")[0])
        for outcome in ("scored", "left out")
    }
    assert sum(counts.values()) == 30
    assert counts["left out"] > 10
    app.close()


def test_a_share_of_the_requests_is_mirrored(store, tmp_path):
    app = mirrored(store, tmp_path, times(3.0), share=0.2)
    ask(app, 200)
    scored = metrics_of(app).partition('outcome="scored"} ')[2].partition("\n")[0]
    assert 15 <= int(scored) <= 70
    app.close()


def test_a_shadow_rests_as_its_share_of_a_core_asks(store, tmp_path):
    app = mirrored(store, tmp_path, slow, max_cpu_share=0.1)
    started = time.monotonic()
    ask(app, 6)
    elapsed_s = time.monotonic() - started
    app.close()
    busy_s = sum(line["latency_ms"] for line in read_log(tmp_path / "log").to_pylist() if line["shadow"]) / 1000
    assert busy_s > 0.005
    assert busy_s - busy_s / 6 <= 0.15 * elapsed_s  # the last one's rest is not waited for
