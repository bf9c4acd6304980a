"""The bootstrap states the uncertainty that is there: right on average, reproducible, fair to repeated entities."""

import numpy as np
from threadpoolctl import threadpool_limits

from modelwright.parts.bootstrap import interval, resample


def mean_of(values):
    return lambda weights: (weights @ values) / weights.sum(axis=1)


def run(values, **options):
    settings = {"weights": None, "groups": None, "resamples": 400, "confidence": 0.9, "seed": 1, **options}
    return interval(mean_of(values), len(values), **settings)


def test_interval_holds_the_true_mean_about_as_often_as_it_says():
    random = np.random.default_rng(3)
    covered = 0
    for seed in range(200):
        found = run(random.normal(10, 2, 80), seed=seed)
        covered += found.low <= 10 <= found.high
    assert 0.83 <= covered / 200 <= 0.96  # 0.9 stated


def test_same_seed_same_interval_and_another_seed_another():
    values = np.random.default_rng(0).normal(size=100)
    assert run(values) == run(values)
    assert run(values) != run(values, seed=2)


def test_repeated_entities_widen_the_interval():
    random = np.random.default_rng(0)
    entity = np.repeat(np.arange(20), 50)
    values = random.normal(size=20)[entity] + 0.1 * random.normal(size=1000)
    alone, grouped = run(values), run(values, groups=entity)
    assert grouped.high - grouped.low > 3 * (alone.high - alone.low)


def test_every_resample_draws_as_many_rows_as_there_are():
    chunks = list(resample(1000, None, 50, seed=0))
    drawn = np.concatenate(chunks)
    assert drawn.shape == (50, 1000)
    assert (drawn.sum(axis=1) == 1000).all()


def test_resamples_do_not_depend_on_how_many_fit_into_memory(monkeypatch):
    whole = np.concatenate(list(resample(50, None, 30, seed=5)))
    monkeypatch.setattr("modelwright.parts.bootstrap.CELLS_AT_ONCE", 50 * 7)
    assert (np.concatenate(list(resample(50, None, 30, seed=5))) == whole).all()


def test_undefined_resamples_are_left_out():
    values = np.array([1.0] + [0.0] * 9)

    def only_with_the_first(weights):
        return np.where(weights[:, 0] > 0, 1.0, np.nan)

    found = interval(only_with_the_first, len(values), weights=None, groups=None, resamples=100, confidence=0.9, seed=0)
    assert (found.low, found.high) == (1.0, 1.0)


def test_the_bits_do_not_depend_on_the_number_of_threads():
    """Linear algebra on two cores adds up in another order than on one."""
    values = np.random.default_rng(0).normal(size=200_000)
    found = []
    for threads in (1, 2, 3):
        with threadpool_limits(threads):
            found.append(run(values, resamples=20))
    assert found[0] == found[1] == found[2]
