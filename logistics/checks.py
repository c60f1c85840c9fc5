"""What `manage.py check --deploy` says about pushes and invoices."""

import os
from typing import Any

from django.conf import settings
from django.core import checks


@checks.register(deploy=True)
def push_credentials(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """A key file that is named must be readable; none at all is a choice, and the pages say so."""
    path = settings.GOOGLE_APPLICATION_CREDENTIALS
    if not path or os.access(path, os.R_OK):
        return []
    hint = "Give the path of a service account's JSON file that the process may read, or leave it empty."
    return [
        checks.Warning(
            f"GOOGLE_APPLICATION_CREDENTIALS={path!r} cannot be read.", hint=hint, id="logistics.W001"
        )
    ]


@checks.register(deploy=True)
def how_to_pay(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """An invoice that does not say where to pay is a choice, but seldom meant."""
    if settings.INVOICE_BANK:
        return []
    hint = "Give the lines of your bank's details, separated by |, e.g. Bank: …|Account: …"
    return [checks.Info("INVOICE_BANK is empty: no invoice says how to pay.", hint=hint, id="logistics.I001")]
