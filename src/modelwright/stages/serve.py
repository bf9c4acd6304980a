"""Serve: answer requests with the versions behind the routes' aliases, in a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.core.errors import ResourceError, error_of
from modelwright.core.progress import Progress
from modelwright.runs.identity import Identity
from modelwright.runs.store import Run
from modelwright.stages import lineage
from modelwright.stages.job import Job, Plan, Result

if TYPE_CHECKING:
    from modelwright.serving.settings import AccessSettings, Following, ServerSettings, TlsSettings
    from modelwright.serving.traffic.following import Share
    from modelwright.spec.serve import Serve

PASSED_ON = ("SIGTERM", "SIGINT", "SIGHUP")  # to the server process; Windows lacks the last


def plan(job: Job) -> Plan:
    """`options["bundle"]` serves that folder alone; else the spec's routes, by alias, or the newest export."""
    shares = routed(job)
    serve = job.spec.serve
    sources = {share.alias: share.run for share in shares}
    section = serve.model_dump(mode="json", exclude={"token", "metrics_token", "admin_token"})
    identity = Identity(
        job.spec.name,
        "serve",
        section,
        tuple(lineage.run_input(share.run) for share in shares),
        job.spec.seed,
    )
    summary = {
        "address": f"{'https' if serve.tls else 'http'}://{serve.host}:{serve.port}",
        "routes": {share.alias: _shown(serve, share) for share in shares},
        "log": str(_log_folder(job)) if serve.log else None,
    }
    return Plan(job, identity, sources, None, summary)


def _shown(serve: Serve, share: Share) -> dict[str, Any]:
    if share.role == "route":
        return {"model": share.run.label, "weight": share.weight}
    if share.role == "shadow" or serve.canary is None:
        return {"model": share.run.label, "weight": share.role}
    return {"model": share.run.label, "weight": f"canary: {', '.join(f'{step:g}' for step in serve.canary.steps)} %"}


def routed(job: Job) -> tuple[Share, ...]:
    """Who answers; the first also where another can't. A missing challenger leaves its weight to the champion."""
    from modelwright.serving.traffic.following import Share, shares

    if bundle := job.options.get("bundle"):
        return (Share("bundle", 1.0, Run.at(Path(bundle))),)
    if job.source:
        return (Share("from", 1.0, job.store.resolve(job.spec.name, "export", job.source)),)
    return shares(_following(job))


def run(plan: Plan, progress: Progress) -> Result:
    """Start the server process and stay until it ends: by SIGTERM or Ctrl-C, after the last answer.

    SIGHUP makes it load what the aliases mean now; from a terminal, it stops the server.
    """
    settings = settings_of(plan)
    with _server_process(settings) as process:
        for message in _messages(process):
            if "url" in message:
                served = ", ".join(run.label for run in plan.sources.values())
                progress.say(f"serving {plan.job.spec.name} ({served}) at {message['url']}")
                for words in _waiting_for(plan):
                    progress.say(words)
            elif "stopped" in message:
                progress.say(f"stopped after {message['stopped']['requests']} requests")
                return result(next(iter(plan.sources.values())), counts={**plan.summary, **message["stopped"]})
            else:
                raise error_of(message["exit_code"], message["problems"])
        code = process.wait()
    raise ResourceError(
        f"the server process ended unexpectedly ({f'signal {-code}' if code < 0 else f'exit code {code}'})",
        hint="its last words are above; out of memory shows as signal 9",
    )


def _waiting_for(plan: Plan) -> list[str]:
    """What the spec asks for and no alias starts yet; a typing error would show here."""
    job, serve = plan.job, plan.job.spec.serve
    if job.options.get("bundle") or job.source:
        return []
    aliases = [(role, part.alias) for role, part in (("canary", serve.canary), ("shadow", serve.shadow)) if part]
    return [
        f"{role}: there is no alias {alias} yet; modelwright runs tag {alias} VERSION starts it"
        for role, alias in aliases
        if alias not in plan.sources
    ]


