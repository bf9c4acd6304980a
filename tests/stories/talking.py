"""A server process of a bundle, as a container starts it, and questions to it over HTTP."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def serving(bundle: Path) -> Iterator[int]:
    """The port that a server process of this bundle listens on."""
    command = [sys.executable, "-m", "modelwright.serving", "--bundle", str(bundle), "--port", "0"]
    elsewhere = {**os.environ, "TZ": "America/New_York"}  # where the server stands must not matter
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=elsewhere) as process:
        try:
            assert process.stderr
            line = process.stderr.readline()
            assert " at http://" in line, line + process.stderr.read()
            yield int(line.rpartition(":")[2])
        finally:
            process.terminate()
            assert process.wait(20) == 0


def ask(port: int, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One request for each row, on one connection."""
    answers = []
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        for row in rows:
            connection.request("POST", "/predict", json.dumps({"rows": [row]}), {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = json.loads(response.read())
            assert response.status == 200, answer
            answers.append(answer["predictions"][0])
    return answers
