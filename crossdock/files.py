"""Where uploads and results lie, and which of them nobody needs any more."""

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO
from uuid import UUID

from django.conf import settings
from django.core.files import File
from django.core.files.storage import FileSystemStorage

from crossdock.models import CrossDockTask

INPUTS, EXPORTS = "cross_dock", "exports"
UNCLAIMED = timedelta(days=1)  # before a file that no price request names counts as forgotten


def media() -> Path:
    return Path(settings.MEDIA_ROOT)


def absolute(file_path: str) -> Path:
    """A path as tasks are given it: below MEDIA_ROOT, or absolute."""
    return media() / file_path


def keep_input(content: IO[bytes], task_id: UUID, name: str) -> str:
    """Keep an upload under a generated name; returns its path below MEDIA_ROOT."""
    extension = os.path.splitext(name)[1].lower()
    content.seek(0)
    return FileSystemStorage().save(f"{INPUTS}/{task_id.hex}{extension}", File(content))


def result_name(task_id: UUID) -> str:
    return f"cross_dock_{task_id}.xlsx"


def result_path(task_id: UUID) -> Path:
    return media() / EXPORTS / result_name(task_id)


def result_url(task_id: UUID) -> str:
    return f"{settings.MEDIA_URL}{EXPORTS}/{result_name(task_id)}"


def part_path(task_id: UUID, token: object) -> Path:
    """Where a worker writes before its result is whole; each has its own."""
    folder = media() / EXPORTS
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{result_name(task_id)}.{token}.part"


def remove_input(file_path: str) -> None:
    """Take away an upload that was priced; what lies elsewhere is not ours to remove."""
    path = absolute(file_path).resolve()
    if path.is_relative_to(media().resolve()):
        remove(path)


def remove_all_of(task: CrossDockTask) -> None:
    """The upload and the result of a request that was deleted; what is missed here is swept at night."""
    remove(result_path(task.pk))
    if task.input_file:
        remove_input(task.input_file)


def remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        path.unlink()


def forgotten(needed: set[str], at: datetime) -> Iterator[Path]:
    """Files of a day or older whose names are not needed."""
    for folder in (INPUTS, EXPORTS):
        for path in sorted((media() / folder).glob("*")):
            if path.name not in needed and age_of(path, at) > UNCLAIMED:
                yield path


def age_of(path: Path, at: datetime) -> timedelta:
    """Nothing for what is no file, or not any more: workers take theirs away meanwhile."""
    with suppress(FileNotFoundError):
        if path.is_file():
            return timedelta(seconds=at.timestamp() - path.stat().st_mtime)
    return timedelta(0)
