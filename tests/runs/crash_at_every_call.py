"""Run by test_crashes: kills a process that commits, tags and collects at its n-th call of a function, for every n.

Usage: python crash_at_every_call.py FOLDER FUNCTION. Prints how many positions there were.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

from modelwright.runs.aliases import Aliases
from modelwright.runs.collection import collect
from modelwright.runs.commit import begin
from modelwright.runs.identity import Identity
from modelwright.runs.store import Store

MOST_POSITIONS = 200


def work(root: Path, content: bytes) -> None:
    store = Store(root)
    with begin(store, Identity("rides", "export", {}, (), 1), spec_text="name: rides\n", threads=1) as staged:
        staged.write_bytes("model.onnx", content)
        staged.write_bytes("weights/tree.txt", content * 2)
        run = staged.commit()
    Aliases(store, "rides").set("champion", run.version)
    collect(store, "rides", keep=1)


def check(root: Path, position: int) -> None:
    """Every version that can be seen is whole; the alias names one of them."""
    store = Store(root)
    for version in store.versions("rides", "export"):
        run = store.open("rides", "export", version)
        run.verify()
        assert run.read_bytes("weights/tree.txt") == run.read_bytes("model.onnx") * 2, position
    current = Aliases(store, "rides").current()
    if current:
        store.open("rides", "export", current["champion"]).verify()


def die_at(function: str, position: int) -> None:
    original, calls = getattr(os, function), 0

    def counting(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == position:
            if function == "write":  # half of it arrives
                original(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **options)

    setattr(os, function, counting)


def attempt(root: Path, function: str, position: int) -> NoReturn:
    code = 1
    try:
        die_at(function, position)
        work(root, b"content of %d" % position)
        code = 0
    finally:
        os._exit(code)


def recover(root: Path) -> None:
    """The next run succeeds and tidies up; the champion and the one before it stay."""
    newest = Store(root).versions("rides", "export")[-1]
    work(root, b"after a crash")
    check(root, 0)
    versions = Store(root).versions("rides", "export")
    assert len(versions) == 2 and versions[-1] == newest + 1, versions
    orphans = list(root.rglob(".tmp-*"))
    assert not orphans, orphans


def main() -> None:
    root, function = Path(sys.argv[1]), sys.argv[2]
    for number in range(2):
        work(root, b"version %d" % number)
    for position in range(1, MOST_POSITIONS):
        child = os.fork()
        if child == 0:
            attempt(root, function, position)
        _, status = os.waitpid(child, 0)
        check(root, position)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            print(position - 1)
            return
        recover(root)


main()
