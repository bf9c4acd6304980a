"""The socket that a server listens on, and the port that its workers share."""

from __future__ import annotations

import errno
import socket

from modelwright.core.errors import ResourceError

BACKLOG = 2048


def listen(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A socket that takes connections. ResourceError when the port is taken or not ours to take.

    Of those that listen with `shared` the kernel gives each connection to one, by SO_REUSEPORT.
    """
    bound = _bound(host, port, shared=shared)
    bound.listen(BACKLOG)  # now, not at the first accept: a second server must learn here that it is late
    return bound


def reserve(host: str, port: int) -> socket.socket:
    """Hold a port for workers that will share it, without taking connections. ResourceError as above.

    Another server that shares its port must not be joined, so that the port is first taken for us alone.
    """
    alone = _bound(host, port, shared=False)
    try:
        alone.listen(1)
        number = alone.getsockname()[1]
    except OSError as error:
        raise _refused(host, port, error) from error
    finally:
        alone.close()
    return _bound(host, number, shared=True)


def _bound(host: str, port: int, *, shared: bool) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ResourceError(
            f"can't listen on {host}: {error}", hint="set serve.host to an address of this machine"
        ) from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared and not hasattr(socket, "SO_REUSEPORT"):
            raise ResourceError("several workers can't share a port on this system", hint="set serve.workers: 1")
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise _refused(host, port, error) from error
    return bound


def _refused(host: str, port: int, error: OSError) -> ResourceError:
    if error.errno == errno.EADDRINUSE:
        hint = f"another process listens there; end it, or choose another with --set serve.port={port + 1}"
        return ResourceError(f"port {port} on {host} is in use", hint=hint)
    return ResourceError(
        f"can't listen on {host} port {port}: {error.strerror}",
        hint="ports below 1024 need rights; serve.host must be an address of this machine",
    )
