"""Hear of writes to the files of a folder: Linux's inotify, which Python's library lacks."""

from __future__ import annotations

import contextlib
import ctypes
import os

MODIFIED = 0x2  # IN_MODIFY of <sys/inotify.h>
AT_ONCE = 65_536  # bytes; of more, the next look is told


class Writes:
    """A selector can wait for it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor

    def take(self) -> None:
        """Forget what was told until now."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._descriptor, AT_ONCE)

    def close(self) -> None:
        os.close(self._descriptor)


def writes_to(folder: str) -> Writes | None:
    """What is told of writes to files of this folder; None where the system does not tell."""
    libc = ctypes.CDLL(None)
    if not folder or not hasattr(libc, "inotify_init1"):
        return None
    descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if descriptor < 0:
        return None
    writes = Writes(descriptor)
    if libc.inotify_add_watch(descriptor, os.fsencode(folder), MODIFIED) < 0:
        writes.close()
        return None
    return writes
