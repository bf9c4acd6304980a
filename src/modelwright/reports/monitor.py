"""The monitoring report: has the world moved, does the model still do its work, what to do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelwright.reports import charts
from modelwright.reports.page import Block, Chart, Page, Section, Table, Text, alike, figure, render, with_interval

TONES: dict[str, Any] = {"quiet": "good", "warn": "warn", "alert": "bad"}
MOST_PICTURES = 6
MOST_SENTENCES = 5
TESTS = {"ks": "Kolmogorov-Smirnov", "chi2": "chi-squared"}


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
    lines = [said, *(_moved(picture) for picture in facts["pictures"][:MOST_SENTENCES])]
    left = len(facts["pictures"]) - MOST_SENTENCES
    lines += [f"{left} more columns changed; see below."] if left > 0 else []
    worse = [name for name, entry in facts["performance"]["metrics"].items() if entry["status"] == "alert"]
    lines += [_worse(name, facts["performance"]["metrics"][name]) for name in worse]
    lines.append("Retraining is due." if decision["retrain"] else f"Retraining is not due: {decision['why']}.")
    return lines


def _moved(picture: Mapping[str, Any]) -> str:
    """What changed most, in words that need no statistics."""
    name, before, now = picture["column"], picture["reference"], picture["current"]
    if picture["categories"]:
        place = max(range(len(before)), key=lambda one: abs(now[one] - before[one]))
        return f"{name}: {picture['categories'][place]} went from {before[place]:.0%} to {now[place]:.0%} of the rows."
    middle = [_middle(picture["edges"], shares) for shares in (before, now)]
    if None in middle or middle[0] == middle[1]:
        return f"{name}: its values are spread differently."
    then, today = map(figure, middle)
    return f"{name}: half of the rows lay below {then}; now half lie below {today}."


def _middle(edges: Sequence[float], shares: Sequence[float]) -> float | None:
    return next((edge for edge, share in zip(edges, shares, strict=True) if share >= 0.5), None)


def _worse(name: str, entry: Mapping[str, Any]) -> str:
    before, now = alike(entry["reference"]["value"], entry["current"]["value"])
    return f"It does its work worse than when it was evaluated: {name} was {before}, now it is {now}."


def _drift(facts: Mapping[str, Any]) -> list[Block]:
    drift = facts["drift"]
    rows = [
        (
            column["column"],
            column["status"],
            figure(column["effect"], 3),
            figure(column["lower_bound"], 3),
            figure(column["adjusted_p"], 2),
            f"{column['reference_missing']:.1%} → {column['current_missing']:.1%}"
            if column["reference_missing"] or column["current_missing"]
            else "",
            f"{column['unseen']:.1%}" if column["unseen"] else "",
            TESTS.get(column["test"], column["test"]),
        )
        for column in drift["columns"]
    ]
    headers = ("column", "", "change", "surely above", "adjusted p", "missing", "new values", "test")
    note = (
        f"Change: 0 is none, 1 is nothing in common; new values were never seen when it was learnt. "
        f"Warn: adjusted p ≤ {drift['alpha']:g} and change ≥ {drift['effect']:g}; "
        f"alert: even the lower bound is that large. No change anywhere raises a false warning in at most "
        f"{drift['alpha']:.0%} of reports."
    )
    blocks: list[Block] = [Table(headers, rows, frozenset({2, 3, 4, 5, 6})), Text(note, "note")]
    if drift.get("skipped"):
        names = ", ".join(drift["skipped"])
        blocks.append(Text(f"Not looked at, as the rows come without them (serve.log.redact): {names}."))
    return blocks


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
        blocks.append(Chart(chart, f"{picture['column']}: when it was learnt (reference) and now (current)"))
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
