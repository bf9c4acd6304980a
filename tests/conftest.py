"""An engine in a folder of its own, and a reader of CSV text."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modelwright.parts.readers.csv import Csv
from modelwright.tables.engine import Engine, open_engine
from modelwright.tables.reading import Reading

MEMORY = 300_000_000
Read = Callable[..., Reading]


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
