"""YAML 1.2 core, within limits, with places; never a traceback (SAFETY S9)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.errors import SpecError
from modelwright.spec.parse import parse
from modelwright.spec.tree import follow, plain
from modelwright.spec.writing import to_yaml


def value(text: str) -> object:
    return plain(parse(f"key: {text}\n".encode(), "s.yaml"))["key"]


@pytest.mark.parametrize(
    "word", ["no", "yes", "on", "off", "y", "N", "1_000", "12:30:45", "0b101", "2026-01-01", "1e", "017a"]
)
def test_words_of_yaml_1_1_are_text(word: str) -> None:
    assert value(word) == word


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1e-3", 0.001), ("1.0e-5", 1e-5), ("017", 17), ("0o17", 15), ("0x1F", 31), ("+7", 7), (".5", 0.5), ("5.", 5.0)],
)
def test_numbers_are_those_of_the_core_schema(text: str, expected: float) -> None:
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "expected"), [("true", True), ("False", False), ("null", None), ("~", None), ("", None)]
)
def test_truth_and_null(text: str, expected: bool | None) -> None:
    assert value(text) is expected


def test_quotes_make_text() -> None:
    assert [value("'1'"), value('"true"'), value("''")] == ["1", "true", ""]


def test_every_key_and_value_knows_its_place() -> None:
    tree = parse(b"train:\n  model: {kind: ridge,\n          alpha: 2}\nlist:\n- a\n-  b\n", "s.yaml")
    assert follow(tree, ("train", "model", "alpha")).key_where == "s.yaml:3:11"
    assert follow(tree, ("train", "model", "alpha")).node.where == "s.yaml:3:18"
    assert follow(tree, ("list", 1)).node.where == "s.yaml:6:4"


@pytest.mark.parametrize(
    ("content", "place", "what"),
    [
        (b"a:\n\tb: 1\n", "2:1", "not valid YAML"),
        (b"a: 1\nb: 2\na: 3\n", "3:1", 'duplicate key "a"; first at s.yaml:1:1'),
        (b"\xef\xbb\xbfa: 1\n", "1:1", "byte order mark"),
        (b"a: 1\nb: x\0y\n", "2:5", "U+0000"),
        (b'a: "x\\0y"\n', "1:4", "NUL"),
        (b"a: 1\nb: \xff\n", "2:4", "not UTF-8"),
        (b"[" * 20_000, "1:51", "nested deeper than 50"),
        (b"{a: " * 20_000, "1:201", "nested deeper than 50"),
        (b"- " * 20_000, "1:101", "nested deeper than 50"),
        (b"a: &x [*x]\n", "1:8", "refers to itself"),
        (b"a: *x\n", "1:4", "no anchor"),
        (b"a: &x 1\nb: [" + b"*x, " * 101 + b"]\n", "2:405", "more than 100 aliases"),
        (b"a: !!python/object:os.system x\n", "1:4", "!!python/object:os.system"),
        (b"? [a]\n: 1\n", "1:3", "a key must be plain text"),
        (b"a: 1\n---\nb: 2\n", "2:1", "second document"),
        (b"<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> x\n", "2:2", "not valid YAML"),
        (b"a: {b: 1\nc: 2", "2:2", "not valid YAML"),
        (b"a: 'x", "1:6", "not valid YAML"),
        (b"a" * 1_000_001, "1:1", "larger than"),
    ],
)  # fmt: skip
def test_what_is_refused_is_located(content: bytes, place: str, what: str) -> None:
    with pytest.raises(SpecError) as raised:
        parse(content, "s.yaml")
    problem = raised.value.problems[0]
    assert what in problem.message
    assert problem.where == f"s.yaml:{place}"


def test_an_alias_bomb_is_refused_without_being_unfolded() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))
    with pytest.raises(SpecError, match="unfolds to more than"):
        parse(bomb.encode(), "s.yaml")


def test_all_duplicate_keys_are_reported_at_once() -> None:
    with pytest.raises(SpecError) as raised:
        parse(b"a: 1\na: 2\nb: {c: 1, c: 2}\n", "s.yaml")
    assert [problem.where for problem in raised.value.problems] == ["s.yaml:2:1", "s.yaml:3:11"]


@given(st.binary(max_size=200))
def test_any_bytes_parse_or_are_refused(content: bytes) -> None:
    try:
        parse(content, "s.yaml")
    except SpecError as error:
        assert all(problem.where.startswith("s.yaml:") for problem in error.problems)


@given(st.text(alphabet=st.sampled_from("ab01:-[]{},&*!|>'\"%@`#? \n\t~.$<="), max_size=60))
def test_any_yaml_like_text_parses_or_is_refused(text: str) -> None:
    try:
        parse(text.encode(), "s.yaml")
    except SpecError as error:
        assert all(problem.where.startswith("s.yaml:") for problem in error.problems)


def is_text(text: str) -> bool:
    return not any(character in "\0\ufeff" or 0xD800 <= ord(character) <= 0xDFFF for character in text)


TEXT = st.one_of(
    st.text(max_size=20).filter(is_text), st.sampled_from(["no", "1e-3", "0o17", "~", "017", "<<", "=", "-", ""])
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXT)
DOCUMENTS = st.dictionaries(
    TEXT, st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)),
    max_size=4,
)  # fmt: skip


@given(DOCUMENTS)
def test_what_is_written_reads_back_the_same(document: dict[str, object]) -> None:
    assert plain(parse(to_yaml(document).encode(), "s.yaml")) == document
