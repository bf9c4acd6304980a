"""Lines of a CSV file that are accounted for when the rows are typed: the same as when they are counted first."""

from __future__ import annotations

import pytest

from modelwright.core.errors import ModelwrightError
from modelwright.parts.readers.csv import Csv
from modelwright.tables.engine import open_engine
from modelwright.tables.sources import csv_rows
from modelwright.tables.typing import type_rows

FILES = {
    "each line a row": "a,b\n1,x\n2,y\n",
    "a refused row": "a,b\n1,x\n2\n3,z\n",
    "only refused rows": "a,b\n1\n2\n",
    "too many refused": "a,b\n1\n2\n3,z\n4\n",
    "only a header": "a,b\n",
    "blank lines": "a,b\n1,x\n\n2,y\n\n",
    "a line break inside": 'a,b\n1,"x\ny"\n2,z\n',
    "a line break at the end": 'a,b\n1,"x\n"\n2,z\n',
    "a line break and blanks": 'a,b\n1," \nx \n"\n2,z\n',
    "a null word before a line break": 'a,b\n1,"NA\n"\n2,z\n',
    "a number before a line break": 'a,b\n"1\n",x\n2,z\n',
    "a quote that swallows rows": 'a,b\n1,"x\n2,y\n3,"z\n4,w\n',
    "a quote that is never closed": 'a,b\n1,x\n2,"y\n3,z\n',
    "a line both refused and a row": 'a,b\n1,"x"y\n2,z"\n3,"w\n',
    "a blank line for a refused one": 'a,b\n1,"x"y"\n\n2,z\n',
    "a value that is no number": "a,b\n1,x\n2,y\nthree,z\n" + "4,w\n" * 97,
    "underscores": "a,b\n1_000,x\n2,y\n",
    "infinity": "a,b\ninf,x\n2,y\n",
    "one column": "a\n1\n\n2\n",
    "a conflict marker": "a,b\n1,x\n<<<<<<< HEAD\n2,y\n",
}


@pytest.mark.parametrize("multiline", [False, True])
@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_what_is_found_does_not_depend_on_when_lines_are_counted(tmp_path, content, multiline):
    (tmp_path / "data.csv").write_text(content)
    reader = Csv(path="data.csv", multiline=multiline)
    found = []
    for method in (reader.read, reader.open):
        with open_engine(tmp_path / "engine", memory=10**8, threads=2, readable=[tmp_path]) as engine:
            try:
                columns, reading = type_rows(engine, method(engine, tmp_path), {}, 0.5)
            except ModelwrightError as error:
                found.append((type(error), error.problems))
                continue
            counts = (reading.rows, reading.rejected, reading.total, reading.places(range(reading.rows)))
            rows = engine.rows("SELECT * FROM rows ORDER BY rowid")
            found.append((columns, rows, engine.rows("SELECT * FROM rejects ORDER BY rowid"), counts))
    assert found[0] == found[1]


def test_a_file_whose_lines_are_all_rows_is_not_gone_through_to_count_them(tmp_path, engine, monkeypatch):
    (tmp_path / "data.csv").write_text('a,b\n1,"x, y"\n2,z\n')
    monkeypatch.setattr(csv_rows, "_read", lambda *_: 1 / 0)
    _, reading = type_rows(engine, Csv(path="data.csv").open(engine, tmp_path), {}, 0.0)
    assert (reading.rows, reading.rejected) == (2, 0)


def test_two_files_are_counted_apart(tmp_path, engine):
    (tmp_path / "1.csv").write_text("a,b\n1,x\n2\n3,z\n")
    (tmp_path / "2.csv").write_text("a,b\n4,x\n5,y\n")
    _, reading = type_rows(engine, Csv(path="*.csv").open(engine, tmp_path), {}, 0.5)
    assert (reading.rows, reading.rejected) == (4, 1)
    assert dict(reading.places([1, 2])) == {1: ("1.csv", 4), 2: ("2.csv", 2)}
