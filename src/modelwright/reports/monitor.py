"""The monitoring report: has the world moved, does the model still do its work, what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelwright.reports import charts
from modelwright.reports.page import Block, Chart, Page, Section, Table, Text, figure, render, with_interval

TONES: dict[str, Any] = {"quiet": "good", "warn": "warn", "alert": "bad"}
MOST_PICTURES = 6


def monitor_report(facts: Mapping[str, Any]) -> bytes:
    """`facts`: name, model, rows, window, drift (columns and rules), performance, decision, pictures."""
    sections = [
        Section("Inputs", _drift(facts)),
        Section("What changed", _pictures(facts)),
        Section("Performance", _performance(facts)),
        Section("Decision", _decision(facts)),
    ]
    subtitle = f"{facts['model']}, {facts['rows']:,} rows, {facts['window']}"
    return render(Page(f"{facts['name']}: monitoring", subtitle, _summary(facts), sections))


def _summary(facts: Mapping[str, Any]) -> list[str]:
    decision = facts["decision"]
    said = {
        "quiet": "Nothing has changed that matters: the data looks like the data that the model was proven on.",
        "warn": "Something seems to have changed, but not certainly enough for an alert.",
        "alert": "The world has moved away from the data that the model was proven on.",
    }[decision["status"]]
    lines = [said, *decision["reasons"]]
    lines.append("Retraining is due." if decision["retrain"] else f"Retraining is not due: {decision['why']}.")
    return lines


def _drift(facts: Mapping[str, Any]) -> list[Block]:
    drift = facts["drift"]
    rows = [
        (
            column["column"],
            column["status"],
            figure(column["effect"], 3),
            figure(column["lower_bound"], 3),
            figure(column["adjusted_p"], 2),
            f"{column['reference_missing']:.1%} → {column['current_missing']:.1%}",
            f"{column['unseen']:.1%}",
            column["test"],
        )
        for column in drift["columns"]
    ]
    headers = ("column", "", "change", "at least", "adjusted p", "missing", "new values", "test")
    note = (
        f"Change: 0 is none, 1 is complete. Warn: adjusted p ≤ {drift['alpha']:g} and change ≥ {drift['effect']:g}; "
        f"alert: even the lower bound is that large. No change anywhere raises a false warning in at most "
        f"{drift['alpha']:.0%} of reports."
    )
    return [Table(headers, rows, frozenset({2, 3, 4, 5, 6})), Text(note, "note")]


def _pictures(facts: Mapping[str, Any]) -> list[Block]:
    blocks: list[Block] = []
    for picture in facts["pictures"][:MOST_PICTURES]:
        if picture["categories"]:
            chart = _shares(picture)
        else:
            series = {
                side: list(zip(picture["edges"], picture[side], strict=True)) for side in ("current", "reference")
            }
            chart = {**charts.lines(series, (picture["column"], "share of rows up to here")), "height": 180}
        blocks.append(Chart(chart, f"{picture['column']}: reference and current"))
    return blocks or [Text("No column changed enough to be drawn.", "note")]


def _shares(picture: Mapping[str, Any]) -> dict[str, Any]:
    rows = [
        {"category": category, "side": side, "share": share}
        for side in ("reference", "current")
        for category, share in zip(picture["categories"], picture[side], strict=True)
    ]
    return {
        "height": {"step": 14},
        "data": {"values": rows},
        "mark": "bar",
        "encoding": {
            "y": {"field": "category", "type": "nominal", "title": None, "sort": None},
            "yOffset": {"field": "side", "sort": None},
            "x": {"field": "share", "type": "quantitative", "title": "share of rows"},
            "color": {
                "field": "side",
                "type": "nominal",
                "title": None,
                "sort": None,
                "scale": {"domain": ["reference", "current"], "range": [charts.SECOND, charts.ACCENT]},
            },
        },
    }


def _performance(facts: Mapping[str, Any]) -> list[Block]:
    performance = facts["performance"]
    if not performance["metrics"]:
        return [Text(performance["why"], "note")]
    rows = [
        (
            name,
            entry["status"],
            with_interval(entry["current"]),
            with_interval(entry["reference"]) if entry["reference"] else "–",
        )
        for name, entry in performance["metrics"].items()
    ]
    note = (
        f"{performance['labelled']:,} of {performance['rows']:,} predictions have a label by now. "
        "Alert: worse than at evaluation, and the two intervals do not touch."
    )
    return [Table(("metric", "", "in this window", "at evaluation"), rows, frozenset({2, 3})), Text(note, "note")]


def _decision(facts: Mapping[str, Any]) -> list[Block]:
    decision = facts["decision"]
    blocks: list[Block] = [Text(f"Status: {decision['status']}.", TONES[decision["status"]])]
    blocks += [Text(reason) for reason in decision["reasons"]]
    blocks.append(Text(decision["why"], "note"))
    return blocks
