"""Prepare: read, type, clean, check and split the rows, then fit the feature steps on learn."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from json import loads
from typing import TYPE_CHECKING, Any, cast

from modelwright.core.columns import Column, Role, Schema
from modelwright.core.errors import DataError, SpecError
from modelwright.core.names import did_you_mean
from modelwright.core.progress import Progress
from modelwright.core.threads import available_threads
from modelwright.core.units import parse_bytes
from modelwright.parts import catalog
from modelwright.parts.rows import group_of
from modelwright.runs.commit import begin
from modelwright.stages import lineage
from modelwright.stages.checking import overdue
from modelwright.stages.job import Job, Plan, Result

if TYPE_CHECKING:
    from modelwright.parts.base import Split
    from modelwright.runs.commit import Staged
    from modelwright.runs.store import Run
    from modelwright.stages.prepared_rows import PreparedRows
    from modelwright.tables.engine import Engine

SPLITS = ("learn", "validation", "test")
ROLES: tuple[Role, ...] = ("target", "input", "id", "time", "entity", "weight", "ignore")
ENGINE_SHARE = 0.65  # of `memory`: the rest is for Python and Arrow, and for what the engine takes without counting it
MOST_REMOVED = 0.5  # share of all rows that one step may take away without a word
LEAST_TOLD, MOST_TOLD = 0.01, 5  # share of the target below which a column is not named, and how many are
FIRST_REJECTS = 'SELECT file, line, "column", value, reason FROM rejects ORDER BY rowid LIMIT 20'


def plan(job: Job) -> Plan:
    source = job.spec.prepare.source
    files = source.inputs(job.base)
    _check_header(job, source.header(job.base))
    features = job.spec.prepare.features
    summary = {
        "source": [path.name for path in files] or [source.kind],
        "bytes": sum(path.stat().st_size for path in files),
        "clean": [cleaner.kind for cleaner in job.spec.prepare.clean],
        "checks": [check.kind for check in job.spec.prepare.checks],
        "split": split_of(job).model_dump(mode="json"),
        "features": features if isinstance(features, str) else [step.kind for step in features],
    }
    return lineage.plan_of(job, lineage.prepare_identity(job), {}, summary)


def run(plan: Plan, progress: Progress) -> Result:
    from modelwright.reports.prepare import prepare_report
    from modelwright.stages import prepare_features
    from modelwright.stages.prepare_facts import report_facts
    from modelwright.tables.engine import open_engine

    job, threads = plan.job, available_threads()
    memory = int(ENGINE_SHARE * parse_bytes(job.spec.prepare.memory))
    with begin(job.store, plan.identity, spec_text=job.spec_text, threads=threads) as staged:
        scratch = staged.folder / "scratch"
        readable = [*job.spec.prepare.source.inputs(job.base), staged.folder]
        with open_engine(scratch, memory=memory, threads=threads, readable=readable) as engine:
            with staged.timed("read"):
                rows = _read(engine, plan, staged, progress)
            with staged.timed("describe"):
                schema, figures = _describe(engine, job, rows)
                job.spec.task.check_target(schema)
            with staged.timed("guard"):
                warnings = _warnings(engine, job, schema, rows)
            schema = _without_empty_columns(schema, figures, warnings)
            with staged.timed("write"):
                _write_tables(engine, staged, schema)
            refused = engine.rows(FIRST_REJECTS)
        progress.say(f"fitting features on {rows.splits['learn']:,} rows")
        with staged.timed("fit"):
            features = prepare_features.fit(job, staged.path("learn.parquet"), schema, scratch)
            prepare_features.write(staged, features)
        if job.spec.prepare.matrix:
            with staged.timed("transform"):
                prepare_features.write_matrices(staged, job, schema, features)
        shutil.rmtree(scratch)
        with staged.timed("report"):
            columns = _write_facts(staged, schema, rows, figures, [*warnings, *features.notes])
            facts = report_facts(job, split_of(job), rows, schema, columns, features, warnings, refused)
            facts["insights"] = _write_insights(staged, job, schema)
            staged.write_bytes("report.html", prepare_report(facts))
        return result(staged.commit())


def _read(engine: Engine, plan: Plan, staged: Staged, progress: Progress) -> PreparedRows:
    """The rows in the engine; DataError when a file of the source changed meanwhile."""
    from modelwright.stages.prepared_rows import prepare_rows
    from modelwright.stages.unchanged import unchanged

    job = plan.job
    files = job.spec.prepare.source.inputs(job.base)
    digests = [entry.digest for entry in plan.identity.inputs if entry.role == "data"][: len(files)]
    with unchanged(files, digests, job.store.root):
        return prepare_rows(engine, job, split_of(job), staged, progress)


def result(done: Run, *, cached: bool = False) -> Result:
    """What the command shows, from what the run holds; the same whether it ran now or before."""
    facts = done.read_json("rows.json")
    removed = [{"step": entry["step"], "removed": entry["removed"]} for entry in facts["rows"]["removed"]]
    ordered = ("read", "rejected", "removed", *SPLITS)
    summary = {
        "files": facts["files"],
        "rows": {name: {**facts["rows"], "removed": removed}[name] for name in ordered},
        "columns": {role: facts["columns"][role] for role in ROLES if role in facts["columns"]},
        "tells_most": _tells_most(done),
        "warnings": [*facts["warnings"], *overdue(done.read_json("checks.json")["checks"])],
        "report": str(done.path / "report.html"),
    }
    return Result(done, summary, cached=cached)


def _tells_most(done: Run) -> list[dict[str, Any]]:
    """The columns that alone explain most of the target, with the share of its differences that they do."""
    columns = done.read_json("insights.json")["columns"]
    told = {name: entry["explained"] for name, entry in columns.items() if (entry["explained"] or 0) >= LEAST_TOLD}
    ranked = sorted(told, key=lambda name: (-told[name], name))[:MOST_TOLD]
    return [{"column": name, "explained_share": told[name]} for name in ranked]


def split_of(job: Job) -> Split:
    """The spec's split, or the task's default; rows of one entity must stay together, which only some kinds do."""
    if job.spec.prepare.split is not None:
        return job.spec.prepare.split
    default = dict(job.spec.task.default_split)
    if default["kind"] == "stratified" and any(said.role == "entity" for said in job.spec.prepare.columns.values()):
        default["kind"] = "random"
    return cast("Split", catalog.load("splits", default["kind"]).model_validate(default))


def _check_header(job: Job, header: list[str] | None) -> None:
    """What can be told before anything heavy is imported."""
    if header is None:
        return
    for name, where in (
        *((name, "task.target") for name in job.spec.task.targets),
        *((name, "prepare.columns") for name in job.spec.prepare.columns),
    ):
        if name not in header:
            message = f'the data has no column "{name}"{did_you_mean(name, header)}'
            raise SpecError(message, where=where, hint=f"it has {', '.join(header)}")


def _describe(engine: Engine, job: Job, rows: PreparedRows) -> tuple[Schema, dict[str, Mapping[str, Any]]]:
    from modelwright.tables.description import check_weights, classes_of, describe, with_values

    check_weights(engine, rows.columns)
    nullable = {name: said.nullable for name, said in job.spec.prepare.columns.items() if said.nullable is not None}
    categories = [name for name, said in job.spec.prepare.columns.items() if said.type == "category"]
    columns, figures = describe(engine, rows.columns, nullable, _filled(job, rows.columns), categories)
    group = group_of(columns, getattr(split_of(job), "group", None), "prepare.split.group")
    if not job.spec.task.classification:
        labelled = () if job.spec.task.supervised else [column for column in columns if column.role == "target"]
        for column in labelled:
            columns[columns.index(column)] = with_values(engine, column)
        return Schema(tuple(columns), None, group), figures
    position = next(place for place, column in enumerate(columns) if column.role == "target")
    columns[position], classes = classes_of(engine, columns[position])
    return Schema(tuple(columns), job.spec.task.ordered(classes), group), figures


def _filled(job: Job, columns: list[Column]) -> set[str]:
    """Columns that an impute step fills, so that requests may lack them."""
    filled: set[str] = set()
    for step in job.spec.prepare.features:
        chosen = None if isinstance(step, str) else step.fills()
        if chosen is not None:
            words = [chosen] if isinstance(chosen, str) else chosen
            known = [word for word in words if _found(word, columns)]  # the others are made by earlier steps
            filled.update(_found(known, columns) if known else ())
    return filled


def _found(words: str | list[str], columns: list[Column]) -> list[str]:
    from modelwright.parts.rows import selected

    try:
        return [column.name for column in selected(words, columns, "prepare.features")]
    except SpecError:
        return []


def _warnings(engine: Engine, job: Job, schema: Schema, rows: PreparedRows) -> list[str]:
    """What a person should look at: empty columns, repeated rows, leaks, checks that only warn."""
    from modelwright.tables.description import repeated_rows
    from modelwright.tables.leaks.guards import find_leaks
    from modelwright.tables.reading import examples

    warnings = [
        f"check {check['kind']}: {check['violations']:,} rows: {check['said']}"
        for check in rows.checks
        if not check["passed"]
    ]
    warnings += rows.warnings
    warnings += [
        f"{step['step']} removed {step['removed']:,} of {rows.read:,} rows: is that meant?"
        for step in rows.removed
        if step["removed"] > MOST_REMOVED * rows.read
    ]
    if rows.rejected:
        said = "1 row was" if rows.rejected == 1 else f"{rows.rejected:,} rows were"
        warnings.append(f"{said} refused, and kept in rejects.parquet; the first: {examples(engine, 1).strip()}")
    repeated = repeated_rows(engine, schema.columns)
    if repeated:
        said = "1 row repeats" if repeated == 1 else f"{repeated:,} rows repeat"
        warnings.append(f"{said} another row, ids apart; see {{kind: drop_duplicates}}")
    task = job.spec.task
    for one, seen in task.of_each(schema) or ((task, schema),):
        if seen.target is not None and one.supervised:
            classes = one.classification
            leaks = find_leaks(engine, schema.columns, seen.target, classification=classes, group=schema.group)
            about = "" if seen is schema else f"{seen.target.name}: "
            warnings += [about + leak.said for leak in leaks]
    return warnings


def _without_empty_columns(schema: Schema, figures: Mapping[str, Mapping[str, Any]], warnings: list[str]) -> Schema:
    """Inputs of which learn has no value at all are ignored, and said to be."""
    columns = []
    for column in schema.columns:
        if column.role == "input" and figures[column.name]["missing"] == figures[column.name]["rows"]:
            warnings.append(f'"{column.name}" has no value in any row of learn: ignored')
            column = replace(column, role="ignore", nullable=True)
        columns.append(column)
    if not any(column.role == "input" or column.role == "time" for column in columns):
        raise DataError("no column is left to predict from", hint="see prepare.columns: which have a role?")
    return replace(schema, columns=tuple(columns))


def _write_tables(engine: Engine, staged: Staged, schema: Schema) -> None:
    """The three splits and the refused rows."""
    from modelwright.tables.split_files import write_splits

    write_splits(engine, schema.columns, {name: staged.path(f"{name}.parquet") for name in SPLITS})
    engine.write_parquet("SELECT * FROM rejects ORDER BY rowid", staged.path("rejects.parquet"))


def _write_facts(
    staged: Staged,
    schema: Schema,
    rows: PreparedRows,
    figures: Mapping[str, Mapping[str, Any]],
    warnings: list[str],
) -> list[dict[str, Any]]:
    """What is known of rows and columns; returns what the report shows of each column of learn."""
    from modelwright.stages.prepare_facts import look
    from modelwright.tables.contract_text import to_json_schema, to_sql
    from modelwright.tables.table_files import opened

    with opened(staged.path("learn.parquet")) as learn:
        profile, columns = look(learn, schema, figures)
    staged.write_json("schema.json", schema.to_dict())
    staged.write_json("profile.json", profile.to_dict())
    staged.write_json("checks.json", {"checks": rows.checks})
    staged.write_json("contract.json", rows.contract.to_dict())
    staged.write_bytes("contract.sql", to_sql(rows.contract, staged.identity.name).encode())
    staged.write_json("contract.schema.json", to_json_schema(rows.contract, staged.identity.name))
    staged.write_json("rows.json", account(rows, schema, warnings))
    return columns


def _write_insights(staged: Staged, job: Job, schema: Schema) -> dict[str, Any]:
    from modelwright.stages.prepare_insights import insights
    from modelwright.tables.profiles import Profile

    profile = Profile.from_dict(loads(staged.path("profile.json").read_bytes()))
    found = insights(staged.folder, schema, profile, job.spec.task)
    staged.write_json("insights.json", found)
    return found


def account(rows: PreparedRows, schema: Schema, warnings: list[str]) -> dict[str, Any]:
    """`rows.json`: where every row went."""
    return {
        "files": list(rows.files),
        "told_apart_by": rows.told_apart_by,
        "rows": {"read": rows.read, "rejected": rows.rejected, "removed": rows.removed, **rows.splits},
        "columns": {role: [column.name for column in schema.of_role(role)] for role in ROLES if schema.of_role(role)},
        "warnings": warnings,
    }
