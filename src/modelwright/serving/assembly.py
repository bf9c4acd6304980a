"""Puts a server together from its settings: models, log, routes, and what watches them."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from modelwright.core.errors import ModelwrightError, SpecError
from modelwright.core.names import did_you_mean
from modelwright.serving.admin import Admin
from modelwright.serving.app import Application
from modelwright.serving.bundle import open_bundle
from modelwright.serving.log.prediction_log import PredictionLog
from modelwright.serving.metrics import Metrics
from modelwright.serving.model import ServedModel
from modelwright.serving.settings import Limits, ServerSettings
from modelwright.serving.smoke import check_smoke
from modelwright.serving.tracing import Tracing
from modelwright.serving.traffic.cache import AnswerCache
from modelwright.serving.traffic.canary import Canary
from modelwright.serving.traffic.canary_board import Board
from modelwright.serving.traffic.following import shares, stamp
from modelwright.serving.traffic.reloading import Load, Reloader, described, made_router
from modelwright.serving.traffic.routes import Router
from modelwright.serving.traffic.shadow import Shadow
from modelwright.serving.traffic.watching import Watcher

logger = logging.getLogger(__name__)

LOOK_S = 1.0  # how often the canary is looked at; steps that are shorter are looked at more often


def load_model(
    folder: Path, limits: Limits, providers: Sequence[str] = ("cpu",), *, fallback: bool = False
) -> ServedModel:
    """Open, verify, ask the golden requests and warm up. ArtifactError when a bundle does not answer as it should."""
    bundle = open_bundle(folder)
    model = ServedModel(
        bundle.signature,
        bundle.model,
        version=bundle.version,
        limits=limits,
        providers=providers,
        fallback=fallback,
    )
    check_smoke(model, bundle.smoke)
    model.warm_up(model.decoder.convert([request["row"] for request in bundle.smoke["requests"]]))
    return model


def assemble(settings: ServerSettings, say: Callable[[str], None] = logger.warning) -> Application:
    """An application that is ready to answer, its watcher not started yet. What concerns all workers is said once."""
    if settings.worker_number > 0:
        say = logger.debug
    load = functools.partial(
        load_model, limits=settings.limits, providers=settings.providers, fallback=settings.fallback
    )
    following = settings.following
    seen = stamp(following) if following else None  # before the aliases are read, so that no change is missed
    router = _router(settings, load, say)
    first = router.first.model
    tracing = Tracing(settings.traces, name=first.name, version=first.version) if settings.traces else None
    metrics = Metrics(Path(settings.worker_folder) if settings.worker_folder else None)
    log = _log(settings, router)
    canary = _canary(settings, router, metrics, say)
    app = Application(
        router,
        settings.limits,
        access=settings.access,
        metrics=metrics,
        log=log,
        cache=AnswerCache(settings.cache_mb) if settings.cache_mb else None,
        canary=canary,
        shadow=Shadow(settings.shadow, metrics, log) if settings.shadow else None,
    )
    reloader = Reloader(following, seen, app.answering, load, say, canary) if following and seen else None
    if settings.access.admin:
        app.admin = Admin(app.answering, reloader, canary)
    app.tracing = tracing
    app.reload = reloader.reload if reloader else None
    app.watcher = _watcher(settings, reloader, canary)
    return app


def _router(settings: ServerSettings, load: Load, say: Callable[[str], None]) -> Router:
    """What the aliases mean now: a worker that is started again may be told what they meant hours ago."""
    if settings.following is None:
        return made_router(settings.routes, load)
    try:
        now = tuple(share.settings() for share in shares(settings.following))
        return made_router(now, load)
    except ModelwrightError as error:
        router = made_router(settings.routes, load)  # raises the same where it is the same
        say(f"refused what the aliases mean now, serving {described(router)}: {error.problems[0]}")
        return router


def _log(settings: ServerSettings, router: Router) -> PredictionLog | None:
    if settings.log_folder is None:
        return None
    signatures = {route.model.version: route.model.signature for route in router.all_routes}
    known = {field.name for signature in signatures.values() for field in signature.fields}
    for name in settings.log_redact:
        if name not in known:
            raise SpecError(f'serve.log.redact: no model takes a column "{name}"{did_you_mean(name, sorted(known))}')
    return PredictionLog(
        Path(settings.log_folder),
        signatures,
        queue_rows=settings.limits.log_rows,
        sample=settings.log_sample,
        redact=settings.log_redact,
    )


def _canary(settings: ServerSettings, router: Router, metrics: Metrics, say: Callable[[str], None]) -> Canary | None:
    if settings.canary is None:
        return None
    folder = Path(settings.log_folder) if settings.log_folder else None
    canary = Canary(settings.canary, Board(folder, router.first.model.name), metrics, say)
    canary.begin(router.canary.model.version if router.canary else None)
    return canary


def _watcher(settings: ServerSettings, reloader: Reloader | None, canary: Canary | None) -> Watcher | None:
    looks: list[Callable[[], None]] = []
    every_s = LOOK_S
    if reloader and settings.following and settings.following.every_s:
        looks.append(reloader.look)
        every_s = settings.following.every_s
    if canary and settings.canary:
        looks.append(canary.look)
        every_s = min(every_s, LOOK_S, settings.canary.every_s / 2)
    return Watcher(looks, every_s) if looks else None
