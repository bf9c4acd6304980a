"""A spec file to a validated `Spec`: read, extend, override, fill in, validate, and complain of all at once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from modelwright.core.canonical import digest
from modelwright.core.errors import Problem, SpecError
from modelwright.spec import extends
from modelwright.spec import overrides as changes
from modelwright.spec.environment import interpolate
from modelwright.spec.problems import Fault, faults, located
from modelwright.spec.spec import Spec, complaints
from modelwright.spec.tree import Leaf, Node, dotted, follow, leaves, plain, replaced
from modelwright.spec.writing import to_yaml

TEXT_WANTED = frozenset({"string_type", "secret", "not_a_part", "path_type"})
INHERITED = ("model", "validation")


@dataclass(frozen=True)
class Loaded:
    """A valid spec and what is known about its writing.

    `text` is the resolved spec (merged, overridden, environment references by name) as YAML that loads again;
    `base` is the folder that relative paths start from; `digest` is that of the text's content.
    """

    spec: Spec
    base: Path
    text: str
    digest: str
    env_names: tuple[str, ...]
    tree: Node

    def where(self, *path: str | int) -> str:
        """`file:line:column` of the value at `path`, or of the nearest one above it."""
        return follow(self.tree, path).node.where


def load(path: Path, overrides: Sequence[str] = ()) -> Loaded:
    """The spec at `path` with `--set` overrides. SpecError names every problem with its place."""
    path = Path(path)
    written = changes.apply(extends.read(path), overrides)
    filled = interpolate(written, os.environ)
    tree, spec, found = _validated(filled.tree)
    unset = {problem.where for problem in filled.problems}
    problems = [*filled.problems, *(problem for problem in located(found, tree) if problem.where not in unset)]
    if spec is not None:
        problems += [_complaint(tree, where, what) for where, what in complaints(spec)]
    if problems or spec is None:
        raise SpecError.of(problems)
    document = plain(tree, references=True)
    return Loaded(spec, path.parent.resolve(), to_yaml(document), digest(document), filled.names, tree)


def _validated(tree: Node) -> tuple[Node, Spec | None, list[Fault]]:
    """Validate; scalars from the command line or the environment become text where only text is accepted."""
    references = {leaf.text: leaf.written for _, leaf in leaves(tree) if leaf.text is not None and leaf.written}
    for attempt in (1, 2):
        content = to_json(_tune_as_train(plain(tree)), inf_nan_mode="constants")
        try:
            return tree, Spec.model_validate_json(content, strict=True, context={"references": references}), []
        except ValidationError as error:
            found = [fault for fault in faults(error, Spec) if not _inherited(fault, tree)]
            as_text = _to_text(tree, found) if attempt == 1 else {}
            if not as_text:
                return tree, None, found
            tree = replaced(tree, as_text)
    raise AssertionError("unreachable")


def _tune_as_train(document: Any) -> Any:
    """Tune takes the model and the validation of train where it names none."""
    train, tune = document.get("train"), document.get("tune", {})
    if not isinstance(train, dict) or not isinstance(tune, dict):
        return document
    return {**document, "tune": {**{key: train[key] for key in INHERITED if key in train}, **tune}}


def _inherited(fault: Fault, tree: Node) -> bool:
    """Said of tune, but written, and reported, in train."""
    start = fault.loc[:2]
    return start[:1] == ("tune",) and start[-1] in INHERITED and follow(tree, start).path != start


def _to_text(tree: Node, found: Sequence[Fault]) -> dict[tuple[str | int, ...], Leaf]:
    changes: dict[tuple[str | int, ...], Leaf] = {}
    for fault in found:
        at = follow(tree, fault.loc)
        leaf = at.node
        if (
            isinstance(leaf, Leaf)
            and leaf.text is not None
            and not isinstance(leaf.value, str)
            and fault.kind in TEXT_WANTED
        ):
            changes[at.path] = Leaf(leaf.text, leaf.where, written=leaf.written)
    return changes


def _complaint(tree: Node, path: Sequence[str | int], what: str) -> Problem:
    return Problem(f"{dotted(path)}: {what}", follow(tree, path).node.where)
