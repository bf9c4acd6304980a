"""From the source to the table `rows`: read, typed, cleaned, checked and split, with an account of every row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelwright.core.columns import Column
from modelwright.core.errors import DataError, Problem
from modelwright.core.progress import Progress
from modelwright.core.seeds import child_seed
from modelwright.stages.declared import declared_columns

if TYPE_CHECKING:
    from modelwright.parts.base import Check, Split
    from modelwright.spec.spec import Spec
    from modelwright.stages.job import Job
    from modelwright.tables.engine import Engine


@dataclass(frozen=True)
class PreparedRows:
    """`removed`: what each cleaning step took away, in order; the last entry are rows whose target is missing.

    `told_apart_by` are the columns that the rows' digests are made of.
    """

    columns: list[Column]
    told_apart_by: list[str]
    files: tuple[str, ...]
    read: int
    rejected: int
    removed: list[dict[str, Any]]
    checks: list[dict[str, Any]]
    splits: dict[str, int]


def prepare_rows(engine: Engine, job: Job, split: Split, progress: Progress) -> PreparedRows:
    """Leave the engine with `rows` (columns, `__row__`, `__split__`) and `rejects`."""
    from modelwright.tables.description import check_class_like
    from modelwright.tables.typing import told_apart_by, type_rows

    prepare, target = job.spec.prepare, job.spec.task.target
    reading = prepare.source.read(engine, job.base)
    declared = declared_columns(prepare, target)
    columns = list(type_rows(engine, reading, declared, prepare.max_reject_share))
    digest_of = told_apart_by(columns)
    rejected = engine.value("SELECT count(*) FROM rejects")
    refused = f"; {rejected:,} could not be read" if rejected else ""
    progress.say(f"read {reading.rows + reading.rejected:,} rows of {len(columns)} columns{refused}")
    columns, removed = _clean(engine, job.spec, columns)
    left = engine.value("SELECT count(*) FROM rows")
    if left < reading.rows + reading.rejected - rejected:
        progress.say(f"cleaned: {left:,} rows are left")
    if not left:
        raise DataError("no rows are left after cleaning", hint=_how(removed))
    checks = _check(engine, prepare.checks, columns)
    if job.spec.task.classification:
        check_class_like(engine, next(column for column in columns if column.role == "target"))
    split.assign(engine, "rows", columns, child_seed(job.spec.seed, "split"))
    splits = _sizes(engine, split)
    progress.say(f"split: {', '.join(f'{count:,} {name}' for name, count in splits.items())}")
    read = reading.rows + reading.rejected
    return PreparedRows(columns, digest_of, reading.files, read, rejected, removed, checks, splits)


def _clean(engine: Engine, spec: Spec, columns: Sequence[Column]) -> tuple[list[Column], list[dict[str, Any]]]:
    from modelwright.tables.engine import quote

    steps, columns = [], list(columns)
    rows = engine.value("SELECT count(*) FROM rows")
    for cleaner in spec.prepare.clean:
        columns = cleaner.apply(engine, "rows", columns)
        left = engine.value("SELECT count(*) FROM rows")
        steps.append({"step": cleaner.kind, "removed": rows - left})
        rows = left
    target = quote(spec.task.target)
    engine.replace("rows", f"SELECT * FROM rows WHERE {target} IS NOT NULL ORDER BY rowid")
    steps.append({"step": "missing target", "removed": rows - engine.value("SELECT count(*) FROM rows")})
    return columns, steps


def _how(removed: Sequence[dict[str, Any]]) -> str:
    return "removed by " + ", ".join(f"{entry['step']}: {entry['removed']:,}" for entry in removed)


def _check(engine: Engine, checks: Sequence[Check], columns: Sequence[Column]) -> list[dict[str, Any]]:
    """Every check's outcome; DataError that names all failed ones of severity error."""
    outcomes, problems = [], []
    for number, check in enumerate(checks):
        violations, said = check.violations(engine, "rows", columns)
        outcome = {"kind": check.kind, "severity": check.severity, "said": said, "violations": violations}
        outcomes.append({**outcome, "passed": violations == 0})
        if violations and check.severity == "error":
            message = f"check {check.kind} fails on {violations:,} rows: {said}"
            hint = "clean or mend the data, or give the check severity: warn"
            problems.append(Problem(message, f"prepare.checks.{number}", hint))
    if problems:
        raise DataError.of(problems)
    return outcomes


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
