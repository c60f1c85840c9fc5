"""A request's body, taken whole on the loop before one of our few threads is given to it.

Who sends slowly, or without end, keeps nobody else waiting.
"""

import asyncio
import json
from tempfile import SpooledTemporaryFile
from typing import Any

from a2wsgi.asgi_typing import HTTPScope, Receive, Send

from ims.lib.api import API_PREFIX, error_body

LARGEST = 60_000_000  # bytes: a spreadsheet of 50 MB and the form around it; nginx's client_max_body_size
IN_MEMORY = 1_000_000  # bytes; more lies on the disk
PATIENCE = 300.0  # seconds for the whole of it
PIECE = 65_536  # bytes


class Refusal(Exception):
    """This body is not taken; answered with this status."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class Left(Exception):
    """The caller went away before the end."""


class Body:
    """Stands in for an ASGI `receive`: first what was sent, piece by piece, then what the server tells."""

    def __init__(self, receive: Receive) -> None:
        self.receive = receive
        self.file = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed by close()
        self.is_read = False

    async def fill(self) -> None:
        """Raises Refusal and Left."""
        try:
            async with asyncio.timeout(PATIENCE):
                while await self._take():
                    pass
        except TimeoutError:
            raise Refusal(408, "too_slow", f"The request took longer than {PATIENCE:.0f} s.") from None
        self.file.seek(0)

    async def _take(self) -> bool:
        """One message; whether more is to come."""
        message: Any = await self.receive()
        if message["type"] == "http.disconnect":
            raise Left
        self.file.write(message.get("body", b""))
        refuse_beyond(self.file.tell())
        return bool(message.get("more_body"))

    async def __call__(self) -> Any:
        if self.is_read:
            return await self.receive()
        piece = self.file.read(PIECE)
        self.is_read = len(piece) < PIECE
        return {"type": "http.request", "body": piece, "more_body": not self.is_read}

    def close(self) -> None:
        self.file.close()


def refuse_beyond(length: int) -> None:
    if length > LARGEST:
        raise Refusal(413, "too_large", f"The request is larger than {LARGEST // 1_000_000} MB.")


async def whole(scope: HTTPScope, receive: Receive) -> Body:
    """Raises Refusal, where its length says so before it is sent, and Left. Close it at the end."""
    declared = dict(scope["headers"]).get(b"content-length", b"")
    refuse_beyond(int(declared) if declared.isdigit() else 0)
    body = Body(receive)
    try:
        await body.fill()
    except BaseException:
        body.close()
        raise
    return body


async def refuse(scope: HTTPScope, send: Send, refusal: Refusal) -> None:
    """In words, or under /api/ as every error there."""
    path, words = scope["path"], str(refusal)
    is_api = path.startswith(API_PREFIX)
    content = json.dumps(error_body(path, refusal.code, words)) if is_api else words
    kind = b"application/json" if is_api else b"text/plain; charset=utf-8"
    headers = [(b"content-type", kind), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": content.encode(), "more_body": False})
