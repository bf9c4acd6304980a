"""Guard: columns that add up to the target, or whose product it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from modelwright.core.columns import NUMERIC
from modelwright.tables.description import LEARN
from modelwright.tables.engine import Engine, quote
from modelwright.tables.leaks.evidence import Floats, Leak, Sample, correlation, percent

MOST_COLUMNS = 200  # those most correlated with the target; a part of a sum nearly always is
ROWS_PER_COLUMN = 4  # of the sample, so that no fit is exact by chance
FEWEST = 40
MOST_TERMS = 12
EXACT = 1e-4  # of the target's standard deviation: what rounding may leave of a sum
EXACT_LOG = 0.02  # and of the logarithm of a product, whose small values suffer most
HOLDS = 0.999  # share of the rows on which a sum has to hold
HOLDS_PRODUCT = 0.9  # and a product, to a thousandth


def adds_up(engine: Engine, sample: Sample, target: str, passed_over: Sequence[str]) -> list[Leak]:
    """The weighted sum or product of columns that the target is, if it is one: found on the sample, then confirmed.

    `passed_over`: columns that determine the target by themselves.
    """
    names = [column.name for column in sample.of("input", types=sorted(NUMERIC)) if column.name not in passed_over]
    truth = sample.target[sample.learn]
    features = {name: sample.values[name][sample.learn] for name in names}
    with threadpool_limits(1):  # the same last bits whatever the number of threads
        return _found(engine, features, truth, target)


def _found(engine: Engine, features: Mapping[str, Floats], truth: Floats, target: str) -> list[Leak]:
    terms = _terms(features, truth, EXACT)
    if terms:
        leak = _confirmed_sum(engine, terms, target, float(truth.std()))
        return [leak] if leak else []
    positive = {name: np.log(np.where(values > 0, values, np.nan)) for name, values in features.items()}
    found = _terms(positive, np.log(truth), EXACT_LOG) if (truth > 0).all() else {}
    powers = {name: round(power) for name, power in found.items() if name}
    if powers and all(power and abs(power - found[name]) < 0.05 for name, power in powers.items()):
        leak = _confirmed_product(engine, powers, target)
        return [leak] if leak else []
    return []


def _terms(features: Mapping[str, Floats], truth: Floats, exact: float) -> dict[str, float]:
    """The fewest columns of which the target is an exact weighted sum, with their weights; the constant is named ''."""
    usable = {name: values for name, values in features.items() if not np.isnan(values).mean() > 0.5}
    usable = {name: values for name, values in usable.items() if np.nanmax(values) > np.nanmin(values)}
    strength = {name: abs(_known_correlation(values, truth)) for name, values in usable.items()}
    names = sorted(usable, key=lambda name: -strength[name])[:MOST_COLUMNS]
    while names:
        table = np.column_stack([usable[name] for name in names])
        whole = ~np.isnan(table).any(axis=1)
        if whole.sum() >= max(FEWEST, ROWS_PER_COLUMN * len(names)):
            break
        names = names[: len(names) // 2]
    if len(names) < 2 or not truth[whole].std() > 0:
        return {}
    table, truth = table[whole][:2000], truth[whole][:2000]
    weights = _exact(table, truth, exact)
    if weights is None:
        return {}
    share = np.abs(weights[:-1]) * table.std(axis=0) / truth.std()
    order = [at for at in np.argsort(share) if share[at] > exact]
    kept = sorted(order)
    for at in order if len(order) <= 4 * MOST_TERMS else []:
        fewer = [one for one in kept if one != at]
        if fewer and _exact(table[:, fewer], truth, exact) is not None:
            kept = fewer
    weights = _exact(table[:, kept], truth, exact)
    if weights is None or not 2 <= len(kept) <= MOST_TERMS:
        return {}
    found = {names[at]: float(weight) for at, weight in zip(kept, weights[:-1], strict=True)}
    return {**dict(sorted(found.items(), key=lambda term: list(features).index(term[0]))), "": float(weights[-1])}


def _known_correlation(values: Floats, truth: Floats) -> float:
    known = ~np.isnan(values)
    return correlation(values[known], truth[known]) if known.any() else 0.0


def _exact(table: Floats, truth: Floats, exact: float) -> Floats | None:
    """Least squares with a constant; None where more is left than rounding."""
    centre, scale = table.mean(axis=0), table.std(axis=0)
    scale[scale == 0] = 1.0
    mean = truth.mean()
    found, *_ = np.linalg.lstsq((table - centre) / scale, truth - mean, rcond=None)
    left = truth - mean - (table - centre) / scale @ found
    if np.abs(left).max() > exact * truth.std():
        return None
    weights: Floats = found / scale
    return np.append(weights, mean - weights @ centre)


def _nice(weight: float) -> float:
    """The weight as it was probably meant: 1 for 0.99999997."""
    for unit in (1.0, 0.1, 0.01, 0.001):
        if abs(weight - round(weight / unit) * unit) < EXACT * unit / 10:
            return round(round(weight / unit) * unit, 3)
    return float(f"{weight:.9g}")


def _confirmed_sum(engine: Engine, terms: dict[str, float], target: str, spread: float) -> Leak | None:
    constant = _nice(terms[""])
    weights = {name: _nice(weight) for name, weight in terms.items() if name}
    parts = " + ".join(f"{weight!r} * {quote(name)}::DOUBLE" for name, weight in weights.items())
    left = f"abs({parts} + {constant!r} - {quote(target)}::DOUBLE)"
    rows, holds = _counted(engine, f"{left} <= {2 * EXACT * spread!r}", left)
    if not rows or holds < HOLDS * rows:
        return None
    rounded = "" if _counted(engine, f"{left} <= {1e-9 * spread!r}", left)[1] >= holds else ", rounding apart,"
    plain = all(weight == 1 for weight in weights.values()) and constant == 0
    sides = " ".join(_signed(weight, f'"{name}"') for name, weight in weights.items())
    whole = f"{sides} {_signed(constant, '')}" if abs(constant) > EXACT * spread else sides
    formula = " + ".join(f'"{name}"' for name in weights) if plain else whole.strip().removeprefix("+ ")
    where = "" if holds == rows else f" in {percent(holds / rows)} of the rows"
    said = f'{formula} is{rounded or " exactly"} the target "{target}"{where}: a leak'
    evidence = {"weights": weights, "constant": constant, "rows": rows, "holds": holds}
    return Leak("adds_up", tuple(weights), evidence, said)


def _signed(weight: float, name: str) -> str:
    size = abs(weight)
    factor = f"{size:.6g}" if not name else "" if size == 1 else f"{size:.6g} * "
    return f"{'-' if weight < 0 else '+'} {factor}{name}"


def _confirmed_product(engine: Engine, powers: dict[str, int], target: str) -> Leak | None:
    over = " * ".join(f"{quote(name)}::DOUBLE ^ {power!r}" for name, power in powers.items())
    share = f"({quote(target)}::DOUBLE / nullif({over}, 0))"
    known = " AND ".join(f"{quote(name)} > 0" for name in powers)
    factor = engine.value(f"SELECT median({share}) FROM rows WHERE {LEARN} AND {known}")
    if not factor:
        return None
    factor = _nice(factor)
    left = f"CASE WHEN {known} THEN abs({share} / {factor!r} - 1) END"
    rows, holds = _counted(engine, f"{left} <= 0.001", left)
    if not rows or holds < HOLDS_PRODUCT * rows:
        return None
    above = " * ".join(_power(name, power) for name, power in powers.items() if power > 0)
    below = " / ".join(_power(name, -power) for name, power in powers.items() if power < 0)
    formula = (f"{factor:.6g} * " if factor != 1 else "") + (above or "1") + (f" / {below}" if below else "")
    said = f'{formula} is the target "{target}", rounding apart ({holds:,} of {rows:,} rows): a leak'
    return Leak("product", tuple(powers), {"powers": powers, "factor": factor, "rows": rows, "holds": holds}, said)


def _power(name: str, power: int) -> str:
    return f'"{name}"' + (f"^{power}" if power != 1 else "")


def _counted(engine: Engine, condition: str, known: str) -> tuple[int, int]:
    """Rows of learn where all columns are known, and those of them that meet the condition."""
    query = f"SELECT count({known}), count(*) FILTER (WHERE {condition}) FROM rows WHERE {LEARN}"
    rows, holds = engine.rows(query)[0]
    return int(rows), int(holds)
