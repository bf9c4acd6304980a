"""Networks: when they stop, what they are fitted to, what they cost, and what they need."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelwright.core.errors import DataError, ResourceError, SpecError
from modelwright.core.progress import Silent
from modelwright.fitting.fit import fit_model
from modelwright.fitting.folds import cross_validate, shortened, taken, with_iterations
from modelwright.graph.builder import NUMBER, GraphBuilder
from modelwright.graph.running import Scorer
from modelwright.parts import catalog
from modelwright.parts.folding import Fold
from modelwright.parts.samples import Feature, FitContext, Samples, Start

FEATURES = (Feature("age"), Feature("noise"), Feature("colour", 6))
TABLES = ("mlp", "tabm")
SMALL = {"hidden": 16, "epochs": 8, "batch_size": 50, "learning_rate": 0.02}
every_network = pytest.mark.parametrize("kind", TABLES)


def rows(seed: int = 0, count: int = 600) -> Samples:
    random = np.random.default_rng(seed)
    features = np.column_stack([random.normal(size=(count, 2)), random.integers(0, 6, count)])
    target = np.abs(features[:, 0]) + np.isin(features[:, 2], [1, 4]) + 0.3 * random.normal(size=count)
    features[random.random(count) < 0.05, 0] = np.nan
    return Samples(features, 1000 + 50 * target)


def classes(seed: int = 0, share: float = 0.5) -> Samples:
    samples = rows(seed)
    return replace(samples, target=(samples.target > np.quantile(samples.target, 1 - share)).astype(float))


def context(task: str = "regression", seed: int = 1, **more: Any) -> FitContext:
    counts = {"regression": 0, "binary": 2, "quantile": 0}
    return FitContext(task, counts[task], FEATURES, "rmse", seed, 1, **more)


def model(kind: str, **settings: Any) -> Any:
    pytest.importorskip("torch", reason="torch is not installed", exc_type=ImportError)
    return catalog.load("models", kind).model_validate({"kind": kind, **SMALL, **settings})


def graph_of(fitted: Any, outputs: tuple[int, ...] = ()) -> bytes:
    graph = GraphBuilder()
    scores = fitted.compile(graph, graph.matrix_input("features", len(FEATURES)))
    graph.output("scores", scores, NUMBER, ["N", *outputs])
    return graph.build()


@every_network
def test_it_keeps_the_epoch_that_validation_rows_like_best(kind: str) -> None:
    fitted = fit_model(model(kind, epochs=40, patience=3, dropout=0.0), rows(count=80), rows(seed=1), context())
    assert fitted.notes["stopping_metric"] == "rmse" and not fitted.notes["greater_is_better"]
    assert fitted.notes["iterations"] < fitted.notes["iterations_tried"] == len(fitted.curve) < 40
    best = min(fitted.curve, key=lambda entry: (entry["validation"], entry["iteration"]))
    assert best["iteration"] == fitted.notes["iterations"]
    other = rows(seed=1)
    error = np.sqrt(np.mean((fitted.predict(other.features) - other.target) ** 2))
    assert error == pytest.approx(best["validation"], rel=1e-4), "the curve is of what is predicted"


@every_network
def test_fewer_epochs_of_a_fit_are_the_fit_of_fewer_epochs(kind: str) -> None:
    part = model(kind)
    whole = fit_model(part, rows(), rows(seed=1), context())
    short = fit_model(with_iterations(part, 3), rows(), None, context())
    assert graph_of(shortened(whole, 3)) == graph_of(short) != graph_of(whole)


@every_network
def test_folds_agree_on_one_number_of_epochs(kind: str) -> None:
    samples = rows()
    held = np.arange(600) % 3
    folds = [Fold(held != number, held == number) for number in range(3)]
    found = cross_validate(
        model(kind),
        lambda fold: (taken(samples, fold.learn), taken(samples, fold.held), FEATURES),
        folds,
        context(),
        Silent(),
    )
    assert found.iterations and 1 <= found.iterations <= 8
    assert np.mean((found.predictions - samples.target) ** 2) < 0.5 * np.var(samples.target)


@every_network
@pytest.mark.parametrize("objective", ["squared_error", "absolute_error", "huber"])
def test_an_objective_of_the_middle_is_what_is_fitted(kind: str, objective: str) -> None:
    fitted = fit_model(model(kind, objective=objective, epochs=16), rows(), rows(seed=1), context())
    other = rows(seed=2)
    assert np.mean((fitted.predict(other.features) - other.target) ** 2) < 0.5 * np.var(other.target)


@every_network
@pytest.mark.parametrize("quantile", [0.1, 0.9])
def test_a_quantile_has_its_share_of_rows_below_it(kind: str, quantile: float) -> None:
    part = model(kind, objective="quantile", quantile=quantile, epochs=20)
    fitted = fit_model(part, rows(), rows(seed=1), context())
    other = rows(seed=2)
    assert np.mean(other.target <= fitted.predict(other.features)) == pytest.approx(quantile, abs=0.07)


def test_task_quantile_has_one_network_for_each() -> None:
    fitted = fit_model(model("mlp"), rows(), rows(seed=1), context("quantile", quantiles=(0.2, 0.8)))
    low, high = fitted.predict(rows(seed=2).features).T
    assert (low <= high).all() and (high - low).mean() > 20


@every_network
def test_balanced_weights_raise_the_rare_class(kind: str) -> None:
    rare = classes(share=0.1)
    plain, balanced = (
        fit_model(model(kind, class_weight=weight), rare, None, context("binary")).predict(rare.features)[:, 1].mean()
        for weight in (None, "balanced")
    )
    assert balanced > plain + 0.1


@every_network
def test_what_it_cannot_be_fitted_to_is_refused(kind: str) -> None:
    with pytest.raises(SpecError, match="has no objective: poisson"):
        fit_model(model(kind, objective="poisson"), rows(), None, context())
    with pytest.raises(SpecError, match="class_weight is for classes"):
        fit_model(model(kind, class_weight="balanced"), rows(), None, context())
    with pytest.raises(DataError, match="left the numbers"):
        fit_model(model(kind, learning_rate=1.0, hidden=64, layers=8, weight_decay=10), rows(), None, context())


@every_network
def test_a_graph_holds_each_weight_once_in_four_bytes(kind: str) -> None:
    wide = {"hidden": 128, "members": 8} if kind == "tabm" else {"hidden": 128}
    fitted = fit_model(model(kind, epochs=1, **wide), rows(), None, context())
    assert len(graph_of(fitted)) < 4 * 1.3 * (128 * 128 + 60 * 128) + (60_000 if kind == "tabm" else 10_000)


@every_network
def test_without_bins_each_number_is_one_input(kind: str) -> None:
    fitted = fit_model(model(kind, bins=None), rows(), rows(1), context())
    assert fitted.encoding.origins == ("age", "noise", "age", *["colour"] * 6), "numbers, a flag of missing, codes"
    assert len(fit_model(model(kind), rows(), rows(1), context()).encoding.origins) > 30


@every_network
def test_a_killed_fit_goes_on_and_another_fit_does_not_take_its_checkpoint(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = model(kind)
    from modelwright.learning import dense, loop

    monkeypatch.setattr(loop, "CHECKPOINT_EVERY_S", 0.0)
    kept = context(checkpoints=tmp_path)
    whole = graph_of(fit_model(part, rows(), rows(seed=1), context()))
    loss, steps = dense.DenseTask.loss, [0]

    def interrupted(self: Any, *given: Any) -> Any:
        steps[0] += 1
        if steps[0] == 60:
            raise KeyboardInterrupt
        return loss(self, *given)

    monkeypatch.setattr(dense.DenseTask, "loss", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit_model(part, rows(), rows(seed=1), kept)
    assert graph_of(fit_model(part, rows(), rows(seed=1), kept)) == whole
    assert steps[0] == 60 + 8 * 12 - 48, "4 of 8 epochs are not repeated"
    for samples, other in ((rows(), replace(kept, seed=2)), (rows(seed=3), kept)):
        fit_model(part, samples, rows(seed=1), other)
    assert len(list(tmp_path.iterdir())) == 3


@every_network
def test_an_earlier_fit_is_continued(kind: str, tmp_path: Path) -> None:
    part = model(kind, epochs=4)
    earlier = fit_model(part, rows(), None, context())
    earlier.save_native(tmp_path)
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    goes_on = context(start=Start("train/v0001", files, earlier.notes))
    held = fit_model(model(kind, iterations=1, learning_rate=1e-9), rows(seed=3), None, goes_on)
    np.testing.assert_allclose(held.predict(rows().features), earlier.predict(rows().features), rtol=1e-5)
    later = rows(seed=3)
    error = {}
    for name, start in (("continued", goes_on), ("anew", context())):
        found = fit_model(part, later, None, start).predict(rows(seed=4).features)
        error[name] = np.mean((found - rows(seed=4).target) ** 2)
    assert error["continued"] < error["anew"]
    with pytest.raises(SpecError, match="another shape"):
        fit_model(model(kind, hidden=17), later, None, goes_on)


def test_without_torch_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (*TABLES, "autoencoder"):
        part = catalog.load("models", kind).model_validate({"kind": kind})
        monkeypatch.setitem(sys.modules, "torch", None)
        with pytest.raises(ResourceError, match="torch is not installed") as caught:
            part.fit(rows(), None, context())
        assert "pip install 'modelwright[networks]'" in str(caught.value)


def test_what_is_fitted_predicts_without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = fit_model(model("tabm"), rows(), None, context())
    for name in [name for name in sys.modules if name.partition(".")[0] == "torch"]:
        monkeypatch.setitem(sys.modules, name, None)
    shown = Scorer(graph_of(fitted)).run({"features": rows(seed=2).features})["scores"]
    np.testing.assert_allclose(fitted.predict(rows(seed=2).features), shown, rtol=1e-12)


def test_no_rows_are_no_predictions() -> None:
    fitted = fit_model(model("tabm"), classes(), None, context("binary"))
    assert Scorer(graph_of(fitted, (2,))).run({"features": np.empty((0, 3))})["scores"].shape == (0, 2)
    assert fitted.predict(np.empty((0, 3))).shape == (0, 2)


def test_an_autoencoder_sees_what_breaks_a_bent_pattern() -> None:
    """Rows on a parabola, and some off it whose values are all common: straight components don't see those."""
    random = np.random.default_rng(0)
    along = random.uniform(-2, 2, 1500)
    learn = np.column_stack([along, along**2]) + 0.05 * random.normal(size=(1500, 2))
    names = (Feature("x"), Feature("y"))
    strange = np.column_stack([random.uniform(-1, 1, 50), random.uniform(2.5, 3.5, 50)])
    pytest.importorskip("torch", reason="torch is not installed", exc_type=ImportError)
    ranks = {}
    for kind, settings in (("autoencoder", {"code": 1, "batch_size": 64}), ("pca_reconstruction", {"components": 1})):
        part = catalog.load("models", kind).model_validate({"kind": kind, **settings})
        empty = np.empty((1500, 0))
        fitted = fit_model(part, Samples(learn, empty), None, FitContext("anomaly", 0, names, "", 1, 1))
        common, odd = fitted.predict(learn), fitted.predict(strange)
        ranks[kind] = float(np.mean(odd[:, None] > common[None, :]))
    assert ranks["autoencoder"] > 0.98 > ranks["pca_reconstruction"] + 0.2
