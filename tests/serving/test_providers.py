"""What runs the graph is what the spec names, or an error."""

from __future__ import annotations

import logging

import pytest

from modelwright.core.errors import ResourceError
from modelwright.graph.running import Scorer
from modelwright.serving.model import ServedModel
from modelwright.serving.providers import opened
from modelwright.serving.settings import Limits


@pytest.fixture(autouse=True)
def _no_card(bundle):
    if len(Scorer(bundle.model, ["CUDAExecutionProvider"]).providers) > 1:
        pytest.skip("this machine has a graphics card that ONNX Runtime can use")


@pytest.mark.parametrize("wanted", [["cuda"], ["tensorrt", "cuda", "cpu"]])
def test_a_provider_that_is_not_there_is_refused(bundle, wanted):
    with pytest.raises(ResourceError) as refused:
        opened(bundle.model, wanted, fallback=False)
    (problem,) = refused.value.problems
    assert wanted[0] in problem.message
    assert "serve.fallback: true" in problem.hint


def test_the_processor_goes_on_alone_where_the_spec_allows_it(bundle, model, row, caplog):
    with caplog.at_level(logging.WARNING):
        allowed = ServedModel(
            bundle.signature, bundle.model, version=1, limits=Limits(), providers=["tensorrt", "cuda"], fallback=True
        )
    assert "serving without tensorrt, cuda" in caplog.text
    rows = model.decoder.convert([row])
    assert allowed.score(rows).answers["probability"].tolist() == model.score(rows).answers["probability"].tolist()


def test_a_server_that_lacks_its_card_ends_with_exit_code_5(start):
    server = start(providers=("cuda",))
    assert server.failure["exit_code"] == 5
    assert "cuda" in server.failure["problems"][0][0]
    assert start(providers=("cuda", "cpu"), fallback=True).url
