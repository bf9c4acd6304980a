"""`modelwright runs`: what was made, how runs differ, which version is champion, and what can go."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelwright.cli.groups import Listing
from modelwright.cli.options import DEFAULT_RUNS, Json, Runs
from modelwright.cli.output import print_json
from modelwright.cli.runs_output import (
    aliases_of,
    cell,
    environment_of,
    full_label,
    moment,
    print_change,
    print_history,
    print_table,
    print_warnings,
    rows_of,
    with_intervals,
)
from modelwright.cli.terminal import tell

if TYPE_CHECKING:
    from modelwright.runs.aliases import Aliases, Unset
    from modelwright.runs.store import Store

app = typer.Typer(
    cls=Listing, name="runs", help="List, compare, promote, verify and clean up runs.", no_args_is_help=True
)

Name = Annotated[str | None, typer.Option("--name", help="The spec's name; not needed when there is only one.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the history.")]
Expect = Annotated[
    str | None,
    typer.Option("--expect", metavar="VERSION", help="Change nothing unless the alias is this now (or none)."),
]
Reference = Annotated[str, typer.Argument(help="train/v0003, rides/train/v0003, champion or a run's folder.")]


@app.command("list")
def list_runs(
    name: Annotated[str | None, typer.Argument(help="Only runs of this name.")] = None,
    stage: Annotated[str | None, typer.Option("--stage", help="Only runs of this stage.")] = None,
    json: Json = False,
    runs: Runs = DEFAULT_RUNS,
) -> None:
    """List runs with their time, main score and aliases."""
    from modelwright.runs.reference import checked_stage, known_name
    from modelwright.runs.store import STAGES

    store = _store(runs)
    names = [known_name(store, name)] if name else store.names()
    stages = [checked_stage(stage)] if stage else STAGES
    rows = [row for each in names for row in rows_of(store, each, stages)]
    print_warnings(store)
    if json:
        print_json({"runs": rows})
        return
    headings = ("name", "stage", "version", "time", "score", "aliases")
    print_table(headings, [[moment(row[key]) if key == "time" else cell(row[key]) for key in headings] for row in rows])


@app.command()
def show(reference: Reference, name: Name = None, json: Json = False, runs: Runs = DEFAULT_RUNS) -> None:
    """Show a run's figures, what it was made from and its files."""
    from modelwright.core.units import format_bytes
    from modelwright.runs.difference import figures
    from modelwright.runs.reference import find_run

    store = _store(runs)
    run = find_run(store, reference, name)
    facts: dict[str, Any] = {
        "run": full_label(run),
        "path": str(run.path),
        "digest": run.digest,
        "aliases": aliases_of(store, run),
        "figures": figures(run),
        "environment": environment_of(run),
        "manifest": asdict(run.manifest),
    }
    if json:
        print_json(facts)
        return
    manifest = run.manifest
    made = [(f"from {entry.role}", f"{entry.name}  {entry.digest[:12]}") for entry in manifest.inputs]
    git = f"{manifest.git['commit']}{' and changes' if manifest.git['dirty'] else ''}" if manifest.git else "none"
    lines = [
        *((key, cell(facts[key])) for key in ("path", "aliases")),
        *with_intervals(facts["figures"]),
        ("made", moment(facts["environment"].get("started_at"))),
        *made,
        ("seed", str(manifest.seed)),
        ("threads", str(manifest.threads)),
        ("modelwright", manifest.tool_version),
        ("git", git),
        ("digest", run.digest),
        *((file, f"{entry.sha256[:12]}  {format_bytes(entry.bytes)}") for file, entry in manifest.outputs.items()),
        *((file, "not hashed") for file in manifest.unhashed),
    ]
    print_table(("", full_label(run)), lines)


@app.command()
def diff(left: Reference, right: Reference, name: Name = None, json: Json = False, runs: Runs = DEFAULT_RUNS) -> None:
    """Compare two runs of one stage: spec, inputs, figures side by side, and files that differ."""
    from modelwright.runs.difference import difference
    from modelwright.runs.reference import find_run

    store = _store(runs)
    first, second = find_run(store, left, name), find_run(store, right, name)
    found = difference(first, second)
    if json:
        print_json({"left": full_label(first), "right": full_label(second), **asdict(found)})
        return
    groups = {"spec": found.spec, "input": found.inputs, "made by": found.made_by, "figure": found.figures}
    rows = [
        (group, key, cell(pair[0]), cell(pair[1])) for group, pairs in groups.items() for key, pair in pairs.items()
    ]
    rows += [("file", file, "", "differs") for file in found.outputs]
    if not rows:
        tell("no difference")
    print_table(("", "", full_label(first), full_label(second)), rows)


