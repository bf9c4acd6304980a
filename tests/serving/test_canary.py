"""A canary takes more step by step, and is rolled back when it fails, answers no numbers or is slow."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from modelwright.runs.store import Store
from modelwright.serving.metrics import Metrics
from modelwright.serving.settings import AccessSettings, CanarySettings
from modelwright.serving.traffic.canary import Canary, judged
from modelwright.serving.traffic.canary_board import Board
from modelwright.serving.traffic.canary_counts import Counts, State, Tally
from modelwright.serving.traffic.routes import Route, Router
from serving import versions
from serving.versions import call, commit, failing_below_zero, nan_below_zero, point, post, slow, times, versions_of

STEPS = CanarySettings((10, 50, 100), every_s=60, min_requests=20, max_error_share=0.05, max_latency_ratio=2.0)
RUNNING = State(2, epoch=1)


def tally(answered: int, errors: int = 0, latency_s: float = 0.001) -> Tally:
    found = Tally(errors=errors)
    for _ in range(answered):
        found.add(latency_s)
    return found


def judge(canary: Tally, others: Tally | None = None, elapsed_s: float = 100, state: State = RUNNING) -> State:
    return judged(STEPS, state, Counts(2, 1, canary, others or tally(1000)), elapsed_s)


def test_a_step_ends_after_its_time_and_enough_requests_and_not_before():
    assert judge(tally(20)).step == 1
    assert judge(tally(19)) is RUNNING
    assert judge(tally(500), elapsed_s=59) is RUNNING
    assert judge(tally(20), state=State(2, step=2)).status == "passed"


def test_errors_above_the_share_roll_back_and_errors_within_it_do_not():
    assert judge(tally(95, errors=5)).step == 1
    back = judge(tally(94, errors=6))
    assert (back.status, back.reason) == ("rolled back", "6 of 100 requests failed (max_error_share 0.05)")


def test_errors_count_before_there_are_enough_requests_when_more_could_not_mend_them():
    assert judge(tally(0, errors=1)) is RUNNING  # 1 of 20 may fail
    assert judge(tally(0, errors=2)).status == "rolled back"


def test_a_canary_that_is_slower_than_allowed_is_rolled_back_and_one_that_is_not_goes_on():
    assert judge(tally(500, latency_s=0.0015)).step == 1
    back = judge(tally(500, latency_s=0.003))
    assert back.status == "rolled back"
    assert "times as slow" in back.reason


def test_a_few_slow_requests_prove_nothing_yet():
    mixed = tally(20)
    for _ in range(2):
        mixed.add(1.0)
    assert judge(mixed).step == 1


def test_what_was_decided_stays():
    for status in ("passed", "rolled back"):
        decided = State(2, status=status)  # type: ignore[arg-type]  # a parametrized literal
        assert judge(tally(0, errors=100), state=decided) is decided


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "runs")
    commit(store, times(2.0))
    point(store, champion=1)
    return store


def with_canary(store: Store, tmp_path: Path, build: Any, latency_ratio: float = 50.0, **changes: Any) -> Any:
    commit(store, build)
    point(store, try_=2)
    chosen = CanarySettings((50, 100), 0.001, min_requests=20, max_error_share=0.05, max_latency_ratio=latency_ratio)
    return versions.started(versions.settings(store, tmp_path / "log", canary=chosen, **changes))


def test_a_canary_takes_its_share_then_everything(store, tmp_path):
    app, said = with_canary(store, tmp_path, times(3.0))
    found = versions_of(app, 200)
    assert 60 < found.count(2) < 140
    canary = app.answering.canary
    canary.look()
    assert said[-1] == "canary v0002 answers 100 % of the requests"
    assert set(versions_of(app, 30)) == {2}
    canary.look()
    assert "passed" in said[-1]
    assert set(versions_of(app, 30)) == {2}
    assert 'canary_changes_total{version="2",to="passed"} 1' in versions.metrics_of(app)
    app.close()


def test_callers_of_a_canary_stay_with_it_while_its_share_grows(store):
    app, _ = versions.started(versions.settings(store))
    model = app.router.first.model
    champion, challenger, tried = (Route(alias, 0.5, model) for alias in ("champion", "challenger", "try"))
    router = Router([champion, challenger], canary=tried)
    keys = [f"caller {number}" for number in range(500)]
    few = {key for key in keys if router.pick(key, 0.05) is tried}
    more = {key for key in keys if router.pick(key, 0.25) is tried}
    assert 5 <= len(few) <= 60
    assert few < more
    assert {key for key in keys if router.pick(key, 1.0) is tried} == set(keys)
    for key in set(keys) - more:  # and the others stay where they were
        assert router.pick(key, 0.25) is router.pick(key)
    app.close()


@pytest.mark.parametrize("build", [failing_below_zero, nan_below_zero])
def test_a_canary_that_can_not_answer_is_rolled_back_and_no_caller_notices(store, tmp_path, build):
    app, said = with_canary(store, tmp_path, build)
    assert set(versions_of(app, 50, x=-200.0)) == {1}  # the champion answers what the canary can't
    app.answering.canary.look()
    assert "rolled back" in said[-1]
    assert "requests failed" in said[-1]
    assert set(versions_of(app, 50, x=4.0)) == {1}
    assert "modelwright_route_fallbacks_total" in versions.metrics_of(app)
    app.close()


def test_a_slow_canary_is_rolled_back(store, tmp_path):
    app, said = with_canary(store, tmp_path, slow, latency_ratio=3.0)
    versions_of(app, 150)
    app.answering.canary.look()
    assert "times as slow as the other routes" in said[-1]
    assert set(versions_of(app, 30)) == {1}
    app.close()


def test_a_version_that_was_rolled_back_stays_so_when_the_server_starts_again(store, tmp_path):
    app, _ = with_canary(store, tmp_path, times(3.0))
    app.answering.canary.roll_back()
    app.close()
    again, _ = versions.started(versions.settings(store, tmp_path / "log", canary=STEPS))
    assert set(versions_of(again, 50)) == {1}
    commit(store, times(4.0))
    point(store, try_=3)  # another version has another chance
    again.watcher.look()
    assert again.answering.canary.describe() | {"since": ""} == {
        "version": 3, "status": "running", "share": 0.1, "reason": "", "step": 1, "of": 3, "since": "",
    }  # fmt: skip
    assert 3 in versions_of(again, 100)
    again.close()


def test_the_workers_of_a_server_add_up_what_they_counted_and_decide_once(store, tmp_path):
    commit(store, times(3.0))
    point(store, try_=2)
    chosen = CanarySettings((50, 100), every_s=0.001, min_requests=60, max_error_share=0.05, max_latency_ratio=50.0)
    server = versions.settings(store, tmp_path / "log", canary=chosen)
    (one, said), (two, heard) = versions.started(server), versions.started(server)
    for app in (one, two):
        found = versions_of(app, 80)
        assert found.count(2) < 60  # neither saw enough alone
        app.answering.canary.look()
    one.answering.canary.look()
    assert said.count("canary v0002 answers 100 % of the requests") == 1
    assert heard.count("canary v0002 answers 100 % of the requests") == 1
    assert set(versions_of(one, 20)) == set(versions_of(two, 20)) == {2}
    two.answering.canary.roll_back()
    one.answering.canary.look()
    assert set(versions_of(one, 20)) == set(versions_of(two, 20)) == {1}
    one.close(), two.close()


def test_a_worker_that_learns_late_of_a_step_starts_its_time_and_its_counts_anew(tmp_path):
    now = [0.0]
    one, two, three = (
        Canary(STEPS, Board(tmp_path, "double"), Metrics(), lambda words: None, clock=lambda: now[0]) for _ in range(3)
    )
    for worker in (one, two, three):
        worker.begin(2)
    now[0] = 61.0
    for _ in range(30):
        one.add(0.001, on_canary=True)
        two.add(0.001, on_canary=True)
    one.look()
    assert one.share == 0.5
    for _ in range(15):
        one.add(0.001, on_canary=True)  # not enough alone for the step that began now
    one.look()
    two.look()  # has 30 of the step before
    now[0] = 122.0
    one.look()
    assert one.share == two.share == 0.5
    for _ in range(5):
        one.add(0.001, on_canary=True)
    one.look()
    assert one.share == 1.0
    for _ in range(30):
        one.add(0.001, on_canary=True)
    one.look()
    three.look()  # its clock began with the first step
    assert three.share == 1.0
    assert three.describe()["status"] == "running"


def test_a_log_folder_that_fails_leaves_a_worker_to_decide_alone(store, tmp_path, caplog):
    (tmp_path / "log").write_text("a file where the folder should be")
    app, said = with_canary(store, tmp_path, failing_below_zero)
    versions_of(app, 50, x=-200.0)
    app.answering.canary.look()
    assert "rolled back" in said[-1]
    assert caplog.text.count("the canary's state in") == 1
    app.close()


def test_an_admin_may_promote_and_roll_back(store, tmp_path):
    app, _ = with_canary(store, tmp_path, times(3.0), access=AccessSettings(admin="boss"))
    right = {"authorization": "Bearer boss"}

    async def act(action: str) -> dict[str, Any]:
        status, answer = await call(app, "POST", f"/admin/canary/{action}", **right)
        assert status == 200
        return answer["canary"]

    assert asyncio.run(act("promote"))["share"] == 1.0
    assert set(versions_of(app, 20)) == {2}
    assert asyncio.run(act("rollback"))["status"] == "rolled back"
    assert set(versions_of(app, 20)) == {1}
    app.close()


def test_who_insists_on_the_canary_gets_it_and_is_not_counted(store, tmp_path):
    app, _ = with_canary(store, tmp_path, failing_below_zero)

    async def ask(version: str) -> tuple[int, dict[str, Any]]:
        return await post(app, 5.0, x_model_version=version)

    assert asyncio.run(ask("2"))[1]["version"] == asyncio.run(ask("try"))[1]["version"] == 2
    assert app.answering.canary._counts.canary.requests == 0
    app.close()


def test_a_canary_that_became_champion_is_none_any_more(store, tmp_path):
    app, said = with_canary(store, tmp_path, times(3.0))
    point(store, champion=2)
    app.watcher.look()
    assert said[1:] == ["now serving champion v0002 (before: champion v0001, canary try v0002)"]
    assert set(versions_of(app, 20)) == {2}
    assert app.answering.canary.share == 0.0
    assert app.answering.canary.describe() is None
    app.close()
