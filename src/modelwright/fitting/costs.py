"""What the next model of a portfolio and the final one will take: as long as others took here, or usually do."""

from __future__ import annotations

from collections.abc import Sequence

from modelwright.fitting.members import SHORTEST_S, Candidate, FoldFits, Member

# Seconds that a fold usually takes on one core: of a thousand rows, or times what LightGBM's took. They only say
# whether a kind is worth its first fold; from then on its own time counts.
OF_A_THOUSAND_ROWS = {
    "piecewise_linear": 0.03,
    "random_fourier": 0.1,
    "extra_trees": 0.12,
    "random_forest": 0.2,
    "mlp": 0.3,
    "tabm": 1.1,
}
TIMES_LIGHTGBM = {"catboost": 1.0, "xgboost": 1.3}
LOADED_S = {"mlp": 1.5}  # to import what it needs; others who need it too come after it
CHECKED_ROWS = 3_500  # of the final graph against the models, at several batch sizes
CHECKED_US = (
    1.5  # times what the count of the graph's operations says of a row: calls are small, and there are two sides
)
COMPILED = 1.5  # times as long as one fold's graph takes, for each fold: it is put together, written and loaded
MORE_ROWS = 1.25  # than a fold learns from, in the final fit


def fold_s(candidate: Candidate, members: Sequence[Member], fits: FoldFits) -> float:
    """Seconds of one fold: as long as the same model, or one of its kind, took; of a new kind, as is usual."""
    kind = candidate.model.kind
    alike = [one for one in members if one.model.kind == kind]
    same = [one for one in alike if one.candidate.base == candidate.base]
    if alike:
        return max(one.fold_s for one in same or alike)
    boosted = [one.fold_s for one in members if one.model.kind == "lightgbm"]
    if kind in TIMES_LIGHTGBM and boosted:
        return boosted[0] * TIMES_LIGHTGBM[kind]
    threads = fits.recipe.threads if fits.at_once(candidate) == 1 else 1
    rows = int(fits.shared.folds[0].learn.sum())
    rows = min(rows, getattr(candidate.model, "max_rows", rows))
    usual_s = OF_A_THOUSAND_ROWS.get(kind, 0.0) * rows / 1000 / threads
    models = len(getattr(fits.shared.data.task, "quantiles", ())) or 1
    return usual_s * models * slowness(members)


def member_s(candidate: Candidate, members: Sequence[Member], fits: FoldFits) -> float:
    """Seconds of all folds, as many at the same time as there are threads for."""
    waves = -(-len(fits.shared.folds) // fits.at_once(candidate))
    known = any(one.model.kind == candidate.model.kind for one in members)
    loaded_s = 0.0 if known else LOADED_S.get(candidate.model.kind, 0.0) * slowness(members)
    return fold_s(candidate, members, fits) * waves + loaded_s


def final_s(members: Sequence[Member]) -> float:
    """Seconds of the final fits of an ensemble's members, of its graph, and of checking that."""
    total = 0.0
    for one in members:
        copies = max(1, len(one.fitted))
        total += one.compile_s * copies * COMPILED
        total += one.cost.row_us * copies * CHECKED_US * CHECKED_ROWS / 1e6 * one.slowness
        if not one.fitted:
            total += one.fold_s * MORE_ROWS
    return total


def slowness(members: Sequence[Member]) -> float:
    """As of late; what is usual holds for a machine that has nothing else to do."""
    return next((one.slowness for one in reversed(members) if one.fit_s > SHORTEST_S), 1.0)
