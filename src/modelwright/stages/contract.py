"""The schema of the delivered data: pinned on request, compared with what each prepare run reads."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from modelwright.core.canonical import to_json
from modelwright.core.errors import ArtifactError, DataError, Problem, SpecError
from modelwright.core.progress import Progress
from modelwright.core.threads import available_threads
from modelwright.core.units import parse_bytes
from modelwright.stages.declared import declared_columns

if TYPE_CHECKING:
    from modelwright.stages.job import Job
    from modelwright.tables.contract import Contract
    from modelwright.tables.engine import Engine

UNPINNED = "prepare: {contract: {file: rides.contract.json}} names the file"


def contract_file(job: Job) -> Path | None:
    """The file of the contract that the spec names. ArtifactError when nothing is pinned yet."""
    section = job.spec.prepare.contract
    if section is None:
        return None
    path = job.base / section.file
    if not path.is_file():
        raise ArtifactError(
            f"there is no {section.file} yet",
            where="prepare.contract.file",
            hint=f"modelwright prepare {job.spec_file or 'SPEC'} --pin writes it from the data as it is now",
        )
    return path


def compared(engine: Engine, job: Job, now: Contract) -> list[dict[str, Any]]:
    """Each departure from the pinned contract as the outcome of a check; DataError names all if one is an error."""
    from modelwright.tables.contract import differences, read

    path, section = contract_file(job), job.spec.prepare.contract
    if path is None or section is None:
        return []
    outcomes, problems = [], []
    for difference in differences(engine, read(path), now):
        severity = getattr(section, difference.change)
        if severity != "ignore":
            outcomes.append(_outcome(severity, difference.said, difference.rows))
            hint = f"{difference.change}: {severity}; if it is meant, pin it: prepare --pin --force"
            problems.append(Problem(f"contract {section.file}: {difference.said}", "prepare.contract", hint))
    if any(outcome["severity"] == "error" for outcome in outcomes):
        raise DataError.of(problems)
    return outcomes or [_outcome("error", f"as pinned in {section.file}", 0)]


def pin(job: Job, progress: Progress, *, force: bool) -> Path:
    """Read and type the source, and write its contract. SpecError when another one is pinned, unless forced."""
    from modelwright.runs.durable import replace
    from modelwright.tables.contract import infer
    from modelwright.tables.engine import open_engine
    from modelwright.tables.typing import type_rows

    prepare, section = job.spec.prepare, job.spec.prepare.contract
    if section is None:
        raise SpecError("--pin: the spec names no contract", hint=UNPINNED)
    path = job.base / section.file
    if not path.parent.is_dir():
        raise SpecError(f"there is no folder {path.parent}", where="prepare.contract.file")
    job.store.root.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=job.store.root, prefix=".pin-") as folder:
        files, memory = prepare.source.inputs(job.base), parse_bytes(prepare.memory)
        with open_engine(Path(folder), memory=memory, threads=available_threads(), readable=files) as engine:
            reading = prepare.source.open(engine, job.base)
            declared = declared_columns(prepare, job.spec.task.targets)
            columns, _ = type_rows(engine, reading, declared, prepare.max_reject_share)
            contract = infer(engine, columns)
    content = to_json(contract.to_dict())
    if path.exists() and path.read_bytes() != content and not force:
        raise SpecError(f"{section.file} is pinned already, and not as this data is", hint="--pin --force pins it anew")
    replace(path, content)
    progress.say(f"pinned {len(contract.columns)} columns in {section.file}")
    return path


def _outcome(severity: str, said: str, rows: int) -> dict[str, Any]:
    return {"kind": "contract", "severity": severity, "said": said, "violations": rows, "passed": rows == 0}
