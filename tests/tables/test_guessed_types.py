"""Types are guessed from the first rows so that the source is read once; no guess ever shows in what comes out."""

import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelwright.core.errors import DataError
from modelwright.parts.readers.csv import Csv
from modelwright.tables import typing
from modelwright.tables.engine import open_engine
from modelwright.tables.typing import Declared, type_rows

NUMBERS = ["1", "2.5", "-3", "1e3", ".5", "+7", " 4 ", "007", "08", "0", "1_000", "9007199254740993", "1e999", "5.0"]
WORDS = ["x", "inf", "nan", "NA", "", " NA", "true", "FALSE", "yes", "2026-01-02", "2026-01-03T04:05:06Z", "\u00a0y"]
COLUMN = st.one_of(
    st.lists(st.sampled_from(NUMBERS), min_size=12, max_size=12),
    st.lists(st.sampled_from(NUMBERS + WORDS), min_size=12, max_size=12),
    st.lists(st.sampled_from(["1.5", "2", "NA", "-1e-3"]), min_size=12, max_size=12),
    st.builds(
        lambda odd, at: ["1.5"] * at + [odd] + ["2.5"] * (11 - at), st.sampled_from(NUMBERS + WORDS), st.integers(0, 11)
    ),
)


def outcome(folder, text, glance, max_share):
    """Everything that typing leaves behind."""
    (folder / "data.csv").write_text(text, "utf-8")
    with (
        pytest.MonkeyPatch.context() as patch,
        open_engine(folder / "engine", memory=200_000_000, threads=2, readable=[folder]) as engine,
    ):
        patch.setattr(typing, "GLANCE", glance)
        try:
            reading = Csv(path="data.csv").read(engine, folder)
            columns, _ = type_rows(engine, reading, {"d": Declared("number")}, max_share)
        except DataError as error:
            return str(error)
        listed = ", ".join(f'"{column.name}"' for column in columns)
        return columns, engine.rows(f'SELECT {listed}, "__row__" FROM rows'), engine.rows("SELECT * FROM rejects")


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(COLUMN, min_size=4, max_size=4), st.sampled_from([0.0, 0.1, 0.9]))
def test_whatever_the_first_rows_look_like_types_and_values_are_those_of_all_rows(tmp_path_factory, columns, max_share):
    text = io.StringIO()
    csv.writer(text).writerows([("a", "b", "c", "d"), *zip(*columns, strict=True)])
    found = [outcome(tmp_path_factory.mktemp("g"), text.getvalue(), glance, max_share) for glance in (1, 3, 1000)]
    assert found[0] == found[1] == found[2]


def values(engine, name):
    return [value for (value,) in engine.rows(f'SELECT "{name}" FROM rows')]


@pytest.mark.parametrize(
    ("odd", "kind"),
    [("1_000", "text"), ("inf", "text"), ("1e999", "text"), (" 7", "number"), ("\u00a07", "number"), ("x", "text")],
)
def test_what_a_parser_would_take_for_a_number_far_down_the_file_is_judged_by_our_rules(
    engine, read, monkeypatch, odd, kind
):
    monkeypatch.setattr(typing, "GLANCE", 5)
    reading = read("a,b\n" + "1.5,2.5\n" * 9 + f"{odd},3.5\n")
    columns, _ = type_rows(engine, reading, {"a": Declared(role="id")}, 0.0)
    assert [column.type for column in columns] == [kind, "number"]
    assert values(engine, "a")[-1] == (7.0 if kind == "number" else odd) and values(engine, "b")[-1] == 3.5


def test_a_fault_far_down_the_file_is_refused_with_its_line(engine, read, monkeypatch):
    monkeypatch.setattr(typing, "GLANCE", 5)
    reading = read("a,b\n" + "1.5,2\n" * 99 + "oops,3\n")
    type_rows(engine, reading, {}, 0.05)
    assert engine.rows('SELECT line, "column", value FROM rejects') == [(101, "a", "oops")]
    assert len(values(engine, "b")) == 99


def test_null_words_that_look_like_numbers_are_missing_even_with_blanks_around(engine, read):
    type_rows(engine, read("a\n1.5\n-999\n -999 \n-999.0\n", null_words=["-999"]), {}, 0.0)
    assert values(engine, "a") == [1.5, None, None, -999.0]


def test_zero_padded_numbers_among_fractions_are_numbers(engine, read):
    assert type_rows(engine, read("a\n007\n008\n1.5\n"), {}, 0.0)[0][0].type == "number"


def test_two_thousand_columns_are_typed_within_the_default_memory(tmp_path):
    wide = ",".join(f"c{number}" for number in range(2000))
    row = ",".join("7" if number == 1 else "word" if number == 2 else "1.5" for number in range(2000))
    (tmp_path / "data.csv").write_text(f"{wide}\n" + f"{row}\n" * 3000)
    with open_engine(tmp_path / "engine", memory=700_000_000, threads=2, readable=[tmp_path]) as engine:
        columns, _ = type_rows(engine, Csv(path="data.csv").read(engine, tmp_path), {}, 0.0)
    assert [column.type for column in columns[:4]] == ["number", "integer", "text", "number"]


@pytest.mark.parametrize("rare", ["", "\t", "\v", "\f", "\u00a0", "\ufeff"])
def test_blanks_go_and_null_words_between_them_too_whatever_blanks_there_are(tmp_path, rare):
    written = ["x", " x", "x  ", "NA", " NA", "NA ", '"x\n"', f"{rare}x", f"x{rare}", f"NA{rare}", ""]
    (tmp_path / "data.csv").write_text(
        "n,t\n" + "".join(f"{at}.5,{text}\n" for at, text in enumerate(written)), "utf-8"
    )
    with open_engine(tmp_path / "engine", memory=200_000_000, threads=1, readable=[tmp_path]) as engine:
        type_rows(engine, Csv(path="data.csv", multiline=True).read(engine, tmp_path), {}, 0.0)
        assert values(engine, "t") == ["x", "x", "x", None, None, None, "x", "x", "x", None, None]
        assert values(engine, "n") == [at + 0.5 for at in range(len(written))]


@pytest.mark.parametrize("odd", ["+7", "7.0", "7e0", "07", " 7", "9007199254740993", "1_0", "x"])
def test_an_integer_that_is_not_written_as_one_is_seen(tmp_path, odd):
    """Text that is just what an integer looks like is not looked at again; all else is."""
    types = []
    for first in (odd, "7"):  # guessed from it, or met after the guess
        rows = [first, *["5"] * 30, "7" if first == odd else odd]
        (tmp_path / "data.csv").write_text("i,n\n" + "".join(f"{text},1.5\n" for text in rows), "utf-8")
        with (
            pytest.MonkeyPatch.context() as patch,
            open_engine(tmp_path / "engine", memory=200_000_000, threads=1, readable=[tmp_path]) as engine,
        ):
            patch.setattr(typing, "GLANCE", 1)
            try:
                columns, _ = type_rows(engine, Csv(path="data.csv").read(engine, tmp_path), {}, 0.0)
                types.append((columns[0].type, sorted(map(str, values(engine, "i")))))
            except DataError as error:
                types.append(str(error).splitlines()[0])
    assert types[0] == types[1]
