"""What `features: auto` stands for: the steps that suit the columns, leaving to each model what only it needs."""

from __future__ import annotations

import pyarrow as pa

from modelwright.core.columns import NUMERIC, Schema
from modelwright.parts.base import Step
from modelwright.parts.features.datetime_parts import DatetimeParts
from modelwright.parts.features.drop import Drop
from modelwright.parts.features.ordinal import Ordinal


def default_steps(table: pa.Table, schema: Schema) -> tuple[list[Step], list[str]]:
    """Steps, and notes on columns that are left out.

    Numbers pass, booleans as 0 and 1; categories become codes, which models take natively or expand; timestamps (not
    the time column) become their parts; text and columns without any value are left out.
    """
    steps: list[Step] = []
    notes: list[str] = []
    empty, text, categories, times = [], [], [], []
    for column in schema.of_role("input"):
        values = table.column(column.name)
        if values.null_count == len(values):
            empty.append(column.name)
        elif column.type == "text":
            text.append(column.name)
        elif column.type == "category":
            categories.append(column.name)
        elif column.type not in NUMERIC:
            times.append(column.name)
    if empty:
        notes.append(f"left out, every value is missing on learn: {', '.join(empty)}")
    if text:
        notes.append(f"left out, text that is no category: {', '.join(text)}; name a step to use it")
    if empty or text:
        steps.append(Drop(columns=empty + text))
    if times:
        parts = ["year", "month", "day", "weekday", "hour"]
        steps.append(DatetimeParts(columns=times, parts=parts))
    if categories:
        steps.append(Ordinal(columns=categories))
    return steps, notes
