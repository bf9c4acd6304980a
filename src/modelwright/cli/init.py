"""`modelwright init`: a first spec, written from a data file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelwright.cli.options import Json, Quiet

if TYPE_CHECKING:
    from modelwright.spec.spec import Spec

IGNORED = "runs/\nlogs/\n"


def init(
    data: Annotated[Path, typer.Argument(help="A file, folder or archive of data.")],
    target: Annotated[str | None, typer.Option("--target", metavar="COLUMN", help="Column to predict.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="SPEC.yaml", help="Default: named after the data."),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a commented spec for a data file; never over an existing one."""
    from modelwright.cli.output import print_json, print_path
    from modelwright.cli.render import render
    from modelwright.cli.terminal import tell
    from modelwright.core.errors import SpecError
    from modelwright.spec.draft import column_names, draft
    from modelwright.spec.load import load

    spec = output or Path(f"{data.name.partition('.')[0]}.yaml")
    if target is None:
        raise SpecError("which column is to be predicted?", hint=f"--target one of: {', '.join(column_names(data))}")
    text = draft(data, target, spec)
    if not spec.parent.is_dir():
        raise SpecError(f"there is no folder {spec.parent}", hint=f"mkdir -p {spec.parent}")
    try:
        with spec.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise SpecError(f"{spec} exists already, and is left as it is", hint="name another file with -o") from None
    ignore = spec.parent / ".gitignore"
    if not ignore.exists():
        ignore.write_text(IGNORED, encoding="utf-8")
    if json:
        print_json({"spec": str(spec)})
        return
    if not quiet:
        tell(render(_guessed(load(spec).spec)))
        tell(f"next: read {spec}, then modelwright check {spec}")
    print_path(spec)


def _guessed(spec: Spec) -> dict[str, Any]:
    """What a person should look at first."""
    columns, split = spec.prepare.columns, spec.prepare.split
    groups = {
        "id": [name for name, said in columns.items() if said.role == "id"],
        "time": [name for name, said in columns.items() if said.type == "timestamp"],
        "ignored": [name for name, said in columns.items() if said.role == "ignore"],
    }
    split_by = {} if split is None else {"split": f"by {split.kind}"}
    return {
        "task": spec.task.said,
        **{key: names for key, names in groups.items() if names},
        **split_by,
    }
