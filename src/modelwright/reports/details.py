"""What evaluate shows of tasks without a target, or with several; see `fitting.details` for the facts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from modelwright.reports import charts
from modelwright.reports.page import Block, Chart, Section, Table, Text, alike, figure

NOISE = -1
FEW = 10  # clusters or labels that can be told apart by colour


def words(facts: Mapping[str, Any]) -> list[str]:
    """What was found, for readers who are not engineers."""
    return {
        "clustering": _cluster_words,
        "dimension_reduction": _component_words,
        "anomaly": _anomaly_words,
        "multilabel": _label_words,
        "multi_regression": _number_words,
    }[facts["task"]["kind"]](facts)


def sections(facts: Mapping[str, Any]) -> list[Section]:
    return {
        "clustering": _cluster_sections,
        "dimension_reduction": _component_sections,
        "anomaly": _anomaly_sections,
        "multilabel": _target_sections,
        "multi_regression": _target_sections,
    }[facts["task"]["kind"]](facts)


def _score(facts: Mapping[str, Any], metric: str) -> float | None:
    """None where it was not asked for, or is undefined on these rows."""
    value = facts["metrics"].get(metric, {}).get("value")
    return None if value is None or math.isnan(value) else float(value)


def _cluster_words(facts: Mapping[str, Any]) -> list[str]:
    clusters = [entry for entry in facts["details"]["clusters"] if entry["number"] != NOISE]
    if not clusters:
        return ["None of the rows belongs to any of the clusters that it knows."]
    largest = max(clusters, key=lambda entry: entry["rows"])
    said = [
        f"The rows fall into {len(clusters)} clusters; the largest, number {largest['number']}, holds "
        f"{largest['share']:.0%} of them."
    ]
    alone = next((entry for entry in facts["details"]["clusters"] if entry["number"] == NOISE), None)
    if alone:
        said.append(f"{alone['share']:.0%} of the rows belong to none (-1).")
    silhouette = _score(facts, "silhouette")
    if silhouette is not None:
        known = ((0.5, "clearly apart"), (0.25, "apart, with rows in between"))
        hardly = "hardly apart: another number of clusters, or none, may say as much"
        how = next((words for least, words in known if silhouette >= least), hardly)
        said.append(f"By the silhouette ({silhouette:.2f}) the clusters are {how}.")
    return said


def _cluster_sections(facts: Mapping[str, Any]) -> list[Section]:
    clusters = facts["details"]["clusters"]
    rows = [
        (
            "none" if entry["number"] == NOISE else entry["number"],
            f"{entry['rows']:,}",
            f"{entry['share']:.1%}",
            _marks(entry["marks"]),
        )
        for entry in clusters
    ]
    blocks: list[Block] = [
        Table(("cluster", "rows", "share", "what marks it: mean (of all rows)"), rows, frozenset({0, 1, 2}))
    ]
    if len(clusters) <= FEW:
        chart = charts.groups(facts["details"]["map"], ("first direction", "second direction"), "cluster")
        caption = "The plane that keeps most of the distances between rows; what overlaps here may be apart elsewhere"
        blocks.append(Chart(chart, caption))
    return [Section("Clusters", blocks), *_notes(facts)]


def _notes(facts: Mapping[str, Any]) -> list[Section]:
    """What the model says of its own fit."""
    told = {
        "log_likelihood": "mean log likelihood of a row of learn",
        "validation_log_likelihood": "of a row of validation",
        "bic": "Bayesian information criterion on learn; of several models, the least",
        "aic": "Akaike information criterion on learn; of several models, the least",
        "inertia": "sum of squared distances of learn to their centres",
        "without_cluster": "share of learn that is in no cluster",
        "stored_rows": "rows of learn that are in the graph",
    }
    notes = facts["model"]["notes"]
    rows = [(name, said, figure(notes[name])) for name, said in told.items() if name in notes]
    return [Section("The fit", [Table(("", "what it is", ""), rows, frozenset({2}))])] if rows else []


def _marks(marks: Sequence[Mapping[str, Any]]) -> str:
    return "; ".join(
        f"{mark['column']} {mark['value']:.0%} ({mark['usual']:.0%})"
        if mark["share"]
        else f"{mark['column']} {figure(mark['value'], 3)} ({figure(mark['usual'], 3)})"
        for mark in marks
    )


def _component_words(facts: Mapping[str, Any]) -> list[str]:
    components, kept = facts["details"]["components"], _score(facts, "explained_variance")
    count = f"{len(components)} component{'' if len(components) == 1 else 's'}"
    if kept is None:
        return [f"Each row is told by {count}."]
    return [f"{count} keep{'s' if len(components) == 1 else ''} {kept:.0%} of what tells these rows apart."]


def _component_sections(facts: Mapping[str, Any]) -> list[Section]:
    components = facts["details"]["components"]
    rows = [
        (
            entry["number"],
            "" if entry["share"] is None else f"{entry['share']:.1%}",
            "; ".join(f"{one['column']} {one['correlation']:+.2f}" for one in entry["goes_with"]),
        )
        for entry in components
    ]
    blocks: list[Block] = [Table(("component", "share on learn", "goes with (correlation)"), rows, frozenset({0, 1}))]
    if len(components) > 1:
        places = facts["details"]["map"]
        titles = ("component 1", "component 2")
        chart = charts.points([at["x"] for at in places], [at["y"] for at in places], titles)
        blocks.append(Chart(chart, "The rows by their first two components"))
    return [Section("Components", blocks)]


def _anomaly_words(facts: Mapping[str, Any]) -> list[str]:
    details = facts["details"]
    share = details["flagged"] / details["rows"]
    said = [f"{details['flagged']:,} of {details['rows']:,} rows ({share:.1%}) are called anomalies."]
    precision, recall = (_score(facts, name) for name in ("precision", "recall"))
    if precision is not None and recall is not None:
        said.append(
            f"By the labels, {precision:.0%} of those are anomalies, and {recall:.0%} of the anomalies are found."
        )
    elif details["known"] is None:
        said.append(
            "No labels say which rows are anomalies (task.labels), so how many of these are right is not known."
        )
    return said


def _anomaly_sections(facts: Mapping[str, Any]) -> list[Section]:
    details = facts["details"]
    histogram, threshold = details["histogram"], details["threshold"]
    blocks: list[Block] = [
        Chart(
            charts.histogram(histogram["edges"], counts, f"anomaly score, {name}", rule=threshold),
            f"{name}: {sum(counts):,}; what is right of the dashed line is called an anomaly",
        )
        for name, counts in histogram["counts"].items()
    ]
    rows = [
        (
            f"{entry['score']:.4g}",
            ", ".join(f"{name} {value}" for name, value in entry["row"].items()) or f"row {entry['place'] + 1}",
            "yes" if entry["flagged"] else "no",
            {None: "", True: "anomaly", False: "not one"}[entry["known"]],
            _marks(entry["marks"]),
        )
        for entry in details["strangest"]
    ]
    headers = ("score", "row", "called one", "label", "where it differs most: value (mean of all)")
    strangest = [Table(headers, rows, frozenset({0}))]
    return [Section("Scores of the rows", blocks), Section("The strangest rows", strangest)]


def _label_words(facts: Mapping[str, Any]) -> list[str]:
    wrong, whole, said = _score(facts, "hamming_loss"), _score(facts, "subset_accuracy"), []
    if wrong is not None:
        said.append(f"{1 - wrong:.1%} of all labels are predicted right.")
    if whole is not None:
        said.append(f"{whole:.1%} of the rows get all their labels right.")
    return [*said, *_weakest(facts, "f1")]


def _number_words(facts: Mapping[str, Any]) -> list[str]:
    targets = facts["details"]["targets"]
    return [
        f"It explains {max(entry['r2']['value'] or 0, 0):.0%} of the differences in {name} between rows."
        for name, entry in list(targets.items())[:5]
        if "r2" in entry
    ]


def _weakest(facts: Mapping[str, Any], metric: str) -> list[str]:
    known = {name: entry[metric]["value"] for name, entry in facts["details"]["targets"].items() if metric in entry}
    known = {name: value for name, value in known.items() if value is not None}
    if len(known) < 2:
        return []
    weakest, best = min(known, key=lambda name: known[name]), max(known, key=lambda name: known[name])
    return [f"By {metric} it does best on {best} ({known[best]:.2f}) and worst on {weakest} ({known[weakest]:.2f})."]


def _target_sections(facts: Mapping[str, Any]) -> list[Section]:
    targets = facts["details"]["targets"]
    names = list(next(iter(targets.values())))
    rows = [
        (target, *(_interval(entry[name]) for name in names)) for target, entry in targets.items()
    ]  # fmt: skip
    blocks: list[Block] = [Table(("target", *names), rows, frozenset(range(1, len(names) + 1)))]
    if names:
        entries = [{"name": target, **entry[names[0]]} for target, entry in targets.items()]
        known = [entry for entry in entries if entry["value"] is not None]
        overall = facts["metrics"].get(names[0], {}).get("value")
        if known:
            caption = f"{names[0]} of each target with its interval; the dashed line is their mean"
            blocks.append(Chart(charts.intervals(known, names[0], rule=overall), caption))
    else:
        blocks.append(Text("The metrics that were asked for take all targets at once.", "note"))
    return [Section("Each target", blocks)]


def _interval(entry: Mapping[str, Any]) -> str:
    value, low, high = alike(entry["value"], entry["low"], entry["high"])
    return f"{value} ({low} to {high})"
