"""Reports are whole in themselves, the same every time, and nothing that a user wrote can break out of its place."""

import re

import numpy as np
import pytest

from modelwright.core.columns import Column, Schema
from modelwright.parts.predictions import Predictions
from modelwright.reports import charts
from modelwright.reports.evaluate import evaluate_report, guess, plain_words
from modelwright.reports.model_card import model_card
from modelwright.reports.monitor import monitor_report
from modelwright.reports.page import alike, figure
from modelwright.reports.tune import tune_report

EVIL = "</script><img src=x onerror=alert(1)>|`{{7*7}}"
INTERVAL = {"value": 0.81, "low": 0.78, "high": 0.84, "confidence": 0.95, "rows": 400}


def evaluation(classes):
    metrics = (
        {"roc_auc": INTERVAL, "accuracy": INTERVAL} if classes else {"rmse": INTERVAL, "mae": INTERVAL, "r2": INTERVAL}
    )
    directions = {name: "lower" if name in ("rmse", "mae") else "higher" for name in metrics}
    slices = [
        {"column": EVIL, "value": EVIL, "rows": 60, "metrics": metrics},
        {"column": "city", "value": "kyiv", "rows": 4, "metrics": None},
    ]
    gate = {"name": "threshold " + EVIL, "outcome": "failed", "passed": False, "message": EVIL, "gate": {}}
    comparison = {
        "model": "export/v0001",
        "alias": "champion",
        "metric": "rmse",
        "score": 1.0,
        "other_score": 2.0,
        "improvement": INTERVAL,
        "rows": 100,
    }
    task = {"kind": "binary" if classes else "regression", "target": EVIL, "positive": None}
    return {
        "name": "rides",
        "task": task,
        "model": {"kind": "ridge", "importance": {EVIL: 0.7, "city": 0.3}, "contains_rows": True},
        "train": "train/v0001",
        "scored": "the test rows",
        "rows": 400,
        "metrics": metrics,
        "directions": directions,
        "slices": slices,
        "comparison": [comparison],
        "gates": [gate],
        "guess": {"answer": EVIL, "score": 0.6} if classes else {"answer": 30.0, "score": 4.0},
    }


def predictions(classes):
    random = np.random.default_rng(0)
    if not classes:
        truth = random.normal(30, 5, 400)
        return Predictions(truth, None, None, truth + random.normal(0, 2, 400))
    probability = random.dirichlet(np.ones(2), 400)
    truth = (random.random(400) < probability[:, 1]).astype(float)
    return Predictions(truth, (probability[:, 1] > 0.5).astype(float), probability, None)


def schema(classes):
    columns = (
        Column(EVIL, "text" if classes else "number", "target"),
        Column("city", "category", categories=(EVIL, "b")),
    )
    return Schema(columns, (EVIL, "other") if classes else None)


def tuning():
    trials = [
        {"number": n, "parameters": {"rate": 0.1 * n + 0.01, EVIL: EVIL}, "score": 1.0 / (n + 1), "error": None}
        for n in range(6)
    ]
    failed = {"number": 6, "parameters": {"rate": 9, EVIL: "x"}, "score": None, "error": EVIL}
    return {
        "name": "rides",
        "model": EVIL,
        "metric": "rmse",
        "direction": "lower",
        "trials": [*trials, failed],
        "best": trials[-1],
        "first": trials[0],
        "stopped": "7 trials",
        "rows": "validation rows",
    }


def monitoring():
    column = {
        "column": EVIL,
        "type": "category",
        "test": "chi2",
        "effect": 0.3,
        "lower_bound": 0.2,
        "p_value": 0.0,
        "adjusted_p": 0.0,
        "status": "alert",
        "reference_missing": 0.0,
        "current_missing": 0.1,
        "unseen": 0.05,
    }
    pictures = [
        {"column": EVIL, "categories": [EVIL, "b"], "edges": None, "reference": [0.4, 0.6], "current": [0.8, 0.2]},
        {"column": "x", "categories": None, "edges": [0.0, 1.0], "reference": [0.5, 1.0], "current": [0.1, 1.0]},
    ]
    metric = {"status": "alert", "current": INTERVAL, "reference": INTERVAL}
    return {
        "name": "rides",
        "model": "export/v0001",
        "rows": 500,
        "window": EVIL,
        "drift": {"columns": [column], "alpha": 0.01, "effect": 0.05},
        "performance": {"metrics": {"rmse": metric}, "labelled": 10, "rows": 500, "why": ""},
        "decision": {"status": "alert", "reasons": [EVIL], "retrain": True, "why": EVIL},
        "pictures": pictures,
    }


