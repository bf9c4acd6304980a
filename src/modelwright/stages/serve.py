"""Serve: answer requests with the versions behind the routes' aliases, in a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.core.errors import (
    ArtifactError,
    DataError,
    LockedError,
    ModelwrightError,
    Problem,
    ResourceError,
    SpecError,
)
from modelwright.core.progress import Progress
from modelwright.runs.aliases import CHALLENGER, CHAMPION, Aliases
from modelwright.runs.identity import Identity
from modelwright.runs.store import Run
from modelwright.stages import lineage
from modelwright.stages.job import Job, Plan, Result

if TYPE_CHECKING:
    from modelwright.serving.settings import ServerSettings

ERRORS = {error.exit_code: error for error in (SpecError, DataError, ArtifactError, ResourceError, LockedError)}


@dataclass(frozen=True)
class Share:
    """One route with the run that answers it."""

    alias: str
    weight: float
    run: Run


def plan(job: Job) -> Plan:
    """`options["bundle"]` serves that folder alone; else the spec's routes, by alias, or the newest export."""
    shares = routed(job)
    serve = job.spec.serve
    sources = {share.alias: share.run for share in shares}
    section = serve.model_dump(mode="json", exclude={"token"})
    identity = Identity(
        job.spec.name,
        "serve",
        section,
        tuple(lineage.run_input(share.run) for share in shares),
        job.spec.seed,
    )
    summary = {
        "address": f"http://{serve.host}:{serve.port}",
        "routes": {share.alias: {"model": share.run.label, "weight": share.weight} for share in shares},
        "log": str(_log_folder(job)) if serve.log else None,
    }
    return Plan(job, identity, sources, None, summary)


def routed(job: Job) -> tuple[Share, ...]:
    """Who answers; the first also where another can't. A missing challenger leaves its weight to the champion."""
    if bundle := job.options.get("bundle"):
        return (Share("bundle", 1.0, Run.at(Path(bundle))),)
    if job.source:
        return (Share("from", 1.0, job.store.resolve(job.spec.name, "export", job.source)),)
    aliases = Aliases(job.store, job.spec.name).current()
    if not aliases:
        return (Share("newest", 1.0, _newest(job)),)
    return _aliased(job, aliases)


def run(plan: Plan, progress: Progress) -> Result:
    """Start the server process and stay until it ends: by SIGTERM or Ctrl-C, after the last answer."""
    settings = settings_of(plan)
    with _server_process(settings) as process:
        for message in _messages(process):
            if "url" in message:
                served = ", ".join(run.label for run in plan.sources.values())
                progress.say(f"serving {plan.job.spec.name} ({served}) at {message['url']}")
            elif "stopped" in message:
                progress.say(f"stopped after {message['stopped']['requests']} requests")
                return result(next(iter(plan.sources.values())), counts={**plan.summary, **message["stopped"]})
            else:
                raise _error_of(message)
        code = process.wait()
    raise ResourceError(
        f"the server process ended unexpectedly ({f'signal {-code}' if code < 0 else f'exit code {code}'})",
        hint="its last words are above; out of memory shows as signal 9",
    )


def result(done: Run, *, counts: Mapping[str, Any] | None = None, cached: bool = False) -> Result:
    """The version that answered first in line, and what was counted; a server leaves no run of its own."""
    return Result(done, counts or {}, cached=cached)


def settings_of(plan: Plan) -> ServerSettings:
    """What the server process is told."""
    from modelwright.serving.settings import Limits, RouteSettings, ServerSettings

    job, serve = plan.job, plan.job.spec.serve
    limits = serve.limits
    return ServerSettings(
        routes=tuple(RouteSettings(share.alias, share.weight, str(share.run.path.resolve())) for share in routed(job)),
        host=serve.host,
        port=serve.port,
        token=serve.token.reveal() if serve.token else None,
        log_folder=str(_log_folder(job)) if serve.log else None,
        limits=Limits(
            body_bytes=int(limits.body_mb * 1e6),
            rows=limits.rows,
            string_chars=limits.string_chars,
            concurrency=limits.queue,
            body_s=limits.body_s,
            log_rows=limits.log_rows,
        ),
    )


def _newest(job: Job) -> Run:
    newest = job.store.newest(job.spec.name, "export")
    if newest is None:
        raise ArtifactError(
            f"{job.spec.name} has nothing to serve yet", hint=f"run: modelwright export {job.spec_file or 'SPEC'}"
        )
    return newest


def _aliased(job: Job, aliases: Mapping[str, int]) -> tuple[Share, ...]:
    routes = job.spec.serve.routes
    missing = [alias for alias in routes if alias not in aliases]
    known = ", ".join(f"{alias} v{version:04d}" for alias, version in sorted(aliases.items()))
    if unknown := [alias for alias in missing if alias not in (CHAMPION, CHALLENGER)]:
        raise ArtifactError(
            f"serve.routes: {job.spec.name} has no alias {unknown[0]!r}", hint=f"there is: {known}; see runs tag"
        )
    if CHAMPION in routes and CHAMPION not in aliases:
        hint = f"run: modelwright runs promote {job.spec.name} VERSION (there is: {known})"
        raise ArtifactError(f"serve.routes: {job.spec.name} has no champion", hint=hint)
    present = sorted((alias for alias in routes if alias in aliases), key=lambda alias: alias != CHAMPION)
    left_over = sum(routes[alias].weight for alias in missing)
    shares = []
    for place, alias in enumerate(present):
        weight = routes[alias].weight + (left_over if place == 0 else 0)
        shares.append(Share(alias, weight, job.store.open(job.spec.name, "export", aliases[alias])))
    if not sum(share.weight for share in shares):
        raise ArtifactError(f"serve.routes: no alias with a weight above 0 exists (there is: {known})")
    return tuple(shares)


def _log_folder(job: Job) -> Path:
    assert job.spec.serve.log is not None
    return (job.base / job.spec.serve.log.folder).resolve()


@contextmanager
def _server_process(settings: ServerSettings) -> Iterator[subprocess.Popen[bytes]]:
    """A process without this one's libraries. It stops when the pipe to it closes, so it never outlives us."""
    command = [sys.executable, "-m", "modelwright.serving", "--settings", "-"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None

    def stop(number: int, frame: object) -> None:
        process.terminate()

    in_main = threading.current_thread() is threading.main_thread()
    signals = (signal.SIGTERM, signal.SIGINT) if in_main else ()
    before = {number: signal.signal(number, stop) for number in signals}
    try:
        with suppress(BrokenPipeError):  # it ended at once; its messages say why
            process.stdin.write(settings.to_json() + b"\n")
            process.stdin.flush()
        yield process
    finally:
        with suppress(BrokenPipeError):
            process.stdin.close()
        process.wait()
        process.stdout.close()
        for number, handler in before.items():
            signal.signal(number, handler)


def _messages(process: subprocess.Popen[bytes]) -> Iterator[dict[str, Any]]:
    """The server's lines of JSON, until it ends."""
    assert process.stdout is not None
    for line in process.stdout:
        yield json.loads(line)


def _error_of(message: Mapping[str, Any]) -> ModelwrightError:
    """The server's error, as if it had been raised here."""
    problems = [Problem(*problem) for problem in message["problems"]]
    return ERRORS.get(message["exit_code"], ModelwrightError).of(problems)
