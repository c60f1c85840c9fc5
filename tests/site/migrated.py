"""One database is migrated in a run; each process of pytest works on a copy of it."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]
ORIGINAL = "migrated"  # name of the file, or of PostgreSQL's database


@pytest.fixture(scope="session")
def django_db_keepdb(django_db_modify_db_settings: None, django_db_blocker) -> bool:
    """pytest-django asks before it makes a database; it finds ours, with nothing left to migrate."""
    with django_db_blocker.unblock():
        _lay_a_copy()
    return True


def _lay_a_copy() -> None:
    run = Path(os.environ["IMS_TEST_RUN"])
    copy = connection.settings_dict["TEST"]["NAME"] or connection.creation._get_test_db_name()
    with _one_at_a_time(run / "migrating"):
        done = run / "migrated"
        if connection.vendor == "sqlite":
            original = run / f"{ORIGINAL}.sqlite3"
            if not done.exists():
                _migrate(f"sqlite:///{original}")
            shutil.copyfile(original, copy)
        else:
            if not done.exists():
                _on_the_server(f'CREATE DATABASE "{ORIGINAL}"')
                base, _, query = os.environ["DATABASE_URL"].partition("?")
                _migrate(f"{base.rpartition('/')[0]}/{ORIGINAL}?{query}")
            _on_the_server(f'CREATE DATABASE "{copy}" TEMPLATE "{ORIGINAL}"')
        done.touch()


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _migrate(url: str) -> None:
    command = [sys.executable, "manage.py", "migrate", "--run-syncdb", "--verbosity=0"]
    settings = {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.site.settings"}
    subprocess.run(command, cwd=ROOT, env={**os.environ, **settings}, check=True)


def _on_the_server(statement: str) -> None:
    with connection._nodb_cursor() as cursor:
        cursor.execute(statement)
