"""What the engine asks of the operating system. Where Linux's ways are missing, the cluster looks instead."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import sys
from functools import cache

DEATH_SIGNAL, SUBREAPER = 1, 36  # options of Linux's prctl


def die_with(parent: int, signum: int) -> None:
    """Have the kernel send `signum` to this process when its parent ends, however it ends (Linux)."""
    _prctl(DEATH_SIGNAL, signum)
    if os.getppid() != parent:  # it ended before we could ask
        os.kill(os.getpid(), signum)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ended, so that we can wait for them (Linux)."""
    _prctl(SUBREAPER, 1)


@cache
def place() -> str:
    """Where pids mean the same: this boot of this machine, and the namespace of processes. Empty: unknown."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as boot:
            return f"{boot.read().strip()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def start_of(pid: int) -> str:
    """When this process started, in ticks since boot; empty where there is none or nobody knows."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]  # a zombie has ended


def is_running(pid: int, start: str) -> bool:
    """Whether this very process has not ended; of one that is hidden from us, whether its pid exists."""
    found = start_of(pid)
    return found == start if found else _is_hidden(pid)


def reap_orphans(spared: int) -> None:
    """Bury adopted processes that have ended; not the child `spared`, which somebody else waits for."""
    if not hasattr(os, "waitid"):
        return
    with contextlib.suppress(ChildProcessError):
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if ended.si_pid == spared:
                return
            os.waitpid(ended.si_pid, 0)


def host() -> str:
    return socket.gethostname()


def _is_hidden(pid: int) -> bool:
    """Whether it is another user's, and /proc shows us only our own (hidepid, ProtectProc)."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return not os.path.exists(f"/proc/{pid}")
    except OSError:
        return False
    return False


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)
