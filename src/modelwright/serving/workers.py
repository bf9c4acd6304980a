"""Several server processes behind one port: started, watched, started again when one dies, and stopped together.

This process answers nothing and loads no model. A worker is a server like one that runs alone, told over its stdin to
share the port and its counters; it ends when its stdin ends, however this process ended.
"""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from modelwright.core.errors import ResourceError, error_of
from modelwright.serving.cpus import usable_cpus
from modelwright.serving.listening import reserve
from modelwright.serving.metrics import Metrics
from modelwright.serving.settings import ServerSettings

SHORT_LIFE_S = 10.0  # a worker that ends sooner did not begin well
SHORT_LIVES = 5  # so many in a row, and the server gives up
BEFORE_AGAIN_S = 0.2  # doubled for each short life
STOP_MORE_S = 10.0  # beyond drain and stop, before a worker is killed

Announce = Callable[[str], None]
WhenStopped = Callable[[Callable[[], object]], None]
Message = tuple["Worker", Mapping[str, Any]]  # an empty one: the worker has ended


@dataclass
class Worker:
    """One child; a thread reads what it says."""

    number: int
    process: subprocess.Popen[bytes]
    reader: threading.Thread | None = None
    started: float = field(default_factory=time.monotonic)


def serve_with_workers(
    settings: ServerSettings, announce: Announce, when_stopped: WhenStopped | None = None
) -> dict[str, int]:
    """Answer until SIGTERM, SIGINT or `when_stopped`; returns what all workers counted."""
    with reserve(settings.host, settings.port) as held, tempfile.TemporaryDirectory(prefix="modelwright-") as folder:
        told = replace(settings, port=held.getsockname()[1], workers=1, worker_folder=folder)
        return _Supervisor(told, settings.workers or usable_cpus(), Path(folder)).run(announce, when_stopped)


class _Supervisor:
    def __init__(self, told: ServerSettings, count: int, folder: Path) -> None:
        self._told, self._count = told, count
        self._metrics = Metrics(folder)
        self._messages: queue.SimpleQueue[Message | None] = queue.SimpleQueue()  # None: stop
        self._workers: dict[int, Worker] = {}
        self._short_lives = 0
        self._stopping = False
        self._counted: Counter[str] = Counter()

    def run(self, announce: Announce, when_stopped: WhenStopped | None) -> dict[str, int]:
        before = {number: signal.signal(number, self._stopped) for number in (signal.SIGTERM, signal.SIGINT)}
        if sys.platform != "win32":
            before[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._reload)
        if when_stopped:
            when_stopped(lambda: self._messages.put(None))
        try:
            for number in range(self._count):
                self._start(number)
            self._watch(announce)
        finally:
            self._stop()
            for number, handler in before.items():
                signal.signal(number, handler)
        counts = {"requests": self._metrics.count("requests_total"), "rows": self._metrics.count("rows_total")}
        return {**counts, **self._counted}

    def _stopped(self, number: int, frame: object) -> None:
        self._messages.put(None)

    def _reload(self, number: int, frame: object) -> None:
        for worker in list(self._workers.values()):
            worker.process.send_signal(number)

    def _watch(self, announce: Announce) -> None:
        """Until it is to stop; `announce` is called once, when all workers listen."""
        listening: set[int] = set()
        while (found := self._messages.get()) is not None:
            worker, message = found
            if "url" in message:
                listening.add(worker.number)
                if len(listening) == self._count:
                    announce(message["url"])
                    listening.add(-1)  # once
            elif "exit_code" in message:
                error = error_of(message["exit_code"], message["problems"])
                if len(listening) <= self._count:
                    raise error
                print(f"a server process can't be started again: {error}", file=sys.stderr, flush=True)
            elif not message:
                self._again(worker)

    def _again(self, worker: Worker) -> None:
        """Start a worker that ended by itself once more. ResourceError when it ends each time."""
        code = worker.process.wait()
        self._metrics.worker_ended(worker.process.pid)
        short = time.monotonic() - worker.started < SHORT_LIFE_S
        self._short_lives = self._short_lives + 1 if short else 0
        what = f"signal {-code}" if code < 0 else f"exit code {code}"
        if self._short_lives >= SHORT_LIVES:
            raise ResourceError(
                f"a server process ended soon after its start, {SHORT_LIVES} times in a row (last: {what})",
                hint="its last words are above; out of memory shows as signal 9: set fewer serve.workers",
            )
        print(f"a server process ended unexpectedly ({what}); it is started again", file=sys.stderr, flush=True)
        self._metrics.add("worker_restarts_total", 1)
        delay_s = BEFORE_AGAIN_S * 2 ** (self._short_lives - 1) if short else 0.0
        threading.Timer(delay_s, self._start, (worker.number,)).start()

    def _start(self, number: int) -> None:
        if self._stopping:
            return
        command = [sys.executable, "-m", "modelwright.serving", "--settings", "-"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin is not None
        with suppress(BrokenPipeError):  # it ended at once; its messages say why
            process.stdin.write(replace(self._told, worker_number=number).to_json() + b"\n")
            process.stdin.flush()
        worker = self._workers[number] = Worker(number, process)
        worker.reader = threading.Thread(target=self._listen, args=(worker,), name=f"worker-{number}", daemon=True)
        worker.reader.start()

    def _listen(self, worker: Worker) -> None:
        """In a thread of its own: pass on what a worker says, and that it has ended."""
        assert worker.process.stdout is not None
        for line in worker.process.stdout:
            message = json.loads(line)
            for name, count in message.get("stopped", {}).items():
                if name not in ("requests", "rows"):  # those are the sum over all workers already
                    self._counted[name] += count
            if "stopped" not in message:
                self._messages.put((worker, message))
        self._messages.put((worker, {}))

    def _stop(self) -> None:
        """All workers finish what is in flight; one that does not is killed."""
        self._stopping = True
        until = time.monotonic() + 2 * self._told.drain_s + self._told.stop_s + STOP_MORE_S
        for worker in self._workers.values():
            worker.process.terminate()
        for worker in self._workers.values():
            try:
                worker.process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
            assert worker.reader is not None
            worker.reader.join()
            for pipe in (worker.process.stdin, worker.process.stdout):
                assert pipe is not None
                with suppress(BrokenPipeError):
                    pipe.close()
