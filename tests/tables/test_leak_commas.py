"""Numbers with a decimal comma that were read as text are found."""

import pytest

from modelwright.core.columns import Column
from modelwright.tables.engine import open_engine
from modelwright.tables.leaks.labels import decimal_commas


@pytest.mark.parametrize(
    ("values", "found"),
    [(["3,14", "2", "-1,5", None], True), (["1", "2", "3,5"], False), (["a,b", "3,1"], False), ([None], False)],
)
def test_decimal_commas(tmp_path, values, found):
    listed = ", ".join("(NULL)" if value is None else f"('{value}')" for value in values)
    with open_engine(tmp_path / "engine", memory=500_000_000, threads=1, readable=[]) as engine:
        engine.execute(f"CREATE TABLE rows AS SELECT * FROM (VALUES {listed}) AS given(km)")
        if values == [None]:
            engine.execute("ALTER TABLE rows ALTER km TYPE VARCHAR")
        assert bool(decimal_commas(engine, [Column("km", "text")])) is found
