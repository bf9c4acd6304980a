"""`${env:NAME}` and `${env:NAME:-default}`: names are recorded, their values never are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from modelwright.core.errors import Problem
from modelwright.spec.scalars import resolve
from modelwright.spec.tree import Leaf, Node, Path, dotted, leaves, replaced

REFERENCE = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)(?::-([^{}]*))?\}")
OPENING = "${"


@dataclass(frozen=True)
class Interpolated:
    tree: Node
    names: tuple[str, ...]
    problems: tuple[Problem, ...]


def interpolate(tree: Node, environment: Mapping[str, str]) -> Interpolated:
    """References replaced by values. A missing variable is a problem, not yet an error, so that all are reported."""
    changes: dict[Path, Leaf] = {}
    names: set[str] = set()
    problems: list[Problem] = []
    for path, leaf in leaves(tree):
        if not isinstance(leaf.value, str) or OPENING not in leaf.value:
            continue
        names.update(found[1] for found in REFERENCE.finditer(leaf.value))
        missing = [name for name, default in REFERENCE.findall(leaf.value) if not _known(name, leaf.value, environment)]
        if OPENING in REFERENCE.sub("", leaf.value):
            message, hint = f"{leaf.value!r} is not understood", "write ${env:NAME} or ${env:NAME:-default}"
            problems.append(Problem(f"{dotted(path)}: {message}", leaf.where, hint))
        elif missing:
            hint = f"set {missing[0]}, or give a default: ${{env:{missing[0]}:-…}}"
            problems.append(
                Problem(f"{dotted(path)}: the environment variable {missing[0]} is not set", leaf.where, hint)
            )
        else:
            text = REFERENCE.sub(lambda found: environment.get(found[1], found[2] or ""), leaf.value)
            changes[path] = Leaf(resolve(text), leaf.where, written=leaf.value, text=text)
    return Interpolated(replaced(tree, changes), tuple(sorted(names)), tuple(problems))


def _known(name: str, text: str, environment: Mapping[str, str]) -> bool:
    return name in environment or f"${{env:{name}:-" in text
