"""Writes a first spec for a data file, with a comment on every section: what `modelwright init` prints."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from modelwright.core.errors import DataError
from modelwright.core.names import did_you_mean
from modelwright.spec.look import Look, look
from modelwright.spec.sample import FEW, SampledColumn
from modelwright.spec.writing import to_yaml

MANY = 50  # rows
MOST_CLASSES = 0.5  # of the rows
SHOWN = 40  # names of columns
RARE = 20  # rows of a class: fewer may all be in one split where rows have to stay together

TEMPLATE = """\
# {name}: predicts {what}; written by `modelwright init` from {file}.
# Try:  modelwright check {spec}
#       modelwright run {spec}
# Every key that can stand here: modelwright schema

name: {name}
{task}
seed: 0  # the root of all randomness: the same spec, data and seed give the same model

prepare:
  # Where the rows come from. Paths start at this file's folder; globs such as rides-*.csv are fine.
  {source}
  # What the data does not say by itself. Roles: id, time, entity (logged, never scored), weight, ignore.
{columns}
  # What is done to rows before anything is fitted, in order, for example:
  #   - {{kind: drop_duplicates}}
  #   - {{kind: drop_rows, where: "amount <= 0"}}
  clean: []
  # What must hold of the cleaned rows, for example: {{kind: not_null, columns: [{target}]}}
  checks: []
  # Which rows are learnt from, which choose among models, which judge. Left out, the task's default is taken.
{split}
  # Feature steps in order, or auto: what suits the columns and the model.
  features: auto

train:
  model: {{kind: lightgbm}}  # or auto, which tries several: {{kind: auto, budget_s: 60}}

tune:  # modelwright tune: search for better settings of the model; leave space out for what the model suggests
  trials: 20

evaluate:  # metrics default to those that suit the task; a gate that fails stops the export
  slices: []  # columns by whose values the metrics are reported as well
  gates: []   # for example: {gate}

export:
  tolerance: 1.0e-5  # how far the exported graph may be from the fitted model

serve:
  port: 8080
  log: {{folder: logs/{name}}}  # what monitor looks at
  routes: {{champion: {{weight: 1}}}}  # which version answers: modelwright runs promote makes the first champion

monitor:
  alpha: 0.01  # the chance of a false alarm per report
"""


def draft(data: Path, target: str, output: Path) -> str:
    """The text of a spec at `output` for `data`. DataError when the data has no such column."""
    found = look(data, target)
    names = [column.name for column in found.columns]
    if target not in names:
        message = f'has no column "{target}"{did_you_mean(target, names)}'
        unnamed = "; or is the first line no row? Then write source.names" if "header_line" in found.options else ""
        raise DataError(message, where=str(data), hint=f"columns: {', '.join(names[:SHOWN])}{unnamed}")
    column = next(column for column in found.columns if column.name == target)
    task, what = _task(column)
    metric = {"regression": "r2", "binary": "roc_auc"}.get(task["kind"], "accuracy")
    return TEMPLATE.format(
        name=_name(data),
        what=what,
        file=_comment(data.name),
        spec=_comment(output.name),
        task=_inline("task", task),
        source=_inline("source", _source(found, data, output)),
        columns=_columns(found, target),
        split=_split(found, target),
        target=_comment(_flow(target)),
        gate=f"{{kind: threshold, metric: {metric}, min: 0.7}}",
    )


def column_names(data: Path) -> list[str]:
    """What could be predicted, as a hint: the first columns."""
    return [column.name for column in look(data, "").columns][:SHOWN]


def _name(data: Path) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", data.name.partition(".")[0].lower()).strip("-")[:64].rstrip("-")
    return name or "model"


def _task(column: SampledColumn) -> tuple[dict[str, Any], str]:
    """By the target's values: two of them, a few, or a quantity."""
    distinct = len(column.distinct)
    if distinct < 2:
        found = "one value" if distinct else "no value"
        raise DataError(f'"{column.name}" has {found} in the first rows, so there is nothing to predict')
    if distinct == 2:
        return {"kind": "binary", "target": column.name}, f"{_comment(column.name)}, one of two classes"
    if column.kind == "text" and column.rows >= MANY and distinct > MOST_CLASSES * column.rows:
        raise DataError(
            f'"{column.name}" has {distinct:,} different values in {column.rows:,} rows, so there is nothing to learn',
            hint="classes occur again and again; is it an id, or a text?",
        )
    whole = column.kind == "number" and all(value.lstrip("+-").isdecimal() for value in column.distinct)
    if column.kind == "text" or (whole and distinct <= FEW):
        return {"kind": "multiclass", "target": column.name}, f"{_comment(column.name)}, one of {distinct} classes"
    if column.kind == "number":
        return {"kind": "regression", "target": column.name}, f"{_comment(column.name)}, a number"
    raise DataError(f'"{column.name}" is a {column.kind} column, which no task predicts')


