"""When rows are scored: at once, in batches of what waits, or not at all when too much waits."""

from __future__ import annotations

import asyncio
import threading
import time

import numpy as np
import pytest

from modelwright.serving.model import ServedModel
from modelwright.serving.pace import Pace, measured
from modelwright.serving.refusals import RequestError
from modelwright.serving.scoring import Scoring
from modelwright.serving.settings import Limits


@pytest.fixture
def slow(bundle, row, monkeypatch):
    """A model of which nothing is scored at once; it keeps the rows of each call, and each call waits to be let go."""
    model = ServedModel(bundle.signature, bundle.model, version=1, limits=Limits())
    model.pace = Pace(inline_rows=0, batch_rows=8, row_us=1000.0)
    model.calls, model.go = [], threading.Event()
    score = model.score

    def waiting(rows):
        model.calls.append(len(rows))
        assert model.go.wait(20)
        return score(rows)

    monkeypatch.setattr(model, "score", waiting)
    return model


def rows_of(model, row, ages):
    return model.decoder.convert([{**row, "age": float(age)} for age in ages])


def run(scenario):
    return asyncio.run(scenario)


async def begun(model, scoring, rows):
    """A request that the thread has begun to score."""
    task = asyncio.ensure_future(scoring.score(model, rows))
    while not model.calls:
        await asyncio.sleep(0.001)
    return task


def test_what_arrives_while_the_thread_is_busy_is_scored_together_and_answered_apart(slow, model, row):
    async def scenario():
        scoring = Scoring(Limits())
        tasks = [await begun(slow, scoring, rows_of(slow, row, [0]))]
        asked = [[1], [2, 3], [4], [5, 6, 7, 8], [9]]
        tasks += [asyncio.ensure_future(scoring.score(slow, rows_of(slow, row, ages))) for ages in asked]
        await asyncio.sleep(0)
        slow.go.set()
        found = await asyncio.gather(*tasks)
        scoring.close()
        return [[0], *asked], found

    asked, found = run(scenario())
    assert slow.calls == [1, 8, 1]  # the first alone, then at most batch_rows
    for ages, scored in zip(asked, found, strict=True):
        expected = model.score(rows_of(model, row, ages))
        assert scored.answers["probability"].tolist() == expected.answers["probability"].tolist()
        assert scored.rows.column("age").tolist() == ages


def test_rows_that_are_quick_are_scored_at_once(slow, row):
    slow.pace, slow.calls = Pace(inline_rows=3, batch_rows=8), []
    slow.go.set()
    names = []

    async def scenario():
        scoring = Scoring(Limits())
        score = slow.score
        slow.score = lambda rows: (names.append(threading.current_thread().name), score(rows))[1]
        await scoring.score(slow, rows_of(slow, row, [1, 2, 3]))
        await scoring.score(slow, rows_of(slow, row, [1, 2, 3, 4]))
        scoring.close()

    run(scenario())
    assert names[0] == "MainThread"
    assert names[1].startswith("scoring")


def test_too_many_waiting_rows_are_refused_with_a_time_to_come_back(slow, row):
    async def scenario():
        scoring = Scoring(Limits(waiting_rows=2000))
        first = await begun(slow, scoring, rows_of(slow, row, [0]))
        second = asyncio.ensure_future(scoring.score(slow, rows_of(slow, row, range(1990))))
        await asyncio.sleep(0)
        with pytest.raises(RequestError) as refused:
            await scoring.score(slow, rows_of(slow, row, range(11)))
        slow.go.set()
        await asyncio.gather(first, second)
        await scoring.score(slow, rows_of(slow, row, range(11)))  # there is room again
        scoring.close()
        return refused.value

    refusal = run(scenario())
    assert refusal.status == 503
    assert dict(refusal.headers) == {b"retry-after": b"2"}  # 1990 rows of 1 ms


def test_a_request_alone_is_never_too_many_rows_to_wait(slow, row):
    async def scenario():
        scoring = Scoring(Limits(waiting_rows=5))
        slow.go.set()
        found = await scoring.score(slow, rows_of(slow, row, range(20)))
        scoring.close()
        return found

    assert len(run(scenario())) == 20


def test_what_waited_past_its_deadline_is_refused_not_scored(slow, row):
    async def scenario():
        scoring = Scoring(Limits(deadline_s=0.05))
        first = await begun(slow, scoring, rows_of(slow, row, [0]))
        late = asyncio.ensure_future(scoring.score(slow, rows_of(slow, row, [1])))
        await asyncio.sleep(0.1)
        slow.go.set()
        await first
        with pytest.raises(RequestError) as refused:
            await late
        scoring.close()
        return refused.value

    refusal = run(scenario())
    assert (refusal.status, slow.calls) == (503, [1])
    assert dict(refusal.headers) == {b"retry-after": b"1"}


def test_a_request_that_fails_does_not_take_those_beside_it_along(slow, row):
    score = slow.score

    def fragile(rows):
        found = score(rows)
        if 13.0 in rows.column("age"):
            raise ValueError("unlucky")
        return found

    slow.score = fragile

    async def scenario():
        scoring = Scoring(Limits())
        first = await begun(slow, scoring, rows_of(slow, row, [0]))
        rest = [asyncio.ensure_future(scoring.score(slow, rows_of(slow, row, [age]))) for age in (1, 13, 2)]
        await asyncio.sleep(0)
        slow.go.set()
        found = await asyncio.gather(first, *rest, return_exceptions=True)
        scoring.close()
        return found

    found = run(scenario())
    assert [type(one).__name__ for one in found] == ["Scored", "Scored", "ValueError", "Scored"]


def test_the_pace_of_a_model_is_measured(model, row):
    rows = model.decoder.convert([row, {**row, "age": None}])
    quick = measured(model.score, rows)
    assert quick.inline_rows >= 1

    def heavy(asked):
        until = time.thread_time() + 0.003 * len(asked)
        while time.thread_time() < until:
            pass

    slow = measured(heavy, rows)
    assert slow.inline_rows == 0
    assert slow.row_us == pytest.approx(3000, rel=0.3)
    assert slow.batch_rows <= 8  # no gain from more


def test_mixed_rows_have_real_values(model, row):
    rows = model.decoder.convert([row, {**row, "age": None, "note": "hip", "joined": "2026-02-01T08:00:00Z"}])
    mixed = rows.mixed(0, 200)
    pairs = set(zip(mixed.column("note").tolist(), np.isnan(mixed.column("age")).tolist(), strict=True))
    assert len(pairs) == 4
    assert set(mixed.column("note")) == {"knee", "hip"}
    assert len(set(mixed.column("joined").tolist())) == 2


def test_what_comes_in_one_turn_of_the_loop_is_scored_in_one_call_once_that_happens(slow, model, row):
    slow.pace = Pace(inline_rows=4, batch_rows=8)
    slow.go.set()

    async def turn(scoring, ages):
        return await asyncio.gather(*(scoring.score(slow, rows_of(slow, row, [age])) for age in ages))

    async def scenario():
        scoring = Scoring(Limits())
        found = [await turn(scoring, ages) for ages in ([1, 2, 3], [4, 5, 6], [7], [8])]
        scoring.close()
        return [scored for part in found for scored in part]

    found = run(scenario())
    assert slow.calls == [1, 1, 1, 3, 1, 1]
    for age, scored in enumerate(found, start=1):
        expected = model.score(rows_of(model, row, [age]))
        assert scored.answers["probability"].tolist() == expected.answers["probability"].tolist()
        assert scored.rows.column("age").tolist() == [age]
