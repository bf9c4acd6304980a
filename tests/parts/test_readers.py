"""Readers account for every row, and say in which file and line something is wrong."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from modelwright.core.errors import DataError
from modelwright.parts.readers.builtin import COLUMNS, Builtin
from modelwright.parts.readers.csv import Csv
from modelwright.parts.readers.parquet import Parquet
from modelwright.tables.engine import open_engine
from modelwright.tables.sources import csv_rows
from modelwright.tables.sources.csv_files import survey

REAL = Path(__file__).parents[3] / "shared" / "data"


def rows(engine):
    return engine.rows('SELECT * EXCLUDE ("__file__") FROM raw')


def rejects(engine):
    return engine.rows("SELECT file, line, reason FROM rejects ORDER BY rowid")


def test_rows_with_too_few_or_too_many_values_are_kept_apart_with_file_and_line(engine, read):
    reading = read("a,b\n1,2\n3\n\n\n4,5,6\n5\n7,8\n\n9")
    assert (reading.rows, reading.rejected, rows(engine)) == (2, 4, [("1", "2"), ("7", "8")])
    lines = {3: "too few values", 6: "too many values", 7: "too few values", 10: "too few values"}
    assert rejects(engine) == [("data.csv", line, reason) for line, reason in lines.items()]
    assert reading.places([0, 1]) == {0: ("data.csv", 2), 1: ("data.csv", 8)}


def test_physical_lines_are_counted_through_line_breaks_inside_values(engine, read):
    reading = read('a,b\n1,"two\n\nlines"\n3\n4,5\n')
    assert rejects(engine) == [("data.csv", 5, "too few values")]
    assert reading.places([0, 1]) == {0: ("data.csv", 2), 1: ("data.csv", 6)}


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("begin", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_marks_make_no_difference(engine, read, line_end, begin):
    text = 'a,b\n1,"x\ny"\n2\n\n3,z'.replace("\n", line_end)
    reading = read(begin + text.encode())
    assert rows(engine) == [("1", "x\ny"), ("3", "z")]
    assert rejects(engine) == [("data.csv", 4, "too few values")]
    assert reading.places([1]) == {1: ("data.csv", 6)}


def test_mixed_line_ends_are_read(engine, read):
    read(b"a,b\n1,2\r\n3,4\n")
    assert rows(engine) == [("1", "2"), ("3", "4")]


@pytest.mark.parametrize(
    "text",
    [
        'a,b\n"x,2\n1,3\n4,5\n',  # never closed
        'a,b,c\n1,x,"y\n1,3,4\n4,5,y"\n5,6,7\n',  # closed by another stray quote: the rows add up
        'a\tb\nham\t"hello\nham\tbye"\nspam\tbuy\n'.replace("\t", ","),
        "a,b\n" + "".join(f"{n},{chr(34) if n == 5000 else ''}x\n" for n in range(10_000)),
    ],
)
def test_stray_quote_that_swallows_rows_is_an_error_that_says_how_to_read_them(engine, read, text):
    with pytest.raises(DataError) as caught:
        read(text)
    assert "quote: none" in str(caught.value) and "data.csv" in str(caught.value)


def test_without_quoting_all_rows_are_there(engine, read):
    assert read('a,b,c\n1,x,"y\n1,3,4\n4,5,y"\n5,6,7\n', quote="none").rows == 4
    assert rows(engine)[0] == ("1", "x", '"y')


def test_line_that_the_parser_loses_is_missed(read, monkeypatch):
    """Trap: one parser dropped rows without a word, so lines are counted independently of it."""
    monkeypatch.setattr(csv_rows, "survey", lambda *given: replace(survey(*given), lines=survey(*given).lines + 2))
    with pytest.raises(DataError, match=r"(?s)5 lines gave 2 rows and 0 unreadable ones; 2 lines are unaccounted for"):
        read("a,b\n1,2\n3,4\n")


def test_value_of_several_lines_that_look_like_rows_can_be_meant(engine, read):
    assert read('a,b,c\n1,x,"y\n1,3,4\n4,5,y"\n5,6,7\n', multiline=True).rows == 2


CELLS = st.text(alphabet='ab1 ,;"\n\té', max_size=6)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_python_writes_is_read_as_written_or_refused_loudly(tmp_path_factory, table):
    folder = tmp_path_factory.mktemp("csv")
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([("a", "b", "c"), *table])
    (folder / "f.csv").write_text(buffer.getvalue(), "utf-8", newline="")
    with open_engine(folder / "engine", memory=200_000_000, threads=1, readable=[folder]) as engine:
        reading = Csv(path="f.csv", multiline=True).read(engine, folder)
        assert reading.rejected == 0
        assert rows(engine) == [tuple(cell or None for cell in row) for row in table]
        places = reading.places(list(range(reading.rows)))
    line = 2
    for number, row in enumerate(table):
        assert places[number] == ("f.csv", line)
        line += 1 + "".join(row).count("\n")


@given(st.lists(st.text(alphabet='ab1,"', min_size=1, max_size=8), min_size=1, max_size=12))
@example(['""1,"', '"1,'])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_line_vanishes_whatever_the_quotes(tmp_path_factory, lines):
    """F11: every line is a row, refused or inside a value, or the file is refused."""
    folder = tmp_path_factory.mktemp("csv")
    (folder / "f.csv").write_text("a,b\n" + "\n".join(lines) + "\n", "utf-8")
    with open_engine(folder / "engine", memory=200_000_000, threads=1, readable=[folder]) as engine:
        try:
            reading = Csv(path="f.csv").read(engine, folder)
        except DataError:
            return
        broken = engine.value("SELECT sum(length(concat(a, b)) - length(replace(concat(a, b), chr(10), ''))) FROM raw")
        refused = [line for _, line, _ in rejects(engine)]
    assert reading.rows + reading.rejected + int(broken) == len(lines)
    if '"' not in "".join(lines):  # empty values too many are passed over: they hold nothing
        values = {number: line.split(",") for number, line in enumerate(lines, 2)}
        assert refused == [number for number, found in values.items() if len(found) < 2 or any(found[2:])]


def test_bytes_of_another_encoding_are_an_error_with_file_and_line(read):
    with pytest.raises(DataError, match=r"data\.csv:3: byte 0xe9 is not utf-8") as caught:
        read(b"a,b\n1,x\n2,caf\xe9\n")
    assert "encoding:" in str(caught.value)
    with pytest.raises(DataError, match="NUL"):
        read(b"a,b\n1,x\x00\n")


def test_declared_encoding_is_read(engine, read):
    read("a,b\n1,café\n".encode("cp1252"), encoding="cp1252")
    assert rows(engine) == [("1", "café")]


def test_utf_16_is_read(engine, read):
    read("a,b\n1,é\n2\n".encode("utf-16"), encoding="utf-16")
    assert rows(engine) == [("1", "é")] and rejects(engine) == [("data.csv", 3, "too few values")]


def test_files_of_one_glob_are_read_each_by_its_own_header(engine, read):
    reading = read({"1.csv": "a,b\n1,2\n", "2.csv": "b,a\n3,4\n5\n6,7\n"})
    assert rows(engine) == [("1", "2"), ("4", "3"), ("7", "6")]
    assert rejects(engine) == [("2.csv", 3, "too few values")]
    assert reading.places([2]) == {2: ("2.csv", 4)}


def test_file_that_lacks_a_column_is_named(read):
    with pytest.raises(DataError, match=r'2\.csv: no column "amount", which 1\.csv has; did you mean "amuont"'):
        read({"1.csv": "amount,b\n1,2\n", "2.csv": "amuont,b\n1,2\n"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("\n\n", "the file is empty"),
        ("a,b\n", "a header, but no rows"),
        ("a,b\n1\n2\n", "a header, but no rows; refused"),
        ("a,a\n1,2\n", 'two columns are called "a"'),
        ("a,A\n1,2\n", "differ only by case"),
        ("a,__row__\n1,2\n", "may not be called"),
    ],
)
def test_files_that_hold_no_table_say_why(read, text, said):
    with pytest.raises(DataError, match=said):
        read(text)


def test_names_replace_a_missing_header(engine, read):
    assert read("1,2\n3,4\n", names=["x", "y"]).columns == ("x", "y")
    assert len(rows(engine)) == 2


def test_columns_without_a_name_get_their_number(read):
    assert read(",b\n1,2\n").columns == ("column_1", "b")


def test_header_is_read_without_anything_heavy(tmp_path):
    (tmp_path / "f.csv").write_text('"mean, radius" , b\n1,2\n')
    assert Csv(path="f.csv").header(tmp_path) == ["mean, radius", "b"]


def test_missing_file_names_its_neighbour(tmp_path):
    (tmp_path / "rides.csv").write_text("a\n1\n")
    with pytest.raises(DataError, match=r"(?s)ride\.csv: no such file.*did you mean rides\.csv"):
        Csv(path="ride.csv").inputs(tmp_path)
    with pytest.raises(DataError, match="no file matches"):
        Csv(path="x-*.csv").inputs(tmp_path)


def test_globs_folders_and_lists_are_sorted_and_each_file_is_read_once(tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("b.csv", "a.csv", "sub/c.csv", "sub/[d].csv", "sub/note.txt"):
        (tmp_path / name).write_text("a\n1\n")
    found = Csv(path=["*.csv", "a.csv", "sub", "**/c.csv"]).inputs(tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["a.csv", "b.csv", "sub/[d].csv", "sub/c.csv"]


@pytest.mark.parametrize("options", [{"delimiter": ";;"}, {"quote": "''"}, {"encoding": "utf-88"}, {"decimal": ";"}])
def test_options_that_can_not_be_are_refused(options):
    with pytest.raises(ValidationError):
        Csv.model_validate({"path": "a.csv", **options})


def test_tab_may_be_written_as_a_word(engine, read):
    assert read("a\tb\n1\t2\n", delimiter="tab").columns == ("a", "b")


def test_every_row_of_sms_is_read_when_quotes_are_ordinary(engine, read):
    path = REAL / "sms_spam" / "sms.tsv"
    if not path.exists():
        pytest.skip("the SMS data set is not here")
    options = {"delimiter": "tab", "names": ["label", "text"]}
    with pytest.raises(DataError, match=r"(?s)data\.csv:\d+: .*quote: none"):
        read(path.read_bytes(), **options)
    engine.execute("DROP VIEW raw")
    engine.execute("DROP TABLE rejects")
    engine.execute("DROP TABLE files")
    reading = read(path.read_bytes(), quote="none", **options)
    assert (reading.rows, reading.rejected) == (5574, 0)


def test_parquet_files_keep_their_types_and_are_joined_by_name(engine, tmp_path):
    pq.write_table(pa.table({"a": [1, 2], "b": ["x", None]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"b": ["y"], "a": [1.5]}), tmp_path / "2[x].parquet")
    reading = Parquet(path="*.parquet").read(engine, tmp_path)
    assert rows(engine) == [(1.0, "x"), (2.0, None), (1.5, "y")]
    assert not reading.textual and reading.places([2]) == {2: ("2[x].parquet", 1)}


def test_what_is_no_parquet_file_or_of_other_types_is_refused(engine, tmp_path):
    (tmp_path / "1.parquet").write_text("a,b\n")
    with pytest.raises(DataError, match=r"1\.parquet: this is not a Parquet file"):
        Parquet(path="1.parquet").read(engine, tmp_path)
    pq.write_table(pa.table({"a": [1]}), tmp_path / "1.parquet")
    whole = (tmp_path / "1.parquet").read_bytes()
    pq.write_table(pa.table({"a": ["x"]}), tmp_path / "2.parquet")
    with pytest.raises(DataError, match=r'2\.parquet: column "a" is of type VARCHAR here'):
        Parquet(path="*.parquet").read(engine, tmp_path)
    (tmp_path / "1.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="not a whole Parquet file"):
        Parquet(path="1.parquet").read(engine, tmp_path)


@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_bundled_sets_have_the_header_that_is_promised(engine, tmp_path, name):
    reader = Builtin(name=name)
    reading = reader.read(engine, tmp_path)
    assert list(reading.columns) == reader.header(tmp_path)
    from sklearn import datasets

    assert [str(column) for column in getattr(datasets, f"load_{name}")().feature_names] == list(COLUMNS[name])


def test_labels_of_bundled_sets_are_words_where_they_have_names(engine, tmp_path):
    Builtin(name="breast_cancer").read(engine, tmp_path)
    assert engine.rows("SELECT target, count(*) FROM raw GROUP BY 1 ORDER BY 1") == [
        ("benign", 357),
        ("malignant", 212),
    ]
