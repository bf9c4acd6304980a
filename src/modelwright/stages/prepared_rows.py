"""From the source to the table `rows`: read, typed, cleaned, checked and split, with an account of every row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from modelwright.core.columns import Column
from modelwright.core.errors import DataError
from modelwright.core.progress import Progress
from modelwright.core.seeds import child_seed
from modelwright.stages.checking import run_checks
from modelwright.stages.cleaning import clean, not_for_new_rows
from modelwright.stages.contract import compared
from modelwright.stages.declared import declared_columns
from modelwright.stages.ingesting import read_source

if TYPE_CHECKING:
    from modelwright.parts.base import Split
    from modelwright.runs.commit import Staged
    from modelwright.stages.job import Job
    from modelwright.tables.contract import Contract
    from modelwright.tables.engine import Engine


@dataclass(frozen=True)
class PreparedRows:
    """`removed`: what each cleaning step took away, in order, rows whose target is missing, and outliers of learn.

    `told_apart_by` are the columns that the rows' digests are made of; `contract` is what the source delivered.
    """

    columns: list[Column]
    told_apart_by: list[str]
    files: tuple[str, ...]
    read: int
    rejected: int
    removed: list[dict[str, Any]]
    checks: list[dict[str, Any]]
    splits: dict[str, int]
    warnings: list[str]
    contract: Contract


def prepare_rows(engine: Engine, job: Job, split: Split, staged: Staged, progress: Progress) -> PreparedRows:
    """Leave the engine with `rows` (columns, `__row__`, `__split__`) and `rejects`."""
    from modelwright.tables.contract import infer
    from modelwright.tables.description import check_class_like
    from modelwright.tables.typing import check_share, told_apart_by, type_rows

    prepare = job.spec.prepare
    reading = read_source(engine, job, staged.folder, progress)
    declared = declared_columns(prepare, job.spec.task.targets)
    typed, reading = type_rows(engine, reading, declared, prepare.max_reject_share)
    columns = list(typed)
    digest_of = told_apart_by(columns)
    with staged.timed("contract"):
        contract = infer(engine, columns)
        checks = compared(engine, job, contract)
    rejected = engine.value("SELECT count(*) FROM rejects")
    refused = f"; {rejected:,} could not be read" if rejected else ""
    progress.say(f"read {reading.rows + reading.rejected:,} rows of {len(columns)} columns{refused}")
    columns, removed, warnings = _clean(engine, job, columns, by_time=split.kind == "time")
    if engine.value("SELECT count(*) FROM rejects") > rejected:
        rejected = engine.value("SELECT count(*) FROM rejects")
        check_share(engine, reading, rejected, prepare.max_reject_share)
    left = engine.value("SELECT count(*) FROM rows")
    if left < reading.rows + reading.rejected - rejected:
        progress.say(f"cleaned: {left:,} rows are left")
    if not left:
        raise DataError("no rows are left after cleaning", hint=_how(removed))
    checks += run_checks(engine, prepare.checks, columns, job.base)
    if job.spec.task.classification:
        check_class_like(engine, next(column for column in columns if column.role == "target"))
    whole = engine.value("SELECT count(*) FROM rows")
    split.assign(engine, "rows", columns, child_seed(job.spec.seed, "split"))
    columns = [replace(column, role="ignore") if column.name in split.spent() else column for column in columns]
    left = engine.value("SELECT count(*) FROM rows")
    if left < whole:
        removed.append({"step": f"{split.kind} split", "removed": whole - left})
    columns, removed_of_learn = clean(engine, prepare.clean, columns, job.base, after_split=True)
    removed += removed_of_learn
    splits = _sizes(engine, split)
    progress.say(f"split: {', '.join(f'{count:,} {name}' for name, count in splits.items())}")
    read = reading.rows + reading.rejected
    return PreparedRows(columns, digest_of, reading.files, read, rejected, removed, checks, splits, warnings, contract)


def _clean(
    engine: Engine, job: Job, columns: Sequence[Column], *, by_time: bool
) -> tuple[list[Column], list[dict[str, Any]], list[str]]:
    """The columns, rows removed by each step, and warnings; rows without a target are part of the past of others."""
    from modelwright.stages.history import add_history
    from modelwright.tables.engine import quote

    cleaners, task = job.spec.prepare.clean, job.spec.task
    columns, steps = clean(engine, cleaners, columns, job.base, after_split=False)
    added = add_history(engine, job.spec.prepare, columns, by_time=by_time)
    if task.supervised:
        lacking = " OR ".join(f"{quote(name)} IS NULL" for name in task.targets)
        missing = engine.value(f"SELECT count(*) FROM rows WHERE {lacking}")
        engine.execute(f"DELETE FROM rows WHERE {lacking}")
        steps.append({"step": "missing target", "removed": missing})
    return added.columns, steps, [*not_for_new_rows(cleaners), *added.warnings]


def _how(removed: Sequence[dict[str, Any]]) -> str:
    return "removed by " + ", ".join(f"{entry['step']}: {entry['removed']:,}" for entry in removed)


def _sizes(engine: Engine, split: Split) -> dict[str, int]:
    """Rows of each split. DataError when there is nothing to learn from, or nothing where a share was asked for."""
    from modelwright.tables.engine import quote
    from modelwright.tables.reading import SPLIT

    found = dict(engine.rows(f"SELECT {quote(SPLIT)}, count(*) FROM rows GROUP BY 1"))
    sizes = {name: int(found.get(name, 0)) for name in ("learn", "validation", "test")}
    for name, size in sizes.items():
        if size == 0 and getattr(split, name, 1) != 0:
            raise DataError(
                f"the split leaves no rows for {name} (of {sum(sizes.values()):,})",
                where="prepare.split",
                hint="more rows, other shares, or another kind of split",
            )
    return sizes
