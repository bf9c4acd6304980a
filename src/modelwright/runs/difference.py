"""What two runs differ in: what they were asked, what they read, how well they did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from modelwright.core.errors import ModelwrightError, SpecError
from modelwright.runs.manifest import SPEC
from modelwright.runs.store import Run

FIGURES = {"metrics.json": "metrics", "scores.json": "scores"}  # of evaluate and of train: the file and its section


@dataclass(frozen=True)
class Difference:
    """Each by dotted key: left and right, None where a side has none. `outputs` names files that differ."""

    spec: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    inputs: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    made_by: dict[str, tuple[Any, Any]] = field(default_factory=dict)  # seed, threads, code, libraries
    figures: dict[str, tuple[float | None, float | None]] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()


def difference(left: Run, right: Run) -> Difference:
    """Figures are given for all metrics that either has; everything else only where it differs."""
    if left.stage != right.stage:
        raise SpecError(f"{left.label} and {right.label} are runs of different stages", hint="compare two of one stage")
    first, second = left.manifest, right.manifest
    hashed = sorted({*first.outputs, *second.outputs} - {SPEC})
    return Difference(
        spec=_pairs(flat(_spec(left)), flat(_spec(right))),
        inputs=_pairs(_inputs(left), _inputs(right)),
        made_by=_pairs(_made_by(left), _made_by(right)),
        figures=_pairs(figures(left), figures(right), equal=True),
        outputs=tuple(name for name in hashed if first.outputs.get(name) != second.outputs.get(name)),
    )


def figures(run: Run) -> dict[str, float]:
    """The numbers of the run's metrics or scores, by dotted key."""
    numbers = flat(_metrics(run)[1])
    return {key: float(value) for key, value in numbers.items() if _is_number(value)}


def main_score(run: Run) -> tuple[str, float] | None:
    """The metric that decides, for a list; None where the run has none or is damaged."""
    try:
        name, metrics = _metrics(run)
    except ModelwrightError:
        return None
    entry = metrics.get(name or "")
    value = entry.get("value") if isinstance(entry, Mapping) else entry
    return (name, float(value)) if name and _is_number(value) else None


def _metrics(run: Run) -> tuple[str | None, Mapping[str, Any]]:
    """The name of the deciding metric, and all metrics: plain numbers, or value, low and high."""
    for file, section in FIGURES.items():
        if file in run.manifest.outputs:
            content = run.read_json(file)
            return content.get("metric"), content.get(section, {})
    return None, {}


def flat(content: Any, prefix: str = "") -> dict[str, Any]:
    """`{"model": {"kind": "ridge"}}` to `{"model.kind": "ridge"}`; entries of lists by number."""
    if isinstance(content, Mapping) and content:
        entries = [(str(key), value) for key, value in content.items()]
    elif isinstance(content, list) and content:
        entries = [(str(number), value) for number, value in enumerate(content)]
    else:
        return {prefix: content} if prefix else {}
    found: dict[str, Any] = {}
    for key, value in entries:
        found.update(flat(value, f"{prefix}.{key}" if prefix else key))
    return found


def _spec(run: Run) -> dict[str, Any]:
    import yaml

    content = yaml.safe_load(run.read_bytes(SPEC))
    return content if isinstance(content, dict) else {}


def _inputs(run: Run) -> dict[str, str]:
    """Role (numbered where several have it) to name and the start of its digest."""
    found: dict[str, str] = {}
    for entry in run.manifest.inputs:
        role = entry.role
        if role in found:
            role = f"{role}.{sum(key.partition('.')[0] == entry.role for key in found) + 1}"
        found[role] = f"{entry.name} ({entry.digest[:12]})"
    return found


def _made_by(run: Run) -> dict[str, Any]:
    manifest = run.manifest
    return {
        "seed": manifest.seed,
        "threads": manifest.threads,
        "modelwright": manifest.tool_version,
        "code": manifest.parts.get("code", "")[:12],
        "libraries": manifest.lock_digest[:12],
        "git": (manifest.git or {}).get("commit"),
    }


def _pairs(left: Mapping[str, Any], right: Mapping[str, Any], *, equal: bool = False) -> dict[str, tuple[Any, Any]]:
    keys = [*left, *(key for key in right if key not in left)]
    pairs = {key: (left.get(key), right.get(key)) for key in keys}
    return {key: pair for key, pair in pairs.items() if equal or pair[0] != pair[1]}


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
