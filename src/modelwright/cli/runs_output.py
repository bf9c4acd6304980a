"""How runs look on the command line: the rows of a list, a change of alias, columns."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from modelwright.cli.output import print_json
from modelwright.cli.terminal import plain, styled, tell

if TYPE_CHECKING:
    from modelwright.runs.aliases import Aliases
    from modelwright.runs.store import Run, Store


def rows_of(store: Store, name: str, stages: Sequence[str]) -> list[dict[str, Any]]:
    from modelwright.runs.difference import main_score

    rows = []
    for run in (run for stage in stages for run in reversed(list(store.runs(name, stage)))):
        score = main_score(run)
        row: dict[str, Any] = {
            "name": name,
            "stage": run.stage,
            "version": f"v{run.version:04d}",
            "path": str(run.path),
        }
        row |= {"time": environment_of(run).get("started_at"), "score": dict([score]) if score else None}
        rows.append({**row, "aliases": aliases_of(store, run)})
    return rows


def aliases_of(store: Store, run: Run) -> list[str]:
    from modelwright.runs.aliases import Aliases

    if run.stage != "export":
        return []
    current = Aliases(store, run.name).current()
    return sorted(alias for alias, version in current.items() if version == run.version)


def environment_of(run: Run) -> dict[str, Any]:
    from modelwright.runs.environment import recorded_environment

    return recorded_environment(run.path)


def full_label(run: Run) -> str:
    return f"{run.name}/{run.label}"


def moment(text: str | None) -> str:
    """A time as the clock on the wall shows it here."""
    return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S") if text else ""


def cell(value: Any) -> str:
    """A cell: numbers to six digits, lists and scores in words, nothing for none."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{key} {cell(entry) or 'none'}" for key, entry in value.items())
    return str(value)


def with_intervals(figures: Mapping[str, Any]) -> list[tuple[str, str]]:
    """`rmse.value`, `rmse.low`, … as one line; figures without an interval as they are."""
    lines = []
    for key, value in figures.items():
        name, _, part = key.rpartition(".")
        low, high = figures.get(f"{name}.low"), figures.get(f"{name}.high")
        if low is None or high is None:
            lines.append((key, cell(value)))
        elif part == "value":
            rows = f", {figures[f'{name}.rows']:,.0f} rows" if f"{name}.rows" in figures else ""
            lines.append((name, f"{cell(value)} ({cell(low)} to {cell(high)}{rows})"))
    return lines


def print_history(aliases: Aliases, json: bool) -> None:
    current, history = aliases.current(), [asdict(change) for change in aliases.history()]
    if json:
        print_json({"name": aliases.name, "aliases": current, "history": history})
        return
    for alias, version in sorted(current.items()):
        tell(f"{alias} is export/v{version:04d}")
    headings = ("at", "action", "changes", "reason")
    print_table(headings, [[moment(entry["at"]), *(cell(entry[key]) for key in headings[1:])] for entry in history])


def print_change(aliases: Aliases, alias: str, before: int | None, json: bool) -> None:
    """What the alias is now; on stdout the folder of its version."""
    now = aliases.current().get(alias)
    path = None if now is None else str(aliases.store.open(aliases.name, "export", now).path)
    if json:
        print_json({"name": aliases.name, "alias": alias, "before": before, "version": now, "path": path})
        return
    was, is_now = ("unset" if each is None else f"v{each:04d}" for each in (before, now))
    tell(f"{alias} of {aliases.name} is {is_now}, was {was}")
    if path:
        print(path)


def print_warnings(store: Store) -> None:
    for text in store.warnings:
        tell(text, mark="warning: ", style="yellow")


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Aligned columns; the headings in bold on a terminal."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    for number, row in enumerate((headings, *rows)):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        line = plain("  ".join(cells).rstrip())
        print(line if number else styled(line, "bold", sys.stdout))
