"""Tell another program by a signed POST.

The body is JSON. `X-IMS-Signature` is the hex HMAC-SHA256 of "TIMESTAMP.BODY" under ALERT_WEBHOOK_SECRET,
where TIMESTAMP is `X-IMS-Timestamp`; `X-IMS-Delivery` is the same when the same news comes again.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

import requests
from django.conf import settings

TIMEOUT = 10  # seconds
PASSING = {408, 425, 429, *range(500, 600)}  # statuses after which it is worth another try


class NotTaken(Exception):
    """The other side did not take it; `permanent`: it would not the next time either."""

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


def send(address: str, delivery: str, body: dict[str, Any]) -> None:
    """Raises NotTaken. Redirects are not followed: the secret is for this address alone."""
    content = json.dumps(body, default=str).encode()
    stamp = str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "X-IMS-Delivery": delivery,
        "X-IMS-Timestamp": stamp,
        "X-IMS-Signature": sign(stamp, content),
    }
    try:
        answer = requests.post(address, data=content, headers=headers, timeout=TIMEOUT, allow_redirects=False)
    except requests.RequestException as error:
        raise NotTaken(f"The webhook cannot be reached: {type(error).__name__}.", permanent=False) from error
    if not answer.ok or answer.is_redirect:
        status = answer.status_code
        raise NotTaken(f"The webhook answered {status}.", permanent=status not in PASSING)


def sign(stamp: str, content: bytes) -> str:
    key = settings.ALERT_WEBHOOK_SECRET.encode()
    return hmac.new(key, stamp.encode() + b"." + content, hashlib.sha256).hexdigest()
