"""Django's e-mail by SMTP, which knows whether a server has got the whole of a letter.

Before the letter's last line no server can have taken it; from then until its answer nobody knows.
"""

import smtplib
from typing import Any

from django.core.mail.backends.smtp import EmailBackend as DjangosBackend

LAST_LINE = b"\r\n.\r\n"


class _Watched:
    """Beside smtplib's classes: `awaits_verdict` while the whole letter is sent and not answered."""

    awaits_verdict = False

    def send(self, data: Any) -> None:
        self.awaits_verdict = False
        super().send(data)  # type: ignore[misc]  # smtplib's; it raises unless all is on its way
        self.awaits_verdict = isinstance(data, bytes) and data.endswith(LAST_LINE)


class _Smtp(_Watched, smtplib.SMTP):
    pass


class _SmtpSsl(_Watched, smtplib.SMTP_SSL):
    pass


class EmailBackend(DjangosBackend):
    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return _SmtpSsl if self.use_ssl else _Smtp
