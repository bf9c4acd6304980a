"""Small prepared tables to fit portfolios on, without any run folder."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from modelwright.core.columns import ROW_DIGEST, Column, Schema
from modelwright.fitting.features import fit_features
from modelwright.fitting.prepared import Prepared
from modelwright.parts import catalog

CLASSES = {"regression": None, "binary": ("no", "yes"), "multiclass": ("a", "b", "c")}


def table(task, rows, seed, *, noise=0.7, skewed=False):
    """What a line and what trees are good at, both; missing values and a category; two rows to a household."""
    random = np.random.default_rng(seed)
    x, z, word = random.normal(size=rows), random.uniform(-2, 2, rows), random.integers(0, 4, rows)
    value = 2 * x + np.sign(z) * (2.0 * (word % 2) - 1) + noise * random.normal(size=rows)
    target = {
        "regression": pa.array(np.exp(0.6 * value) if skewed else value),
        "binary": pa.array(np.where(value > 0, "yes", "no").tolist(), pa.string()),
        "multiclass": pa.array(np.array(["a", "b", "c"])[np.digitize(value, [-1, 1])].tolist(), pa.string()),
    }[task]
    return pa.table(
        {
            ROW_DIGEST: pa.array(random.integers(-(2**63), 2**63 - 1, rows)),
            "household": pa.array([f"{seed}-{number // 2}" for number in range(rows)], pa.string()),
            "x": pa.array(x, mask=random.random(rows) < 0.05),
            "z": pa.array(z),
            "word": pa.array([[None, "p", "q", "r"][code] for code in word], pa.string()),
            "y": target,
        }
    )


def prepared(task, rows=400, *, steps="auto", learn=None, validation=None, group=None, metric=None, **options):
    learn = table(task, rows, 0, **options) if learn is None else learn
    validation = table(task, rows // 3, 1, **options) if validation is None else validation
    low, high = (0.0, 1.0) if CLASSES[task] is None else (None, None)
    schema = Schema(
        (
            Column("household", "text", role="entity"),
            Column("x", "number", nullable=True),
            Column("z", "number"),
            Column("word", "category", nullable=True, categories=("p", "q", "r")),
            Column(
                "y",
                "number" if CLASSES[task] is None else "category",
                role="target",
                minimum=low,
                maximum=high,
            ),
        ),
        CLASSES[task],
        group=group,
    )
    part = catalog.load("tasks", task).model_validate({"kind": task, "target": "y", "metric": metric})
    features = fit_features(steps, learn, schema, None, 3)
    return Prepared(part, schema, learn, validation, features)
