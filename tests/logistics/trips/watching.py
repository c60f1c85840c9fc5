"""A web server of its own on the test's database, and clients that watch its streams."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from typing import Any

import requests

from tests.conftest import ROOT, database_url_of_test, wait_for


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Web:
    """`uvicorn ims.asgi:application` as in production; it can be killed and started again."""

    def __init__(self, **environment: str) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.environment = {**os.environ, "DATABASE_URL": database_url_of_test(), **environment}
        self.start()

    def start(self) -> None:
        options = ["--port", str(self.port), "--log-level", "warning", "--timeout-graceful-shutdown", "1"]
        command = [sys.executable, "-m", "uvicorn", "ims.asgi:application", *options]
        self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment)
        wait_for(self.answers, timeout=40)

    def answers(self) -> bool:
        with contextlib.suppress(requests.RequestException):
            return requests.get(f"{self.address}/healthz", timeout=2).ok
        return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Watching(threading.Thread):
    """One client, as a browser is: it comes back with its Last-Event-ID until it is told to stop."""

    def __init__(self, url: str, token: str = "", after: int | None = None) -> None:
        super().__init__(daemon=True)
        self.url, self.last = url, after
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.events: list[dict[str, Any]] = []
        self.numbers: list[int] = []
        self.opened = threading.Event()
        self.resets = self.heartbeats = self.connections = 0
        self.stopping = False
        self.start()
        assert self.opened.wait(20), "the stream did not open"

    def run(self) -> None:
        while not self.stopping:
            with contextlib.suppress(requests.RequestException):
                self.watch()
            time.sleep(0.1)

    def watch(self) -> None:
        headers = self.headers | ({} if self.last is None else {"Last-Event-ID": str(self.last)})
        with requests.get(self.url, headers=headers, stream=True, timeout=(5, 30)) as answer:
            if not answer.ok:
                return
            self.connections += 1
            event: dict[str, str] = {}
            for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
                if self.stopping:
                    return
                if line:
                    name, _, value = line.partition(": ")
                    event[name] = value
                else:
                    self.take(event)
                    event = {}
                self.opened.set()

    def take(self, event: dict[str, str]) -> None:
        if "id" in event:
            self.last = int(event["id"])
        kind = event.get("event")
        self.heartbeats += kind == "heartbeat"
        self.resets += kind == "reset"
        if "data" in event and kind is None:
            self.numbers.append(int(event["id"]))
            self.events.append(json.loads(event["data"]))
