"""The tuning report: what was tried, what was best, which settings matter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelwright.reports import charts
from modelwright.reports.page import Block, Chart, Page, Section, Table, Text, alike, figure, render

MOST_ROWS = 20


def tune_report(facts: Mapping[str, Any]) -> bytes:
    """`facts`: name, model, metric, direction, trials (number, parameters, score, error), best, first, stopped, rows.

    `rows` says in words which rows were scored.
    """
    scored = [trial for trial in facts["trials"] if trial["score"] is not None]
    sections = [
        Section("Progress", [_history(facts, scored)]),
        Section("Best settings", _best(facts)),
        Section("Each setting against the score", _settings(facts, scored)),
        Section("Trials", _trials(facts, scored)),
    ]
    subtitle = f"{facts['model']}, ended by {facts['stopped']}"
    return render(Page(f"{facts['name']}: tuning", subtitle, _summary(facts), sections))


def _summary(facts: Mapping[str, Any]) -> list[str]:
    best, first, metric = facts["best"]["score"], facts["first"]["score"], facts["metric"]
    tried, better = len(facts["trials"]), facts["direction"]
    reached, began = alike(best, first)
    said = [f"The best of {tried:,} settings reaches {metric} {reached} ({facts['rows']}); {better} is better."]
    if first is not None and first != best:
        said.append(f"The settings that the search began with reach {began}.")
    elif first is not None and tried > 1:
        said.append("These are the settings that the search began with: nothing better was found.")
    said.append("The same rows chose the winner, so expect a little less on new data; evaluate measures that.")
    return said


def _history(facts: Mapping[str, Any], scored: list[Any]) -> Block:
    best_so_far, pairs = None, []
    for trial in scored:
        better = max if facts["direction"] == "higher" else min
        best_so_far = trial["score"] if best_so_far is None else better(best_so_far, trial["score"])
        pairs.append((trial["number"], best_so_far))
    series = {"best so far": pairs, "trial": [(trial["number"], trial["score"]) for trial in scored]}
    return Chart(charts.lines(series, ("trial", facts["metric"])), "How the best score moved from trial to trial")


def _best(facts: Mapping[str, Any]) -> list[Block]:
    first = facts["first"]["parameters"]
    rows = [(name, figure(value), figure(first.get(name))) for name, value in facts["best"]["parameters"].items()]
    return [
        Table(("setting", "best", "first trial"), rows, frozenset({1, 2})),
        Text("best.yaml in this folder is a spec with these settings: modelwright train takes it.", "note"),
    ]


def _settings(facts: Mapping[str, Any], scored: list[Any]) -> list[Block]:
    blocks: list[Block] = []
    for name in facts["best"]["parameters"]:
        pairs = [(trial["parameters"][name], trial["score"]) for trial in scored]
        if all(isinstance(value, int | float) and not isinstance(value, bool) for value, _ in pairs):
            chart = charts.points([value for value, _ in pairs], [score for _, score in pairs], (name, facts["metric"]))
            blocks.append(Chart({**chart, "height": 160}, f"{name}: one point for each trial", small=True))
        else:
            means: dict[str, list[float]] = {}
            for value, score in pairs:
                means.setdefault(str(value), []).append(score)
            ranked = sorted(means.items(), key=lambda item: sum(item[1]) / len(item[1]))
            averages = [sum(scores) / len(scores) for _, scores in ranked]
            chart = charts.bars([value for value, _ in ranked], averages, f"mean {facts['metric']}")
            blocks.append(Chart(chart, f"Mean {facts['metric']} for each {name}", small=True))
    return blocks


def _trials(facts: Mapping[str, Any], scored: list[Any]) -> list[Block]:
    sign = -1 if facts["direction"] == "higher" else 1
    ranked = sorted(scored, key=lambda trial: (sign * trial["score"], trial["number"]))[:MOST_ROWS]
    names = list(facts["best"]["parameters"])
    rows = [
        (trial["number"], figure(trial["score"], 6), *(figure(trial["parameters"][name]) for name in names))
        for trial in ranked
    ]
    blocks: list[Block] = [Table(("trial", facts["metric"], *names), rows, frozenset(range(2 + len(names))))]
    failed = [trial for trial in facts["trials"] if trial["error"]]
    if failed:
        blocks.append(Text(f"{len(failed)} could not be fitted, for example: {failed[0]['error']}", "warn"))
    return blocks