def _source(found: Look, data: Path, output: Path) -> dict[str, Any]:
    source: dict[str, Any] = {"kind": found.kind, "path": _relative(data, output)}
    for name, value in found.options.items():
        source[name] = _relative(value, output) if isinstance(value, Path) else value
    return source


def _relative(path: Path, output: Path) -> str:
    return Path(os.path.relpath(path, output.parent)).as_posix()


def _split(found: Look, target: str) -> str:
    """By time where the rows come in its order: they are a series, and what comes next is to be predicted."""
    times = [column for column in found.columns if column.kind == "timestamp" and column.name != target]
    series = next((column for column in times if column.in_order), None)
    if series is not None:
        written = _inline("split", {"kind": "time", "column": series.name, "validation": 0.15, "test": 0.15})
        return f"  {written}  # the rows are in order of time: the latest judge"
    example = _comment(_flow(times[0].name)) if times else "COLUMN"
    return (
        "  # If rows come over time and the future is to be predicted:\n"
        f"  #   split: {{kind: time, column: {example}, validation: 0.15, test: 0.15}}"
    )


def _columns(found: Look, target: str) -> str:
    """The columns about which something is to be said, each with the reason."""
    rarest = next(column.rarest for column in found.columns if column.name == target)
    lines = [f"    # {note}" for note in found.notes]
    for column in found.columns:
        role, reason = found.roles.get(column.name, ("", ""))
        if role == "entity" and 0 < rarest < RARE:
            role, reason = "ignore", f"role: entity keeps its rows in one split, but some classes of {target} are rare"
        said, why = ({"role": role}, reason) if role else _said_of(column)
        if said and column.name != target:
            lines.append(f"    {_inline(column.name, said)}  # {why}")
    any_said = any(not line.lstrip().startswith("#") for line in lines)
    return "\n".join(["  columns:" if any_said else "  columns: {}", *lines])


def _said_of(column: SampledColumn) -> tuple[dict[str, Any], str]:
    if column.identifies:
        return {"role": "id"}, "numbers the rows" if column.counts else "a different value in every row"
    if column.kind == "empty":
        return {"role": "ignore"}, "no value in the first rows"
    if column.constant:
        return {"role": "ignore"}, "the same value in all of the first rows"
    if column.kind == "timestamp":
        said = {"type": "timestamp"} | ({"format": column.format} if column.format else {})
        said |= {} if column.zoned else {"timezone": "UTC"}
        return said, f"{'' if column.zoned else 'which zone? '}add `role: time` if it says when a row was known"
    return {}, ""


def _inline(key: str, value: dict[str, Any]) -> str:
    """`key: {a: 1, b: 2}` on one line."""
    inside = ", ".join(f"{_flow(name)}: {_flow(item)}" for name, item in value.items())
    return f"{_flow(key)}: {{{inside}}}"


def _flow(value: Any) -> str:
    """One scalar, or a list of them, as it is safe inside braces."""
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, str) and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_./ -]*[A-Za-z0-9_]|[A-Za-z_]", value):
        return '"' + value.translate({ord('"'): '\\"', ord("\\"): "\\\\"}) + '"'
    return to_yaml(value).removesuffix("\n").removesuffix("\n...")


def _comment(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
