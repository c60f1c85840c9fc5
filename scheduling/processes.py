"""What the engine asks of the operating system. Where Linux's ways are missing, the cluster looks instead."""

from __future__ import annotations

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


def host() -> str:
    return socket.gethostname()


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)