PAGES = {
    "regression": lambda: evaluate_report(evaluation(False), predictions(False), schema(False)),
    "classification": lambda: evaluate_report(evaluation(True), predictions(True), schema(True)),
    "tune": lambda: tune_report(tuning()),
    "monitor": lambda: monitor_report(monitoring()),
}
every_page = pytest.mark.parametrize("page", sorted(PAGES))


@every_page
def test_same_facts_give_the_same_bytes(page, monkeypatch):
    monkeypatch.setattr("modelwright.reports.page.to_svg", charts.to_svg)  # drawn twice indeed
    assert PAGES[page]() == PAGES[page]()


@every_page
def test_what_users_wrote_is_shown_and_never_becomes_markup(page):
    text = PAGES[page]().decode()
    assert "&lt;/script&gt;" in text
    assert "<script" not in text and "</script" not in text and "49" not in re.findall(r"\{\{.*?\}\}", text)
    assert not re.search(r"<img(?![^>]*src=\"data:)", text)
    assert "{{7*7}}" in text


@every_page
def test_page_is_self_contained_and_forbids_everything_else(page):
    text = PAGES[page]().decode()
    assert "default-src 'none'" in text
    assert not re.search(r"(?:src|href)=\"(?!data:)", text)


def test_model_card_keeps_text_in_its_cell():
    card = model_card(evaluation(True), schema(True)).decode()
    assert "<img" not in card and "\\|" in card
    assert "did not pass 1 of 1 gates" in card


@every_page
def test_the_style_is_css_and_not_escaped(page):
    assert "&#34;" not in PAGES[page]().decode().partition("</style>")[0]


def test_figures_to_be_compared_have_the_same_decimals():
    assert alike(0.81, 0.785985, 0.8333) == ["0.8100", "0.7860", "0.8333"]
    assert alike(1489.0, 1370.4, None) == ["1,489", "1,370", "–"]
    assert alike(0.0, float("nan")) == ["0", "–"]
    assert figure(1060.0, 3) == "1,060"


def test_the_summary_says_what_a_constant_answer_would_reach():
    truth = np.array([0.0] * 7 + [1.0] * 3)
    two = Schema((Column("y", "text", "target"),), ("no", "yes"))
    classes = Predictions(truth, truth, np.column_stack([1 - truth, truth]), None)
    assert guess(classes, two, {"positive": None}) == {"answer": "no", "score": 0.7}
    assert guess(classes, two, {"positive": "no"}) == {"answer": "yes", "score": 0.7}
    values = Predictions(np.array([1.0, 2.0, 6.0]), None, None, np.zeros(3))
    assert guess(values, two, {}) == {"answer": 2.0, "score": pytest.approx(5 / 3)}
    assert "Always answering 30 would be off by 4." in " ".join(plain_words(evaluation(False)))


def test_the_monitoring_summary_says_what_moved_in_plain_words():
    facts = monitoring()
    facts["pictures"] = [
        {
            "column": "weather",
            "categories": ["dry", "snow"],
            "edges": None,
            "reference": [0.9, 0.1],
            "current": [0.6, 0.4],
        },
        {
            "column": "km",
            "categories": None,
            "edges": [1.0, 2.0, 9.0],
            "reference": [0.5, 0.9, 1],
            "current": [0, 0.6, 1],
        },
    ]
    page = monitor_report(facts).decode()
    assert "weather: dry went from 90% to 60% of the rows." in page
    assert "km: half of the rows lay below 1; now half lie below 2." in page
    assert "rmse was 0.8100, now it is 0.8100" in page
