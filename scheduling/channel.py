"""Messages between the supervisor and one worker: a pair of sockets that keep messages apart.

Each message has exactly one reader, by the kernel's word. So the supervisor, which keeps both ends, can take
back what a worker has not taken yet, and nothing that a worker holds when it is killed can block another.
"""

from __future__ import annotations

import array
import os
import socket
import tempfile
from typing import BinaryIO

SHORT, LONG = b"s", b"l"  # the message itself, or an anonymous file that holds it
LONGEST = 100_000  # bytes of a message that travels by itself
BUFFER = 1 << 20  # bytes on their way to one reader


class Channel:
    """One end."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        self._buffer = bytearray(len(SHORT) + LONGEST)

    def fileno(self) -> int:
        return self.end.fileno()

    def send(self, message: bytes, *, wait: bool = True) -> bool:
        """Send; False where the way is full and the caller would not wait."""
        flags = 0 if wait else socket.MSG_DONTWAIT
        try:
            if len(message) <= LONGEST:
                self.end.send(SHORT + message, flags)
            else:
                self._send_file(message, flags)
        except BlockingIOError:
            return False
        return True

    def receive(self, *, wait: bool = True) -> bytes | None:
        """The next message; None where there is none, or the other end is closed."""
        flags = 0 if wait else socket.MSG_DONTWAIT
        try:
            size, ancillary, _, _ = self.end.recvmsg_into([self._buffer], socket.CMSG_SPACE(4), flags)
        except BlockingIOError:
            return None
        if size == 0:
            return None
        if self._buffer[:1] == SHORT:
            return bytes(self._buffer[1:size])
        [(_, _, descriptors)] = ancillary
        with os.fdopen(array.array("i", descriptors[:4])[0], "rb") as file:
            file.seek(0)
            return file.read()

    def close(self) -> None:
        self.end.close()

    def _send_file(self, message: bytes, flags: int) -> None:
        with _anonymous_file() as file:
            file.write(message)
            file.flush()
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file.fileno()]))
            self.end.sendmsg([LONG], [rights], flags)  # socket.send_fds() forgets its flags


def pair() -> tuple[Channel, Channel]:
    try:
        ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    except OSError:  # macOS
        ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
    return Channel(ends[0]), Channel(ends[1])


def _anonymous_file() -> BinaryIO:
    """In memory where the system can, so that a full disk stops no job."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("job"), "w+b")
    return tempfile.TemporaryFile()
