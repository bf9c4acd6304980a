"""Runs are found by key, by number, by alias, and only below the store."""

import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.core.errors import ArtifactError, SpecError
from modelwright.core.names import contained
from modelwright.runs.aliases import Aliases
from modelwright.runs.reference import find_run
from modelwright.runs.store import Store

SNEAKY = st.sampled_from(
    [
        "..",
        ".",
        "/",
        "\\",
        "%2e%2e",
        "%252e%252e%252f",
        "\0",
        "a/../..",
        "．．／",
        "‥",
        "a",
        "Ａ",
        "~",
        "$HOME",
        "\n",
        " ",
    ]
)


def test_reading_runs_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from modelwright.runs import aliases, collection, commit, difference, digests, identity, store, reference\n"
        "allowed = {'modelwright'} | set(sys.stdlib_module_names)\n"
        "names = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(name for name in names - allowed if not name.startswith('_')))"
    )
    done = subprocess.run([sys.executable, "-S", "-c", _with_path(code)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _with_path(code: str) -> str:
    import modelwright

    return f"import sys; sys.path.insert(0, {str(Path(modelwright.__file__).parents[1])!r})\n{code}"


@settings(deadline=None)
@given(st.lists(st.one_of(SNEAKY, st.text(max_size=5)), min_size=1, max_size=5).map("".join))
def test_no_name_leads_outside(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    root = tmp_path_factory.getbasetemp() / "contained"
    root.mkdir(exist_ok=True)
    store = Store(root)
    for form in (name, unicodedata.normalize("NFKC", name)):
        for first, second in ((form, "train"), ("rides", form)):
            try:
                folder = store.folder(first, second)
            except SpecError:
                continue
            assert folder.resolve().is_relative_to(root.resolve()) and len(folder.relative_to(root).parts) == 2
        try:
            path = contained(root, form)
        except (SpecError, ValueError):
            continue
        assert path.is_relative_to(root.resolve())


def test_a_name_that_is_a_link_to_elsewhere_is_refused(store: Store, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    store.root.mkdir()
    (store.root / "rides").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SpecError, match="outside"):
        store.folder("rides", "train")


def test_the_newest_run_with_the_key_is_found(store: Store, make_run) -> None:
    make_run(spec="a")
    wanted = make_run(spec="a")
    other = make_run(spec="b")
    assert store.find("rides", "prepare", wanted.manifest.key) == wanted
    assert store.newest("rides", "prepare") == other
    assert store.find("rides", "prepare", "0" * 64) is None
    assert store.newest("rides", "tune") is None


@pytest.mark.parametrize("reference", [2, "2", "v2", "v0002", "train/v0002", "train/2"])
def test_a_version_is_meant_by_its_number(store: Store, make_run, reference) -> None:
    make_run("train")
    assert make_run("train") == store.resolve("rides", "train", reference)


def test_newest_and_folders_are_references_too(store: Store, make_run, monkeypatch: pytest.MonkeyPatch) -> None:
    make_run("train")
    run = make_run("train")
    assert store.resolve("rides", "train", "newest") == run
    assert store.resolve("rides", "train", str(run.path)) == run
    monkeypatch.chdir(store.root.parent)
    assert store.resolve("rides", "train", "runs/rides/train/v0002") == run


def test_an_alias_means_the_export_and_what_that_was_made_from(store: Store, make_run) -> None:
    train = make_run("train", made_from=make_run("prepare"))
    make_run("train")
    export = make_run("export", made_from=train)
    make_run("export")
    Aliases(store, "rides").promote(export.version)
    assert store.resolve("rides", "export", "champion") == export
    assert store.resolve("rides", "train", "champion") == train
    assert store.resolve("rides", "prepare", "champion").label == "prepare/v0001"
    with pytest.raises(ArtifactError, match="not made from"):
        store.resolve("rides", "tune", "champion")


@pytest.mark.parametrize(
    ("reference", "error"),
    [
        ("v0009", ArtifactError),
        ("challenger", ArtifactError),
        ("prepare/v0001", SpecError),
        ("/etc", SpecError),
        ("../../../etc/v0001", SpecError),
        ("v99999999999999999999", ArtifactError),
    ],
)
def test_a_reference_to_nothing_says_what_there_is(store: Store, make_run, reference: str, error: type) -> None:
    make_run("train")
    with pytest.raises(error):
        store.resolve("rides", "train", reference)


def test_a_missing_run_is_explained(store: Store, make_run) -> None:
    with pytest.raises(ArtifactError) as caught:
        store.open("rides", "train", 1)
    assert "modelwright train SPEC" in str(caught.value)
    make_run("train")
    make_run("train")
    with pytest.raises(ArtifactError) as caught:
        store.open("rides", "train", 7)
    assert "v0001 to v0002" in str(caught.value)


def test_other_files_in_a_stage_folder_are_ignored(store: Store, make_run) -> None:
    folder = make_run().path.parent
    for name in ("v1", "v00x1", "notes.txt", ".tmp-x", "v0001.bak", "V0002"):
        (folder / name).mkdir()
    assert store.versions("rides", "prepare") == [1]


def test_people_name_runs_in_several_ways(store: Store, make_run) -> None:
    train = make_run("train")
    export = make_run("export")
    Aliases(store, "rides").set("champion", 1)
    for reference in ("train/v0001", "rides/train/v0001", "rides/train/1", str(train.path), f"{train.path}/"):
        assert find_run(store, reference) == train
    for reference in ("champion", "rides/champion", "export/newest"):
        assert find_run(store, reference) == export
    for reference in ("v0001", "", "a/b/c/d", "rides/trian/v0001"):
        with pytest.raises(SpecError):
            find_run(store, reference)


def test_with_several_names_one_must_be_said(store: Store, make_run) -> None:
    with pytest.raises(ArtifactError, match="no runs"):
        find_run(store, "train/v0001")
    make_run("train")
    other = make_run("train", name="wine")
    with pytest.raises(SpecError, match="rides, wine"):
        find_run(store, "train/v0001")
    assert find_run(store, "train/v0001", name="wine") == other
    with pytest.raises(ArtifactError, match="did you mean"):
        find_run(store, "train/v0001", name="wines")
