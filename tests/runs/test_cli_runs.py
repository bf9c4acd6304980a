"""`modelwright runs …`: results on stdout, words on stderr, exit codes."""

import json
import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from modelwright.cli.runs import app
from modelwright.core.errors import ArtifactError, LockedError, ModelwrightError, SpecError
from modelwright.runs.aliases import Aliases
from modelwright.runs.store import Store

Invoke = Callable[..., str]
EVIL = "a\x1b[2Jb"  # would clear the screen


@pytest.fixture
def invoke(store: Store) -> Invoke:
    """Run a command on the store; its stdout, or the typed error that the boundary would report."""

    def run(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(app, [*arguments, "--runs", str(store.root)])
        if isinstance(result.exception, ModelwrightError):
            raise result.exception
        assert result.exit_code == code, result.output
        invoke_errors.append(result.stderr)
        return result.stdout

    invoke_errors: list[str] = []
    run.errors = invoke_errors  # type: ignore[attr-defined]  # what went to stderr, call by call
    return run


@pytest.fixture
def lineage(make_run) -> None:
    prepare = make_run("prepare")
    for value in (5.0, 4.0):
        train = make_run(
            "train",
            made_from=prepare,
            files={"scores.json": json.dumps({"metric": "rmse", "scores": {"rmse": value}}).encode()},
        )
        make_run("export", made_from=train)


def test_list(invoke: Invoke, lineage: None, store: Store, make_run) -> None:
    Aliases(store, "rides").promote(2)
    make_run("train", name="wine")
    rows = [line.split() for line in invoke("list").splitlines()]
    assert rows[0] == ["name", "stage", "version", "time", "score", "aliases"]
    assert [row[:3] for row in rows[1:]] == [
        ["rides", "prepare", "v0001"],
        ["rides", "train", "v0001"],
        ["rides", "train", "v0002"],
        ["rides", "export", "v0001"],
        ["rides", "export", "v0002"],
        ["wine", "train", "v0001"],
    ]
    assert rows[3][-2:] == ["rmse", "4"] and rows[5][-1] == "champion"
    found = json.loads(invoke("list", "wine", "--json"))["runs"]
    assert [(row["name"], row["version"], row["score"]) for row in found] == [("wine", "v0001", None)]
    assert len(json.loads(invoke("list", "rides", "--stage", "train", "--json"))["runs"]) == 2
    with pytest.raises(SpecError, match="did you mean"):
        invoke("list", "--stage", "trian")


def test_an_empty_list_is_no_error(invoke: Invoke) -> None:
    assert json.loads(invoke("list", "--json")) == {"runs": []}
    assert invoke("list").split() == ["name", "stage", "version", "time", "score", "aliases"]


def test_a_damaged_run_is_left_out_of_the_list_with_a_warning(invoke: Invoke, lineage: None, store: Store) -> None:
    (store.root / "rides/train/v0001/manifest.json").write_text("{}")
    assert "train    v0001" not in invoke("list")
    assert "warning: train/v0001 was passed over" in invoke.errors[-1]


def test_show(invoke: Invoke, lineage: None) -> None:
    shown = invoke("show", "train/v0002")
    assert re.search(r"rmse +4\n", shown) and re.search(r"from prepare +prepare/v0001 +[0-9a-f]{12}", shown)
    assert re.search(r"scores\.json +[0-9a-f]{12} +\d+ B", shown)
    facts = json.loads(invoke("show", "rides/train/v0002", "--json"))
    assert facts["figures"] == {"rmse": 4.0} and facts["manifest"]["version"] == 2


def test_diff(invoke: Invoke, lineage: None) -> None:
    assert re.search(r"figure +rmse +5 +4\n", invoke("diff", "train/v0001", "train/v0002"))
    found = json.loads(invoke("diff", "train/v0001", "train/v0002", "--json"))
    assert found["figures"] == {"rmse": [5.0, 4.0]} and found["left"] == "rides/train/v0001"


def test_promote_rollback_and_tag(invoke: Invoke, lineage: None, store: Store) -> None:
    assert invoke("promote", "v0001", "--reason", "first").strip() == str(store.root / "rides/export/v0001")
    assert "champion of rides is v0001, was unset" in invoke.errors[-1]
    assert json.loads(invoke("tag", "challenger", "export/v0002", "--json"))["version"] == 2
    assert json.loads(invoke("promote", "--json")) == {
        "name": "rides",
        "alias": "champion",
        "before": 1,
        "version": 2,
        "path": str(store.root / "rides/export/v0002"),
    }
    invoke("rollback", "--reason", "slow")
    assert Aliases(store, "rides").current() == {"champion": 1}
    assert re.search(r"promote +challenger none, champion 2\n", invoke("tag"))
    assert json.loads(invoke("tag", "--json"))["aliases"] == {"champion": 1}
    assert invoke("tag", "champion", "--remove") == ""
    with pytest.raises(SpecError):
        invoke("tag", "champion")
    with pytest.raises(LockedError):
        invoke("promote", "v0001", "--expect", "v0002")
    invoke("promote", "v0001", "--expect", "none")


def test_gc(invoke: Invoke, lineage: None, store: Store) -> None:
    assert "would remove" in invoke("gc", "--keep", "1", "--dry-run")
    assert store.versions("rides", "train") == [1, 2]
    found = json.loads(invoke("gc", "--keep", "1", "--json"))
    assert sorted(found["removed"]) == ["export/v0001", "train/v0001"] and store.versions("rides", "train") == [2]


def test_verify(invoke: Invoke, lineage: None, store: Store) -> None:
    assert invoke("verify").count("intact") == 5
    assert "intact" in invoke("verify", "train/v0002")
    path = store.root / "rides/train/v0002/scores.json"
    path.write_bytes(b"{}")
    assert "rides/train/v0002" in invoke("verify", code=4)
    assert invoke.errors[-1].count("sha256") == 1 and str(path) in invoke.errors[-1]
    assert list(json.loads(invoke("verify", "--json", code=4))["damaged"]) == ["rides/train/v0002"]
    with pytest.raises(ArtifactError):
        invoke("verify", "train/v0002")


def test_names_from_data_can_not_command_the_terminal(invoke: Invoke, make_run) -> None:
    make_run("train", files={"scores.json": json.dumps({"metric": EVIL, "scores": {EVIL: 0.5}}).encode()})
    assert "a\\x1b[2Jb" in invoke("list") and "\x1b" not in invoke("show", "train/v0001")


def test_an_error_is_one_json_object_and_an_exit_code(store: Store, lineage: None) -> None:
    command = [sys.executable, "-m", "modelwright", "runs", "show", "train/v0009", "--json", "--runs", str(store.root)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 4 and "v0001 to v0002" in done.stderr
    assert json.loads(done.stdout)["error"]["exit_code"] == 4


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from modelwright.cli.runs import app\n"
        "heavy = {'numpy', 'pandas', 'pyarrow', 'duckdb', 'onnx', 'onnxruntime', 'sklearn', 'lightgbm', 'yaml'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
