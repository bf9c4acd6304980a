"""Which of a task's quantiles a metric is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelwright.core.errors import SpecError

if TYPE_CHECKING:
    from modelwright.parts.base import Task


def chosen_levels(wanted: tuple[float, ...] | None, task: Task, metric: str) -> tuple[float, ...]:
    """SpecError for a quantile that the task does not predict."""
    known: tuple[float, ...] = getattr(task, "quantiles", ())
    for level in wanted or ():
        if level not in known:
            raise SpecError(
                f"{metric}: the quantile {level:g} is not predicted",
                hint=f"task.quantiles has {', '.join(f'{one:g}' for one in known)}",
            )
    return wanted or known
