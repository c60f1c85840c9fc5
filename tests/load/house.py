"""The whole product on one machine as deploy/ starts it: PostgreSQL, web, clusters, stand-ins for vendors."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO

import psutil
import requests

from bench.servers import Postgres
from scripts.run import free_ports
from tests.peers.fcm import FcmServer
from tests.peers.parcels import demo_journey
from tests.peers.smtp import SmtpServer
from tests.peers.track123 import Track123Server

ROOT = Path(__file__).resolve().parents[2]
UNITS = ROOT / "deploy" / "systemd"
SECRETS = {"webhook": "a-secret-address-for-the-load", "metrics": "a-token-for-the-metrics-of-the-load"}
START = 60.0  # seconds in which the web answers and clusters serve


class Unit:
    """A service as systemd keeps it: begun again, after its pause, whenever it ends."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str], log: IO[bytes]) -> None:
        self.name = name
        self.command = command
        self.environment = environment
        self.log = log
        self.pause = float(read_unit(name, "RestartSec")[0])
        self.process: subprocess.Popen[bytes] | None = None
        self.ended_at = 0.0
        self.is_wanted = True

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command,
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )

    def tend(self) -> None:
        if self.process is None or self.process.poll() is None or not self.is_wanted:
            return
        self.ended_at = self.ended_at or time.monotonic()
        if time.monotonic() >= self.ended_at + self.pause:
            self.kill_group()  # systemd leaves nothing of the old one
            self.ended_at = 0.0
            self.start()

    def family(self) -> list[psutil.Process]:
        """The main process and all below it."""
        try:
            main = psutil.Process(self.process.pid if self.process else -1)
            return [main, *main.children(recursive=True)]
        except (psutil.Error, ValueError):
            return []

    def children(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.process.pid if self.process else -1).children()
        except (psutil.Error, ValueError):
            return []

    def workers(self) -> list[psutil.Process]:
        """Of a cluster: the children of its supervisor."""
        try:
            return [worker for supervisor in self.children() for worker in supervisor.children()]
        except psutil.Error:
            return []

    def kill_group(self) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def stop(self) -> int | None:
        """Its exit status; None where it had to be killed."""
        self.is_wanted = False
        if self.process is None or self.process.poll() is not None:
            return 0
        self.process.terminate()
        try:
            return self.process.wait(float(read_unit(self.name, "TimeoutStopSec")[0]))
        except subprocess.TimeoutExpired:
            self.kill_group()
            return None


def read_unit(name: str, key: str) -> list[str]:
    """The values of a key in a unit of deploy/systemd."""
    text = (UNITS / f"{name}.service").read_text().replace("\\\n", " ")
    return [line.partition("=")[2].strip() for line in text.splitlines() if line.startswith(f"{key}=")]


