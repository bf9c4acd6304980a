"""One server process: load and check the bundles, listen, answer, and leave without dropping a request."""

from __future__ import annotations

import asyncio
import ctypes
import functools
import gc
import signal
import socket
import ssl
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import uvicorn

from modelwright.serving.app import Application
from modelwright.serving.assembly import assemble
from modelwright.serving.connection import Connection
from modelwright.serving.express import express_of
from modelwright.serving.listening import BACKLOG, listen
from modelwright.serving.protocols.grpc_server import start_grpc
from modelwright.serving.settings import ServerSettings
from modelwright.serving.tls import tls_context

POLL_S = 0.01
SHARE_S = 0.5
SWITCH_S = 0.0005  # how long the log's thread may make requests wait, when it has much to do

Announce = Callable[[str], None]
WhenStopped = Callable[[Callable[[], object]], None]


def serve(settings: ServerSettings, announce: Announce, when_stopped: WhenStopped | None = None) -> Application:
    """Answer until SIGTERM, SIGINT or until `when_stopped` calls what it is given; then finish what is in flight.

    SIGHUP loads what the aliases mean now.
    """
    context = tls_context(settings.tls) if settings.tls else None
    app = assemble(settings)
    try:
        bound = listen(settings.host, settings.port, shared=settings.worker_folder is not None)
    except BaseException:
        app.close()
        raise
    gc.collect()
    gc.freeze()  # what is loaded now stays: later collections need not look at it
    _give_back_memory()
    sys.setswitchinterval(SWITCH_S)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_run(app, bound, settings, context, announce, when_stopped))
    finally:
        app.close()
        bound.close()
    return app


async def _run(
    app: Application,
    bound: socket.socket,
    settings: ServerSettings,
    context: ssl.SSLContext | None,
    announce: Announce,
    when_stopped: WhenStopped | None,
) -> None:
    express = express_of(app)
    config = uvicorn.Config(
        app,
        http=functools.partial(Connection, express) if express else "httptools",  # type: ignore[arg-type]  # makes one
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=round(settings.stop_s),
        ssl_context_factory=(lambda *_: context) if context else None,
    )
    server = uvicorn.Server(config)
    if express:
        express.lines = lambda: server.server_state.default_headers
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    while not server.started and not serving.done():
        await asyncio.sleep(POLL_S)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for received in (signal.SIGTERM, signal.SIGINT):  # after uvicorn's own handlers, which would close the port at once
        loop.add_signal_handler(received, stopping.set)
    if sys.platform != "win32":
        loop.add_signal_handler(signal.SIGHUP, _reload, app, loop)
    if when_stopped:
        when_stopped(functools.partial(loop.call_soon_threadsafe, stopping.set))
    host, port = bound.getsockname()[:2]
    if app.watcher:
        app.watcher.start()
    calls = await start_grpc(app, settings) if settings.grpc_port is not None else None
    sharing = loop.create_task(_share_counts(app)) if settings.worker_folder else None
    announce(f"{'https' if context else 'http'}://{f'[{host}]' if ':' in host else host}:{port}")
    await asyncio.wait({serving, asyncio.create_task(stopping.wait())}, return_when=asyncio.FIRST_COMPLETED)
    await _drain(app, settings)
    await _hang_up(server, bound, context, settings)
    server.should_exit = True  # uvicorn waits for the requests in flight
    if calls:
        await calls.stop(settings.stop_s)
    await serving
    if sharing:
        sharing.cancel()


def _reload(app: Application, loop: asyncio.AbstractEventLoop) -> None:
    """SIGHUP, as daemons have it; beside the loop, as loading takes a while."""
    if app.reload:
        loop.run_in_executor(None, app.reload)


async def _drain(app: Application, settings: ServerSettings) -> None:
    """Readiness says no while the port is still open, so that a load balancer stops sending before it closes."""
    app.draining = True
    until = time.monotonic() + settings.drain_s
    while time.monotonic() < until:
        await asyncio.sleep(POLL_S)


async def _hang_up(
    server: uvicorn.Server, bound: socket.socket, context: ssl.SSLContext | None, settings: ServerSettings
) -> None:
    """Close the port, but not yet the connections: a request may be on its way on each. Its answer ends it.

    Callers that the system has connected and we have not yet would be cut off, so they are taken in at the last moment.
    """
    loop = asyncio.get_running_loop()
    last = _connected(bound)
    with suppress(OSError):  # only Linux lets a listening socket be shut down; elsewhere closing has to do
        bound.shutdown(socket.SHUT_RDWR)
    for listener in server.servers:
        listener.close()

    def protocol() -> asyncio.Protocol:
        made: asyncio.Protocol = server.config.http_protocol_class(  # type: ignore[call-arg]  # httptools'
            config=server.config, server_state=server.server_state, app_state={}, _loop=loop
        )
        return made

    for caller in last:
        with suppress(OSError):  # gone already
            await loop.connect_accepted_socket(protocol, caller, ssl=context)
    until = time.monotonic() + settings.drain_s
    while server.server_state.connections and time.monotonic() < until:
        await asyncio.sleep(POLL_S)


def _connected(bound: socket.socket) -> list[socket.socket]:
    """The connections that wait to be accepted."""
    found = []
    bound.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            found.append(bound.accept()[0])
    return found


async def _share_counts(app: Application) -> None:
    """The log counts in its own thread; what other workers show of it is as old as this."""
    while True:
        await asyncio.sleep(SHARE_S)
        app.note_log()


def _give_back_memory() -> None:
    """What loading needed and no longer does; glibc alone has a call for it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim:
        trim(0)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
