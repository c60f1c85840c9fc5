"""`make run` after the install: the demo starts, prints its login, works, and stops without a trace."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from tests import tagged

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 90
STOP_SECONDS = 15
pytestmark = pytest.mark.programs


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def new_database(folder: Path) -> str:
    """Empty, and of the kind that this test run is on."""
    url = os.environ["DATABASE_URL"]
    if url.startswith("sqlite"):
        return f"sqlite:///{folder / 'demo.sqlite3'}"
    import psycopg

    name = f"demo_{os.getpid()}_{free_port()}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
    return re.sub(r"/[^/?]+(?=\?|$)", f"/{name}", url, count=1)


class Demo:
    """A run of scripts/run.py and what it printed."""

    def __init__(self, database: str, port: int, output: Path) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.address, self.output = f"http://localhost:{port}", output
        with output.open("w") as file:
            self.process = subprocess.Popen(
                [sys.executable, "scripts/run.py"],
                cwd=ROOT,
                env=kept | {"DATABASE_URL": database, "PORT": str(port)},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def printed(self) -> str:
        return self.output.read_text()

    def wait_until_it_runs(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while "password: " not in self.printed():
            assert self.process.poll() is None, self.printed()
            assert time.monotonic() < deadline, self.printed()
            time.sleep(0.1)

    def sign_in(self) -> requests.Session:
        username, password = re.findall(r"^(?:username|password): (.+)$", self.printed(), re.MULTILINE)
        answer = requests.post(
            f"{self.address}/api/auth/login/", json={"username": username, "password": password}, timeout=10
        )
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        return session

    def call(self, script: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run a shell script that asks this demo, in a folder that it may write to."""
        return subprocess.run(
            ["sh", "-eu"], input=script, cwd=folder, capture_output=True, text=True, timeout=60, check=False
        )

    def stop(self, how: signal.Signals = signal.SIGINT) -> list[psutil.Process]:
        """End it and return the processes that it left behind."""
        everything = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(how)
        self.process.wait(STOP_SECONDS)
        _, left = psutil.wait_procs(everything, timeout=2)
        return left


@pytest.fixture(scope="module")
def database(tmp_path_factory) -> str:
    return new_database(tmp_path_factory.mktemp("demo"))


@pytest.fixture
def demo(database, tmp_path) -> Iterator[Demo]:
    run = Demo(database, free_port(), tmp_path / "output.txt")
    try:
        run.wait_until_it_runs()
        yield run
    finally:
        if run.process.poll() is None:
            for process in run.stop(signal.SIGTERM):
                process.kill()


@pytest.mark.heavy
def test_the_printed_login_works_and_orders_are_delivered_before_the_newcomers_eyes(demo) -> None:
    assert f"{demo.address}/" in demo.printed()
    session, deadline = demo.sign_in(), time.monotonic() + 240
    slips = f"{demo.address}/api/masterdata/packing-slips/"
    assert session.get(slips, timeout=10).json()["count"] > 0
    delivered = f"{slips}?status=delivered"
    before = session.get(delivered, timeout=10).json()["count"]
    while session.get(delivered, timeout=10).json()["count"] == before:
        assert time.monotonic() < deadline, "no order was delivered within four minutes"
        time.sleep(2)


@pytest.mark.once
def test_the_calls_of_the_docs_work_and_a_second_run_keeps_what_they_made(database, demo, tmp_path) -> None:
    called = demo.call(tagged.calls(demo.address), tmp_path)
    assert called.returncode == 0, f"{called.stdout[-2000:]}\n{called.stderr}"
    assert demo.stop(signal.SIGINT) == []
    assert demo.process.returncode == 0
    second = Demo(database, free_port(), tmp_path / "second.txt")
    try:
        second.wait_until_it_runs()
        slips = f"{second.address}/api/masterdata/packing-slips/?q=A-1001"
        (made,) = second.sign_in().get(slips, timeout=10).json()["results"]
        assert made["order_id"] == "A-1001"
    finally:
        second.stop()


def test_a_port_in_use_is_named_with_its_cure(database, tmp_path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        run = Demo(database, port, tmp_path / "output.txt")
        assert run.process.wait(START_SECONDS) == 1
    assert run.printed().startswith(f"Port {port} is in use.")
    assert f"PORT={port + 1} make run" in run.printed()
