"""Blocks of the preparation report that look across columns: what tells of the target, and how the splits differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelwright.reports import charts
from modelwright.reports.page import Block, Chart, Table, Text, figure

MOST_BARS = 20
MOST_CURVES = 6
LEAST_TOLD = 0.001  # share of the target's differences below which a column says nothing worth a bar
MOST_CLASSES = 5
SPLITS = {"validation": "those that choose", "test": "those that judge"}
MOST_VALUES = 12


def relation_blocks(facts: Mapping[str, Any]) -> list[Block]:
    """Bars of how much each column tells, and for the first of them how the target goes with it."""
    told = {
        name: entry["explained"]
        for name, entry in facts["insights"]["columns"].items()
        if entry["explained"] is not None
    }
    ranked = sorted((name for name in told if told[name] >= LEAST_TOLD), key=lambda name: (-told[name], name))
    if not ranked:
        return [Text("No column by itself says anything of the target; together they still may.", "note")]
    shown = ranked[:MOST_BARS]
    title = "share of the target's differences that the column alone explains"
    left = f" ({len(ranked) - len(shown)} more tell less)" if len(ranked) > len(shown) else ""
    blocks: list[Block] = [
        Chart(charts.bars(shown, [told[name] for name in shown], title, percent=True), f"Each column alone{left}")
    ]
    blocks += [_curve(name, facts) for name in ranked[:MOST_CURVES]]
    blocks.append(Text("A column may also matter together with others, which no figure here shows.", "note"))
    return blocks


def _curve(name: str, facts: Mapping[str, Any]) -> Chart:
    """The mean of the target, or the share of each class, along the column."""
    curve = facts["insights"]["columns"][name]["curve"]
    target, classes = facts["task"]["target"], facts["classes"]
    several = isinstance(target, list)
    if several:  # of labels those that differ most are drawn, of numbers the first
        classes = target if facts["task"]["kind"] == "multilabel" else None
        target = target[0]
    shown = _shown_classes(curve, classes, exclusive=not several)
    what = f"mean {target}" if not classes else "share that has the label" if several else f"share of {target}"
    only = f"share that is {shown[0][1]}" if several else f"{what} = {shown[0][1]}"
    column = next(entry for entry in facts["columns"] if entry["name"] == name)
    missing = next((entry for entry in curve if entry["label"] == "(missing)"), None)
    aside = f"; where it is missing {figure(missing['target'][shown[0][0]], 3)}" if missing and len(shown) == 1 else ""
    known = [entry for entry in curve if entry["middle"] is not None]
    if len(known) > 1:
        days = column["type"] == "timestamp"
        unit = 1000 if days else 1  # milliseconds, as the axis wants them
        series = {label: [(entry["middle"] * unit, entry["target"][at]) for entry in known] for at, label in shown}
        titled = only if classes and len(shown) == 1 else what
        chart = charts.lines(series, (name, titled), percent=bool(classes), days=days)
        return Chart({**chart, "height": 160}, f"{name}: {titled}{aside}", small=True)
    at, titled = shown[0][0], only if classes else what
    entries = sorted((entry for entry in curve if entry is not missing), key=lambda entry: -entry["rows"])[:MOST_VALUES]
    values = [entry["target"][at] for entry in entries]
    chart = charts.bars([entry["label"] for entry in entries], values, titled, percent=bool(classes))
    return Chart(chart, f"{name}: {titled}{aside}", small=True)


def _shown_classes(
    curve: Sequence[Mapping[str, Any]], classes: Sequence[Any] | None, *, exclusive: bool
) -> list[tuple[int, str]]:
    """Places in `target` and what they are called: of two classes the second, of many those that differ most."""
    if not classes:
        return [(0, "")]
    if len(classes) == 2 and exclusive:
        return [(1, str(classes[1]))]
    spread = [max(entry["target"][at] for entry in curve) - min(entry["target"][at] for entry in curve)
              for at in range(len(classes))]  # fmt: skip
    largest = sorted(range(len(classes)), key=lambda at: -spread[at])[:MOST_CLASSES]
    return [(at, str(classes[at])) for at in sorted(largest)]


def split_blocks(facts: Mapping[str, Any]) -> list[Block]:
    """Columns whose values differ from those of learn."""
    blocks: list[Block] = []
    for split, meaning in SPLITS.items():
        if not facts["rows"][split]:
            continue
        found = facts["insights"]["splits"][split]
        if not found:
            blocks.append(Text(f"{split} ({meaning}): no column differs from learn by more than chance.", "good"))
            continue
        names = ", ".join(entry["column"] for entry in found[:8]) + (" and others" if len(found) > 8 else "")
        blocks.append(Text(f"{split} ({meaning}) differs from learn in {names}.", "warn"))
        rows = [
            (
                entry["column"],
                figure(entry["effect"], 3),
                f"{entry['reference_missing']:.1%} → {entry['current_missing']:.1%}"
                if entry["reference_missing"] or entry["current_missing"]
                else "",
                f"{entry['unseen']:.1%}" if entry["unseen"] else "",
            )
            for entry in found[:MOST_BARS]
        ]
        blocks.append(Table((f"{split}", "difference", "missing", "new values"), rows, frozenset({1, 2, 3})))
    note = (
        "Difference: 0 is none, 1 is nothing in common. A split by time should differ where the world changes; "
        "a random one should not. Shown is what differs by 0.05 or more and, at 1% over all columns, not by chance."
    )
    return [*blocks, Text(note, "note")]
