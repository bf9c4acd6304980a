"""A bundle serves alone: installed from its lock into an empty environment, and built into an image and run."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

from modelwright.runs.store import Run
from serving.small_image import root_files
from stages.workshop import Workshop

NO_REGISTRY = re.compile(r"from versions: none|[Cc]onnection|[Tt]imed? ?out|name resolution|proxy")
WAIT_S = 60
ROOM_FOR_IMAGES = 6e9  # bytes
TOKEN = "a token of some length"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Run:
    workshop = Workshop(tmp_path_factory.mktemp("workshop"))
    workshop.prepare_and_train()
    workshop.evaluate()
    return workshop.export()


@pytest.fixture(scope="module")
def copied(bundle: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somewhere else, as a user would take it."""
    return Path(shutil.copytree(bundle.path, tmp_path_factory.mktemp("elsewhere") / "rides"))


@pytest.fixture(scope="module")
def wheels(copied: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that the lock names, with the hashes that it names, from the registry."""
    folder = tmp_path_factory.mktemp("wheels")
    lock = copied / "requirements.lock"
    if "--hash" not in lock.read_text():
        pytest.skip("the versions here are not those that are pinned, so the lock has no hashes")
    done = pip(copied, "download", "--no-deps", "--require-hashes", "-d", folder, "-r", lock)
    if done.returncode and NO_REGISTRY.search(done.stderr):
        pytest.skip(f"no registry: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return folder


def pip(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=outside(), capture_output=True, text=True)


def outside() -> dict[str, str]:
    """An environment in which no Python finds modules of another."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


@contextmanager
def running(
    command: Sequence[object], folder: Path, answers: str, **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """A process, from when the address answers until the block ends."""
    process = subprocess.Popen(
        [str(part) for part in command],
        cwd=folder,
        env={**outside(), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    until = time.monotonic() + WAIT_S
    try:
        while not ready(answers):
            assert process.poll() is None, process.stdout and process.stdout.read()
            assert time.monotonic() < until, "it never became ready"
            time.sleep(0.1)
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def ready(address: str) -> bool:
    try:
        with urlopen(f"{address}/health/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, ConnectionError, TimeoutError):
        return False


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def ask(address: str, row: dict[str, Any], token: str | None = None) -> dict[str, Any]:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = Request(f"{address}/predict", json.dumps({"rows": [row]}).encode(), headers)
    with urlopen(request, timeout=30) as answer:
        found: dict[str, Any] = json.loads(answer.read())["predictions"][0]
    return found


def test_an_empty_environment_serves_the_golden_requests_from_the_lock(
    copied: Path, wheels: Path, tmp_path: Path
) -> None:
    python = tmp_path / "env/bin/python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True)
    there = ("--python", python)
    lock = ("--require-hashes", "-r", "requirements.lock")
    done = pip(  # with dependencies: all are there
        copied, *there, "install", "--no-compile", "--no-index", "--find-links", wheels, *lock
    )
    assert done.returncode == 0, done.stderr
    assert pip(copied, *there, "check").returncode == 0
    listed = json.loads(pip(copied, *there, "list", "--format=json").stdout)
    names = {entry["name"].lower() for entry in listed}
    assert not names & {"torch", "scikit-learn", "pandas", "duckdb", "onnx", "pydantic", "typer"}
    address = f"http://127.0.0.1:{(port := free_port())}"
    command = [python, "-m", "modelwright.serving", "--bundle", ".", "--port", port]
    with running(command, copied, address) as process:
        for request in json.loads((copied / "smoke.json").read_text())["requests"]:
            assert ask(address, request["row"]) == request["answer"]
        process.terminate()
        assert process.wait(WAIT_S) == 0


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., list[str]]]:
    """A command line of buildah with images of its own, in a folder of its own: in memory, where there is room."""
    program = shutil.which("buildah")
    if program is None or os.geteuid() != 0:
        pytest.skip("buildah is not installed, or may not make images here")
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > ROOM_FOR_IMAGES
    place = Path(tempfile.mkdtemp(dir=memory)) if roomy else tmp_path_factory.mktemp("images")
    options = ["--root", place / "root", "--runroot", place / "run", "--storage-driver", "vfs"]

    def command(verb: str, *arguments: object) -> list[str]:
        return [str(part) for part in (program, *options, verb, *arguments)]

    yield command
    subprocess.run(command("rm", "--all"), capture_output=True)
    shutil.rmtree(place)


def done(command: list[str], folder: Path | None = None) -> str:
    finished = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr[-3000:]
    return finished.stdout.strip()


@pytest.fixture(scope="module")
def image(
    buildah: Callable[..., list[str]], copied: Path, wheels: Path, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """The bundle's image, built from its own Dockerfile over a base of this machine's Python."""
    folder = tmp_path_factory.mktemp("base")
    base = done(buildah("from", "scratch"))
    done(buildah("add", base, root_files(folder / "root"), "/"))
    done(buildah("commit", "--quiet", "--rm", "--format", "docker", base, "localhost/base"))
    settings = folder / "pip.conf"  # the wheels at hand instead of the registry
    settings.write_text("[global]\nno-index = true\nfind-links = /wheels\n[install]\nno-compile = true\n")
    shared = [f"--volume={wheels}:/wheels:ro", f"--volume={settings}:/etc/pip.conf:ro"]
    arguments = ["--isolation=chroot", "--format=docker", "--layers=false", "--build-arg=BASE=localhost/base"]
    done(buildah("bud", *arguments, *shared, "--tag", "localhost/rides", "."), copied)
    return "localhost/rides"


def test_the_image_runs_as_nobody_and_answers_who_has_the_token(
    buildah: Callable[..., list[str]], image: str, copied: Path
) -> None:
    config = json.loads(done(buildah("inspect", "--type", "image", image)))["Docker"]["config"]
    assert config["User"] == "10001:10001"
    port = str(free_port())
    entry, check = ([part.replace("8080", port) for part in config[name]] for name in ("Entrypoint", "Cmd"))
    address, container = f"http://127.0.0.1:{port}", done(buildah("from", image))
    run = buildah("run", "--isolation=chroot", f"--env=MODELWRIGHT_TOKEN={TOKEN}", container, "--", *entry, *check)
    with running(run, copied, address):
        row = json.loads((copied / "smoke.json").read_text())["requests"][0]
        assert ask(address, row["row"], TOKEN) == row["answer"]
        with pytest.raises(HTTPError, match="401"):
            ask(address, row["row"])
        health = [part.replace("8080", port) for part in config["Healthcheck"]["Test"][1:]]
        done(buildah("run", "--isolation=chroot", container, "--", *health))
    with pytest.raises(AssertionError):  # once it is gone, the same check fails
        done(buildah("run", "--isolation=chroot", container, "--", *health))
