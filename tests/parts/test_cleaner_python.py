"""A user's own function: a frame in, a frame out; rows stay the same rows, and its errors are told in its own lines."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from modelwright.core.columns import ROW_DIGEST, Column
from modelwright.core.errors import DataError, SpecError
from modelwright.parts import catalog
from modelwright.tables.typing import row_digest

COLUMNS = [
    Column("id", "integer"),
    Column("size", "number"),
    Column("flag", "boolean"),
    Column("word", "text"),
    Column("at", "timestamp", "time", timezone="Europe/Kyiv"),
    Column("label", "text", "target"),
]


@pytest.fixture
def hook(engine, tmp_path):
    table = pa.table(
        {
            "id": pa.array([1, None, 3, 4], pa.int64()),
            "size": pa.array([1.0, 2.5, None, 4.0]),
            "flag": [True, None, False, True],
            "word": ["a", None, "c", "d"],
            "at": pa.array([datetime(2026, 1, day) for day in (1, 2, 3, 4)], pa.timestamp("us")),
            "label": ["x", "y", "x", "y"],
            "__file__": pa.array([0, 0, 0, 1], pa.int32()),
        }
    )
    engine.register("given", table)
    engine.execute(f'CREATE TABLE rows AS SELECT *, {row_digest(COLUMNS)} AS "{ROW_DIGEST}" FROM given')

    def run(text, function="clean"):
        (tmp_path / "my_step.py").write_text(text)
        part = catalog.load("cleaners", "python").model_validate({"file": "my_step.py", "function": function})
        return part.at(tmp_path).apply(engine, "rows", COLUMNS)

    return run


def values(engine, name):
    return [value for (value,) in engine.rows(f'SELECT "{name}" FROM rows ORDER BY rowid')]


def test_a_frame_that_comes_back_unchanged_changes_nothing(engine, hook):
    before = engine.rows("SELECT * FROM rows ORDER BY rowid"), engine.columns("rows")
    assert hook("def clean(frame):\n    return frame\n") == COLUMNS
    assert (engine.rows("SELECT * FROM rows ORDER BY rowid"), engine.columns("rows")) == before


def test_the_frame_has_a_type_for_each_kind_of_column(hook):
    hook(
        "def clean(frame):\n"
        "    kinds = {name: str(kind) for name, kind in frame.dtypes.items()}\n"
        "    assert kinds == {'id': 'Int64', 'size': 'float64', 'flag': 'boolean', 'word': 'str',\n"
        "                     'at': 'datetime64[us, UTC]', 'label': 'str'}, kinds\n"
        "    assert list(frame['word'].isna()) == [False, True, False, False]\n"
        "    return frame\n"
    )


def test_rows_that_stay_are_known_by_their_index(engine, hook):
    digests = values(engine, ROW_DIGEST)
    hook(
        "import pandas as pd\n"
        "def clean(frame):\n"
        "    kept = frame[(frame['id'] != 3).fillna(True)].sort_values('size', ascending=False)\n"
        "    kept['word'] = 'changed'\n"
        "    new = frame.tail(1).assign(word='new').reset_index(drop=True)\n"
        "    return pd.concat([kept, new])\n"
    )
    assert values(engine, "size") == [4.0, 2.5, 1.0, 4.0]
    assert values(engine, ROW_DIGEST)[:3] == [digests[3], digests[1], digests[0]]
    assert values(engine, "__file__") == [1, 0, 0, None]
    assert values(engine, ROW_DIGEST)[3] not in digests


def test_columns_come_and_go_and_types_are_found_out_again(engine, hook):
    made = hook(
        "import pandas as pd\n"
        "def clean(frame):\n"
        "    frame['double'] = frame['size'] * 2\n"
        "    frame['far'] = frame['size'] / 0\n"
        "    frame['half'] = [1, 2, 3, 4]\n"
        "    frame['big'] = [2**60, 1, 1, 1]\n"
        "    frame['day'] = frame['at'].dt.date\n"
        "    frame['kind'] = pd.Categorical(['u', 'v', None, 'u'])\n"
        "    frame['blank'] = ['', 'b', None, '']\n"
        "    frame['id'] = frame['id'].astype(float)\n"
        "    frame['flag'] = None\n"
        "    return frame.drop(columns=['word'])\n"
    )
    assert {column.name: column.type for column in made} == {
        **{"id": "integer", "size": "number", "flag": "boolean", "at": "timestamp", "label": "text"},
        **{"double": "number", "far": "number", "half": "integer", "big": "text", "day": "timestamp"},
        **{"kind": "text", "blank": "text"},
    }
    roles = {column.name: column.role for column in made}
    assert roles["label"] == "target" and roles["at"] == "time" and roles["double"] == "input"
    assert values(engine, "double") == [2.0, 5.0, None, 8.0] and values(engine, "far") == [None] * 4
    assert values(engine, "big")[0] == str(2**60) and values(engine, "blank") == [None, "b", None, None]
    assert values(engine, "id") == [1, None, 3, 4] and values(engine, "flag") == [None] * 4
    assert [name for name, _ in engine.columns("rows")] == [*(column.name for column in made), "__file__", ROW_DIGEST]


def test_times_are_moments_whatever_their_zone(engine, hook):
    hook("def clean(frame):\n    frame['at'] = frame['at'].dt.tz_convert('Asia/Tokyo')\n    return frame\n")
    assert values(engine, "at")[0] == datetime(2026, 1, 1)
    with pytest.raises(DataError, match="name no time zone"):
        hook("def clean(frame):\n    frame['at'] = frame['at'].dt.tz_localize(None)\n    return frame\n")


@pytest.mark.parametrize(
    ("text", "where", "said"),
    [
        (
            "def clean(frame):\n    x = 1\n    return frame['no such']\n",
            "my_step.py:3",
            "clean failed: KeyError: 'no such'",
        ),
        (
            "def inner():\n    raise ValueError('odd')\ndef clean(frame):\n    inner()\n",
            "my_step.py:2",
            "ValueError: odd",
        ),
        ("def clean(frame):\n    raise SystemExit(3)\n", "my_step.py:2", "it called exit(3)"),
        ("def clean(frame):\n    return frame['id']\n", "my_step.py: clean", "it returned Series, not a DataFrame"),
        ("def clean(frame):\n    pass\n", "my_step.py: clean", "it returned NoneType"),
        (
            "def clean(frame):\n    return frame.drop(columns='label')\n",
            "my_step.py: clean",
            'no column "label", the target',
        ),
        ("def clean(frame):\n    return frame.rename(columns={'id': 7})\n", "my_step.py: clean", "must be text"),
        ("def clean(frame):\n    return frame.rename(columns={'id': 'size'})\n", "my_step.py: clean", 'called "size"'),
        (
            "def clean(frame):\n    frame['id'] = [1, 'a', {}, 2]\n    return frame\n",
            "my_step.py: clean",
            'column "id"',
        ),
        ("def clean(frame):\n    frame['at'] = 'now'\n    return frame\n", "my_step.py: clean", "has the role time"),
    ],
)
def test_what_goes_wrong_is_told_in_the_lines_of_the_user(engine, hook, text, where, said):
    before = engine.rows("SELECT * FROM rows ORDER BY rowid")
    with pytest.raises(DataError) as caught:
        hook(text)
    told = str(caught.value)
    assert told.startswith(f"{where}: ") and said in told
    assert "modelwright/" not in told and "Traceback" not in told
    assert engine.rows("SELECT * FROM rows ORDER BY rowid") == before


def test_the_way_to_an_error_shows_only_lines_of_the_user(hook):
    text = "def inner(frame):\n    return frame.loc['no such']\n\ndef clean(frame):\n    return inner(frame)\n"
    with pytest.raises(DataError) as caught:
        hook(text)
    assert str(caught.value).splitlines()[1:] == [
        "  my_step.py:5 in clean: return inner(frame)",
        "  my_step.py:2 in inner: return frame.loc['no such']",
    ]


@pytest.mark.parametrize(
    ("text", "where", "said"),
    [
        ("def clean(frame)\n    return frame\n", "my_step.py:1", "is not valid Python"),
        ("x = 1\nimport no_such_module_anywhere\n", "my_step.py:2", "ModuleNotFoundError"),
        ("def claen(frame):\n    return frame\n", "my_step.py", 'no function "clean"; did you mean "claen"'),
        ("clean = 3\n", "my_step.py", 'no function "clean"'),
        ("\0", "my_step.py", "is not valid Python"),
    ],
)
def test_a_file_that_can_not_be_loaded_is_an_error_of_the_spec(hook, text, where, said):
    with pytest.raises(SpecError) as caught:
        hook(text)
    assert str(caught.value).startswith(f"{where}: ") and said in str(caught.value)


def test_what_is_printed_goes_to_stderr_and_nothing_is_left_behind(hook, capsys, tmp_path):
    hook(
        "import dataclasses\n@dataclasses.dataclass\nclass A:\n    x: int\n"
        "def clean(frame):\n    print('hello')\n    return frame\n"
    )
    said = capsys.readouterr()
    assert said.out == "" and said.err == "hello\n"
    assert not (tmp_path / "__pycache__").exists()


def test_a_missing_file_is_told_when_the_run_is_planned(tmp_path):
    (tmp_path / "my_step.py").write_text("")
    part = catalog.load("cleaners", "python").model_validate({"file": "my_stp.py"})
    with pytest.raises(SpecError, match=r'no such file; did you mean "my_step.py"'):
        part.files(tmp_path)
    assert part.model_copy(update={"file": "my_step.py"}).files(tmp_path) == [tmp_path / "my_step.py"]


def test_new_rows_never_see_it():
    part = catalog.load("cleaners", "python")
    assert not part.row_wise


def test_a_column_may_be_empty(engine, hook):
    hook("def clean(frame):\n    return frame.iloc[:0]\n")
    assert values(engine, "id") == []
    assert dict(engine.columns("rows"))["at"] == "TIMESTAMP"


def test_now_is_a_moment(hook, engine):
    hook(
        "import datetime\n"
        "def clean(frame):\n    return frame.assign(t=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))\n"
    )
    assert values(engine, "t") == [datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)] * 4
