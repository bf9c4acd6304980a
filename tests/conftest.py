"""What no test waits for, an engine in a folder of its own, and a reader of CSV text."""

import functools
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# numpy reads it when it is imported: of two threads for each of two workers most would only spin.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from modelwright.parts.readers.csv import Csv
from modelwright.reports import charts, page
from modelwright.serving import comparing
from modelwright.serving.packaging import wheel
from modelwright.tables.engine import Engine, open_engine
from modelwright.tables.reading import Reading

settings.register_profile("modelwright", max_examples=25, deadline=None)
settings.load_profile("modelwright")

MEMORY = 300_000_000
Read = Callable[..., Reading]


@pytest.fixture(autouse=True, scope="session")
def no_waiting() -> Iterator[None]:
    """In this process no disk is waited for, latency is measured briefly, and nothing is packed or drawn a second time.

    That a run is on the disk before it is seen, tests/runs says; that charts and wheels repeat, the tests of both.
    """
    drawn: dict[str, bytes] = {}

    def drawn_once(chart: Mapping[str, Any]) -> bytes:
        written = json.dumps(chart)
        if written not in drawn:
            drawn[written] = charts.to_svg(chart)
        return drawn[written]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        patch.setattr(comparing, "BUDGET_S", 0.0)
        patch.setattr(wheel, "wheel", functools.cache(wheel.wheel))
        patch.setattr(page, "to_svg", drawn_once)
        yield


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with open_engine(tmp_path / "engine", memory=MEMORY, threads=2, readable=[tmp_path]) as opened:
        yield opened


@pytest.fixture
def read(engine: Engine, tmp_path: Path) -> Read:
    """Reads one text, or several by file name, with the csv reader."""

    def read_text(content: str | bytes | dict[str, str | bytes], **options: object) -> Reading:
        files = content if isinstance(content, dict) else {"data.csv": content}
        for name, text in files.items():
            (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return Csv.model_validate({"path": sorted(files), **options}).read(engine, tmp_path)

    return read_text
