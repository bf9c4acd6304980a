"""`python -m modelwright.serving`: the server process, without the command line's libraries.

In a container it takes `--bundle DIR`. `modelwright serve` starts it with `--settings -` and speaks to it in lines of
JSON: settings go in on stdin, which stays open and whose end means stop; `{"url": …}` or `{"exit_code": …,
"problems": […]}` come out on stdout.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from modelwright.core.errors import ModelwrightError, SpecError

if TYPE_CHECKING:
    from modelwright.serving.settings import ServerSettings

Stop = Callable[[], object]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m modelwright.serving", description="Serve an exported bundle.")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--bundle", metavar="DIR", help="the exported bundle")
    source.add_argument("--settings", choices=["-"], help="read the settings as one line of JSON from stdin")
    parser.add_argument("--host", default="127.0.0.1", help="any address but this machine's own needs a token")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--log", metavar="DIR", help="folder of the prediction log")
    parser.add_argument("--workers", default="1", metavar="N", help="processes; auto: one for each usable processor")
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"), help="serve HTTPS with these PEM files")
    given = parser.parse_args(arguments)
    if sys.platform != "win32":
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until it serves: it is about to load the newest anyway
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # Arrow's own keeps megabytes for the next time
    return _supervised() if given.settings else _alone(given)


def _alone(given: argparse.Namespace) -> int:
    """Tokens come from the environment, never from the command line, which `ps` shows."""
    from modelwright.serving.settings import AccessSettings, RouteSettings, ServerSettings, TlsSettings

    predict, metrics = (os.environ.get(name) or None for name in ("MODELWRIGHT_TOKEN", "MODELWRIGHT_METRICS_TOKEN"))
    try:
        settings = ServerSettings(
            routes=(RouteSettings("bundle", 1.0, given.bundle),),
            host=given.host,
            port=given.port,
            access=AccessSettings(predict, metrics),
            tls=TlsSettings(*given.tls) if given.tls else None,
            log_folder=given.log,
            workers=_workers(given.workers),
        )
        _serve(settings, lambda url: _say(sys.stderr, f"serving {given.bundle} at {url}"), None)
    except ModelwrightError as error:
        _say(sys.stderr, f"error: {error}")
        return error.exit_code
    return 0


def _workers(given: str) -> int:
    if given == "auto":
        return 0
    if not given.isdigit() or not 1 <= int(given) <= 256:
        raise SpecError(f"--workers is {given!r}, not auto or a number from 1 to 256")
    return int(given)


def _supervised() -> int:
    from modelwright.serving.settings import ServerSettings

    try:
        settings = ServerSettings.from_json(sys.stdin.buffer.readline())
        counts = _serve(settings, lambda url: _say(sys.stdout, json.dumps({"url": url})), _when_stdin_ends)
    except ModelwrightError as error:
        problems = [[problem.message, problem.where, problem.hint] for problem in error.problems]
        _say(sys.stdout, json.dumps({"exit_code": error.exit_code, "problems": problems}))
        return error.exit_code
    _say(sys.stdout, json.dumps({"stopped": counts}))
    return 0


def _serve(
    settings: ServerSettings, announce: Callable[[str], None], when_stopped: Callable[[Stop], None] | None
) -> dict[str, int]:
    """In this process, or in as many as the settings say; what was counted."""
    if settings.workers != 1:
        from modelwright.serving.workers import serve_with_workers

        return serve_with_workers(settings, announce, when_stopped)
    from modelwright.serving.server import serve

    app = serve(settings, announce, when_stopped)
    counted = {"requests": app.metrics.count("requests_total"), "rows": app.metrics.count("rows_total")}
    return {**counted, **(app.log.counts() if app.log else {})}


def _when_stdin_ends(stop: Stop) -> None:
    """The supervisor's end of the pipe closes with it, however it ends: a server is never left behind."""

    def wait() -> None:
        while os.read(0, 1024):  # not sys.stdin: a thread inside its lock would abort the interpreter at exit
            pass
        stop()

    threading.Thread(target=wait, name="supervisor", daemon=True).start()


def _say(stream: object, text: str) -> None:
    """One line; a supervisor that has died must not keep the server from ending cleanly."""
    try:
        stream.write(text + "\n")  # type: ignore[attr-defined]  # a text stream
        stream.flush()  # type: ignore[attr-defined]  # as above
    except (BrokenPipeError, ValueError):
        pass


if __name__ == "__main__":
    sys.exit(main())
