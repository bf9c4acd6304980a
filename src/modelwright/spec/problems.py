"""What pydantic found wrong, in the user's terms: file, line and column, which key, what to write instead."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from modelwright.core.errors import ModelwrightError, Problem
from modelwright.core.names import NAME_PATTERN, nearest
from modelwright.spec.choices import INNER
from modelwright.spec.tree import Branch, Found, Leaf, Node, Row, dotted, follow, plain

MISSING = frozenset({"missing", "missing_kind", "union_tag_not_found"})


@dataclass(frozen=True)
class Fault:
    """One pydantic error: what, its full path, and the keys that would have been allowed there."""

    kind: str
    loc: tuple[str | int, ...]
    message: str
    context: Mapping[str, Any]
    known: tuple[str, ...]


def faults(error: ValidationError, model: type[BaseModel]) -> list[Fault]:
    """All errors, those inside parts included."""
    return list(_flat(error.errors(include_url=False), model, ()))


def _flat(
    errors: Iterable[Any], model: type[BaseModel] | None, above: tuple[str | int, ...], beside: tuple[str, ...] = ()
) -> Iterator[Fault]:
    for found in errors:
        loc, context = (*above, *found["loc"]), found.get("ctx", {})
        if found["type"] == INNER:
            yield from _flat(context["errors"], context["model"], loc, (*beside, *context["beside"]))
        else:
            known = (*_known_keys(model, found["loc"]), *beside) if found["type"] == "extra_forbidden" else ()
            yield Fault(found["type"], loc, found["msg"], context, known)


def _known_keys(model: type[BaseModel] | None, loc: Sequence[str | int]) -> tuple[str, ...]:
    """The fields of the model that holds the last step of `loc`."""
    holders = [] if model is None else [model]
    for step in loc[:-1]:
        inside = [kind for holder in holders for kind in _models_of(holder, str(step))]
        holders = inside or [holder for holder in holders if _tag(holder) == step] or holders
    return tuple(name for holder in holders for name in holder.model_fields)


def _models_of(holder: type[BaseModel], field: str) -> list[type[BaseModel]]:
    return list(_models(holder.model_fields[field].annotation)) if field in holder.model_fields else []


def _tag(model: type[BaseModel]) -> Any:
    kind = model.model_fields.get("kind")
    return kind.default if kind else model.__name__.casefold()


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models(argument)


def located(found: Sequence[Fault], tree: Node) -> list[Problem]:
    """One problem per place, in the order of the file."""
    groups: dict[tuple[str | int, ...], list[tuple[Fault, Found]]] = {}
    for fault in found:
        target = follow(tree, fault.loc)
        path = (*target.path, str(fault.loc[-1])) if fault.kind == "missing" else target.path
        groups.setdefault(path, []).append((fault, target))
    problems = []
    for path, members in groups.items():
        deeper = any(len(other) > len(path) and other[: len(path)] == path for other in groups)
        if deeper and all(len(fault.loc) > len(target.path) for fault, target in members):
            continue  # one alternative of a type did not fit at all; the errors inside the other say more
        problems.append(_problem(path, members))
    return sorted(problems, key=_reading_order)


def _reading_order(problem: Problem) -> tuple[str, int, int]:
    file, _, rest = problem.where.partition(":")
    line, _, column = rest.partition(":")
    return (file, int(line), int(column)) if line.isdecimal() and column.isdecimal() else (problem.where, 0, 0)


def _problem(path: Sequence[str | int], members: Sequence[tuple[Fault, Found]]) -> Problem:
    fault, found = members[0]
    name = dotted(path) or "spec"
    if fault.kind in MISSING:
        key = dotted((*path, "kind")) if fault.kind != "missing" else name
        return Problem(f"{key}: missing key", found.key_where, fault.context.get("hint", ""))
    if fault.kind == "extra_forbidden":
        near = nearest(str(path[-1]), fault.known)
        suggestion = f'; did you mean "{near}"?' if near else ""
        hint = "" if near or not fault.known else f"known: {', '.join(fault.known)}"
        return Problem(f"{name}: unknown key{suggestion}", found.key_where, hint)
    if fault.kind == "union_tag_invalid":
        place, tag, tags = _kind_place(found.node), fault.context["tag"], fault.context["expected_tags"]
        return Problem(f"{name}.kind: should be {tags.replace(', ', ' or ')}, got '{tag}'", place)
    inner = fault.context.get("error")
    if isinstance(inner, ModelwrightError):
        return Problem(f"{name}: {inner.problems[0].message}", found.node.where, inner.problems[0].hint)
    if fault.kind == "unknown_kind":
        return Problem(f"{name}: {fault.message}", _kind_place(found.node), f"known: {fault.context['known']}")
    said = " or ".join(dict.fromkeys(_plain_words(fault.message) for fault, _ in members)).replace(
        " or should be ", " or "
    )
    where = found.node.where
    if fault.kind == "secret" and where.startswith("--set "):
        where = where.partition("=")[0]  # the rest is what nobody should see
    return Problem(f"{name}: {said}{_got(fault, found.node)}", where, _hint(fault, found.node))


def _kind_place(node: Node) -> str:
    return node.entries["kind"][1].where if isinstance(node, Branch) and "kind" in node.entries else node.where


def _plain_words(message: str) -> str:
    """`Input should be greater than 0` → `should be greater than 0`."""
    message = message.removeprefix("Value error, ").replace(" after validation", "")
    for start in ("Input ", "String ", "List ", "Dictionary "):
        if message.startswith(f"{start}should "):
            message = message.removeprefix(start)
    return (
        message.replace("a valid dictionary", "a mapping")
        .replace("an object", "a mapping")
        .replace("a valid array", "a list")
    )


def _got(fault: Fault, node: Node) -> str:
    if fault.kind in ("value_error", "secret", "timezone") or isinstance(node, Branch):
        return ", got a mapping" if isinstance(node, Branch) and fault.kind != "value_error" else ""
    if isinstance(node, Row):
        return ", got a list"
    shown = plain(node, references=True)
    words = "nothing" if shown is None else str(shown).lower() if isinstance(shown, bool) else repr(shown)
    return f", got {words if len(words) <= 80 else words[:77] + '…'}"


def _hint(fault: Fault, node: Node) -> str:
    value = node.value if isinstance(node, Leaf) else None
    if fault.kind == "string_pattern_mismatch" and fault.context.get("pattern") == NAME_PATTERN:
        return "use up to 64 of a-z, 0-9, dot, dash and underscore; start with a letter or digit"
    if fault.kind == "string_type" and isinstance(value, bool | int | float):
        return "quote it to make it text"
    if (
        fault.kind == "bool_type"
        and isinstance(value, str)
        and value.casefold() in ("yes", "no", "on", "off", "y", "n")
    ):
        return "write true or false"
    return ""
