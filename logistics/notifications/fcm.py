"""Firebase Cloud Messaging: the only file that knows Google's service, its errors and its library.

firebase-admin signs in with the service account and knows FCM's errors. Two of its habits are changed here:
it tries again by itself, where our jobs do so visibly, and it asks for a token in every one of its threads.
It is imported on first use: that costs half a second and 45 MB, which only the sending worker should pay.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

if TYPE_CHECKING:
    import firebase_admin

MAX_MESSAGES = 500  # in a batch, says FCM
AT_ONCE = 50  # of them on their way; the library takes a thread and a connection for each
PASSING = {  # codes of errors that say nothing against the device: another try may succeed
    "ABORTED", "CANCELLED", "DEADLINE_EXCEEDED", "INTERNAL", "RESOURCE_EXHAUSTED", "UNAVAILABLE", "UNKNOWN",
    "UNAUTHENTICATED", "PERMISSION_DENIED",
}  # fmt: skip
LONGEST_WAIT = 3600.0  # seconds, whatever Retry-After asks for


class FcmError(Exception):
    """Nothing could be sent at all; `permanent`: whether another try is of no use."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


@dataclass(frozen=True)
class Push:
    """One message to one device. Pushes with the same tag replace one another on the phone."""

    token: str
    title: str
    body: str
    data: dict[str, str] = field(default_factory=dict)
    tag: str = ""


@dataclass(frozen=True)
class Outcome:
    """What FCM said about one push: nothing in `error` means that it took it."""

    error: str = ""
    is_gone: bool = False  # the device no longer has the app, or never was ours
    is_passing: bool = False  # another try may succeed
    retry_after: float | None = None  # seconds


def is_configured() -> bool:
    return bool(settings.GOOGLE_APPLICATION_CREDENTIALS)


def send(pushes: Sequence[Push]) -> list[Outcome]:
    """Send up to 500 pushes at once; one outcome each, in their order. Raises FcmError."""
    if not pushes:
        return []
    if len(pushes) > MAX_MESSAGES:
        raise ValueError(f"{len(pushes)} pushes: give {MAX_MESSAGES} or fewer at once.")
    app = _app()
    _sign_in(app)
    outcomes: list[Outcome] = []
    for start in range(0, len(pushes), AT_ONCE):
        wave = _send(app, pushes[start : start + AT_ONCE])
        outcomes += wave
        if all(outcome.is_passing for outcome in wave):
            break  # it is down: the rest would only wait for it too
    untried = Outcome("Not tried, because Firebase answered none before.", is_passing=True)
    return outcomes + [untried] * (len(pushes) - len(outcomes))


def _send(app: firebase_admin.App, pushes: Sequence[Push]) -> list[Outcome]:
    from firebase_admin import exceptions, messaging

    try:
        answer = messaging.send_each([_message(push) for push in pushes], app=app)
    except exceptions.FirebaseError as error:
        raise FcmError(f"Firebase cannot be used: {error}") from error
    return [_outcome(response) for response in answer.responses]


def _message(push: Push) -> Any:
    from firebase_admin import messaging

    tag = sha256(push.tag.encode()).hexdigest()[:32] if push.tag else None  # APNs takes 64 bytes
    message = messaging.Message(
        notification=messaging.Notification(title=push.title, body=push.body),
        data={name: str(value) for name, value in push.data.items()},
        android=messaging.AndroidConfig(
            priority="high", collapse_key=tag, notification=messaging.AndroidNotification(tag=tag)
        ),
        apns=messaging.APNSConfig(headers={"apns-collapse-id": tag} if tag else None),
    )
    message.token = (
        push.token
    )  # as an argument it warns: installation ids are to follow, which no app sends yet
    return message


def _outcome(response: Any) -> Outcome:
    from firebase_admin import messaging

    error = response.exception
    if error is None:
        return Outcome() if response.success else Outcome("FCM's answer cannot be read.", is_passing=True)
    return Outcome(
        error=f"{type(error).__name__}: {error}"[:500],
        is_gone=isinstance(error, messaging.UnregisteredError | messaging.SenderIdMismatchError),
        is_passing=_is_passing(error),
        retry_after=_retry_after(error),
    )


def _is_passing(error: Any) -> bool:
    from firebase_admin import messaging

    if isinstance(error, messaging.UnregisteredError | messaging.SenderIdMismatchError):
        return False
    return error.code in PASSING


def _retry_after(error: Any) -> float | None:
    answer = getattr(error, "http_response", None)
    text = answer.headers.get("Retry-After", "") if answer is not None else ""
    return min(float(text), LONGEST_WAIT) if text.isdecimal() else None


# --- Signing in -----------------------------------------------------------------------------------------


def _sign_in(app: firebase_admin.App) -> None:
    """Have a fresh access token before the threads start, each of which would ask for its own."""
    from google.auth import exceptions
    from google.auth.transport.requests import Request

    credential = app.credential.get_credential()
    if credential.valid:
        return
    try:
        credential.refresh(functools.partial(Request(), timeout=settings.FCM_TIMEOUT_SECONDS))
    except (exceptions.GoogleAuthError, OSError, ValueError, TypeError) as error:
        raise FcmError(f"Google did not let us sign in: {error}"[:500]) from error


def _app() -> firebase_admin.App:
    path = Path(settings.GOOGLE_APPLICATION_CREDENTIALS)
    try:
        changed = path.stat().st_mtime_ns
    except OSError as error:
        raise FcmError(f"GOOGLE_APPLICATION_CREDENTIALS: {path} cannot be read: {error.strerror}.") from error
    return _open(path, changed, settings.FCM_BASE_URL, settings.FCM_TIMEOUT_SECONDS)


@functools.lru_cache(maxsize=4)
def _open(path: Path, changed: int, base_url: str, timeout: float) -> firebase_admin.App:
    """Firebase's app for this service account, opened anew when its file or our settings change."""
    import firebase_admin
    from firebase_admin import credentials, messaging
    from requests.adapters import HTTPAdapter

    try:
        certificate = credentials.Certificate(str(path))
    except (OSError, ValueError) as error:
        raise FcmError(f"GOOGLE_APPLICATION_CREDENTIALS: {path} is no service account's key file.") from error
    name = f"ims-{sha256(f'{path}{changed}{base_url}{timeout}'.encode()).hexdigest()[:16]}"
    app = firebase_admin.initialize_app(certificate, {"httpTimeout": timeout}, name)
    service = messaging._get_messaging_service(app)
    for prefix in list(service._client.session.adapters):
        service._client.session.mount(prefix, HTTPAdapter(max_retries=0, pool_maxsize=AT_ONCE))
    if base_url:
        _point_at(base_url, service, certificate)
    return app


def _point_at(base_url: str, service: Any, certificate: Any) -> None:
    """Speak to a stand-in alone. The names are private: firebase-admin is pinned, and a test holds them."""
    if not hasattr(service, "_fcm_url"):
        raise FcmError("firebase-admin has changed inside: FCM_BASE_URL cannot be used.", permanent=True)
    service._fcm_url = f"{base_url}/v1/projects/{certificate.project_id}/messages:send"
    credential = certificate.get_credential()
    credential._is_regional_access_boundary_lookup_required = lambda: False  # it would ask Google
