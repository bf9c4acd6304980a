"""How many processors this process may really use: a container's share counts, not the machine."""

from __future__ import annotations

import os
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
OWN_GROUP = Path("/proc/self/cgroup")


def usable_cpus(groups: Path = CGROUPS, own: Path = OWN_GROUP) -> int:
    """At least 1; a share of 2.5 processors is 2."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    shares = [share for share in _shares(groups, own) if share is not None]
    return max(1, int(min([float(allowed), *shares])))


def _shares(groups: Path, own: Path) -> list[float | None]:
    """What each control group that we are in allows: version 2 from our own up to the root, then version 1."""
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    path = next((line[3:] for line in lines if line.startswith("0::")), "/").strip("/")
    group = groups / path if ".." not in path else groups
    found = []
    while group != groups.parent:
        found.append(_ratio(_words(group / "cpu.max")))
        group = group.parent
    quota, period = (_words(groups / "cpu" / f"cpu.cfs_{what}_us") for what in ("quota", "period"))
    return [*found, _ratio([*quota, *period])]


def _ratio(words: list[str]) -> float | None:
    """None where there is no limit: `max 100000`, or -1 in version 1."""
    if len(words) != 2 or not all(word.isdigit() for word in words) or int(words[1]) == 0:
        return None
    return int(words[0]) / int(words[1])


def _words(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").split()
    except OSError:
        return []
