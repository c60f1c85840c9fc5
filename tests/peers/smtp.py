"""A mail server on loopback that keeps what it takes, and can be told to refuse, hang or drop.

    with SmtpServer() as server:
        server.fail("RCPT", reply="450 Mailbox busy")   # once; "hang" and "drop" instead of a reply
        …
        server.letters[0].message["Subject"]

Stages: CONNECT, EHLO, MAIL, RCPT, DATA (the command), BODY (after the letter, before it is acknowledged).
"""

import socketserver
import threading
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Self

HANG, DROP = "hang", "drop"
STOPPED_AFTER = 5.0  # seconds for which a hanging conversation lasts at most


@dataclass(frozen=True)
class Received:
    """A letter as it came in: the envelope and the message."""

    sender: str
    recipients: list[str]
    message: EmailMessage


@dataclass
class SmtpServer:
    letters: list[Received] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.faults: dict[str, list[str]] = {}
        self.server = _Server(("127.0.0.1", 0), _Conversation)
        self.server.peer = self
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self) -> int:
        return self.server.server_address[1]

    def fail(self, stage: str, reply: str, times: int = 1) -> None:
        """At this stage answer with `reply` ('450 Busy'), hang, or drop the connection."""
        with self.lock:
            self.faults.setdefault(stage, []).extend([reply] * times)

    def take_fault(self, stage: str) -> str:
        with self.lock:
            waiting = self.faults.get(stage)
            return waiting.pop(0) if waiting else ""

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    peer: SmtpServer

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is no news."""


class _Dropped(Exception):
    """The conversation ends without a word."""


class _Conversation(socketserver.StreamRequestHandler):
    server: _Server
    timeout = 10  # seconds without a line

    def handle(self) -> None:
        peer = self.server.peer
        with peer.lock:
            peer.connections += 1
        self.sender, self.recipients = "", []
        try:
            self.say("CONNECT", "220 stand-in ready")
            while line := self.rfile.readline():
                if not self.obey(line.decode().strip()):
                    return
        except (_Dropped, OSError):
            return

    def obey(self, line: str) -> bool:
        """Answer one command; False after the last one."""
        verb = line.split(maxsplit=1)[0].upper() if line else ""
        if verb == "QUIT":
            self.say("QUIT", "221 bye")
            return False
        if verb == "DATA":
            self.take_body()
        elif verb == "MAIL":
            self.sender = address_in(line)
            self.say(verb, "250 ok")
        elif verb == "RCPT":
            self.recipients.append(address_in(line))
            self.say(verb, "250 ok")
        else:
            self.say("EHLO" if verb in ("EHLO", "HELO") else verb, "250 stand-in")
        return True

    def take_body(self) -> None:
        if not self.say("DATA", "354 go on"):
            return
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        message = message_from_bytes(b"".join(lines), policy=policy.default)
        received = Received(self.sender, list(self.recipients), message)
        self.say("BODY", "250 taken", letter=received)

    def say(self, stage: str, usual: str, letter: Received | None = None) -> bool:
        """Send the usual reply, or what the test has planned; a broken-off letter was taken all the same."""
        peer = self.server.peer
        fault = peer.take_fault(stage)
        if letter is not None and fault in ("", HANG, DROP):
            with peer.lock:
                peer.letters.append(letter)
        if fault == HANG:
            peer.stopping.wait(STOPPED_AFTER)
        if fault in (HANG, DROP):
            raise _Dropped
        self.wfile.write(f"{fault or usual}\r\n".encode())
        return not fault


def address_in(line: str) -> str:
    return line[line.find("<") + 1 : line.find(">")]
