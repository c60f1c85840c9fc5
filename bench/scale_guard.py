"""What a bench started ends with it, however the bench itself ends: also where it is killed.

A guard is a process that hears of each of them by a pipe. When the pipe ends, it stops whoever still runs,
the newest first, and removes the folder.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil

PATIENCE = 10.0  # seconds for a process that was asked to stop


class Guard:
    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "bench.scale_guard", str(folder)]
        root = Path(__file__).resolve().parents[1]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, text=True, cwd=root, start_new_session=True
        )

    def watch(self, pid: int) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([pid, psutil.Process(pid).create_time()]) + "\n")
        self._process.stdin.flush()


def main(folder: str) -> None:
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, signal.SIG_IGN)
    told = [json.loads(line) for line in sys.stdin]  # until the bench has ended
    for pid, created in reversed(told):
        with contextlib.suppress(psutil.NoSuchProcess):
            stop(psutil.Process(pid), created)
    shutil.rmtree(folder, ignore_errors=True)


def stop(process: psutil.Process, created: float) -> None:
    if process.create_time() != created:
        return  # another one, which got its number
    family = [process, *process.children(recursive=True)]
    process.send_signal(signal.SIGINT)  # PostgreSQL does not wait for its clients then
    _, alive = psutil.wait_procs(family, PATIENCE)
    for each in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()


if __name__ == "__main__":
    main(sys.argv[1])
