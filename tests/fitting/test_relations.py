"""What a column is said to tell of the target is what the formulas say, and noise tells nothing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.columns import Column
from modelwright.fitting.relations import outliers, relation

RANDOM = np.random.default_rng(0)


def chunked(values) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values)])


def test_a_category_explains_the_adjusted_r_squared_of_its_dummies():
    codes = RANDOM.integers(0, 5, 400)
    target = codes * 1.5 + RANDOM.normal(size=400)
    dummies = (codes[:, None] == np.arange(5)).astype(float)
    fitted = dummies @ np.linalg.lstsq(dummies, target, rcond=None)[0]
    r_squared = 1 - ((target - fitted) ** 2).sum() / ((target - target.mean()) ** 2).sum()
    adjusted = 1 - (1 - r_squared) * 399 / 395
    found = relation(Column("c", "category"), chunked([f"c{code}" for code in codes]), target.reshape(-1, 1))
    assert found.explained == pytest.approx(adjusted)
    assert {entry["label"]: entry["target"][0] for entry in found.curve} == pytest.approx(
        {f"c{code}": target[codes == code].mean() for code in range(5)}
    )


def test_of_two_classes_it_is_goodman_and_kruskals_tau():
    codes, classes = RANDOM.integers(0, 3, 3000), RANDOM.integers(0, 2, 3000)
    classes[codes == 1] = 1
    shares = np.array([[np.mean((codes == code) & (classes == one)) for one in (0, 1)] for code in range(3)])
    within = (shares**2 / shares.sum(axis=1, keepdims=True)).sum()
    alone = (shares.sum(axis=0) ** 2).sum()
    target = (classes[:, None] == np.arange(2)).astype(float)
    found = relation(Column("c", "category"), chunked(codes.astype(str)), target)
    assert found.explained == pytest.approx((within - alone) / (1 - alone), abs=2e-3), "up to the correction"


@pytest.mark.parametrize("kind", ["number", "category"])
def test_noise_tells_nothing_and_a_copy_everything(kind: str):
    target = RANDOM.normal(size=2000)
    noise = RANDOM.normal(size=2000) if kind == "number" else [f"c{code}" for code in RANDOM.integers(0, 20, 2000)]
    column = Column("x", kind)  # type: ignore[arg-type]
    found = relation(column, chunked(noise), target.reshape(-1, 1)).explained
    assert found is not None and found < 0.01
    copy = target if kind == "number" else [f"{np.sign(value)}" for value in target]
    goal = target if kind == "number" else np.sign(target)
    assert relation(column, chunked(copy), goal.reshape(-1, 1)).explained == pytest.approx(1, abs=0.02)


def test_a_curve_of_no_shape_is_found_and_missing_has_its_own_bin():
    x = RANDOM.uniform(-1, 1, 3000)
    target = (x**2).reshape(-1, 1)
    values = pa.chunked_array([pa.array(x, mask=RANDOM.random(3000) < 0.2)])
    found = relation(Column("x", "number"), values, target)
    assert found.explained is not None and found.explained > 0.75, "correlation would be 0"
    assert found.curve[-1]["label"] == "(missing)" and sum(entry["rows"] for entry in found.curve) == 3000
    middles = [entry["middle"] for entry in found.curve[:-1]]
    assert middles == sorted(middles) and len(middles) == 20


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("number", [None] * 9),
        ("number", [1.0] * 9),
        ("text", ["a"] * 9),
        ("category", ["a"] * 9),
        ("boolean", [None] * 9),
    ],
)
def test_nothing_is_said_where_nothing_can_be(kind, values):
    column = Column("x", kind)
    types = {"number": pa.float64(), "boolean": pa.bool_()}
    found = relation(column, pa.chunked_array([pa.array(values, types.get(kind, pa.string()))]), np.ones((9, 1)))
    assert found.explained is None


def test_outliers_are_beyond_tukeys_fences():
    values = [*range(100), 1000, -1000]
    assert outliers(Column("x", "integer"), chunked(values)) == pytest.approx(2 / 102)
    assert outliers(Column("x", "integer"), chunked([0] * 90 + [1] * 10)) is None, "half the values are one"
    assert outliers(Column("x", "category"), chunked(["a"] * 9)) is None
