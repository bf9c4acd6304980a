"""What the report of prepare is drawn from."""

import numpy as np
import pytest

from modelwright.stages.prepare_facts import histogram


@pytest.mark.parametrize("values", [[0, 1] * 50, list(range(24)) * 10, [5] * 9, list(range(-40, 60)), [7, 10**15]])
def test_every_bar_of_whole_numbers_stands_for_equally_many_of_them(values: list[int]) -> None:
    found = histogram(np.sort(np.array(values, np.float64)), whole=True)
    assert found is not None
    widths = {after - before for before, after in zip(found["edges"], found["edges"][1:], strict=False)}
    assert len(widths) == 1 and widths.pop().is_integer()
    assert len(found["counts"]) <= 32
    if len(set(values)) <= 32 and max(values) < 100:
        assert set(found["counts"]) == {len(values) / len(set(values))}, "even values look even"
