"""The rules of the house that a machine can keep."""

import ast
import importlib
import re
from pathlib import Path

import pytest

import modelwright

SOURCE = Path(modelwright.__file__).parent
ROOT = Path(__file__).parents[2]
MODULES = sorted(SOURCE.rglob("*.py"))
LONGEST_FILE, LONGEST_FUNCTION = 300, 60
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "processor"}
FORBIDDEN = {"pickle", "joblib", "cloudpickle", "dill", "shelve", "marshal"}


def name(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_file_is_short_says_why_it_exists_and_has_a_telling_name(path):
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= LONGEST_FILE
    assert ast.get_docstring(ast.parse(text)), "a module opens with one sentence on why it exists"
    assert path.stem not in VAGUE


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_functions_fit_on_a_screen(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length < LONGEST_FUNCTION, f"{node.name} has {length} lines"


OWN_CODE = "parts/own_code.py"  # runs the file that {kind: python} names: what a spec's author asks for


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_nothing_is_pickled_or_evaluated(path):
    """S1 and S15: no pickle in any dress, no eval, no unsafe YAML."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            assert not {alias.name.split(".")[0] for alias in node.names} & FORBIDDEN
        if isinstance(node, ast.ImportFrom) and node.module:
            assert node.module.split(".")[0] not in FORBIDDEN
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called != "exec" or name(path) == OWN_CODE
            assert called not in {"eval", "torch.load", "yaml.load", "yaml.unsafe_load", "pd.read_pickle"}
            assert "allow_pickle" not in {keyword.arg for keyword in node.keywords}


@pytest.mark.parametrize("stage", ["prepare", "train", "tune", "evaluate", "export", "serve", "monitor"])
def test_stage_offers_plan_and_run_and_never_prints(stage):
    module = importlib.import_module(f"modelwright.stages.{stage}")
    assert callable(module.plan) and callable(module.run) and callable(module.result)
    assert "print(" not in (SOURCE / "stages" / f"{stage}.py").read_text("utf-8")


def test_readme_tree_equals_the_docstrings_of_the_rooms():
    drawn = dict(re.findall(r"^  (\w+)/\s+(.+)$", (ROOT / "README.md").read_text("utf-8"), flags=re.MULTILINE))
    rooms = {
        folder.name: ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8")))
        for folder in SOURCE.iterdir()
        if (folder / "__init__.py").exists()
    }
    assert {room: drawn.get(room) for room in rooms} == rooms


def test_top_level_holds_nothing_unexpected():
    allowed = {
        *("pyproject.toml", "README.md", "src", "configs", "tests", "scripts", "Makefile", ".ci", ".github", "docs"),
        *("CHANGELOG.md", "constraints.txt", "LICENSE", ".git", ".gitignore"),
    }
    ignored = set((ROOT / ".gitignore").read_text("utf-8").replace("/", "").split())
    found = {path.name for path in ROOT.iterdir()}
    assert {entry for entry in found - allowed - ignored if not entry.endswith(".egg-info")} == set()
