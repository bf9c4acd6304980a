"""Where in the spec's file an error stands that was only found at work: stages and parts know keys, not lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from modelwright.core.errors import ModelwrightError, Problem
from modelwright.spec.load import Loaded
from modelwright.spec.tree import Branch, Found, Leaf, Node, Path, dotted, follow

ABOVE: tuple[Path, ...] = ((), ("prepare",), ("prepare", "source"))  # where keys may start: `split.gap` is prepare's
PLACE = re.compile(r"(?P<keys>[^:()]+?)(?: \((?P<kind>\w+)\))?(?:: (?P<rest>.*))?", re.DOTALL)


@contextmanager
def placed(loaded: Loaded) -> Iterator[None]:
    """Problems that are said of a key, such as `prepare.clean.0`, get the file, line and column of its value."""
    try:
        yield
    except ModelwrightError as error:
        error.problems = tuple(_placed(problem, loaded.tree) for problem in error.problems)
        raise


def _placed(problem: Problem, tree: Node) -> Problem:
    said = PLACE.fullmatch(problem.where)
    found = None if said is None else _found(said["keys"], tree)
    if said is None or found is None:
        return problem
    kind, rest = said["kind"], said["rest"] or ""
    found, rest = _of_part(found, rest)
    name = dotted(found.path) + (f" ({kind})" if kind else "")
    message = f"{rest}: {problem.message}" if rest else problem.message
    return Problem(f"{name}: {message}", found.node.where, problem.hint)


def _found(keys: str, tree: Node) -> Found | None:
    """The value that dotted keys name; None for what is no key of the spec, such as the name of a file."""
    steps: Path = tuple(int(step) if step.isdecimal() else step for step in keys.split("."))
    for above in ABOVE:
        found = follow(tree, (*above, *steps))
        if found.path == (*above, *steps) and len(found.path) > 1:
            return found
    return None


def _of_part(found: Found, rest: str) -> tuple[Found, str]:
    """`drop_rows.where: …`, said of a part of that kind, is of its key `where`."""
    said, _, more = rest.partition(": ")
    kind, *keys = said.split(".")
    inner = follow(found.node, keys)
    if not keys or inner.path != tuple(keys) or _kind_of(found.node) != kind:
        return found, rest
    return Found(inner.node, inner.key_where, (*found.path, *keys)), more


def _kind_of(node: Node) -> object:
    written = node.entries.get("kind") if isinstance(node, Branch) else None
    return written[1].value if written is not None and isinstance(written[1], Leaf) else None
