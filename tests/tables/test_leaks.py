"""Each guard finds what was planted, with its figures, and says nothing about honest data."""

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.columns import Column
from modelwright.tables.leaks.guards import find_leaks

ROWS = 3000
RANDOM = np.random.default_rng(0)
NOISE = RANDOM.normal(size=ROWS)
CLASS = np.where(RANDOM.random(ROWS) < 0.3, "yes", "no")
SIDES = np.where(RANDOM.random(ROWS) < 0.7, "learn", np.where(RANDOM.random(ROWS) < 0.5, "validation", "test"))
IN_TIME = np.repeat(["learn", "validation", "test"], [2000, 500, 500])
SECOND = np.timedelta64(1, "s")
TIMES = np.datetime64("2026-01-01", "us") + np.arange(ROWS) * 3600 * SECOND


def guard(engine, columns, target=None, sides=SIDES, roles=(), group=None):
    """The leaks of a table whose last column is the target; no other table is left behind."""
    table = {name: pa.array(values, from_pandas=True) for name, values in columns.items()}
    table["__split__"] = pa.array(sides[: len(next(iter(columns.values())))])
    table["__row__"] = pa.array(range(len(table["__split__"])), pa.int64())
    engine.register("given", pa.table(table))
    engine.execute("DROP TABLE IF EXISTS rows")
    engine.execute("CREATE TABLE rows AS SELECT * FROM given")
    target = target or list(columns)[-1]
    described = [column(name, table[name], "target" if name == target else dict(roles).get(name)) for name in columns]
    aim = next(one for one in described if one.name == target)
    found = find_leaks(engine, described, aim, classification=aim.type != "number", group=group)
    assert all(leak.said and leak.to_dict()["evidence"] for leak in found)
    assert not {name for name, _ in engine.rows("SELECT table_name, 1 FROM duckdb_tables()")} - {"rows", "files"}
    return found


def column(name, values, role):
    if pa.types.is_string(values.type):
        words = sorted(set(values.to_pylist()) - {None})
        many = len(words) > 1000
        return Column(name, "text" if many else "category", role or "input", categories=None if many else tuple(words))
    if pa.types.is_timestamp(values.type):
        return Column(name, "timestamp", role or "input")
    kind = (
        "boolean" if pa.types.is_boolean(values.type) else "integer" if pa.types.is_integer(values.type) else "number"
    )
    return Column(name, kind, role or "input")


def kinds(found):
    return [leak.kind for leak in found]


def honest(task="class"):
    columns = {
        "number": NOISE,
        "whole": RANDOM.integers(0, 40, ROWS),
        "word": RANDOM.choice(["a", "b", "c"], ROWS),
        "flag": RANDOM.random(ROWS) < 0.5,
        "gaps": np.where(RANDOM.random(ROWS) < 0.1, None, RANDOM.normal(size=ROWS)).astype(float),
        "text": [f"remark {number}" for number in RANDOM.permutation(ROWS)],
        "at": RANDOM.permutation(TIMES),
    }
    last = CLASS if task == "class" else NOISE + RANDOM.normal(size=ROWS)
    return {**columns, "y": last}


@pytest.mark.parametrize("task", ["class", "number"])
@pytest.mark.parametrize("sides", [SIDES, IN_TIME])
def test_honest_data_is_not_suspected(engine, task, sides):
    assert guard(engine, honest(task), sides=sides) == []


def test_few_rows_are_not_suspected(engine):
    for rows in (1, 2, 12):
        assert guard(engine, {"x": np.arange(rows) * 1.0, "y": CLASS[:rows]}) == []
        assert guard(engine, {"x": NOISE[:rows], "z": NOISE[:rows] ** 2, "y": NOISE[::-1][:rows]}) == []


# --- one column -------------------------------------------------------------------------------------------------------


def only(found):
    assert len(found) == 1, found
    return found[0]


