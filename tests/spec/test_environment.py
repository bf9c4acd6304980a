"""`${env:NAME}`: the name is recorded, the value never is (SAFETY S14)."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

CANARY = "canary-3fd1"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", CANARY)
    monkeypatch.setenv("PORT", "9001")
    monkeypatch.setenv("NUMBER", "2026")
    monkeypatch.delenv("UNSET", raising=False)


@pytest.mark.usefixtures("environment")
def test_values_take_the_type_that_the_schema_wants(load_spec: Any) -> None:
    extra = "serve:\n  port: ${env:PORT}\n  log: {folder: 'logs/${env:NUMBER}'}\n"
    loaded = load_spec("name=${env:NUMBER}", extra=extra)
    assert (loaded.spec.serve.port, loaded.spec.name) == (9001, "2026")
    assert loaded.spec.serve.log.folder == "logs/2026"
    assert loaded.env_names == ("NUMBER", "PORT")


@pytest.mark.usefixtures("environment")
def test_the_resolved_text_holds_the_reference(load_spec: Any) -> None:
    loaded = load_spec(extra="serve:\n  port: ${env:PORT}\n  token: ${env:SECRET}\n")
    assert "port: ${env:PORT}" in loaded.text
    assert "token: ${env:SECRET}" in loaded.text
    assert "9001" not in loaded.text


@pytest.mark.usefixtures("environment")
def test_defaults_stand_in_for_what_is_not_set(load_spec: Any) -> None:
    loaded = load_spec(extra="serve: {port: '${env:UNSET:-7000}', host: '${env:UNSET:-localhost}'}\n")
    assert (loaded.spec.serve.port, loaded.spec.serve.host) == (7000, "localhost")


@pytest.mark.usefixtures("environment")
def test_a_missing_variable_is_located_beside_all_other_problems(said: Any) -> None:
    lines = said(extra="serve:\n  port: ${env:UNSET}\nseed: many\n")
    assert lines[0] == "rides.yaml:14:9: serve.port: the environment variable UNSET is not set"
    assert any("seed: should be a valid integer" in line for line in lines)


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("text", ["${PORT}", "${env:}", "${env:A B}", "x${", "${ENV:PORT}"])
def test_other_dollar_signs_are_not_guessed_at(said: Any, text: str) -> None:
    lines = said(extra=f"serve:\n  host: '{text}'\n")
    assert "is not understood" in lines[0]


@pytest.mark.usefixtures("environment")
def test_a_secret_never_shows_itself(load_spec: Any) -> None:
    spec = load_spec(extra="serve: {token: '${env:SECRET}', host: 0.0.0.0}\n").spec
    token = spec.serve.token
    assert token.reveal() == CANARY
    assert token.matches(CANARY)
    assert not token.matches("other")
    shown = [repr(token), str(token), f"{token}", repr(spec), spec.model_dump_json(), repr(spec.model_dump())]
    assert all(CANARY not in text and "${env:SECRET}" in text for text in shown)
    for copied in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="not written"):
            copied(token)


@pytest.mark.usefixtures("environment")
def test_a_secret_is_not_written_into_the_spec(said: Any) -> None:
    lines = said(extra=f"serve: {{token: {CANARY}}}\n")
    assert lines == ["rides.yaml:13:16: serve.token: secrets come from the environment; write ${env:NAME}"]


@pytest.mark.usefixtures("environment")
def test_errors_show_the_reference_and_not_the_value(said: Any) -> None:
    lines = said(extra="seed: ${env:SECRET}\nserve:\n  port: ${env:SECRET}\n")
    assert all(CANARY not in line for line in lines)
    assert lines[0].endswith("got '${env:SECRET}'")
