"""The preparation report: where every row went, what each column holds, what a person should look at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from modelwright.reports import charts
from modelwright.reports.page import Block, Chart, Page, Section, Table, Text, figure, render
from modelwright.reports.prepare_insights import relation_blocks, split_blocks

MOST_CHARTS = 60
MOST_FEATURES = 200
MOST_DROPPED = 30


def prepare_report(facts: Mapping[str, Any]) -> bytes:
    """`facts` as `stages.prepare_facts` describes them."""
    sections = [Section("Rows", _rows(facts)), Section("Columns", _columns(facts))]
    if facts["task"].get("target"):
        sections.append(Section("What tells of the target", relation_blocks(facts)))
    sections.append(Section("Are the splits alike?", split_blocks(facts)))
    if facts["warnings"]:
        sections.insert(0, Section("Look at this", [Text(warning, "warn") for warning in facts["warnings"]]))
    if facts["checks"]:
        sections.append(Section("Checks", _checks(facts)))
    if facts["rejects"]:
        sections.append(Section("Refused rows", _rejects(facts)))
    sections.append(Section("What the columns hold", _charts(facts)))
    sections.append(Section("Features", _features(facts)))
    files = facts["files"]
    shown = ", ".join(files[:3]) + (f" and {len(files) - 3} more" if len(files) > 3 else "")
    return render(Page(f"{facts['name']}: preparation", shown or "bundled data", _summary(facts), sections))


def _summary(facts: Mapping[str, Any]) -> list[str]:
    rows = facts["rows"]
    kept = rows["learn"] + rows["validation"] + rows["test"]
    removed = sum(step["removed"] for step in rows["removed"])
    said = [
        f"{rows['read']:,} rows were read and {kept:,} kept: {rows['rejected']:,} could not be read, "
        f"{removed:,} were cleaned away."
        if rows["rejected"] or removed
        else f"{rows['read']:,} rows were read and all were kept."
    ]
    said.append(
        f"The model learns from {rows['learn']:,} rows; {rows['validation']:,} others choose among models, "
        f"and {rows['test']:,} that nobody has looked at before judge the one chosen."
    )
    warnings = len(facts["warnings"])
    said.append(
        f"{warnings} things deserve a look."
        if warnings > 1
        else "One thing deserves a look."
        if warnings
        else "Nothing looks suspicious."
    )
    return said


def _rows(facts: Mapping[str, Any]) -> list[Block]:
    rows = facts["rows"]
    left = rows["read"] - rows["rejected"]
    lines: list[tuple[str, str, str]] = [
        ("read", "", figure(rows["read"])),
        ("could not be read", figure(rows["rejected"]), figure(left)),
    ]
    for step in rows["removed"]:
        left -= step["removed"]
        lines.append((step["step"], figure(step["removed"]), figure(left)))
    meaning = {"learn": "the model learns from them", "validation": "they choose", "test": "they judge, once"}
    sides = [(f"{name}: {said}", figure(rows[name])) for name, said in meaning.items()]
    split = {key: value for key, value in facts["split"].items() if value is not None}
    said = ", ".join(f"{key} {value}" for key, value in split.items() if key != "kind")
    return [
        Table(("step", "rows removed", "rows left"), lines, frozenset({1, 2})),
        Table(("of these", "rows"), sides, frozenset({1})),
        Text(f"Split: {split['kind']}; {said}.", "note"),
    ]


def _columns(facts: Mapping[str, Any]) -> list[Block]:
    learnt = max(facts["rows"]["learn"], 1)
    lines = [
        (
            column["name"],
            column["role"],
            column["type"],
            f"{column['missing'] / learnt:.1%}" if column["missing"] else "",
            figure(column["distinct"]),
            _end(column["minimum"]),
            _end(column["maximum"]),
            _share(facts["insights"]["columns"].get(column["name"], {}).get("outliers")),
            _share(facts["insights"]["columns"].get(column["name"], {}).get("explained")),
            ", ".join(f"{value} ({count / learnt:.0%})" for value, count in (column["top"] or [])[:4]),
        )
        for column in facts["columns"]
    ]
    headers = (
        "column", "role", "type", "missing", "distinct", "smallest", "largest", "outliers", "tells", "most frequent",
    )  # fmt: skip
    note = (
        "Figures are those of the rows that the model learns from. Outliers lie more than 1.5 times the middle half's "
        "width outside of it; tells is the share of the target's differences that the column alone explains."
    )
    return [Table(headers, lines, frozenset(range(3, 9))), Text(note, "note")]


def _end(value: Any) -> str:
    """Where a column begins or ends; of a midnight the day is enough."""
    return figure(value).removesuffix(" 00:00:00")


def _share(value: float | None) -> str:
    """`12%`, `0.3%`; nothing for nothing."""
    return "" if not value or value < 5e-4 else f"{value:.0%}" if value >= 0.1 else f"{value:.1%}"


def _checks(facts: Mapping[str, Any]) -> list[Block]:
    return [
        Text(
            f"{'PASSED' if check['passed'] else check['severity'].upper()} · {check['kind']}: {check['said']}"
            + ("" if check["passed"] else f" ({check['violations']:,} rows)"),
            "good" if check["passed"] else "warn",
        )
        for check in facts["checks"]
    ]


def _rejects(facts: Mapping[str, Any]) -> list[Block]:
    lines = [
        (entry["file"] or "", figure(entry["line"]), entry["column"] or "", entry["value"] or "", entry["reason"])
        for entry in facts["rejects"]
    ]
    note = f"The first {len(lines)} of {facts['rows']['rejected']:,}; all are in rejects.parquet."
    return [Table(("file", "line", "column", "value", "why"), lines, frozenset({1})), Text(note, "note")]


def _charts(facts: Mapping[str, Any]) -> list[Block]:
    blocks: list[Block] = []
    for column in facts["columns"]:
        if column["histogram"] and column["role"] != "id":
            edges, counts = column["histogram"]["edges"], column["histogram"]["counts"]
            title = column["name"]
            if column["type"] == "timestamp":
                edges = [edge * 1000 for edge in edges]  # milliseconds, as the axis wants them
                blocks.append(
                    Chart(
                        _over_time(edges, counts, title),
                        f"{title}, from {_day(edges[0])} to {_day(edges[-1])}",
                        small=True,
                    )
                )
            else:
                blocks.append(
                    Chart(charts.histogram(edges, counts, title), f"{title} (without the outermost 1%)", small=True)
                )
        elif column["top"]:
            values = [value for value, _ in column["top"]]
            chart = charts.bars(values, [count for _, count in column["top"]], "rows")
            count, shown = column["distinct"], len(values)
            which = f"the {shown} most frequent of {count:,} values" if count > shown else f"{count:,} values"
            blocks.append(Chart(chart, f"{column['name']}, {which}", small=True))
    left = len(blocks) - MOST_CHARTS
    return [*blocks[:MOST_CHARTS], *([Text(f"{left} more columns are not drawn.", "note")] if left > 0 else [])]


def _over_time(edges: list[float], counts: list[float], title: str) -> dict[str, Any]:
    chart = charts.histogram(edges, counts, title)
    axis = charts.days_axis("from", title)
    return {**chart, "encoding": {**chart["encoding"], "x": axis}}


def _day(milliseconds: float) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d")


def _features(facts: Mapping[str, Any]) -> list[Block]:
    names = facts["features"]
    shown = ", ".join(names[:MOST_FEATURES]) + (f", … ({len(names):,} in all)" if len(names) > MOST_FEATURES else "")
    selected = [_selection(entry) for entry in facts["selections"]]
    return [
        *selected,
        Text(f"The model sees {len(names):,} features: {shown}"),
        *(Text(note, "note") for note in facts["notes"]),
    ]


def _selection(entry: Mapping[str, Any]) -> Text:
    dropped = sorted(entry["dropped"].items(), key=lambda pair: -pair[1])
    shown = ", ".join(f"{name} ({figure(score, 3)})" for name, score in dropped[:MOST_DROPPED])
    more = f" and {len(dropped) - MOST_DROPPED} more" if len(dropped) > MOST_DROPPED else ""
    lost = f"dropped, with their scores: {shown}{more}" if dropped else "dropped none"
    return Text(f"{entry['step']} kept {len(entry['kept'])} of {len(entry['kept']) + len(dropped)} columns; {lost}.")