def test_a_code_of_the_class(engine):
    codes = np.where(CLASS == "yes", np.where(NOISE > 0, "p", "q"), "r")
    leak = only(guard(engine, {"x": NOISE, "code": codes, "y": CLASS}))
    assert leak.kind == "determines" and leak.columns == ("code",)
    assert leak.evidence["right"] == leak.evidence["rows"] == (SIDES == "learn").sum()
    assert leak.said.startswith('"code" alone gives the class of nearly every row (100 %') and "'r': no" in leak.said


def test_a_threshold_that_gives_the_class_away(engine):
    score = np.where(CLASS == "yes", 5.0, 0.0) + RANDOM.random(ROWS)
    score[0] = 5.5 if CLASS[0] == "no" else 0.5  # one row against it
    leak = only(guard(engine, {"x": NOISE, "score": score, "y": CLASS}))
    assert leak.columns == ("score",) and leak.evidence["right"] >= leak.evidence["rows"] - 1
    assert "up to" in leak.said and ": no; above" in leak.said


def test_a_stretch_in_the_middle_gives_the_class_away(engine):
    score = np.where(CLASS == "yes", RANDOM.uniform(2, 3, ROWS), RANDOM.choice([0, 5], ROWS) + RANDOM.random(ROWS))
    assert only(guard(engine, {"score": score, "y": CLASS})).evidence["rule"][1][1] == "yes"


@pytest.mark.parametrize("kind", ["moment", "text"])
def test_a_value_that_only_one_class_has(engine, kind):
    yes = CLASS == "yes"
    values = (
        np.where(yes, TIMES, np.datetime64("NaT"))
        if kind == "moment"
        else [f"cancelled because {number}" if said else None for number, said in enumerate(yes)]
    )
    leak = only(guard(engine, {"x": NOISE, "ended": values, "y": CLASS}))
    assert leak.columns == ("ended",) and "missing: no" in leak.said and "known: yes" in leak.said


def test_what_is_nearly_always_one_class_is_no_leak(engine):
    rare = np.where(np.arange(ROWS) < 5, "yes", "no")
    assert "determines" not in kinds(guard(engine, {"x": NOISE, "code": rare, "y": rare}))


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda y: 3 * y + 0.001 * NOISE, "correlation"),
        (lambda y: np.exp(y), "correlation of ranks"),
        (lambda y: np.round(y * 10).astype(int).astype(str), "explain"),
    ],
)
def test_a_number_that_is_nearly_the_target(engine, made, said):
    y = RANDOM.uniform(-3, 3, ROWS)
    leak = next(leak for leak in guard(engine, {"x": NOISE, "twin": made(y), "y": y}) if leak.columns == ("twin",))
    assert leak.kind == "determines" and said in leak.said


# --- sums and products ------------------------------------------------------------------------------------------------


def test_a_pair_that_adds_up(engine):
    a, b = RANDOM.integers(0, 50, (2, ROWS))
    leak = only(guard(engine, {"a": a, "x": NOISE, "b": b, "y": (a + b) * 1.0}))
    assert leak.said == '"a" + "b" is exactly the target "y": a leak'
    assert leak.evidence["holds"] == leak.evidence["rows"]


def test_three_columns_with_weights_and_gaps(engine):
    a, b, c = RANDOM.normal(size=(3, ROWS))
    y = a - 2 * b + 0.5 * c + 7
    a = np.where(RANDOM.random(ROWS) < 0.05, np.nan, a)
    leak = only(guard(engine, {"a": a, "b": b, "c": c, "x": NOISE, "y": y}))
    assert leak.kind == "adds_up" and leak.evidence["weights"] == {"a": 1.0, "b": -2.0, "c": 0.5}
    assert leak.evidence["constant"] == 7 and '"a" - 2 * "b" + 0.5 * "c" + 7 is' in leak.said
    assert leak.evidence["rows"] < (SIDES == "learn").sum()