class House:
    """`with House(folder, clusters=2) as house:` everything runs; afterwards nothing does."""

    def __init__(self, folder: Path, clusters: int, environment: dict[str, str]) -> None:
        self.folder = folder
        self.count = clusters
        self.extra = environment
        self.rest = ExitStack()
        self.units: list[Unit] = []

    def __enter__(self) -> "House":
        self.postgres = Postgres(self.folder)
        self.rest.callback(self.postgres.stop)
        self.log = self.rest.enter_context((self.folder / "processes.log").open("ab"))
        self.rest.callback(self._kill_all)
        self.track123 = self.rest.enter_context(
            Track123Server("demo-key", auto_register=True, journey=demo_journey, per_second=0)
        )
        self.fcm = self.rest.enter_context(FcmServer())
        self.smtp = self.rest.enter_context(SmtpServer())
        [self.port] = free_ports(1)
        os.environ.update(self._environment())
        return self

    def crashes(self) -> list[str]:
        """Tracebacks of the requests that were answered with 500."""
        lines = Path(self.log.name).read_text(errors="replace").splitlines()
        told = [
            json.loads(line) for line in lines if line.startswith("{") and "Internal Server Error" in line
        ]
        return [each["traceback"] for each in told if "traceback" in each]

    def __exit__(self, *_: object) -> None:
        from django.db import connections

        connections.close_all()
        self.rest.close()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def web(self) -> Unit:
        return self.units[0]

    @property
    def clusters(self) -> list[Unit]:
        return self.units[1:]

    def _environment(self) -> dict[str, str]:
        """As /etc/ims.env, with the stand-ins for vendors and short time-outs of theirs."""
        return {
            "DJANGO_SETTINGS_MODULE": "tests.load.settings",
            "DEBUG": "0",
            "HTTPS": "0",
            "STATIC_HASHED": "0",
            "SECRET_KEY": "a-key-for-the-load-that-is-long-enough-to-be-accepted",
            "ALLOWED_HOSTS": "localhost,127.0.0.1",
            "LOG_LEVEL": "WARNING",
            "DATABASE_URL": self.postgres.create_database("load"),
            "MEDIA_ROOT": str(self.folder / "media"),
            "EMAIL_URL": f"smtp://127.0.0.1:{self.smtp.port}",
            "TRACK123_BASE_URL": self.track123.url,
            "TRACK123_TIMEOUT_SECONDS": "4",
            "TRACK123_WEBHOOK_SECRET": SECRETS["webhook"],
            "LOAD_FCM_URL": self.fcm.url,
            "GOOGLE_APPLICATION_CREDENTIALS": self.fcm.write_credentials(self.folder / "fcm.json"),
            "METRICS_TOKEN": SECRETS["metrics"],
            "DRIVER_ASSIGNMENT_TIMEOUT_SECONDS": "30",
            "THROTTLE_ANONYMOUS": "6000/min",  # all of our people share one address
            "THROTTLE_LOGIN": "600/min",
            **self.extra,
        }

    def migrate(self) -> None:
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)

    # --- its processes ----------------------------------------------------------------------------------

    def start(self) -> None:
        [serve] = read_unit("ims-web", "ExecStart")
        words = serve.split()
        words[0] = str(Path(sys.executable).parent / Path(words[0]).name)
        words[words.index("--port") + 1] = str(self.port)
        [concurrency] = read_unit("ims-web", "Environment")
        web = {**os.environ, **dict([concurrency.split("=")])}
        self.units = [Unit("ims-web", words, web, self.log)]
        [run] = read_unit("django-q", "ExecStart")
        cluster = [sys.executable, *re.split(r"\s+", run)[1:]]
        self.units += [Unit("django-q", cluster, dict(os.environ), self.log) for _ in range(self.count)]
        for unit in self.units:
            unit.start()
        self.wait_until_it_serves()

    def wait_until_it_serves(self) -> None:
        deadline = time.monotonic() + START
        while not (self.web_answers() and self.living_clusters() >= self.count):
            if time.monotonic() > deadline:
                raise RuntimeError(f"It did not start; see {self.log.name}")
            time.sleep(0.3)

    def web_answers(self) -> bool:
        """All of its processes are there, and one answers."""
        wanted = int(self.web.environment["WEB_CONCURRENCY"])
        if sum("spawn_main" in " ".join(command_of(each)) for each in self.web.children()) < wanted:
            return False
        try:
            return requests.get(f"{self.address}/healthz", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def is_well(self) -> bool:
        """The web answers, and says that clusters live and nothing starves."""
        try:
            return self.web_answers() and requests.get(f"{self.address}/readyz", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def living_clusters(self) -> int:
        from scheduling import overview

        return sum(bool(each.workers) for each in overview.look().alive)

    def tend(self) -> None:
        for unit in self.units:
            unit.tend()

    def stop(self) -> list[str]:
        """In order; what went wrong with it."""
        problems = []
        for unit in self.units:
            if (status := unit.stop()) is None:
                problems.append(f"{unit.name} did not stop in time")
            elif status not in (0, -signal.SIGTERM):
                problems.append(f"{unit.name} stopped with {status}")
        return problems

    def _kill_all(self) -> None:
        for unit in self.units:
            unit.is_wanted = False
            for each in unit.family():
                with suppress(psutil.Error):
                    each.kill()
            unit.kill_group()


def command_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
