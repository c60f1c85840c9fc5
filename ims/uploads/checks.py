"""`manage.py check --database default`, and every start of a cluster, look at the folder of uploads."""

from collections.abc import Sequence
from typing import Any

from django.core import checks

from ims.uploads import folder

HINT = (
    "Mount the same storage at MEDIA_ROOT of every machine (docs/scale.md). Where this folder is right and"
    " the others are gone: python manage.py adopt_uploads."
)


def check_folder(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    found = folder.problem() if databases else ""
    return [checks.Warning(found, hint=HINT, id="ims.W001")] if found else []