@app.command()
def tag(
    alias: Annotated[str | None, typer.Argument(help="champion, challenger or a name of your own.")] = None,
    version: Annotated[str | None, typer.Argument(help="An export, such as v0003.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the alias.")] = False,
    expect: Expect = None,
    reason: Reason = "",
    name: Name = None,
    json: Json = False,
    runs: Runs = DEFAULT_RUNS,
) -> None:
    """Point an alias to an exported version; without arguments, show the aliases and their history."""
    from modelwright.core.errors import SpecError

    aliases = _aliases(runs, name)
    if alias is None:
        print_history(aliases, json)
        return
    if (version is None) != remove:
        raise SpecError("say either a version or --remove", hint=f"modelwright runs tag {alias} v0003")
    before = aliases.current().get(alias)
    now = _export(aliases, version)
    aliases.set(alias, now, expect=_expected(aliases, expect), reason=reason)
    print_change(aliases, alias, before, json)


@app.command()
def promote(
    version: Annotated[str | None, typer.Argument(help="An export; without it, the challenger.")] = None,
    expect: Expect = None,
    reason: Reason = "",
    name: Name = None,
    json: Json = False,
    runs: Runs = DEFAULT_RUNS,
) -> None:
    """Make the challenger, or the version given, champion."""
    aliases = _aliases(runs, name)
    before = aliases.current().get("champion")
    aliases.promote(_export(aliases, version), expect=_expected(aliases, expect), reason=reason)
    print_change(aliases, "champion", before, json)


@app.command()
def rollback(reason: Reason = "", name: Name = None, json: Json = False, runs: Runs = DEFAULT_RUNS) -> None:
    """Make the version that was champion before champion again."""
    aliases = _aliases(runs, name)
    before = aliases.current().get("champion")
    aliases.rollback(reason=reason)
    print_change(aliases, "champion", before, json)


@app.command()
def gc(
    keep: Annotated[int, typer.Option("--keep", min=1, help="How many of each stage stay.")] = 3,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    name: Name = None,
    json: Json = False,
    runs: Runs = DEFAULT_RUNS,
) -> None:
    """Remove runs that no alias needs and that are not among the newest."""
    from modelwright.core.units import format_bytes
    from modelwright.runs.collection import collect
    from modelwright.runs.reference import known_name

    store = _store(runs)
    name = known_name(store, name)
    found = collect(store, name, keep=keep, dry_run=dry_run)
    print_warnings(store)
    if json:
        print_json({"name": name, "dry_run": dry_run, **asdict(found)})
        return
    verb = "would remove" if dry_run else "removed"
    total = format_bytes(sum(found.removed.values()))
    tell(f"{verb} {len(found.removed)} runs, {total}; {len(found.kept)} stay")
    gone = [(label, verb, f"nothing needs its {format_bytes(size)}") for label, size in found.removed.items()]
    print_table(("run", "what", "why"), [*gone, *((label, "stays", why) for label, why in found.kept.items())])


@app.command()
def verify(
    reference: Annotated[str | None, typer.Argument(help="One run; without it, all.")] = None,
    name: Name = None,
    json: Json = False,
    runs: Runs = DEFAULT_RUNS,
) -> None:
    """Check every file against its manifest; exit 4 when one is damaged."""
    from modelwright.core.errors import ArtifactError
    from modelwright.runs.aliases import Aliases
    from modelwright.runs.collection import verify as verify_all
    from modelwright.runs.reference import find_run, known_name

    store = _store(runs)
    intact: list[str] = []
    damaged: dict[str, list[str]] = {}
    if reference is not None:
        run = find_run(store, reference, name)
        run.verify()
        intact.append(full_label(run))
    else:
        for each in [known_name(store, name)] if name else store.names():
            found = verify_all(store, each)
            intact += [f"{each}/{label}" for label in found.intact]
            damaged |= {f"{each}/{label}": list(map(str, why)) for label, why in found.damaged.items()}
            Aliases(store, each).history()
    if json:
        print_json({"intact": intact, "damaged": damaged})
    else:
        print_table(("run", ""), [(run, "damaged" if run in damaged else "intact") for run in (*intact, *damaged)])
    for problem in (line for lines in damaged.values() for line in lines):
        tell(problem, mark="error: ")
    if damaged:
        raise typer.Exit(ArtifactError.exit_code)


def _store(runs: Path) -> Store:
    from modelwright.runs.store import Store

    return Store(runs)


def _aliases(runs: Path, name: str | None) -> Aliases:
    from modelwright.runs.aliases import Aliases
    from modelwright.runs.reference import known_name

    store = _store(runs)
    return Aliases(store, known_name(store, name))


def _export(aliases: Aliases, version: str | None) -> int | None:
    return None if version is None else aliases.store.resolve(aliases.name, "export", version).version


def _expected(aliases: Aliases, expect: str | None) -> int | Unset | None:
    from modelwright.runs.aliases import UNSET

    if expect is None:
        return UNSET
    return None if expect == "none" else _export(aliases, expect)