def result(done: Run, *, counts: Mapping[str, Any] | None = None, cached: bool = False) -> Result:
    """The version that answered first in line, and what was counted; a server leaves no run of its own."""
    return Result(done, counts or {}, cached=cached)


def settings_of(plan: Plan) -> ServerSettings:
    """What the server process is told."""
    from modelwright.serving.settings import CanarySettings, Limits, ServerSettings, ShadowSettings, TraceSettings

    job, serve = plan.job, plan.job.spec.serve
    limits, canary, shadow = serve.limits, serve.canary, serve.shadow
    alone = bool(job.options.get("bundle") or job.source)  # one bundle, whatever the aliases say
    return ServerSettings(
        routes=tuple(share.settings() for share in routed(job)),
        host=serve.host,
        port=serve.port,
        access=_access(serve),
        tls=_tls(job),
        grpc_port=serve.grpc.port if serve.grpc else None,
        traces=TraceSettings(serve.traces.endpoint, serve.traces.sample) if serve.traces else None,
        log_folder=str(_log_folder(job)) if serve.log else None,
        log_sample=serve.log.sample if serve.log else 1.0,
        log_redact=tuple(serve.log.redact) if serve.log else (),
        following=None if alone else _following(job),
        canary=CanarySettings(tuple(canary.steps), **canary.model_dump(exclude={"alias", "steps"})) if canary else None,
        shadow=ShadowSettings(**shadow.model_dump(exclude={"alias"})) if shadow else None,
        cache_mb=serve.cache.max_mb if serve.cache else 0.0,
        workers=0 if serve.workers == "auto" else serve.workers,
        providers=tuple(serve.providers),
        fallback=serve.fallback,
        limits=Limits(
            body_bytes=int(limits.body_mb * 1e6),
            rows=limits.rows,
            string_chars=limits.string_chars,
            concurrency=limits.queue,
            body_s=limits.body_s,
            waiting_rows=limits.waiting_rows,
            deadline_s=limits.deadline_s,
            log_rows=limits.log_rows,
        ),
    )


def _following(job: Job) -> Following:
    from modelwright.serving.settings import Following

    serve = job.spec.serve
    return Following(
        str(job.store.root.resolve()),
        job.spec.name,
        {alias: route.weight for alias, route in serve.routes.items()},
        canary=serve.canary.alias if serve.canary else None,
        shadow=serve.shadow.alias if serve.shadow else None,
        every_s=serve.reload_s,
    )


def _access(serve: Serve) -> AccessSettings:
    from modelwright.serving.settings import AccessSettings

    tokens = (serve.token, serve.metrics_token, serve.admin_token)
    predict, metrics, admin = (token.reveal() if token else None for token in tokens)
    access = AccessSettings(predict, metrics, admin, cors=tuple(serve.cors))
    rate = serve.rate_limit
    return replace(access, per_s=rate.per_s, burst=rate.burst) if rate else access


def _tls(job: Job) -> TlsSettings | None:
    from modelwright.serving.settings import TlsSettings

    tls = job.spec.serve.tls
    return TlsSettings(str(job.base / tls.cert), str(job.base / tls.key)) if tls else None


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

    stopping = {signal.SIGTERM, signal.SIGINT}
    if _at_terminal():  # where it means that the terminal was closed
        stopping |= {getattr(signal, "SIGHUP", signal.SIGTERM)}

    def pass_on(number: int, frame: object) -> None:
        process.send_signal(signal.SIGTERM if number in stopping else number)

    in_main = threading.current_thread() is threading.main_thread()
    signals = [getattr(signal, name) for name in PASSED_ON if in_main and hasattr(signal, name)]
    before = {number: signal.signal(number, pass_on) for number in signals}
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


def _at_terminal() -> bool:
    return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()


def _messages(process: subprocess.Popen[bytes]) -> Iterator[dict[str, Any]]:
    """The server's lines of JSON, until it ends."""
    assert process.stdout is not None
    for line in process.stdout:
        yield json.loads(line)
