"""The model card (Mitchell et al. 2019): what the model is, what it was measured on, where it is weak. Markdown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from modelwright.core.columns import Schema
from modelwright.reports.evaluate import plain_words
from modelwright.reports.page import figure, with_interval
from modelwright.reports.probabilities import calibration_words, decision_words

CONTAINS_ROWS = "It contains rows of its training data (`contains_rows`): who has the model file can read them."


def model_card(facts: Mapping[str, Any], schema: Schema) -> bytes:
    task, model = facts["task"], facts["model"]
    lines = [
        f"# {_cell(facts['name'])}",
        "",
        f"{_purpose(task)} Model: {_cell(model['kind'])}, from {facts['train']}.",
        "",
        "## In plain words",
        "",
        *(f"- {_cell(line)}" for line in plain_words(facts)),
        *(f"- {_cell(line)}" for line in (*decision_words(model), *calibration_words(model))),
        "",
        "## Scores",
        "",
        f"On {facts['rows']:,} rows that it was not fitted on ({_cell(facts['scored'])}).",
        "",
        *_table(
            ("metric", "score (interval)", "better"),
            [(name, with_interval(entry), facts["directions"][name]) for name, entry in facts["metrics"].items()],
        ),
        "",
        "## Gates",
        "",
        *(
            [f"- {gate['outcome']}: {_cell(gate['name'])}: {_cell(gate['message'])}" for gate in facts["gates"]]
            or ["None are set."]
        ),
        "",
        "## Inputs",
        "",
        *_table(
            ("column", "type", "may be missing", "range or categories seen in training"),
            [
                (column.name, column.type, figure(column.nullable), _range(column))
                for column in schema.of_role("input", "time")
            ],
        ),
        "",
        *_weak(facts),
        "## Limits",
        "",
        "It knows the world of its training rows only. Watch it with `modelwright monitor`; retrain when that says so.",
        *([CONTAINS_ROWS] if model["contains_rows"] else []),
        "",
    ]
    return "\n".join(lines).encode()


def _purpose(task: Mapping[str, Any]) -> str:
    named = task.get("target")
    if not named:
        return f"It does {task['kind']}; nothing is predicted."
    targets = [named] if isinstance(named, str) else named
    return f"Predicts {', '.join(f'`{_cell(name)}`' for name in targets)} ({task['kind']})."


def _weak(facts: Mapping[str, Any]) -> list[str]:
    main = next(iter(facts["metrics"]))
    known = [entry for entry in facts["slices"] if entry["metrics"]]
    scored = [entry for entry in known if math.isfinite(entry["metrics"][main]["value"])]
    if not scored:
        return []
    sign = 1 if facts["directions"][main] == "higher" else -1
    worst = sorted(scored, key=lambda entry: sign * entry["metrics"][main]["value"])[:5]
    rows = [
        (entry["column"], entry["value"], with_interval(entry["metrics"][main]), f"{entry['rows']:,}")
        for entry in worst
    ]
    return ["## Where it is weaker", "", *_table(("column", "value", main, "rows"), rows), ""]


def _range(column: Any) -> str:
    if column.categories:
        shown = ", ".join(column.categories[:8])
        return shown + (f", … ({len(column.categories)} in all)" if len(column.categories) > 8 else "")
    if column.minimum is None or column.type == "timestamp":
        return "–"
    return f"{figure(column.minimum)} to {figure(column.maximum)}"


def _table(headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    line = [f"| {' | '.join(headers)} |", f"|{'|'.join('---' for _ in headers)}|"]
    return [*line, *(f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows)]


def _cell(value: Any) -> str:
    """Text that can't break out of its place: no pipes, no markup, no line breaks."""
    text = " ".join(str(value).split())
    for mark, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "\\|"), ("`", "'")):
        text = text.replace(mark, escaped)
    return text
