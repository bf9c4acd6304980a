"""When an alias means another version, the server changes over; what can't be served is refused; nothing is lost."""

from __future__ import annotations

import asyncio
import gc
import http.client
import json
import os
import shutil
import signal
import threading
import time
import weakref
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from modelwright.core.errors import ResourceError
from modelwright.runs.store import Store
from modelwright.serving.assembly import load_model
from modelwright.serving.log.reading_log import read_log
from modelwright.serving.model import ServedModel
from modelwright.serving.settings import AccessSettings
from modelwright.serving.traffic import reloading
from modelwright.serving.traffic.following import stamp
from modelwright.serving.traffic.reloading import Reloader
from serving import versions
from serving.versions import call, commit, metrics_of, point, times, versions_of


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "runs")
    for factor in (2.0, 3.0):
        commit(store, times(factor))
    point(store, champion=1)
    return store


def test_a_changed_alias_changes_who_answers_and_the_old_version_is_let_go(store, tmp_path):
    app, said = versions.started(versions.settings(store, tmp_path / "log"))
    assert set(versions_of(app, 5)) == {1}
    old = weakref.ref(app.router.first.model)
    point(store, champion=2)
    app.watcher.look()
    assert set(versions_of(app, 5)) == {2}
    assert said == ["now serving champion v0002 (before: champion v0001)"]
    assert 'reloads_total{outcome="done"} 1' in metrics_of(app)
    app.close()  # the log lets go of what it waited with
    gc.collect()
    assert old() is None
    logged = read_log(tmp_path / "log")
    assert logged["version"].to_pylist() == [1] * 5 + [2] * 5


def test_a_worker_that_starts_late_serves_what_the_aliases_mean_then(store):
    server = versions.settings(store)  # routes of now, as told to every worker
    point(store, champion=2)
    app, said = versions.started(server)
    assert set(versions_of(app, 5)) == {2}
    app.close()
    commit(store, times(5.0), lie=True)
    point(store, champion=3)  # where that can't be served, what it was told
    app, said = versions.started(server)
    assert set(versions_of(app, 5)) == {1}
    assert "refused what the aliases mean now, serving champion v0001" in said[0]
    point(store, champion=2)
    app.watcher.look()
    assert set(versions_of(app, 5)) == {2}
    app.close()


def test_nothing_is_loaded_while_no_alias_changes(store, monkeypatch):
    app, said = versions.started(versions.settings(store))
    before = app.router
    app.watcher.look()
    point(store, other=2)  # an alias that is not served
    app.watcher.look()
    assert app.router is before
    assert said == []
    app.close()


def test_a_version_that_stays_is_not_loaded_again(store):
    app, _ = versions.started(versions.settings(store, weights={"champion": 0.5, "challenger": 0.5}))
    champion = app.router.first.model
    point(store, challenger=2)
    app.watcher.look()
    assert app.router.first.model is champion
    assert set(versions_of(app, 60)) == {1, 2}
    point(store, challenger=None)
    app.watcher.look()
    assert set(versions_of(app, 60)) == {1}
    app.close()


@pytest.mark.parametrize("fault", ["golden rows", "damaged", "another alias", "newer than the tool"])
def test_a_bad_new_bundle_is_refused_and_the_old_one_goes_on(store, fault):
    app, said = versions.started(versions.settings(store))
    if fault == "golden rows":
        commit(store, times(5.0), lie=True)
        point(store, champion=3)
    elif fault == "damaged":
        point(store, champion=2)
        model = store.open(versions.NAME, "export", 2).path / "model.onnx"
        model.write_bytes(model.read_bytes()[:-1])
    elif fault == "newer than the tool":
        point(store, champion=2)
        manifest = store.open(versions.NAME, "export", 2).path / "manifest.json"
        content = json.loads(manifest.read_text())
        manifest.write_text(json.dumps({**content, "schema_version": content["schema_version"] + 1}))
    else:
        point(store, champion=None, other=2)
    app.watcher.look()
    assert set(versions_of(app, 5)) == {1}
    assert said[0].startswith("refused to reload, still serving champion v0001: ")
    assert 'reloads_total{outcome="refused"} 1' in metrics_of(app)
    app.watcher.look()
    assert len(said) == 1  # refused once, not every second
    point(store, champion=1)
    app.watcher.look()
    assert app.watcher and set(versions_of(app, 5)) == {1}
    app.close()


