"""Hear of writes to a file and those beside it: Linux's inotify, which Python's library lacks."""

from __future__ import annotations

import ctypes
import os

MODIFIED = 0x2  # IN_MODIFY of <sys/inotify.h>
AT_ONCE = 65_536  # bytes; of more, the next look is told


class Writes:
    """A selector can wait for it."""

    def __init__(self, descriptor: int, name: bytes) -> None:
        self._descriptor = descriptor
        self._name = name

    def fileno(self) -> int:
        return self._descriptor

    def take(self) -> bool:
        """Forget what was told until now; whether it was about ours, and not other files of the folder."""
        try:
            told = os.read(self._descriptor, AT_ONCE)
        except BlockingIOError:
            return False
        return self._name in told

    def close(self) -> None:
        os.close(self._descriptor)


def writes_to(path: str) -> Writes | None:
    """What is told of writes to this file and to those whose names begin alike, as SQLite's -wal does.

    The folder is watched, because such files come and go. None where the system does not tell.
    """
    libc = ctypes.CDLL(None)
    if not path or not hasattr(libc, "inotify_init1"):
        return None
    descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if descriptor < 0:
        return None
    folder, name = os.path.split(os.fsencode(path))
    writes = Writes(descriptor, name)
    if libc.inotify_add_watch(descriptor, folder, MODIFIED) < 0:
        writes.close()
        return None
    return writes
