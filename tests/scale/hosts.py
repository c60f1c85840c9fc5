"""Machines that share nothing but the database: each its own copy of the code, files, name and processes.

Where the system allows it (root, unshare of util-linux), each lives in namespaces of its own: it neither
sees the others' files nor their processes, so that nobody can tell by a pid whether they live. Elsewhere a
host is a process group with folders of its own.
"""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CODE = ("manage.py", "ims", "scheduling", "masterdata", "logistics", "crossdock", "licensing", "tests/site")
UNSHARE = ("unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc")
MOVE_IN = (
    'hostname "$1" && mount --bind "$2/$1" "$3" && mount -t tmpfs none "$2"'
    ' && cd "$3" && shift 3 && exec "$@"'
)


@cache
def has_namespaces() -> bool:
    try:
        return subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


class Host:
    """One machine in `folder`; `start` runs a cluster there, `kill` is its power cut."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.hosts = folder / "hosts"
        self.here = folder / "here"  # where each of them sees its own files
        self.own = self.hosts / name
        self.started: list[subprocess.Popen[bytes]] = []
        self.here.mkdir(exist_ok=True)
        for each in ("media", "tmp", "home"):
            (self.own / each).mkdir(parents=True)
        for each in CODE:
            copy(ROOT / each, self.own / each)
        (self.own / "tests" / "__init__.py").touch()

    def start(self, *arguments: str, **environment: str) -> None:
        home = self.here if has_namespaces() else self.own
        command = [sys.executable, "manage.py", "qcluster", *arguments]
        if has_namespaces():
            move_in = ["sh", "-c", MOVE_IN, "host", self.name, str(self.hosts), str(self.here)]
            command = [*UNSHARE, *move_in, *command]
        places = {"HOME": "home", "TMPDIR": "tmp", "MEDIA_ROOT": "media"}
        own = {variable: str(home / folder) for variable, folder in places.items()}
        with (self.own / "log").open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=self.own,
                env={**os.environ, "LOG_FILE": "", **own, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started.append(process)

    def holds(self, heartbeat: Any) -> bool:
        """Whether this row is of a cluster that runs here."""
        if has_namespaces():
            return bool(heartbeat.host == self.name)
        return os.getpgid(heartbeat.pid) in {process.pid for process in self.started}

    def kill(self) -> None:
        for process in self.started:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.started.clear()


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy2(source, target)
