"""PostgreSQL's pg_dump and pg_restore, on the snapshot whose rows were counted."""

import os
import shutil
import subprocess
from pathlib import Path

from django.db import connection, transaction
from psycopg.conninfo import make_conninfo

from ims.backups.counting import count_rows
from ims.backups.errors import BackupFailed

LIBPQ = ("dbname", "user", "host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "service")
SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"


def dump(to: Path) -> dict[str, int]:
    """Dump the database as it is at one moment; returns the rows of each table then."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SNAPSHOT)
        cursor.execute("SELECT pg_export_snapshot()")
        snapshot = cursor.fetchone()[0]
        options = ["--format=custom", "--no-owner", "--no-privileges"]
        _run("pg_dump", *options, f"--snapshot={snapshot}", f"--file={to}")
        return count_rows(cursor)


def load(dumped: Path) -> None:
    """All of it or nothing."""
    options = ["--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error"]
    _run("pg_restore", *options, str(dumped))


def _run(program: str, *options: str) -> None:
    """A program of PostgreSQL on our database. The password goes by the environment, unseen by `ps`."""
    if not shutil.which(program):
        raise BackupFailed(f"{program} is not installed: apt-get install postgresql-client")
    known = connection.get_connection_params()
    address = make_conninfo(**{key: known[key] for key in LIBPQ if known.get(key)})
    environment = {**os.environ, "PGPASSWORD": str(known.get("password") or "")}
    done = subprocess.run(
        [program, f"--dbname={address}", *options],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BackupFailed(f"{program} failed: {done.stderr.strip()[-1000:]}")
