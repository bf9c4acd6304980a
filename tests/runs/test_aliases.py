"""Aliases change by compare-and-swap, all at once, and never forget."""

import json
import subprocess
import sys
from itertools import pairwise

import pytest

from modelwright.core.errors import ArtifactError, LockedError, SpecError
from modelwright.runs.aliases import Aliases
from modelwright.runs.store import Store


@pytest.fixture
def aliases(store: Store, make_run) -> Aliases:
    for _ in range(4):
        make_run("export")
    return Aliases(store, "rides")


def test_nothing_is_promoted_by_itself(aliases: Aliases) -> None:
    assert aliases.current() == {} and aliases.history() == [] and aliases.before() is None
    with pytest.raises(ArtifactError, match="no challenger"):
        aliases.promote()


def test_the_challenger_becomes_champion_and_is_challenger_no_longer(aliases: Aliases) -> None:
    assert aliases.promote(1) == 1
    aliases.set("challenger", 2)
    assert aliases.current() == {"champion": 1, "challenger": 2}
    assert aliases.promote(reason="better on 2,000 rows") == 2
    assert aliases.current() == {"champion": 2}
    last = aliases.history()[-1]
    assert (last.action, last.reason, last.changes) == (
        "promote",
        "better on 2,000 rows",
        {"champion": 2, "challenger": None},
    )
    assert last.at.endswith("+00:00")


def test_promoting_another_version_leaves_the_challenger(aliases: Aliases) -> None:
    aliases.set("challenger", 2)
    aliases.promote(3)
    assert aliases.current() == {"champion": 3, "challenger": 2}


def test_rollback_goes_one_back_each_time(aliases: Aliases) -> None:
    for version in (1, 2, 3):
        aliases.promote(version)
    assert [aliases.rollback(), aliases.rollback()] == [2, 1]
    with pytest.raises(ArtifactError, match="no champion before"):
        aliases.rollback()
    aliases.promote(4)
    assert aliases.before() == 1 and aliases.rollback(reason="too slow") == 1
    assert aliases.history()[-1].reason == "too slow"


def test_rollback_after_the_champion_was_removed_brings_it_back(aliases: Aliases) -> None:
    aliases.promote(1)
    aliases.promote(2)
    aliases.set("champion", None)
    assert aliases.current() == {} and aliases.rollback() == 2 and aliases.rollback() == 1


def test_rollback_to_a_version_that_is_gone_changes_nothing(aliases: Aliases) -> None:
    aliases.promote(1)
    aliases.promote(2)
    (aliases.store.root / "rides/export/v0001/model.onnx").unlink()
    with pytest.raises(ArtifactError):
        aliases.rollback()
    assert aliases.current() == {"champion": 2}


def test_a_change_happens_only_when_the_alias_is_what_was_expected(aliases: Aliases) -> None:
    aliases.set("champion", 1, expect=None)
    for expect in (None, 2):
        with pytest.raises(LockedError, match="v0001 by now"):
            aliases.set("champion", 3, expect=expect)
        with pytest.raises(LockedError):
            aliases.promote(3, expect=expect)
    aliases.set("champion", 3, expect=1)
    assert aliases.current() == {"champion": 3} and len(aliases.history()) == 2


def test_saying_it_again_adds_nothing(aliases: Aliases) -> None:
    for _ in range(3):
        aliases.promote(1)
        aliases.set("shadow", 2)
        aliases.set("unknown", None)
    assert len(aliases.history()) == 2


def test_only_intact_exports_can_be_named(aliases: Aliases) -> None:
    with pytest.raises(ArtifactError, match="v0009"):
        aliases.set("champion", 9)
    path = aliases.store.root / "rides/export/v0002/model.onnx"
    path.write_bytes(b"grapf")
    with pytest.raises(ArtifactError, match="damaged"):
        aliases.promote(2)
    assert aliases.history() == []


@pytest.mark.parametrize("alias", ["v0003", "3", "v3", "newest", "", "../x", "Champion", "a b", "a/b"])
def test_what_reads_like_something_else_is_no_alias(aliases: Aliases, alias: str) -> None:
    with pytest.raises(SpecError):
        aliases.set(alias, 1)


def test_the_history_only_grows(aliases: Aliases) -> None:
    seen: list[object] = []
    for change in (
        lambda: aliases.promote(1),
        lambda: aliases.set("challenger", 2),
        lambda: aliases.promote(),
        lambda: aliases.rollback(),
        lambda: aliases.set("shadow", None),
        lambda: aliases.set("shadow", 4),
    ):
        change()
        history = aliases.history()
        assert history[: len(seen)] == seen
        seen = list(history)
    assert len(seen) == 5


@pytest.mark.parametrize("damage", ["truncate", "flip", "edit", "empty"])
def test_a_damaged_history_is_refused(aliases: Aliases, damage: str) -> None:
    aliases.promote(1)
    aliases.promote(2)
    content = aliases.path.read_bytes()
    damaged = {
        "truncate": content[:-20],
        "flip": content.replace(b'"champion": 2', b'"champion": 3'),
        "edit": json.dumps({"history": [], "digest": "0"}).encode(),
        "empty": b"",
    }
    aliases.path.write_bytes(damaged[damage])
    with pytest.raises(ArtifactError, match=r"aliases\.json") as caught:
        aliases.current()
    assert caught.value.exit_code == 4
    if damage in ("flip", "edit"):
        assert str(caught.value).count("sha256") == 1
    with pytest.raises(ArtifactError):
        aliases.promote(3)
    assert aliases.path.read_bytes() == damaged[damage], "nothing is overwritten"


RACING = """
import sys, time
from pathlib import Path
from modelwright.core.errors import LockedError
from modelwright.runs.aliases import Aliases
from modelwright.runs.store import Store
aliases = Aliases(Store(Path(sys.argv[1])), "rides")
won = 0
for turn in range(15):
    while True:
        now = aliases.current()["champion"]
        try:
            aliases.set("champion", now % 4 + 1, expect=now)
        except LockedError:
            time.sleep(0.002)
            continue
        break
print("done")
"""


def test_racing_processes_lose_no_change(aliases: Aliases) -> None:
    aliases.set("champion", 1)
    command = [sys.executable, "-c", RACING, str(aliases.store.root)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate(timeout=60)[0] for process in processes] == ["done\n"] * 4
    versions = [change.changes["champion"] for change in aliases.history()]
    assert len(versions) == 61
    assert all(later == earlier % 4 + 1 for earlier, later in pairwise(versions))


def test_of_two_that_expect_the_same_one_wins(aliases: Aliases) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from modelwright.core.errors import LockedError\n"
        "from modelwright.runs.aliases import Aliases; from modelwright.runs.store import Store\n"
        "try: Aliases(Store(Path(sys.argv[1])), 'rides').set('champion', int(sys.argv[2]), expect=None)\n"
        "except LockedError as error: sys.exit(error.exit_code)\n"
    )
    root = str(aliases.store.root)
    processes = [subprocess.Popen([sys.executable, "-c", code, root, str(version)]) for version in (1, 2, 3, 4)]
    codes = sorted(process.wait(timeout=60) for process in processes)
    assert codes == [0, 6, 6, 6] and len(aliases.history()) == 1
