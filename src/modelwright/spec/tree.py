"""A spec between YAML and pydantic: values that know where they were written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from modelwright.spec.scalars import Scalar

Path = tuple[str | int, ...]  # from the top of the spec to a value: ("train", "model", "leaves")


@dataclass(frozen=True)
class Leaf:
    """One scalar. `written` is its text in the resolved spec where that differs: an environment reference.

    `text` is set where the schema may still choose between the text and the typed value (`--set`, `${env:…}`).
    """

    value: Scalar
    where: str
    written: str | None = None
    text: str | None = None


@dataclass(frozen=True)
class Branch:
    """A mapping: each key with the place of the key itself and its value."""

    entries: Mapping[str, tuple[str, Node]]
    where: str


@dataclass(frozen=True)
class Row:
    """A sequence."""

    items: Sequence[Node]
    where: str


Node = Leaf | Branch | Row


@dataclass(frozen=True)
class Found:
    """Where a path led: the node, and the place of the key that holds it (of the node where there is none)."""

    node: Node
    key_where: str
    path: Path = field(default=())


def plain(node: Node, *, references: bool = False) -> Any:
    """The values alone. With `references`, environment references stand for what they refer to."""
    if isinstance(node, Leaf):
        return node.written if references and node.written is not None else node.value
    if isinstance(node, Row):
        return [plain(item, references=references) for item in node.items]
    return {key: plain(value, references=references) for key, (_, value) in node.entries.items()}


def follow(node: Node, path: Sequence[str | int]) -> Found:
    """As far as `path` leads. Steps that the tree does not have are passed over: they name alternatives of a type."""
    found = Found(node, node.where)
    for step in path:
        here = found.node
        if isinstance(here, Branch) and str(step) in here.entries:
            key_where, value = here.entries[str(step)]
            found = Found(value, key_where, (*found.path, str(step)))
        elif isinstance(here, Row) and isinstance(step, int) and 0 <= step < len(here.items):
            item = here.items[step]
            found = Found(item, item.where, (*found.path, step))
    return found


def leaves(node: Node, path: Path = ()) -> Iterator[tuple[Path, Leaf]]:
    """Every scalar with its path."""
    if isinstance(node, Leaf):
        yield path, node
    elif isinstance(node, Row):
        for index, item in enumerate(node.items):
            yield from leaves(item, (*path, index))
    else:
        for key, (_, value) in node.entries.items():
            yield from leaves(value, (*path, key))


def replaced(node: Node, changes: Mapping[Path, Leaf], path: Path = ()) -> Node:
    """The same tree with some scalars exchanged."""
    if isinstance(node, Leaf):
        return changes.get(path, node)
    if isinstance(node, Row):
        return Row([replaced(item, changes, (*path, index)) for index, item in enumerate(node.items)], node.where)
    entries = {key: (at, replaced(value, changes, (*path, key))) for key, (at, value) in node.entries.items()}
    return Branch(entries, node.where)


def dotted(path: Sequence[str | int]) -> str:
    """`train.model.leaves`, as `--set` takes it."""
    return ".".join(f'"{step}"' if "." in str(step) else str(step) for step in path)
