"""`--set train.model.leaves=31` and `--set ~tune.timeout_s`: changes to a spec from the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from modelwright.core.errors import SpecError
from modelwright.core.names import did_you_mean
from modelwright.spec.parse import parse_value
from modelwright.spec.tree import Branch, Leaf, Node, Row, dotted

STEP = re.compile(r'"([^"]*)"|([^."]+)')


def apply(tree: Branch, overrides: Sequence[str]) -> Branch:
    """Overrides in order. Values are YAML; the schema decides between text and number later."""
    for override in overrides:
        where = f"--set {override}"
        delete = override.startswith("~") and "=" not in override
        key, found, text = override.removeprefix("~" if delete else "").partition("=")
        steps = _steps(key.strip(), where)
        if not delete and not found:
            raise SpecError(
                "is not KEY=VALUE", where=where, hint="for example --set train.model.leaves=31, or ~key to delete"
            )
        changed = _changed(tree, steps, None if delete else parse_value(text, where), where, ())
        assert isinstance(changed, Branch)
        tree = changed
    return tree


def _steps(key: str, where: str) -> list[str]:
    steps = [quoted or word for quoted, word in STEP.findall(key)]
    if not steps or dotted_length(steps) != len(key.replace('"', "")):
        raise SpecError(f"{key!r} is not a key", where=where, hint="write for example train.model.leaves")
    return steps


def dotted_length(steps: Sequence[str]) -> int:
    return sum(map(len, steps)) + len(steps) - 1


def _changed(node: Node, steps: list[str], value: Node | None, where: str, path: tuple[str, ...]) -> Node:
    """`node` with the value at `steps` set, or deleted where `value` is None."""
    if isinstance(node, Row):
        return _changed_row(node, steps, value, where, path)
    if isinstance(node, Leaf):
        node = _as_branch(node, where, path)
    step, rest = _longest_key(node, steps)
    entries = dict(node.entries)
    if rest:
        below = entries[step][1] if step in entries else Branch({}, where)
        if value is None and step not in entries:
            raise _nothing(step, entries, where)
        entries[step] = (entries.get(step, (where,))[0], _changed(below, rest, value, where, (*path, step)))
    elif value is not None:
        entries[step] = (where, value)
    elif entries.pop(step, None) is None:
        raise _nothing(step, entries, where)
    return Branch(entries, node.where)


def _changed_row(row: Row, steps: list[str], value: Node | None, where: str, path: tuple[str, ...]) -> Node:
    items = list(row.items)
    if not steps[0].isdecimal() or len(steps[0]) > 6 or int(steps[0]) > len(items) - (value is None):
        last = len(items) - 1
        raise SpecError(f"{dotted(path)} is a list: {steps[0]!r} is not an index of it (0 to {last})", where=where)
    index = int(steps[0])
    if len(steps) > 1:
        below = items[index] if index < len(items) else Branch({}, where)
        items[index : index + 1] = [_changed(below, steps[1:], value, where, (*path, steps[0]))]
    else:
        items[index : index + 1] = [] if value is None else [value]
    return Row(items, row.where)


def _as_branch(leaf: Leaf, where: str, path: tuple[str, ...]) -> Branch:
    """`model: ridge` is short for `model: {kind: ridge}`; a missing value is an empty mapping."""
    if leaf.value is None:
        return Branch({}, leaf.where)
    if isinstance(leaf.value, str):
        return Branch({"kind": (leaf.where, leaf)}, leaf.where)
    raise SpecError(f"{dotted(path)} is {leaf.value!r}, so nothing lies below it", where=where)


def _longest_key(branch: Branch, steps: list[str]) -> tuple[str, list[str]]:
    """Keys may hold dots (`model.learning_rate` in a search space): the longest one that exists wins."""
    for count in range(len(steps), 0, -1):
        key = ".".join(steps[:count])
        if key in branch.entries:
            return key, steps[count:]
    return steps[0], steps[1:]


def _nothing(step: str, known: object, where: str) -> SpecError:
    names = list(known) if isinstance(known, dict) else []
    return SpecError(f'there is no "{step}" to delete{did_you_mean(step, names)}', where=where)
