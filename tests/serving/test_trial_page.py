"""The trial page in a real browser: a form from the signature, an answer, a refusal beside its field, a token."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from modelwright.serving.protocols.trial_page import trial_page
from modelwright.serving.settings import AccessSettings
from serving.chromium import PROGRAM, Chromium

needs_browser = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium here")

VALUES = """Object.fromEntries([...document.querySelectorAll(".field")].map(
  (field) => [field.querySelector("label").textContent, field.querySelector("input, select, textarea").value]))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    opened = Chromium()
    yield opened
    opened.close()


def set_field(name: str, value: str) -> str:
    return f"""(() => {{
      const fields = [...document.querySelectorAll(".field")];
      const field = fields.find((one) => one.querySelector("label").textContent === {name!r});
      const control = field.querySelector("input, select, textarea");
      control.value = {value!r};
      control.dispatchEvent(new Event("input", {{bubbles: true}}));
    }})()"""


PRESS = 'document.getElementById("ask").click()'
ANSWERED = 'document.querySelector(".prediction") !== null'
REFUSED = 'document.querySelector("#answer .wrong") !== null'


def test_the_page_loads_nothing_from_elsewhere_and_runs_only_its_own_script():
    answer = trial_page()
    text = answer.body.decode()
    policy = dict(answer.headers)[b"content-security-policy"].decode()
    assert not re.search(r"https?://|src=|@import|\burl\(", text)
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "innerHTML" not in text
    assert len(answer.body) < 30_000


def test_the_page_is_open_and_tells_nothing_of_the_model(app, asking):
    reply = asking(app, "GET", "/")
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("text/html")
    for secret in (b"clinic", b"income", b"Kyiv"):
        assert secret not in reply.body


@needs_browser
def test_a_form_with_ranges_and_categories_asks_the_model(start_for_module, browser, model, row):
    browser.open(start_for_module().url + "/")
    browser.wait_for('!document.getElementById("trial").hidden')
    assert browser.run('document.querySelector("h1").textContent') == "clinic"
    values = browser.run(VALUES)
    assert list(values) == [field.name for field in model.signature.fields]
    assert values["age"] == "54"
    text = browser.run("document.body.innerText")
    assert "18 to 90, may be empty" in text
    options = browser.run('[...document.querySelectorAll("datalist option")].map((one) => one.value)')
    assert options == ["Kyiv", "Lviv"]
    for name, value in (("age", "41.5"), ("income.$ [k]", "12.25"), ("visits", "3"), ("note", "knee")):
        browser.run(set_field(name, value))
    browser.run(set_field("joined", "2026-01-01T08:00:00"))
    browser.run(PRESS)
    browser.wait_for(ANSWERED)
    assert browser.run('document.querySelector(".prediction").textContent') == "yes"
    moment = browser.run('new Date("2026-01-01T08:00:00").toISOString()')
    expected = model.score(model.decoder.convert([{**row, "joined": moment}])).answers["probability"][0].max()
    assert float(browser.run('document.querySelector(".shares li span:last-child").title')) == expected
    assert '"income.$ [k]": 12.25' in browser.run('document.getElementById("curl").textContent')
    assert browser.errors == []


@needs_browser
def test_a_refusal_is_shown_beside_its_field(start_for_module, browser):
    browser.open(start_for_module().url + "/")
    browser.wait_for('!document.getElementById("trial").hidden')
    browser.run(set_field("note", "knee"))
    browser.run(set_field("visits", "2.5"))
    browser.run(set_field("income.$ [k]", "1"))
    browser.run(PRESS)
    browser.wait_for(REFUSED)
    assert browser.run('document.querySelector(".field.wrong label").textContent') == "visits"
    assert "whole number" in browser.run('document.querySelector(".field.wrong .hint").textContent')


@needs_browser
def test_it_asks_for_the_token_and_sends_it(start_for_module, browser):
    browser.open(start_for_module(access=AccessSettings(predict="sesame")).url + "/")
    browser.wait_for('!document.getElementById("unlock").hidden')
    unlock = 'document.getElementById("token").value = "{}"; document.querySelector("#unlock button").click()'
    browser.run(unlock.format("wrong"))
    browser.wait_for('document.getElementById("locked").textContent !== ""')
    assert browser.run('document.getElementById("trial").hidden')
    browser.run(unlock.format("sesame"))
    browser.wait_for('!document.getElementById("trial").hidden')
    for name, value in (("note", "knee"), ("visits", "2"), ("income.$ [k]", "1")):
        browser.run(set_field(name, value))
    browser.run(PRESS)
    browser.wait_for(ANSWERED)
    curl = browser.run('document.getElementById("curl").textContent')
    assert "Bearer $TOKEN" in curl
    assert "sesame" not in curl
