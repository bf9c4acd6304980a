"""What the `serve` section refuses, each with its place and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelwright.core.errors import SpecError
from modelwright.spec.load import load

SPEC = """
name: double
task: {kind: regression, target: y}
prepare: {source: {kind: csv, path: x.csv}}
serve: {log: {folder: logs}}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    (tmp_path / "spec.yaml").write_text(SPEC)
    return tmp_path / "spec.yaml"


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("serve.routes={champion: {weight: 0}, challenger: {weight: 0}}", "at least one route needs a weight above 0"),
        ("serve.canary={alias: champion}", "canary.alias: 'champion' has another job already"),
        ("serve.shadow={alias: champion}", "shadow.alias: 'champion' has another job already"),
        ("serve.canary={steps: [5, 1]}", "serve.canary.steps: each step must be larger than the one before"),
        ("serve.canary={steps: [5, 5]}", "each step must be larger"),
        ("serve.canary={steps: []}", "serve.canary.steps"),
        ("serve.canary={steps: [0]}", "serve.canary.steps"),
        ("serve.canary={steps: [101]}", "serve.canary.steps"),
        ("serve.canary={step: [1]}", 'unknown key; did you mean "steps"?'),
        ("serve.canary={alias: v0003/x}", "serve.canary.alias"),
        ("serve.shadow={share: 0}", "serve.shadow.share"),
        ("serve.shadow={max_cpu_share: 2}", "serve.shadow.max_cpu_share"),
        ("serve.cache={max_mb: 0}", "serve.cache.max_mb"),
        ("serve.cors=['app.example.com']", "serve.cors"),
        ("serve.cors=['https://app.example.com/path']", "serve.cors"),
        ("serve.rate_limit={burst: 5}", "serve.rate_limit.per_s"),
        ("serve.tls={cert: a.crt}", "serve.tls.key"),
        ("serve.admin_token=sesame", "serve.admin_token: secrets come from the environment"),
        ("serve.metrics_token=sesame", "serve.metrics_token: secrets come from the environment"),
    ],
)
def test_what_can_not_work_is_refused(spec, override, words):
    with pytest.raises(SpecError) as caught:
        load(spec, [override])
    assert words in str(caught.value)


@pytest.mark.parametrize("section", ["canary", "shadow"])
def test_canary_and_shadow_need_a_log(spec, section):
    with pytest.raises(SpecError, match=f"{section} needs log"):
        load(spec, ["~serve.log", f"serve.{section}={{}}"])


def test_canary_and_shadow_can_not_share_an_alias(spec):
    with pytest.raises(SpecError, match=r"shadow.alias: 'next' has another job already"):
        load(spec, ["serve.canary={alias: next}", "serve.shadow={alias: next}"])


def test_the_defaults_are_careful(spec):
    serve = load(spec, ["serve.canary={}", "serve.shadow={}"]).spec.serve
    assert serve.canary and serve.canary.steps == [1, 5, 25, 100]
    assert serve.shadow and serve.shadow.max_cpu_share == 0.25
    assert (serve.cache, serve.cors, serve.rate_limit, serve.tls, serve.admin_token) == (None, [], None, None, None)
