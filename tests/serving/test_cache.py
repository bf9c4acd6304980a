"""The cache answers the same bytes for the same input to the same version, within its memory, and says how often."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from modelwright.runs.store import Store
from modelwright.serving.log.reading_log import read_log
from modelwright.serving.traffic.cache import AnswerCache
from serving import versions
from serving.versions import commit, metrics_of, point, post, times, versions_of


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "runs")
    for factor in (2.0, 3.0):
        commit(store, times(factor))
    point(store, champion=1)
    return store


def test_without_the_section_nothing_is_remembered(store):
    app, _ = versions.started(versions.settings(store))
    versions_of(app, 3)
    assert "cache_hits_total" not in metrics_of(app)
    app.close()


def test_the_same_input_is_scored_once_and_answered_with_the_same_bytes(store, tmp_path):
    app, _ = versions.started(versions.settings(store, tmp_path / "log", cache_mb=1.0))
    scored = []
    model = app.router.first.model
    real = model.score
    model.score = lambda rows: scored.append(1) or real(rows)
    answers = [asyncio.run(post(app, x, key))[1] for x in (0.1, 0.3) for key in ("a", "b", "a")]
    assert len(scored) == 2  # the id is no input
    predictions = [json.dumps(answer["predictions"]) for answer in answers]
    assert len(set(predictions[:3])) == len(set(predictions[3:])) == 1
    text = metrics_of(app)
    assert 'cache_hits_total{version="1"} 4' in text
    assert 'cache_misses_total{version="1"} 2' in text
    app.close()
    logged = read_log(tmp_path / "log").to_pylist()  # each request as it was asked
    assert [line["key"] for line in logged] == ["a", "b", "a"] * 2
    assert [line["x"] for line in logged] == [0.1] * 3 + [0.3] * 3


def test_inputs_that_differ_in_one_bit_or_row_are_not_the_same(store):
    app, _ = versions.started(versions.settings(store, cache_mb=1.0))
    model = app.router.first.model
    cache = app.answering._cache
    rows = [[{"x": 0.1}], [{"x": 0.1 + 1e-17 + 1e-16}], [{"x": 0.0}], [{"x": -0.0}], [{"x": 0.1}, {"x": 0.1}]]
    keys = [cache.key(model, model.decoder.convert(one)) for one in rows]
    assert len(set(keys)) == 5
    app.close()


def test_each_version_remembers_for_itself_and_a_version_that_left_is_forgotten(store):
    app, _ = versions.started(versions.settings(store, cache_mb=1.0))
    assert asyncio.run(post(app, 5.0))[1]["predictions"] == [{"prediction": 10.0}]
    point(store, champion=2)
    app.watcher.look()
    assert len(app.answering._cache) == app.answering._cache.bytes == 0
    assert asyncio.run(post(app, 5.0))[1]["predictions"] == [{"prediction": 15.0}]
    app.close()


def test_memory_is_bounded_and_the_least_recently_used_goes_first(store):
    app, _ = versions.started(versions.settings(store))
    model, cache = app.router.first.model, AnswerCache(max_mb=0.02)

    def key(x: float, rows: int = 1):
        return cache.key(model, model.decoder.convert([{"x": x}] * rows))

    scored = model.score(model.decoder.convert([{"x": 1.0}]))
    for x in range(100):
        cache.keep(key(float(x)), scored)
        cache.find(key(0.0))
        assert cache.bytes <= 20_000
    assert 5 < len(cache) < 20
    assert cache.find(key(0.0)) is not None
    assert cache.find(key(1.0)) is None
    cache.keep(key(1.0, rows=5000), scored)  # larger than all the memory there is
    assert cache.find(key(1.0, rows=5000)) is None
    app.close()
