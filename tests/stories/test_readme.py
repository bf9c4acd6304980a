"""What README and docs say is so: their links, commands, options, exit codes and specs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from modelwright.cli import app
from modelwright.core import errors
from modelwright.parts import catalog

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [README, *DOCS]
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"^```\w*\n(.+?)^```|`(modelwright [^`\n]+)`", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^(?:\$ )?modelwright ((?:[a-z]+ ?)+|--\w+)([^\n]*)", re.MULTILINE)
EXITS = {error.exit_code for error in errors.ModelwrightError.__subclasses__()}
EXITS |= {0, 1, errors.GATE_FAILED, errors.ALERT_RAISED, app.INTERRUPTED, app.TERMINATED}
STAGES = ("prepare", "train", "tune", "evaluate", "export", "serve", "monitor")


def name(path: Path) -> str:
    return path.name


def headings(page: Path) -> set[str]:
    """The anchors of a page, as GitHub makes them."""
    found = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_relative_link_leads_to_a_file_and_a_heading(page):
    for link in LINK.findall(page.read_text("utf-8")):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.is_relative_to(ROOT) and target.exists(), link
        assert not anchor or anchor in headings(target), link


def test_the_index_lists_every_page():
    listed = set(LINK.findall((ROOT / "docs" / "README.md").read_text("utf-8")))
    assert {page.name for page in DOCS} - {"README.md"} == {link for link in listed if "/" not in link}


def commands() -> Iterator[tuple[str, str, str]]:
    for page in PAGES:
        if page.name != "spec.md":
            for fence, span in CODE.findall(page.read_text("utf-8")):
                for words, rest in COMMAND.findall(fence or span):
                    yield page.name, words.strip(), rest


def test_every_command_and_option_named_exists():
    found = list(commands())
    assert {words.split()[0] for _, words, _ in found} >= {
        *STAGES,
        "init",
        "check",
        "run",
        "runs",
        "predict",
        "retrain",
    }
    for page, words, rest in found:
        first, *others = words.split()
        if first.startswith("--"):
            continue
        assert first in app.COMMANDS, f"{page}: modelwright {words}"
        command = app.command(first)
        if others and hasattr(command, "commands"):
            assert others[0] in command.commands, f"{page}: modelwright {words}"
            command = command.commands[others[0]]
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        for option in re.findall(r"(?<=\s)--[a-z][a-z-]*", rest.partition(" | ")[0].partition(";")[0]):
            assert option in known, f"{page}: modelwright {words} {option}"


def test_every_make_target_named_exists():
    made = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE))
    for page in PAGES:
        assert set(re.findall(r"`make ([a-z]+)", page.read_text("utf-8"))) <= made | set(STAGES)


def test_every_script_and_config_named_exists():
    for page in PAGES:
        for path in re.findall(r"(?<![\w/])((?:scripts|configs|tests)/[\w/]+\.(?:py|yaml))\b", page.read_text("utf-8")):
            assert (ROOT / path).is_file(), f"{page.name}: {path}"


def test_exit_codes_in_readme_and_runs_page_are_those_of_the_code():
    paragraph = README.read_text("utf-8").partition("Exit codes:")[2].partition("\n\n")[0]
    assert {int(code) for code in re.findall(r"\b(\d+)(?:/| [a-z(])", paragraph)} == EXITS
    cells = re.findall(r"^\| ([\d, ]+) \|", (ROOT / "docs" / "runs.md").read_text("utf-8"), flags=re.MULTILINE)
    assert {int(code) for cell in cells for code in cell.split(", ")} == EXITS


@pytest.mark.parametrize("stage", STAGES)
def test_exit_codes_on_a_stage_page_are_known_and_its_own(stage):
    paragraph = (ROOT / "docs" / f"{stage}.md").read_text("utf-8").partition("Exit codes:")[2].partition("\n\n")[0]
    codes = {int(code) for code in re.findall(r"(?:^|· |/)\s*(\d+)\b", paragraph.strip())}
    assert {0, 2} <= codes <= EXITS
    assert (errors.GATE_FAILED in codes) == (stage == "evaluate")
    assert (errors.ALERT_RAISED in codes) == (stage == "monitor")


@pytest.fixture
def churn(tmp_path, monkeypatch) -> Path:
    """The spec in the README, as a file beside data that fits."""
    monkeypatch.chdir(tmp_path)
    (text,) = re.findall(r"```yaml\n(.+?)```", README.read_text("utf-8"), flags=re.DOTALL)
    Path("data").mkdir()
    Path("data", "one.csv").write_text("customer_id,region,calls,churn\n1,north,3,yes\n")
    path = Path("churn.yaml")
    path.write_text(text)
    return path


def test_the_spec_in_the_readme_is_a_valid_one(churn, capfd):
    assert app.run(["check", str(churn)]) == 0, capfd.readouterr().err
    text = churn.read_text()
    assert set(yaml.safe_load(text)) == {"name", "task", *STAGES} - {"export"}
    for kind in re.search(r"or ([a-z_, ]+)\n", text)[1].split(", "):
        assert kind in catalog.builtin_kinds("models")


def test_the_mistake_in_the_readme_is_answered_as_shown(churn, capfd):
    churn.write_text(churn.read_text().replace("model: {kind: lightgbm}", "model: {kind: lightgbm, leafs: 12}"))
    answer = re.search(r"^\$ modelwright check churn.yaml\n(error: .+)$", README.read_text("utf-8"), flags=re.MULTILINE)
    assert app.run(["check", str(churn)]) == errors.SpecError.exit_code
    assert answer[1] in capfd.readouterr().err
