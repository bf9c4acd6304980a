"""Looks at a query for a database before it is sent: one SELECT that writes nothing and calls nothing with effects.

The server's own read-only transaction is the lock; this check is the sign on the door, which says at which word, and
before anything is connected. Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from modelwright.core.errors import SpecError

BEGINNINGS = ("select", "with")
WRITING = ("insert", "update", "delete", "merge", "into")  # all that a statement beginning so can write with
NAMED = r"[^\W\d][\w$]*"


class QueryError(SpecError, ValueError):
    """What is wrong with a query. A ValueError too, so that spec validation can say in which line of the spec."""


@dataclass(frozen=True)
class Dialect:
    """How a database writes text, names and comments, and which of its functions do more than compute."""

    strings: str  # patterns of text constants
    names: str  # patterns of quoted names
    comments: str
    nested: bool = False  # comments inside comments
    refused: tuple[str, ...] = ()  # functions; a name ending in * stands for all that begin so


PLAIN = r"'(?:[^']|'')*'"
LINE = r"--[^\n]*"
POSTGRESQL = Dialect(
    strings=rf"[eE]'(?:[^'\\]|\\.|'')*'|{PLAIN}|(?P<dollar>\$(?:{NAMED})?\$).*?(?P=dollar)",
    names=r'(?:[uU]&)?"(?:[^"]|"")*"',
    comments=LINE,
    nested=True,
    refused=(
        *("pg_*", "lo_*", "loread", "lowrite", "dblink*", "set_config", "setval", "nextval", "query_to_xml*"),
        *("cursor_to_xml*", "table_to_xml*", "schema_to_xml*", "database_to_xml*", "txid_*"),
    ),
)
MYSQL = Dialect(
    strings=r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\"",
    names=r"`(?:[^`]|``)*`",
    comments=r"--(?=\s|\Z)[^\n]*|#[^\n]*|/\*(?!M?!).*?\*/",
    refused=(
        *("load_file", "sleep", "benchmark", "get_lock", "release_lock", "release_all_locks", "sys_exec", "sys_eval"),
        *("master_pos_wait", "source_pos_wait", "wait_*", "nextval", "setval", "lastval"),
    ),
)
SQLITE = Dialect(
    strings=PLAIN,
    names=r'"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]',
    comments=rf"{LINE}|/\*.*?(?:\*/|\Z)",
    refused=("load_extension", "random", "randomblob", "changes", "total_changes", "last_insert_rowid"),
)
DUCKDB = Dialect(POSTGRESQL.strings, POSTGRESQL.names, rf"{LINE}|/\*.*?\*/")


@dataclass(frozen=True)
class Token:
    kind: str  # word, name, text, comment or sign
    text: str
    start: int

    @property
    def word(self) -> str:
        return self.text.casefold()

    @property
    def called(self) -> str:
        """The name that it is as a function."""
        return self.text[1:-1].casefold() if self.kind == "name" else self.word


def statement(query: str, dialect: Dialect) -> str:
    """The query with blanks for comments and for a semicolon at its end, so that all else stays where it was."""
    found = list(_tokens(query, dialect))
    last = next((token for token in reversed(found) if token.kind != "comment"), None)
    for token in found:
        if token.kind == "comment" or (token is last and token.text == ";"):
            blank = re.sub(r"[^\n]", " ", token.text)
            query = query[: token.start] + blank + query[token.start + len(token.text) :]
    return query.rstrip()


def check_select(query: str, dialect: Dialect) -> None:
    """QueryError for anything but one SELECT that only reads."""
    text = statement(query, dialect)
    found = list(_tokens(text, dialect))
    begins = next((token for token in found if token.text != "("), None)
    if begins is None or begins.kind != "word" or begins.word not in BEGINNINGS:
        raise QueryError("should be one SELECT", hint="it may begin with SELECT or with WITH … SELECT")
    depth = 0
    for before, token, after in zip([None, *found], found, [*found[1:], None], strict=False):
        depth += (token.text == "(") - (token.text == ")")
        if token.text == ";":
            raise QueryError(f"{place(text, token.start)}: a second statement", hint="write one SELECT")
        if depth < 0:
            raise QueryError(f'{place(text, token.start)}: ")" closes nothing')
        if token.kind == "word" and token.word in WRITING and not (before and before.text == "."):
            raise QueryError(
                f"{place(text, token.start)}: {token.word.upper()} is refused: the database is only read",
                hint=f"put quotes around {token.text}, if it is a column's name",
            )
        if token.kind in ("word", "name") and after and after.text == "(" and _refused(token.called, dialect):
            raise QueryError(
                f"{place(text, token.start)}: the function {token.called} is refused: it does more than compute"
            )
    if depth:
        raise QueryError('a "(" is not closed')


def place(text: str, position: int) -> str:
    """`line 2, column 5` of a position in the query."""
    before = text[:position]
    return f"line {before.count(chr(10)) + 1}, column {position - (before.rfind(chr(10)) + 1) + 1}"


def words(query: str, dialect: Dialect) -> list[Token]:
    """All that is not a comment."""
    return [token for token in _tokens(query, dialect) if token.kind != "comment"]


def _refused(name: str, dialect: Dialect) -> bool:
    return any(
        name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern for pattern in dialect.refused
    )


def _tokens(query: str, dialect: Dialect) -> Iterator[Token]:
    kinds = {"comment": dialect.comments, "text": dialect.strings, "name": dialect.names}
    pattern = re.compile(
        "|".join(f"(?P<{kind}>{form})" for kind, form in kinds.items()) + rf"|(?P<word>{NAMED})|(?P<sign>\S)", re.DOTALL
    )
    at = 0
    while at < len(query):
        if dialect.nested and query.startswith("/*", at):
            end = _end_of_comment(query, at)
            yield Token("comment", query[at:end], at)
            at = end
            continue
        found = pattern.match(query, at)
        if found is None:  # a blank
            at += 1
            continue
        kind = next(name for name in (*kinds, "word", "sign") if found[name] is not None)
        if kind == "sign":
            _check_sign(query, at, found[0])
        yield Token(kind, found[0], at)
        at = found.end()


def _check_sign(query: str, at: int, sign: str) -> None:
    """A quote that begins no text, or a comment of no kind that was known, would make the rest be misread."""
    if sign in "'\"`":
        raise QueryError(f"{place(query, at)}: a quote that is not closed")
    if query.startswith("/*", at):
        raise QueryError(f"{place(query, at)}: a comment that is executed, or not closed")
    if sign == "\0":
        raise QueryError(f"{place(query, at)}: a NUL character")


def _end_of_comment(query: str, at: int) -> int:
    depth, start = 0, at
    while at < len(query):
        if query.startswith("/*", at):
            depth, at = depth + 1, at + 2
        elif query.startswith("*/", at):
            depth, at = depth - 1, at + 2
            if depth == 0:
                return at
        else:
            at += 1
    raise QueryError(f"{place(query, start)}: a comment that is not closed")