def test_a_product_up_to_rounding(engine):
    price, count, tax = RANDOM.uniform(1, 100, ROWS), RANDOM.integers(1, 20, ROWS), 1.2
    leak = only(guard(engine, {"price": price, "count": count, "x": NOISE, "y": np.round(price * count * tax, 2)}))
    assert leak.kind == "product" and leak.said.startswith('1.2 * "price" * "count" is the target')
    ratio = guard(engine, {"price": price, "count": count, "y": price / count})
    assert '"price" / "count"' in only(ratio).said


def test_a_sum_with_an_error_is_no_sum(engine):
    a, b = RANDOM.normal(size=(2, ROWS))
    assert "adds_up" not in kinds(guard(engine, {"a": a, "b": b, "y": a + b + 0.01 * NOISE}))


# --- order and time ---------------------------------------------------------------------------------------------------


def test_a_row_number_as_input(engine):
    number = np.arange(ROWS) * 3 + 17
    leak = only(guard(engine, {"instant": number, "x": NOISE, "y": CLASS}))
    assert leak.kind == "row_number" and "{instant: {role: id}}" in leak.said
    assert guard(engine, {"instant": number, "x": NOISE, "y": CLASS}, roles={"instant": "id"}) == []


def test_rows_sorted_by_class(engine):
    leak = only(guard(engine, {"x": NOISE, "y": np.sort(CLASS)}))
    assert leak.kind == "row_order" and leak.evidence["alike"] > 0.99
    grouped = guard(engine, {"x": NOISE, "g": RANDOM.integers(0, 99, ROWS), "y": np.sort(CLASS)}, group="g")
    assert "row_order" not in kinds(grouped)


def walk():
    return np.cumsum(np.random.default_rng(1).normal(size=ROWS))


def test_neighbours_in_time_that_a_random_split_tears_apart(engine):
    mixed = RANDOM.permutation(ROWS)
    others = {"run": NOISE, "row": CLASS, "truth": NOISE[::-1]}
    found = guard(engine, {"at": TIMES[mixed], **others, "y": walk()[mixed]}, roles={"at": "time"})
    assert kinds(found)[0] == "neighbours" and found[0].columns == ("at", "y") and found[0].evidence["alike"] > 0.99
    assert "{kind: time}" in found[0].said
    by_time = guard(
        engine, {"at": TIMES, "run": NOISE, "place": NOISE[::-1], "y": walk()}, None, IN_TIME, {"at": "time"}
    )
    assert "neighbours" not in kinds(by_time)


def test_windows_are_enough_of_a_long_table(engine):
    long = np.tile(TIMES, 20) + np.repeat(np.arange(20), ROWS) * 3600 * ROWS * SECOND
    y = np.cumsum(np.random.default_rng(1).normal(size=len(long)))
    found = guard(engine, {"at": long, "y": y}, sides=np.tile(SIDES, 20), roles={"at": "time"})
    assert "neighbours" in kinds(found)


@pytest.mark.parametrize("task", ["number", "class"])
@pytest.mark.parametrize("sides", [SIDES, IN_TIME])
def test_a_target_that_changes_with_time(engine, task, sides):
    trend = np.linspace(0, 3, ROWS) + NOISE
    y = trend if task == "number" else np.where(trend > 1.5, "late", "early")
    leak = next(leak for leak in guard(engine, {"at": TIMES, "y": y}, sides=sides) if leak.kind == "drift")
    assert leak.columns == ("at", "y")
    assert ("random split" in leak.said) == (sides is SIDES)
    assert "its mean goes from" in leak.said if task == "number" else "the share of 'early' goes from" in leak.said


