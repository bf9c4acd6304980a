"""The evaluation report: is the model good enough, where is it weak, how sure are we."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from modelwright.core.columns import Schema
from modelwright.reports import charts, details
from modelwright.reports.learning_curve import learning_curve_blocks
from modelwright.reports.page import Block, Chart, Page, Section, Table, Text, alike, figure, render, with_interval
from modelwright.reports.probabilities import calibration_words, decision_blocks, reliability_blocks
from modelwright.reports.quantiles import quantile_blocks, quantile_words
from modelwright.reports.words import METRICS

if TYPE_CHECKING:
    from modelwright.parts.predictions import Predictions

MOST_FEATURES = 15  # the others hardly count
SCORES_NOTE = (
    "The interval says how far the score may be off because there are only so many rows (bootstrap over the rows). "
    "The first metric is the one that decides."
)
MOST_POINTS = 2000  # in a scatter: every k-th row, so that the page stays small


def evaluate_report(facts: Mapping[str, Any], predictions: Predictions, schema: Schema) -> bytes:
    own = details.sections(facts) if facts.get("details") else []
    sections = [Section("Scores", _scores(facts)), Section("Gates", _gates(facts)), *own]
    if not own:
        sections.append(Section("Predictions and truth", _pictures(facts, predictions, schema)))
    decided = decision_blocks(predictions, facts["model"], _swapped(facts["task"], schema))
    if decided:
        sections.insert(2, Section("How labels are decided", decided))
    if facts.get("quantiles"):
        moved = [Text(line) for line in calibration_words(facts["model"])]
        sections.insert(2, Section("Do the quantiles hold?", [*quantile_blocks(facts["quantiles"]), *moved]))
    if facts["comparison"]:
        sections.insert(2, Section("Beside the champion", _comparison(facts)))
    if facts["model"].get("importance"):
        sections.append(Section("What it looks at", _importance(facts["model"]["importance"])))
    if facts["model"].get("learning_curve"):
        sections.append(Section("Would more rows help?", learning_curve_blocks(facts["model"]["learning_curve"])))
    if facts["slices"]:
        sections.append(Section("Where it is weaker", _slices(facts)))
    subtitle = f"{facts['train']} on {facts['rows']:,} rows: {facts['scored']}"
    return render(Page(f"{facts['name']}: evaluation", subtitle, plain_words(facts), sections))


def plain_words(facts: Mapping[str, Any]) -> list[str]:
    """What was found, for readers who are not engineers."""
    said = details.words(facts) if facts.get("details") else _words(facts)
    failed = [gate for gate in facts["gates"] if not gate["passed"]]
    if facts["gates"]:
        said.append(
            "It passed every gate that was set."
            if not failed
            else f"It did not pass {len(failed)} of {len(facts['gates'])} gates, so it is not released."
        )
    return said


def _words(facts: Mapping[str, Any]) -> list[str]:
    """Of one target."""
    target, metrics = facts["task"]["target"], facts["metrics"]
    said = []
    if "mae" in metrics:
        entry, guessed = metrics["mae"], facts["guess"]
        said.append(
            f"On average a prediction of {target} is off by {figure(entry['value'], 3)} "
            f"(between {figure(entry['low'], 3)} and {figure(entry['high'], 3)} "
            f"with {entry['confidence']:.0%} confidence). "
            f"Always answering {figure(guessed['answer'], 3)} would be off by {figure(guessed['score'], 3)}."
        )
    if "r2" in metrics:
        said.append(f"It explains {max(metrics['r2']['value'], 0):.0%} of the differences in {target} between rows.")
    if "accuracy" in metrics:
        entry = metrics["accuracy"]
        said.append(
            f"{entry['value']:.1%} of the rows get the right {target} "
            f"({entry['low']:.1%} to {entry['high']:.1%} with {entry['confidence']:.0%} confidence). "
            f"Always answering {facts['guess']['answer']} would be right for {facts['guess']['score']:.1%}."
        )
    if "roc_auc" in metrics:
        said.append(
            f"Shown one row of each of two classes, it tells which is which "
            f"{metrics['roc_auc']['value']:.0%} of the time (50% would be guessing)."
        )
    if facts.get("quantiles"):
        said += quantile_words(facts["quantiles"], target)
    if "rank_mae" in metrics:
        entry = metrics["rank_mae"]
        said.append(
            f"On average a prediction is {figure(entry['value'], 3)} classes too high or too low "
            f"({figure(entry['low'], 3)} to {figure(entry['high'], 3)} with {entry['confidence']:.0%} confidence)."
        )
    return said


def _scores(facts: Mapping[str, Any]) -> list[Block]:
    rows = [
        (
            name,
            METRICS.get(name, ""),
            f"{facts['directions'][name]} is better",
            value,
            f"{low} to {high}",
        )
        for name, entry in facts["metrics"].items()
        for value, low, high in [alike(entry["value"], entry["low"], entry["high"])]
    ]
    confidence = next(iter(facts["metrics"].values()))["confidence"]
    table = Table(("metric", "what it says", "", "score", f"{confidence:.0%} interval"), rows, frozenset({3, 4}))
    return [table, Text(SCORES_NOTE, "note")]


def _gates(facts: Mapping[str, Any]) -> list[Block]:
    if not facts["gates"]:
        return [Text("No gates are set under evaluate.gates, so nothing holds this model back.", "warn")]
    tones: dict[str, Any] = {"passed": "good", "failed": "bad", "undecided": "warn"}
    return [
        Text(f"{gate['outcome'].upper()} · {gate['name']}: {gate['message']}", tones[gate["outcome"]])
        for gate in facts["gates"]
    ]


def _comparison(facts: Mapping[str, Any]) -> list[Block]:
    rows = [
        (
            entry["metric"],
            f"{entry['alias']} ({entry['model']})",
            figure(entry["score"]),
            figure(entry["other_score"]),
            with_interval(entry["improvement"]),
            f"{entry['rows']:,}",
        )
        for entry in facts["comparison"]
    ]
    headers = ("metric", "other model", "this model", "other", "improvement", "rows")
    note = "Only rows that neither model was fitted on; both see the same resamples. Improvement above 0 means better."
    return [Table(headers, rows, frozenset({2, 3, 4, 5})), Text(note, "note")]


def guess(predictions: Predictions, schema: Schema, task: Mapping[str, Any]) -> dict[str, Any]:
    """What the best constant answer would reach on these rows: the bar that any model has to clear."""
    truth = predictions.truth
    if predictions.value is not None:
        answer = float(np.median(truth))
        return {"answer": answer, "score": float(np.abs(truth - answer).mean())}
    counts = np.bincount(truth.astype(int))
    return {"answer": _classes(task, schema)[counts.argmax()], "score": float(counts.max() / len(truth))}


def _importance(shares: Mapping[str, float]) -> list[Block]:
    ranked = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
    shown = ranked[:MOST_FEATURES]
    chart = charts.bars([name for name, _ in shown], [share for _, share in shown], "share of the model's weight")
    of_how_many = (
        f"the {len(shown)} strongest of {len(ranked):,} features" if len(ranked) > len(shown) else "all features"
    )
    note = "It says what the model uses, not what causes what; features that say the same share their weight."
    return [Chart(chart, of_how_many), Text(note, "note")]


def _slices(facts: Mapping[str, Any]) -> list[Block]:
    main = next(iter(facts["metrics"]))
    shown = [entry for entry in facts["slices"] if entry["metrics"]]
    rows = [{"name": f"{entry['column']} = {entry['value']}", **entry["metrics"][main]} for entry in shown]
    blocks: list[Block] = []
    if rows:
        chart = charts.intervals(rows, main, rule=facts["metrics"][main]["value"])
        caption = f"{main} of each slice with its interval; the dashed line is the score on all rows"
        blocks.append(Chart(chart, caption))
    small = [
        f"{entry['column']} = {entry['value']} ({entry['rows']})" for entry in facts["slices"] if not entry["metrics"]
    ]
    if small:
        blocks.append(Text("Too few rows to say anything: " + ", ".join(small), "note"))
    return blocks


def _pictures(facts: Mapping[str, Any], predictions: Predictions, schema: Schema) -> list[Block]:
    truth = predictions.truth
    if predictions.value is not None:
        step = max(1, len(truth) // MOST_POINTS)
        errors = predictions.value - truth
        low, high = np.quantile(errors, [0.005, 0.995])
        counts, edges = np.histogram(errors, bins=40, range=(low, high) if high > low else None)
        scatter = charts.points(
            predictions.value[::step], truth[::step], ("predicted", facts["task"]["target"]), diagonal=True
        )
        return [
            Chart(scatter, "Predicted against true values; on the dashed line both agree"),
            Chart(charts.histogram(edges, counts, "predicted − true"), "Errors (without the outermost 1%)"),
        ]
    assert predictions.probability is not None and predictions.label is not None
    names = _classes(facts["task"], schema)
    counts = np.zeros((len(names), len(names)))
    np.add.at(counts, (truth.astype(int), predictions.label.astype(int)), 1)
    blocks: list[Block] = []
    if len(names) <= 20:
        blocks.append(
            Chart(
                charts.matrix(names, counts.tolist(), ("true", "predicted")), "How often each class is taken for which"
            )
        )
    blocks += reliability_blocks(predictions, facts["model"], names)
    return blocks


def _classes(task: Mapping[str, Any], schema: Schema) -> list[str]:
    """The labels in the order of their codes: the positive class comes last."""
    names = [str(label) for label in schema.classes or ()]
    return names[::-1] if _swapped(task, schema) else names


def _swapped(task: Mapping[str, Any], schema: Schema) -> bool:
    """Whether the positive class is the first of the two, so that metrics see them the other way round."""
    return task.get("positive") is not None and task["positive"] == (schema.classes or (None,))[0]
