"""One server process: load and check the bundles, listen, answer, and leave without dropping a request."""

from __future__ import annotations

import asyncio
import errno
import functools
import gc
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import uvicorn

from modelwright.core.errors import ArtifactError, ResourceError
from modelwright.serving.app import Application
from modelwright.serving.bundle import open_bundle
from modelwright.serving.model import ServedModel
from modelwright.serving.prediction_log import PredictionLog
from modelwright.serving.routes import Route, Router
from modelwright.serving.settings import ServerSettings
from modelwright.serving.smoke import check_smoke

BACKLOG = 2048
POLL_S = 0.01

Announce = Callable[[str], None]
WhenStopped = Callable[[Callable[[], object]], None]


def load(settings: ServerSettings) -> Router:
    """Open, verify and ask the golden requests of every bundle. ArtifactError when one does not answer as it should."""
    models: dict[str, ServedModel] = {}
    routes = []
    for route in settings.routes:
        if route.folder not in models:
            bundle = open_bundle(Path(route.folder))
            models[route.folder] = ServedModel(
                bundle.signature, bundle.model, version=bundle.version, limits=settings.limits
            )
            check_smoke(models[route.folder], bundle.smoke)
        routes.append(Route(route.alias, route.weight, models[route.folder]))
    names = {route.model.name for route in routes}
    if len(names) > 1:
        raise ArtifactError(f"a server has one model name; these bundles have {', '.join(sorted(names))}")
    return Router(routes)


def listen(host: str, port: int) -> socket.socket:
    """A bound socket. ResourceError when the port is taken or not ours to take."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ResourceError(
            f"can't listen on {host}: {error}", hint="set serve.host to an address of this machine"
        ) from error
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
        bound.listen(BACKLOG)  # now, not at the first accept: a second server must learn here that it is late
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            hint = f"another process listens there; end it, or choose another with --set serve.port={port + 1}"
            raise ResourceError(f"port {port} on {host} is in use", hint=hint) from error
        raise ResourceError(
            f"can't listen on {host} port {port}: {error.strerror}",
            hint="ports below 1024 need rights; serve.host must be an address of this machine",
        ) from error
    return bound


def serve(settings: ServerSettings, announce: Announce, when_stopped: WhenStopped | None = None) -> Application:
    """Answer until SIGTERM, SIGINT or until `when_stopped` calls what it is given; then finish what is in flight."""
    router = load(settings)
    bound = listen(settings.host, settings.port)
    log = _open_log(settings, router)
    app = Application(router, settings.limits, token=settings.token, log=log)
    gc.collect()
    gc.freeze()  # what is loaded now stays: later collections need not look at it
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_run(app, bound, settings, announce, when_stopped))
    finally:
        app.close()
        bound.close()
    return app


def _open_log(settings: ServerSettings, router: Router) -> PredictionLog | None:
    if settings.log_folder is None:
        return None
    signatures = {version: route.model.signature for version, route in router.by_version.items()}
    return PredictionLog(Path(settings.log_folder), signatures, queue_rows=settings.limits.log_rows)


async def _run(
    app: Application,
    bound: socket.socket,
    settings: ServerSettings,
    announce: Announce,
    when_stopped: WhenStopped | None,
) -> None:
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=round(settings.stop_s),
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    while not server.started and not serving.done():
        await asyncio.sleep(POLL_S)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for received in (signal.SIGTERM, signal.SIGINT):  # after uvicorn's own handlers, which would close the port at once
        loop.add_signal_handler(received, stopping.set)
    if when_stopped:
        when_stopped(functools.partial(loop.call_soon_threadsafe, stopping.set))
    host, port = bound.getsockname()[:2]
    announce(f"http://{f'[{host}]' if ':' in host else host}:{port}")
    await asyncio.wait({serving, asyncio.create_task(stopping.wait())}, return_when=asyncio.FIRST_COMPLETED)
    await _drain(app, settings)
    server.should_exit = True  # uvicorn closes the port and waits for the requests in flight
    await serving


async def _drain(app: Application, settings: ServerSettings) -> None:
    """Readiness says no while the port is still open, so that a load balancer stops sending before it closes."""
    app.draining = True
    until = time.monotonic() + settings.drain_s
    while time.monotonic() < until:
        await asyncio.sleep(POLL_S)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