# --- groups and duplicates --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", ["number", "class"])
@pytest.mark.parametrize("as_text", [True, False])
@pytest.mark.parametrize("role", ["input", "ignore"])
def test_a_name_whose_rows_are_torn_apart(engine, task, as_text, role):
    patient = RANDOM.integers(0, 400, ROWS)
    own = np.random.default_rng(2).normal(size=400)[patient]
    y = own + 0.1 * NOISE if task == "number" else np.where(own > 0, "ill", "well")
    names = np.array([f"P{number}" for number in patient]) if as_text else patient
    columns = {"patient": names, "x": NOISE, "y": y}
    leak = only(guard(engine, columns, roles={"patient": role}))
    assert (
        leak.kind == "torn_group" and "{patient: {role: entity}}" in leak.said and leak.evidence["values"] in (399, 400)
    )
    assert leak.evidence["rows"][0][1] > 0
    together = np.where(patient % 10 < 7, "learn", np.where(patient % 10 < 8, "validation", "test"))
    assert guard(engine, columns, sides=together, roles={"patient": role}) == []
    assert guard(engine, columns, roles={"patient": "entity"}) == []


def test_a_whole_number_that_measures_is_no_name(engine):
    size = RANDOM.integers(0, 400, ROWS)
    assert "torn_group" not in kinds(guard(engine, {"size": size, "y": np.sqrt(size) + 0.1 * NOISE}))


def test_near_duplicates_across_splits(engine):
    x, z = RANDOM.normal(size=(2, ROWS)) * 100
    words = np.array([f"Remark no. {number}" for number in range(ROWS)])
    for twin in range(40):  # of a row of learn each, but for spelling and a last digit
        of, at = np.flatnonzero(SIDES == "learn")[twin], np.flatnonzero(SIDES == "test")[twin]
        x[of] = round(x[of], 1) + 0.001
        x[at], z[at] = x[of] + 0.001, z[of]
        z[of] = z[at] = round(z[of], 1) + 0.001
        words[at] = words[of].upper().replace(".", " ")
    y = 100 * NOISE
    for at, of in zip(np.flatnonzero(SIDES == "test")[:40], np.flatnonzero(SIDES == "learn")[:40], strict=True):
        y[of] = round(y[of], 1) + 0.001
        y[at] = y[of]
    leak = only(guard(engine, {"id": range(ROWS), "x": x, "z": z, "words": words, "y": y}, roles={"id": "id"}))
    assert leak.kind == "near_duplicates" and leak.evidence["repeated"] == 40
    assert leak.evidence["looked_at"] == (SIDES != "learn").sum() and len(leak.evidence["rows"]) == 3
    assert "drop_duplicates" in leak.said and "words = " in leak.said


def test_few_possible_rows_repeat_without_harm(engine):
    columns = {name: RANDOM.choice(["a", "b", "c"], ROWS) for name in "pqr"}
    assert guard(engine, {**columns, "y": CLASS}) == []


# --- words ------------------------------------------------------------------------------------------------------------


def test_classes_that_differ_by_spelling(engine):
    y = np.where(np.arange(ROWS) % 2, np.char.add(CLASS, "."), CLASS)
    found = guard(engine, {"x": NOISE, "y": y})
    assert kinds(found) == ["spelling", "spelling"] and found[0].evidence["values"].keys() == {"no", "no."}
    assert "pattern: '\\.$', to: ''" in found[0].said


def test_words_that_mean_missing(engine):
    word = np.where(RANDOM.random(ROWS) < 0.1, "?", RANDOM.choice(["a", "b"], ROWS))
    leak = only(guard(engine, {"work": word, "y": CLASS}))
    assert leak.kind == "null_word" and leak.evidence["values"]["work"]["?"] == (word == "?").sum()
    assert 'null_words: ["?"]' in leak.said


def test_names_with_quotes_do_no_harm(engine):
    a, b = RANDOM.integers(0, 50, (2, ROWS))
    strange = 'a"; DROP TABLE rows; --'
    found = guard(engine, {strange: a, "b'": b, "it's": np.where(CLASS == "no", "n'o", "?"), 'y"': (a + b) * 1.0})
    assert "adds_up" in kinds(found)
