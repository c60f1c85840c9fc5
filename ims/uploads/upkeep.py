"""Files of rows: they go when their rows go, after the transaction, by whatever way these are deleted.

    upkeep.follow(Attachment, SheetImport)  # in AppConfig.ready()

Who dies between the commit and the removal leaves a file that no row names, and so does an upload that was
rolled back: the nightly sweep takes these away.
"""

import os
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import models, transaction
from django.db.models.signals import post_delete

from ims.uploads import folder

FORGOTTEN = timedelta(days=1)  # after its last change: long after any transaction that may yet name it
PORTION = 500  # names in one question

_followed: list[type[models.Model]] = []


def follow(*of: type[models.Model]) -> None:
    """Remove the files of these models when their rows go, and sweep the folders that they lie in."""
    for model in of:
        _followed.append(model)
        post_delete.connect(_row_is_gone, sender=model)


def forget(name: str | None) -> None:
    """Remove a file below MEDIA_ROOT once this transaction has committed, unless a row still names it."""
    if name:
        transaction.on_commit(partial(_remove_unnamed, [name]), robust=True)


def sweep(at: datetime) -> int:
    """Remove files that no row names; returns how many. Raises WrongFolder where that cannot be known."""
    folder.expect()
    places = sorted({str(field.upload_to) for model in _followed for field in _file_fields(model)})
    return sum(_sweep_folder(place, at) for place in places)


def _sweep_folder(place: str, at: datetime) -> int:
    removed = 0
    old = _old_files(place, at)
    while names := list(islice(old, PORTION)):
        removed += _remove_unnamed(names)
    return removed


def _row_is_gone(sender: type[models.Model], instance: models.Model, **_: Any) -> None:
    for field in _file_fields(sender):
        forget(getattr(instance, field.name).name)


def _remove_unnamed(names: Collection[str]) -> int:
    unnamed = set(names) - _named(names)
    for name in unnamed:
        (Path(settings.MEDIA_ROOT) / name).unlink(missing_ok=True)
    return len(unnamed)


def _named(names: Collection[str]) -> set[str]:
    """Which of these files any row of any app names."""
    return {
        name
        for model in apps.get_models()
        for field in _file_fields(model)
        for name in model._base_manager.filter(**{f"{field.name}__in": names}).values_list(
            field.name, flat=True
        )
    }


def _file_fields(model: type[models.Model]) -> list[models.FileField]:
    return [field for field in model._meta.concrete_fields if isinstance(field, models.FileField)]


def _old_files(place: str, at: datetime) -> Iterator[str]:
    try:
        found = os.scandir(Path(settings.MEDIA_ROOT) / place)
    except FileNotFoundError:
        return  # nothing was uploaded yet
    before = (at - FORGOTTEN).timestamp()
    with found:
        for each in found:
            if _is_old_file(each, before):
                yield f"{place.rstrip('/')}/{each.name}"


def _is_old_file(each: os.DirEntry[str], before: float) -> bool:
    """Hidden ones are not ours: NFS keeps open files by such names."""
    try:
        return not each.name.startswith(".") and each.is_file() and each.stat().st_mtime < before
    except FileNotFoundError:
        return False  # somebody else removed it just now
