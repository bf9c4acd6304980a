"""A container's share of the processors counts, not the machine."""

from __future__ import annotations

import os

import pytest

from modelwright.serving.cpus import usable_cpus


def groups(tmp_path, limits: dict[str, str], own: str):
    for name, content in limits.items():
        file = tmp_path / "cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    (tmp_path / "own").write_text(own)
    return tmp_path / "cgroup", tmp_path / "own"


@pytest.mark.parametrize(
    ("limits", "own", "expected"),
    [
        ({"cpu.max": "max 100000"}, "0::/\n", 4),
        ({"cpu.max": "250000 100000"}, "0::/\n", 2),
        ({"cpu.max": "50000 100000"}, "0::/\n", 1),
        (
            {"cpu.max": "max 100000", "pod/cpu.max": "200000 100000", "pod/app/cpu.max": "max 100000"},
            "0::/pod/app\n",
            2,
        ),
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, "4:cpu:/\n", 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, "4:cpu:/\n", 4),
        ({"cpu.max": "nonsense"}, "0::/\n", 4),
        ({}, "0::/../../etc\n", 4),
    ],
)
def test_control_groups_of_both_versions_are_honoured(tmp_path, monkeypatch, limits, own, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3})
    assert usable_cpus(*groups(tmp_path, limits, own)) == expected


def test_affinity_counts_too(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3})
    assert usable_cpus(*groups(tmp_path, {"cpu.max": "800000 100000"}, "0::/\n")) == 1
    assert usable_cpus(tmp_path / "nowhere", tmp_path / "nothing") == 1
