"""Collecting removes what nothing needs, and nothing else."""

import pytest

from modelwright.core.errors import ArtifactError, LockedError, SpecError
from modelwright.runs.aliases import Aliases
from modelwright.runs.collection import collect, verify
from modelwright.runs.commit import begin
from modelwright.runs.identity import Identity, Input
from modelwright.runs.store import Store


def labels(store: Store) -> list[str]:
    return [
        f"{stage}/v{version:04d}"
        for stage in ("prepare", "train", "evaluate", "export")
        for version in store.versions("rides", stage)
    ]


def chain(make_run, count: int) -> None:
    """`count` times prepare, train, evaluate (beside the champion, export 1) and export."""
    for number in range(count):
        prepare = make_run("prepare", files={"learn.parquet": b"rows %d" % number})
        train = make_run("train", made_from=prepare)
        champion = Input("champion", "export/v0001", "00")
        make_run("evaluate", made_from=train, inputs=(champion,) if number else ())
        make_run("export", made_from=train)


def test_the_newest_stay_with_everything_that_they_were_made_from(store: Store, make_run) -> None:
    old = make_run("prepare")
    for _ in range(3):
        make_run("prepare")
    make_run("train", made_from=old)
    found = collect(store, "rides", keep=2)
    assert list(found.removed) == ["prepare/v0002"]
    assert labels(store) == ["prepare/v0001", "prepare/v0003", "prepare/v0004", "train/v0001"]
    assert found.kept["prepare/v0001"] == "source of train/v0001, newest"


def test_aliased_exports_stay_with_their_ancestors(store: Store, make_run) -> None:
    chain(make_run, 5)
    Aliases(store, "rides").set("shadow", 2)
    found = collect(store, "rides", keep=1)
    stay = {f"{stage}/v0002" for stage in ("prepare", "train", "export")}
    stay |= {f"{stage}/v0005" for stage in ("prepare", "train", "evaluate", "export")}
    assert set(labels(store)) == stay == set(found.kept)
    assert found.kept["export/v0002"] == "shadow" and found.kept["train/v0002"] == "source of export/v0002, shadow"
    assert sum(found.removed.values()) > 0
    assert verify(store, "rides").damaged == {}


def test_the_version_that_a_rollback_brings_back_stays(store: Store, make_run) -> None:
    chain(make_run, 4)
    aliases = Aliases(store, "rides")
    aliases.promote(1)
    aliases.promote(2)
    assert collect(store, "rides", keep=1).kept["export/v0001"] == "rollback"
    assert aliases.rollback() == 1


def test_a_dry_run_says_the_same_and_removes_nothing(store: Store, make_run) -> None:
    chain(make_run, 4)
    before = labels(store)
    said = collect(store, "rides", keep=1, dry_run=True)
    assert labels(store) == before
    done = collect(store, "rides", keep=1)
    assert said == done and not set(done.removed) & set(labels(store))
    assert collect(store, "rides", keep=1).removed == {}


def test_numbers_of_removed_versions_are_not_used_again(store: Store, make_run) -> None:
    chain(make_run, 3)
    collect(store, "rides", keep=1)
    assert make_run("prepare").version == 4


def test_nothing_is_removed_while_a_stage_runs(store: Store, make_run) -> None:
    chain(make_run, 2)
    before = labels(store)
    running = begin(store, Identity("rides", "train", {}, (), 7), spec_text="", threads=1)
    with running, pytest.raises(LockedError, match="train of rides"):
        collect(store, "rides", keep=1)
    assert labels(store) == before


def test_damaged_runs_do_not_push_out_good_ones(store: Store, make_run) -> None:
    for _ in range(5):
        make_run("prepare")
    for version in (2, 4, 5):
        (store.root / f"rides/prepare/v000{version}/manifest.json").write_text("{}")
    found = collect(store, "rides", keep=1)
    assert set(found.removed) == {"prepare/v0001", "prepare/v0002"}
    assert found.kept["prepare/v0003"] == "newest" and found.kept["prepare/v0005"] == "damaged"


def test_with_an_unreadable_ancestor_nothing_is_removed(store: Store, make_run) -> None:
    chain(make_run, 3)
    Aliases(store, "rides").promote(1)
    (store.root / "rides/train/v0001/manifest.json").write_text("{}")
    before = labels(store)
    with pytest.raises(ArtifactError, match=r"train/v0001/manifest\.json"):
        collect(store, "rides", keep=1)
    assert labels(store) == before


def test_an_ancestor_that_is_gone_does_not_hinder(store: Store, make_run) -> None:
    from modelwright.runs.durable import discard

    chain(make_run, 3)
    discard(store.root / "rides/prepare/v0003")
    assert "train/v0003" in collect(store, "rides", keep=1).kept


def test_left_overs_of_a_crash_while_removing_are_swept(store: Store, make_run) -> None:
    chain(make_run, 2)
    run = store.root / "rides/prepare/v0001"
    run.rename(run.with_name(".tmp-v0001-1-crashed"))
    collect(store, "rides", dry_run=True)
    assert list(store.root.rglob(".tmp-*")), "a dry run changes nothing"
    collect(store, "rides")
    assert not list(store.root.rglob(".tmp-*"))


def test_at_least_one_stays(store: Store, make_run) -> None:
    make_run()
    with pytest.raises(SpecError):
        collect(store, "rides", keep=0)


def test_verify_checks_every_run(store: Store, make_run) -> None:
    chain(make_run, 2)
    assert len(verify(store, "rides").intact) == 8
    (store.root / "rides/train/v0001/model.onnx").write_bytes(b"grapf")
    (store.root / "rides/export/v0002/manifest.json").unlink()
    found = verify(store, "rides")
    assert sorted(found.damaged) == ["export/v0002", "train/v0001"] and len(found.intact) == 6
