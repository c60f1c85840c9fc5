"""/readyz, /healthz and `manage.py health` where the database is out: a web process that was started so."""

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from tests.conftest import ROOT


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def without_database():
    """The environment of processes whose PostgreSQL does not answer."""
    return {**os.environ, "DATABASE_URL": f"postgres://nobody@127.0.0.1:{free_port()}/nowhere"}


@pytest.fixture(scope="module")
def web(without_database):
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "ims.asgi:application",
        "--port",
        str(port),
        "--log-level",
        "error",
    ]
    process = subprocess.Popen(command, cwd=ROOT, env=without_database, start_new_session=True)
    yield f"http://127.0.0.1:{port}"
    process.kill()
    process.wait()


def get(address):
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def is_up(address):
    try:
        return get(f"{address}/healthz")[0] == 200
    except OSError:
        return False


def test_without_its_database_the_web_lives_but_is_not_ready(web, wait_for):
    wait_for(lambda: is_up(web), 30)
    status, body = get(f"{web}/readyz")
    assert status == 503
    assert '"name": "database", "ok": false' in body
    assert "The database does not answer" in body
    assert "nobody@" not in body


def test_without_its_database_the_command_says_so_by_its_exit_code(without_database):
    command = [sys.executable, "manage.py", "health"]
    done = subprocess.run(command, cwd=ROOT, env=without_database, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2, done.stderr
    assert done.stdout == "FAIL database: The database does not answer: OperationalError.\n"