def test_a_bundle_of_another_model_is_refused(store, tmp_path):
    app, said = versions.started(versions.settings(store))
    elsewhere = Store(tmp_path / "elsewhere")
    for factor in (7.0, 8.0):
        strange = commit(elsewhere, times(factor), name="other")
    place = store.open(versions.NAME, "export", 2).path
    shutil.rmtree(place)
    shutil.copytree(strange.path, place)
    point(store, champion=2)
    app.watcher.look()
    assert said == ["refused to reload, still serving champion v0001: the new bundle is of other, another model"]
    assert set(versions_of(app, 5)) == {1}
    app.close()


def test_what_the_machine_could_not_do_is_tried_again_and_told_once(store, monkeypatch):
    server = versions.settings(store)
    app, said = versions.started(server)
    short_of_memory = [True, True]

    def load(folder: Path) -> ServedModel:
        if short_of_memory and short_of_memory.pop():
            raise ResourceError("out of memory")
        return load_model(folder, server.limits)

    assert server.following
    reloader = Reloader(server.following, stamp(server.following), app.answering, load, said.append)
    monkeypatch.setattr(reloading, "RETRY_S", 0.0)
    point(store, champion=2)
    for _ in range(3):
        reloader.look()
    assert said == [
        "refused to reload, still serving champion v0001: out of memory",
        "now serving champion v0002 (before: champion v0001)",
    ]
    assert app.metrics.count("reloads_total", outcome="refused") == 2
    app.close()


def test_an_admin_may_ask_for_a_reload_and_hears_what_came_of_it(store):
    server = versions.settings(store, access=AccessSettings(admin="boss"))
    app, _ = versions.started(server)

    async def reload() -> str:
        status, answer = await call(app, "POST", "/admin/reload", authorization="Bearer boss")
        assert status == 200
        return answer["done"]

    assert asyncio.run(reload()) == "nothing changed: champion v0001"
    point(store, champion=2)
    assert asyncio.run(reload()) == "now serving champion v0002"
    commit(store, times(5.0), lie=True)
    point(store, champion=3)
    assert asyncio.run(reload()).startswith("refused: double version 3 does not answer as when it was exported")
    assert asyncio.run(call(app, "GET", "/admin/state", authorization="Bearer boss"))[1]["refused"]
    app.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_sighup_reloads_though_nobody_looks_at_the_aliases(workers, store, start):
    """Also two workers, to whom the process that was asked passes it on."""
    server = versions.settings(store)
    server = replace(server, workers=workers, following=replace(server.following, every_s=0))
    running = start(**vars(server))
    point(store, champion=2)
    assert asked(running) == {1}
    running.process.send_signal(signal.SIGHUP)
    until = time.monotonic() + 15
    while asked(running) != {2}:
        assert time.monotonic() < until
        time.sleep(0.05)
    running.process.terminate()
    assert running.wait() == 0


def test_sighup_leaves_a_server_of_one_bundle_alone(start):
    server = start()
    server.process.send_signal(signal.SIGHUP)
    time.sleep(0.2)
    server.process.terminate()
    assert server.wait() == 0


def asked(server) -> set[int]:
    """The versions that answered, each call on a connection of its own, so that all workers get some."""
    found = set()
    for _ in range(12):
        talking = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        talking.request("POST", "/predict", json.dumps({"rows": [{"x": 4.0}]}))
        found.add(json.loads(talking.getresponse().read())["version"])
        talking.close()
    return found


def test_no_request_fails_or_waits_while_versions_change_under_load(store, start, tmp_path):
    """A real server, four callers on kept connections, and eight changes of the champion."""
    server = start(**vars(versions.settings(store, tmp_path / "log")))
    stop, failed, seen, slowest = threading.Event(), [], [], [0.0]

    def ask() -> None:
        talking = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        while not stop.is_set():
            started = time.perf_counter()
            talking.request("POST", "/predict", json.dumps({"rows": [{"x": 4.0}]}))
            response = talking.getresponse()
            answer = json.loads(response.read())
            slowest[0] = max(slowest[0], time.perf_counter() - started)
            if response.status != 200 or answer["predictions"][0]["prediction"] != 4.0 * (answer["version"] + 1):
                failed.append(answer)
            seen.append(answer["version"])
        talking.close()

    callers = [threading.Thread(target=ask) for _ in range(4)]
    for caller in callers:
        caller.start()
    for turn in range(8):
        point(store, champion=2 - turn % 2)
        until = time.monotonic() + 10
        while (not seen or seen[-1] != 2 - turn % 2) and time.monotonic() < until:
            time.sleep(0.02)
    stop.set()
    for caller in callers:
        caller.join()
    assert failed == []
    changes = sum(before != after for before, after in pairwise(seen))
    assert changes >= 8
    assert slowest[0] < 1.0
    os.kill(server.process.pid, 15)
    assert server.wait() == 0
    assert read_log(tmp_path / "log").num_rows == len(seen)
