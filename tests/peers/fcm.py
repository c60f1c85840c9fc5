"""A local stand-in for Firebase Cloud Messaging and Google's sign-in, for tests and for the demo.

    with FcmServer() as server:
        settings.GOOGLE_APPLICATION_CREDENTIALS = server.write_credentials(tmp_path / "key.json")
        settings.FCM_BASE_URL = server.url
        server.doom("token-1", "UNREGISTERED")       # this device's pushes end so, until revive()
        server.fail(code="UNAVAILABLE", times=2)     # see tests.peers.peer.Fault for all that can go wrong
        ...
        assert server.arrived("token-2")[0]["notification"]["title"] == "…"

As a process: python -m tests.peers.fcm --port 8124 --credentials var/fcm-demo.json
What arrived is a page at its address. The same controls over HTTP: POST /control {"doom": {...}}.
"""

import argparse
import html
import json
import re
import signal
import threading
import time
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.peers.peer import Answer, Peer, Recorded

PROJECT = "ims-demo"
SEND = re.compile(r"^v1/projects/([^/]+)/messages:send$")
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_SECONDS = 3600
SHOWN = 100  # pushes on the page
DETAIL = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
ERRORS = {  # FCM's error code: HTTP status, Google's status, message
    "UNREGISTERED": (404, "NOT_FOUND", "Requested entity was not found."),
    "SENDER_ID_MISMATCH": (403, "PERMISSION_DENIED", "SenderId mismatch"),
    "QUOTA_EXCEEDED": (429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric."),
    "UNAVAILABLE": (503, "UNAVAILABLE", "The service is currently unavailable."),
    "INTERNAL": (500, "INTERNAL", "Internal error encountered."),
    "THIRD_PARTY_AUTH_ERROR": (401, "UNAUTHENTICATED", "Auth error from APNS or Web Push Service"),
    "INVALID_ARGUMENT": (400, "INVALID_ARGUMENT", "The registration token is not valid."),
}
GOOGLES = {  # errors of Google's sign-in and gate, which carry no code of FCM's
    "UNAUTHENTICATED": (401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
    "PERMISSION_DENIED": (403, "PERMISSION_DENIED", "Permission denied on project."),
}


class FcmServer(Peer):
    path = "/"

    def __init__(self, project: str = PROJECT, **peer: Any) -> None:
        super().__init__(**peer)
        self.project = project
        self.pushes: list[dict[str, Any]] = []  # the messages that were taken, in order
        self._doomed: dict[str, str] = {}
        self._access_tokens: set[str] = set()

    # --- for tests -----------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return super().url.rstrip("/")

    def arrived(self, token: str = "") -> list[dict[str, Any]]:
        """The messages that devices got, all or those of one device."""
        with self.lock:
            return [push for push in self.pushes if token in ("", push["token"])]

    def doom(self, token: str, code: str) -> None:
        """Let every push to this device end with an error of FCM's."""
        if code not in ERRORS | GOOGLES:
            raise ValueError(f"code: {code!r} is none of {', '.join(ERRORS | GOOGLES)}.")
        with self.lock:
            self._doomed[token] = code

    def revive(self, token: str) -> None:
        with self.lock:
            self._doomed.pop(token, None)

    def write_credentials(self, path: Path) -> str:
        """A service account's key file that signs in here."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(service_account(self.project, f"{self.url}/token")))
        return str(path)

    # --- answering -----------------------------------------------------------------------------------

    def answer(self, request: Recorded) -> Answer:
        if request.endpoint == "token":
            return self._sign_in(request.body)
        sending = SEND.match(request.endpoint)
        if sending is None or sending[1] != self.project:
            return _error(404, "NOT_FOUND", "The requested URL was not found on this server.")
        headers = {name.lower(): value for name, value in request.headers.items()}
        if headers.get("authorization", "").removeprefix("Bearer ") not in self._access_tokens:
            return self.refusal("UNAUTHENTICATED")
        return self._take(request.body.get("message") if isinstance(request.body, dict) else None)

    def _sign_in(self, form: Any) -> Answer:
        grant = form.get("grant_type") if isinstance(form, dict) else None
        if grant != JWT_BEARER or form.get("assertion", "").count(".") != 2:
            return Answer({"error": "invalid_grant", "error_description": "Invalid JWT."}, 400)
        with self.lock:
            token = f"access-{len(self._access_tokens) + 1}"
            self._access_tokens.add(token)
        return Answer({"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_SECONDS})

    def _take(self, message: Any) -> Answer:
        if not isinstance(message, dict) or not message.get("token"):
            return self.refusal("INVALID_ARGUMENT")
        if not all(isinstance(value, str) for value in message.get("data", {}).values()):
            return _error(400, "INVALID_ARGUMENT", "Invalid value at 'message.data': not a string.")
        with self.lock:
            if code := self._doomed.get(message["token"]):
                return self.refusal(code)
            self.pushes.append({**message, "arrived_at": self.now()})
            return Answer({"name": f"projects/{self.project}/messages/{len(self.pushes)}"})

    def refusal(self, code: str) -> Answer:
        if code in GOOGLES:
            return _error(*GOOGLES[code])
        status, name, text = ERRORS[code]
        return _error(status, name, text, [{"@type": DETAIL, "errorCode": code}])

    def control(self, command: str, arguments: dict[str, Any]) -> Any:
        if command in ("doom", "revive", "arrived"):
            return getattr(self, command)(**arguments)
        return super().control(command, arguments)

    # --- a page of what arrived ----------------------------------------------------------------------

    def page(self) -> str:
        rows = "".join(_row(push) for push in reversed(self.arrived()[-SHOWN:]))
        return PAGE.format(rows=rows or "<p>No push has arrived yet.</p>", count=len(self.pushes))


PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<meta name="viewport" content="width=device-width"><title>Pushes that arrived</title>
<style>body{{font:14px/1.5 system-ui;max-width:44rem;margin:2rem auto;padding:0 1rem}}
article{{border:1px solid #bbb;border-radius:12px;padding:.6rem 1rem;margin:.6rem 0}}
small{{color:#555}}</style>
<h1>Pushes that arrived: {count}</h1>{rows}"""


def _row(push: dict[str, Any]) -> str:
    shown = push.get("notification", {})
    title, body = html.escape(shown.get("title", "")), html.escape(shown.get("body", ""))
    at = time.strftime("%H:%M:%S", time.localtime(push["arrived_at"]))
    kind, device = html.escape(push.get("data", {}).get("type", "")), html.escape(push["token"])
    return f"<article><b>{title}</b><br>{body}<br><small>{at} · {kind} · {device}</small></article>"


def _error(status: int, name: str, text: str, details: Iterable[dict[str, str]] = ()) -> Answer:
    error = {"code": status, "status": name, "message": text, "details": list(details)}
    return Answer({"error": error}, status)


@lru_cache(maxsize=1)
def _private_key() -> str:
    """Made anew in each process: it opens nothing but this stand-in."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def service_account(project: str, token_uri: str) -> dict[str, str]:
    return {
        "type": "service_account",
        "project_id": project,
        "private_key_id": "stand-in",
        "private_key": _private_key(),
        "client_email": f"ims@{project}.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": token_uri,
    }


# --- as a process -------------------------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.peers.fcm", description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8124)
    parser.add_argument(
        "--credentials", type=Path, metavar="FILE", help="write a key file that signs in here"
    )
    options = parser.parse_args(arguments)
    server = FcmServer(host=options.host, port=options.port)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        server.start()
    except OSError as error:
        parser.error(f"port {options.port} cannot be used: {error.strerror}; give another with --port.")
    try:
        if options.credentials:
            server.write_credentials(options.credentials)
        print(f"FCM stand-in: what arrives is shown on {server.url}/", flush=True)  # noqa: T201
        stop.wait()
    finally:
        server.stop()


if __name__ == "__main__":
    main()
