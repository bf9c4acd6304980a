"""What a shadow was asked is in the log twice; monitor looks at what callers were answered."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from modelwright.core.columns import Schema
from modelwright.parts.tasks.regression import Regression
from modelwright.runs.store import Store
from modelwright.serving.log.reading_log import read_log
from modelwright.serving.settings import ShadowSettings
from modelwright.stages.current import from_log
from serving import versions
from serving.versions import commit, point, post, times


def test_rows_of_a_shadow_are_not_rows_that_came_in(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    commit(store, times(2.0)), commit(store, times(3.0))
    point(store, champion=1, mirror=2)
    shadow = ShadowSettings(max_cpu_share=1.0)
    app, _ = versions.started(versions.settings(store, tmp_path / "log", shadow=shadow))

    async def ask() -> None:
        for number in range(7):
            await post(app, float(number))
        until = time.monotonic() + 5
        while app.metrics.count("shadow_requests_total") < 7 and time.monotonic() < until:
            await asyncio.sleep(0.01)

    asyncio.run(ask())
    app.close()
    logged = read_log(tmp_path / "log")
    assert logged is not None and logged.num_rows == 14
    schema = Schema(versions.SCHEMA.columns)
    current = from_log(tmp_path / "log", schema, Regression(target="y"), versions.OUTPUTS, 1, None)
    assert current.rows["x"].to_pylist() == [float(number) for number in range(7)]
    assert current.scored.all()
