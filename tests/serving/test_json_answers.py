"""Answers that are put together from columns are the JSON that an encoder writes of the same rows."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from modelwright.core.outputs import Output
from modelwright.serving.protocols.json_answers import JsonAnswers

ODD = 'a "quoted", 100 %b\n ключ'


@pytest.mark.parametrize(
    ("output", "values"),
    [
        (Output("prediction", "number"), np.array([1.5, -0.0, np.nan, 1e300, np.inf])),
        (Output("prediction", "integer"), np.array([3, -7])),
        (Output("flag", "boolean"), np.array([True, False])),
        (Output(ODD, "text"), np.array(["yes", ODD, "", "yes"], object)),
        (Output("probability", "number", ("no", ODD)), np.array([[0.25, 0.75], [1 / 3, 2 / 3], [np.nan, 0.0]])),
        (Output("probability", "number", ("only",)), np.array([[0.25], [0.5]])),
    ],
)
def test_a_row_is_what_an_encoder_writes(output, values):
    listed = values.tolist()
    if output.labels:
        listed = [dict(zip(output.labels, row, strict=True)) for row in listed]
    expected = [msgspec.json.encode({output.name: value, "again": value}) for value in listed]
    again = Output("again", output.type, output.labels)
    assert JsonAnswers([output, again]).rows({output.name: values, "again": values}) == expected
