"""Make, verify and restore backups."""

import shutil
import tempfile
from datetime import datetime
from pathlib import Path
from types import ModuleType

from django.conf import settings
from django.db import connection

from ims.backups import archive, postgres, sqlite
from ims.backups.archive import DUMP, ENDING, MEDIA, Manifest
from ims.backups.counting import count_rows
from ims.backups.errors import BackupFailed

PREFIX = "ims-"


def make(folder: Path, now: datetime) -> tuple[Path, Manifest]:
    """Back up the database and then the uploads, so that no row names a file that came later; verified."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{PREFIX}{now:%Y%m%dT%H%M%SZ}{ENDING}"
    if path.exists():
        raise BackupFailed(f"{path} exists: wait a second.")
    with tempfile.TemporaryDirectory(dir=folder, prefix=".making-") as work:
        dump = Path(work) / DUMP
        rows = _engine().dump(dump)
        manifest = Manifest(connection.vendor, now.isoformat(), rows)
        archive.write(path, manifest, dump, Path(settings.MEDIA_ROOT))
    return path, archive.verify(path)


def prune(folder: Path, keep: int) -> list[Path]:
    """Remove all but the newest backups; returns what is gone."""
    old = sorted(folder.glob(f"{PREFIX}*{ENDING}"))[:-keep]
    for path in old:
        path.unlink()
    return old


def restore(path: Path) -> Manifest:
    """Bring a backup into an empty database and an empty MEDIA_ROOT, and count what has arrived."""
    media = Path(settings.MEDIA_ROOT)
    _refuse_what_is_in_use(media)
    media.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=media.parent, prefix=".restoring-") as work:
        manifest = archive.extract(path, Path(work))
        if manifest.vendor != connection.vendor:
            raise BackupFailed(
                f"{path} is of {manifest.vendor}, DATABASE_URL of {connection.vendor}: name such a database."
            )
        _engine().load(Path(work) / DUMP)
        _compare(manifest)
        if (Path(work) / MEDIA).exists():
            shutil.copytree(Path(work) / MEDIA, media, dirs_exist_ok=True)
    return manifest


def _engine() -> ModuleType:
    return sqlite if connection.vendor == "sqlite" else postgres


def _refuse_what_is_in_use(media: Path) -> None:
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
    if tables:
        raise BackupFailed(
            f"The database has {len(tables)} tables already: make an empty one and name it in DATABASE_URL."
        )
    if media.exists() and any(media.iterdir()):
        raise BackupFailed(f"MEDIA_ROOT {media} is not empty: name an empty folder, or move what is there.")


def _compare(manifest: Manifest) -> None:
    with connection.cursor() as cursor:
        now_there = count_rows(cursor)
    if wrong := [table for table, count in manifest.rows.items() if now_there.get(table) != count]:
        raise BackupFailed(f"Other rows than were backed up are in {', '.join(wrong[:5])}: do not use this.")
