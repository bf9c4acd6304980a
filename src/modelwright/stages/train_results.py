"""What train writes beside the graph: scores, the model in words and numbers, predictions, the rows it depends on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from modelwright.core.columns import ROW_DIGEST

if TYPE_CHECKING:
    import pyarrow as pa

    from modelwright.fitting.prepared import Prepared
    from modelwright.fitting.training import Recipe, Trained
    from modelwright.runs.commit import Staged


def scores_of(data: Prepared, trained: Trained) -> dict[str, Any]:
    """`scores.json`: every default metric on rows that the scored models were not fitted on."""
    from modelwright.fitting import scoring
    from modelwright.fitting.training import judged

    said = judged(data, trained)
    if trained.decision is not None:
        said = scoring.relabelled(said, trained.decision.codes(trained.scores), data.task, data.schema)
    metrics = scoring.default_metrics(data.task)
    return {
        "metric": metrics[0].kind,
        "scored_on": trained.chosen_by["scores"],
        "rows": len(said),
        "scores": {metric.kind: scoring.point_score(metric, said) for metric in metrics},
        "chosen_by": dict(trained.chosen_by),
    }


def in_words(told: Mapping[str, Any]) -> Iterator[str]:
    """What was done to probabilities, quantiles and labels, as the command says it."""
    calibration, decision = told.get("calibration"), told.get("decision")
    if calibration and calibration["kind"] == "conformal":
        before, after = calibration["before"], calibration["after"]
        yield (
            f"calibration: conformal; coverage {before['coverage']:.4f} before, {after['coverage']:.4f} after; "
            f"pinball {before['pinball']:.4g} and {after['pinball']:.4g}"
        )
    elif calibration:
        before, after = calibration["before"], calibration["after"]
        yield (
            f"calibration: {calibration['kind']}; expected calibration error {before['ece']:.4f} before, "
            f"{after['ece']:.4f} after; log loss {before['log_loss']:.4f} and {after['log_loss']:.4f}"
        )
    for point in told.get("learning_curve", {}).get("points", ()):
        score = point["score"]
        said = (
            point.get("why", "too few rows")
            if score is None
            else f"{score['value']:.4g} ({score['low']:.4g} to {score['high']:.4g})"
        )
        yield f"learnt from {point['rows']:,} rows: {told['learning_curve']['metric']} {said}"
    if decision and "threshold" in decision:
        yield f"{decision['positive']} is predicted from a probability of {decision['threshold']:.4f} on"
    if decision and "cost_per_row" in decision:
        usual = decision["cost_per_row_by_most_probable"]
        yield f"errors cost {decision['cost_per_row']:.4g} a row; by the most probable class it would be {usual:.4g}"


def write_results(staged: Staged, data: Prepared, recipe: Recipe, trained: Trained, scores: dict[str, Any]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    parameters = trained.model.model_dump(mode="json", exclude={"kind"})
    if "path" in parameters:  # where the file lay on this machine is nobody's business
        parameters["path"] = PurePath(parameters["path"]).name
    staged.write_json("scores.json", scores)
    staged.write_json("model.json", {
        "kind": trained.name or trained.model.kind,
        "asked_for": recipe.model.kind,
        "parameters": parameters,
        "notes": dict(trained.fitted.notes),
        "features": [feature.name for feature in trained.features.features],
        "feature_notes": list(trained.features.notes),
        "inputs": list(trained.features.inputs),
        "importance": trained.fitted.importance,
        "contains_rows": _contains_rows(trained),
        "search": dict(trained.search),
        **trained.told,
    })  # fmt: skip
    alone = {"rank": 1, "model": trained.model.kind, "parameters": parameters, **scores["scores"]}
    staged.write_json("leaderboard.json", [dict(row) for row in trained.leaderboard] or [alone])
    pq.write_table(_predictions(data, trained), staged.path("predictions.parquet"))
    pq.write_table(pa.table({ROW_DIGEST: trained.fitted_rows}), staged.path("fitted_rows.parquet"))
    names = sorted({key for step in trained.curve for key in step}) or ["iteration", "validation"]
    curve = {name: pa.array([step.get(name) for step in trained.curve], pa.float64()) for name in names}
    pq.write_table(pa.table(curve), staged.path("curve.parquet"))


def _contains_rows(trained: Trained) -> bool:
    """Whether rows of learn are in the graph; a model of several says so in its notes."""
    told = trained.fitted.notes.get("contains_rows", False)
    return bool(told) or trained.model.contains_rows or trained.features.contains_rows


def _predictions(data: Prepared, trained: Trained) -> pa.Table:
    """Who the row is, what is true, what a model that was not fitted on it said."""
    import pyarrow as pa

    from modelwright.fitting.scoring import answered, truth_columns

    rows = trained.judged
    columns = {ROW_DIGEST: rows.column(ROW_DIGEST)}
    columns |= {column.name: rows.column(column.name) for column in data.schema.of_role("id", "time", "entity")}
    publish = trained.decision or data.task
    columns |= truth_columns(rows, data.task) | answered(data.task, data.schema, trained.scores, publish.compile)
    return pa.table(columns)
