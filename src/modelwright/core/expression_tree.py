"""What a parsed expression is made of, and what can be asked of it without compiling it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modelwright.core.errors import SpecError
from modelwright.core.names import did_you_mean

SQL = {
    "is": "isnull(column), or not isnull(column)",
    "between": "write low <= column and column <= high",
    "like": "text goes with =, != and in; the cleaner replace knows regular expressions",
}
OTHERWISE = {  # words of SQL: what to write instead
    **SQL,
    **{word.upper(): hint for word, hint in SQL.items()},
    **{word.upper(): f"write {word}, in small letters" for word in ("and", "or", "not", "in")},
}


class ExpressionError(SpecError, ValueError):
    """What is wrong with an expression. A ValueError too, so that spec validation can say in which line."""


@dataclass(frozen=True)
class Number:
    value: float


@dataclass(frozen=True)
class Text:
    value: str


@dataclass(frozen=True)
class Name:
    name: str


@dataclass(frozen=True)
class Negative:
    operand: Node


@dataclass(frozen=True)
class Arithmetic:
    operator: str  # + - * /
    left: Node
    right: Node


@dataclass(frozen=True)
class Call:
    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Compare:
    operator: str  # = != < <= > >=
    left: Node
    right: Node


@dataclass(frozen=True)
class Member:
    operand: Node
    values: tuple[Number, ...] | tuple[Text, ...]
    negated: bool


@dataclass(frozen=True)
class Logical:
    operator: str  # and or
    left: Node
    right: Node


@dataclass(frozen=True)
class Not:
    operand: Node


Node = Number | Text | Name | Negative | Arithmetic | Call | Compare | Member | Logical | Not


def is_condition(node: Node) -> bool:
    """True or false, as opposed to a value that may be missing."""
    return isinstance(node, Compare | Member | Logical | Not) or (isinstance(node, Call) and node.function == "isnull")


def children(node: Node) -> tuple[Node, ...]:
    if isinstance(node, Negative | Not | Member):
        return (node.operand,)
    if isinstance(node, Arithmetic | Compare | Logical):
        return (node.left, node.right)
    return node.arguments if isinstance(node, Call) else ()


def names(node: Node) -> frozenset[str]:
    """The columns that an expression reads."""
    if isinstance(node, Name):
        return frozenset([node.name])
    return frozenset[str]().union(*(names(child) for child in children(node)))


def is_text(node: Node, types: Mapping[str, str]) -> bool:
    """Whether a node is text rather than a number; ExpressionError when it is neither, or an unknown column."""
    if not isinstance(node, Name):
        return isinstance(node, Text)
    if known(node, types) == "timestamp":
        raise ExpressionError(
            f'"{node.name}" is a timestamp; expressions compute with numbers and text',
            hint="only isnull takes timestamps",
        )
    return types[node.name] in ("text", "category")


def known(node: Name, types: Mapping[str, str]) -> str:
    if node.name not in types:
        raise ExpressionError(f'no column "{node.name}"{did_you_mean(node.name, types)}')
    return types[node.name]


def check_types(node: Node, types: Mapping[str, str]) -> None:
    """ExpressionError when a column is unknown or text meets a number; `types` are those of `core.columns`."""
    if isinstance(node, Call) and node.function == "isnull" and isinstance(node.arguments[0], Name):
        known(node.arguments[0], types)
        return
    if isinstance(node, Compare) and is_text(node.left, types) | is_text(node.right, types):
        if not (is_text(node.left, types) and is_text(node.right, types)):
            raise ExpressionError("text is compared with a number", hint="quote text, do not quote numbers")
        if node.operator not in ("=", "!="):
            raise ExpressionError(f"text can't be ordered with {node.operator!r}", hint="use =, != or in")
        return
    if isinstance(node, Member) and is_text(node.operand, types) | isinstance(node.values[0], Text):
        if not (is_text(node.operand, types) and isinstance(node.values[0], Text)):
            raise ExpressionError("`in` mixes text and numbers", hint="quote text, do not quote numbers")
        return
    if is_text(node, types):
        shown = f'"{node.name}"' if isinstance(node, Name) else repr(node.value) if isinstance(node, Text) else ""
        raise ExpressionError(f"{shown} is text where a number is needed", hint="text goes with =, != and in")
    for child in children(node):
        check_types(child, types)
