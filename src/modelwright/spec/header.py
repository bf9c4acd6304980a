"""Compares the columns that a spec names with those that the data has, before anything heavy is imported."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from modelwright.core.errors import DataError, ModelwrightError, Problem, SpecError
from modelwright.core.expressions import names as names_in
from modelwright.core.expressions import parse
from modelwright.core.names import did_you_mean
from modelwright.parts.base import Part, Step
from modelwright.parts.selectors import KINDS, WITHOUT
from modelwright.spec.load import Loaded
from modelwright.spec.spec import Spec
from modelwright.spec.tree import Path, dotted, follow

# What parts call the columns that they work on.
COLUMN_FIELDS = ("column", "columns", "keys", "key", "group", "by", "time", "entity")
TARGET_FIELDS = ("target", "labels")  # what tasks call the columns that they are about
OF_THE_SOURCE = (*(("task", field) for field in TARGET_FIELDS), ("prepare", "columns"))  # there from the start
EXPRESSION_FIELDS = ("where", "value")
GLOB = frozenset("*?[")
INTERNAL = "__"  # columns that the engine adds, such as __file__
DELIMITERS = (";", "\t", "|")  # other than the comma that is taken unless said
NUMBER = re.compile(r"-?[0-9]+([.,][0-9]+)?")
JOINERS = ("_", "=", ".", ":", " ")  # between a column's name and what a step appends to it


@dataclass(frozen=True)
class Mention:
    """A column named at `path`; `made` names may be the work of an earlier step."""

    path: Path
    name: str
    step: bool = False


def checked_header(loaded: Loaded) -> list[str] | None:
    """The data's column names; None where only reading tells. DataError for a missing file, or missing columns."""
    source = ("prepare", "source")
    try:
        header = loaded.spec.prepare.source.header(loaded.base)
    except ModelwrightError as error:
        where = loaded.where(*source, "path")
        raise type(error).of(
            Problem(f"prepare.source: {each.message}", each.where or where, each.hint) for each in error.problems
        ) from None
    if problems := list(_without_files(loaded)):
        raise SpecError.of(problems)
    if header is not None and (problems := list(_missing(loaded, header))):
        raise DataError.of(problems)
    return header


def _without_files(loaded: Loaded) -> Iterator[Problem]:
    """Cleaners that read a file of their own which is not there."""
    for index, cleaner in enumerate(loaded.spec.prepare.clean):
        try:
            cleaner.files(loaded.base)
        except SpecError as error:
            path = ("prepare", "clean", index, "file")
            for each in error.problems:
                yield Problem(f"{dotted(path)}: {each.message}", loaded.where(*path), each.hint)


def _missing(loaded: Loaded, header: list[str]) -> Iterator[Problem]:
    known = dict.fromkeys([*header, *_made(loaded.spec)])
    told = False  # what columns there are
    open_ended = any(cleaner.adds_columns for cleaner in loaded.spec.prepare.clean)
    for mention in mentions(loaded.spec):
        if (
            mention.name in known
            or (open_ended and mention.path[:2] not in OF_THE_SOURCE)
            or mention.name.startswith(INTERNAL)
            or (mention.step and _derived(mention.name, known))
        ):
            continue
        found = follow(loaded.tree, mention.path)
        where = found.key_where if mention.path[:2] == ("prepare", "columns") else found.node.where
        message = f'{dotted(mention.path)}: the data has no column "{mention.name}"{did_you_mean(mention.name, known)}'
        hint = "" if "did you" in message or told else _columns(header, known)
        told = told or bool(hint)
        yield Problem(message, where, hint)


def _columns(header: list[str], known: Iterable[str]) -> str:
    """What there is, and how a header gets to be none."""
    if len(header) == 1 and (found := next((sign for sign in DELIMITERS if sign in header[0]), None)):
        return f'the header is one column, {header[0][:60]}; source: {{delimiter: "{found}"}}?'
    rows = any(NUMBER.fullmatch(name) for name in header)
    return f"columns: {', '.join(list(known)[:40])}" + (
        "; is the first line a row? source: {names: […]}" if rows else ""
    )


def mentions(spec: Spec) -> Iterator[Mention]:
    """Every column that the spec names, where it names it."""
    yield from _targets(spec)
    for name in spec.prepare.columns:
        yield Mention(("prepare", "columns", name), name)
    for section, parts in (
        ("clean", spec.prepare.clean),
        ("history", spec.prepare.history),
        ("checks", spec.prepare.checks),
    ):
        for index, part in enumerate(parts):
            yield from _of_part(part, ("prepare", section, index))
    if spec.prepare.split is not None:
        yield from _of_part(spec.prepare.split, ("prepare", "split"))
    if spec.prepare.features != "auto":
        for index, step in enumerate(spec.prepare.features):
            yield from _of_part(step, ("prepare", "features", index))
    for index, name in enumerate(spec.evaluate.slices):
        yield Mention(("evaluate", "slices", index), name)


def _targets(spec: Spec) -> Iterator[Mention]:
    for field in TARGET_FIELDS:
        named = getattr(spec.task, field, None)
        if isinstance(named, str):
            yield Mention(("task", field), named)
        else:
            yield from (Mention(("task", field, index), name) for index, name in enumerate(named or ()))


def _of_part(part: Part, path: Path) -> Iterator[Mention]:
    step = isinstance(part, Step)
    for field in COLUMN_FIELDS:
        value = getattr(part, field, None)
        items = [((*path, field), value)] if isinstance(value, str) else []
        if isinstance(value, list | tuple):
            items = [((*path, field, index), item) for index, item in enumerate(value) if isinstance(item, str)]
        for where, name in items:
            if name not in KINDS and not name.startswith(WITHOUT) and not GLOB & set(name):
                yield Mention(where, name, step)
    for field in EXPRESSION_FIELDS:
        text = getattr(part, field, None)
        if isinstance(text, str) and (field == "where" or part.kind == "expression"):
            for name in sorted(names_in(parse(text))):
                yield Mention((*path, field), name, step)


def _made(spec: Spec) -> Iterator[str]:
    """Columns that cleaners and steps name themselves, and those made of the past."""
    for history in spec.prepare.history:
        yield from history.made()
    steps = [] if spec.prepare.features == "auto" else spec.prepare.features
    for part in (*spec.prepare.clean, *steps):
        name = getattr(part, "name", None)
        if isinstance(name, str):
            yield name


def _derived(name: str, known: dict[str, None]) -> bool:
    """`requested_at_hour` may come from a step on `requested_at`; only running the steps tells."""
    return any(name.startswith(f"{column}{joiner}") for column in known for joiner in JOINERS)
