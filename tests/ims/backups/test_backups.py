"""A backup is one verified file; a restore brings rows and uploads back, into an empty place alone."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from ims.accounts.models import User
from ims.backups import archive, services
from ims.backups.archive import Manifest
from ims.backups.errors import BackupFailed
from masterdata.models import GoogleDriveSettings, PackingSlip
from tests.conftest import ROOT, database_url_of_test

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
EMPTY = "ims_restored"


@pytest.fixture
def uploads(settings, tmp_path: Path) -> Path:
    folder = tmp_path / "media"
    (folder / "licences").mkdir(parents=True)
    (folder / "licences" / "paper").write_bytes(b"%PDF-1.7 scanned")
    settings.MEDIA_ROOT = str(folder)
    return folder


@pytest.fixture
def empty_database(transactional_db, tmp_path: Path) -> Iterator[str]:
    """The DATABASE_URL of a database without tables, beside the one of the tests."""
    if connection.vendor == "sqlite":
        yield f"sqlite:///{tmp_path / 'restored.sqlite3'}"
        return
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {EMPTY}")
    yield database_url_of_test().replace(connection.settings_dict["NAME"], EMPTY)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {EMPTY} WITH (FORCE)")


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def asked(url: str, question: str) -> list[tuple]:
    """What another program reads in a database."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
            return database.execute(question).fetchall()
    with psycopg.connect(url) as database:
        return database.execute(question).fetchall()


def test_rows_and_uploads_come_back_once_and_into_their_own_database(
    empty_database, uploads, made, tmp_path, capsys
) -> None:
    PackingSlip.objects.create(order_id="A-1")
    call_command("backup", to=str(tmp_path / "backups"))
    (backup,) = (tmp_path / "backups").iterdir()
    told = capsys.readouterr()
    assert "verified" in told.out
    assert "Theirs are not in this backup" in told.err  # the folder is this test's own
    place = {"DATABASE_URL": empty_database, "MEDIA_ROOT": str(tmp_path / "restored")}

    other = manage("restore", str(made), **place)
    assert (other.returncode, "is of elsewhere" in other.stderr) == (1, True)

    done = manage("restore", str(backup), **place)
    assert (done.returncode, done.stderr) == (0, "")
    assert "is restored" in done.stdout
    assert asked(empty_database, "SELECT order_id FROM masterdata_packingslip") == [("A-1",)]
    assert (tmp_path / "restored" / "licences" / "paper").read_bytes() == b"%PDF-1.7 scanned"

    again = manage("restore", str(backup), **place)
    assert (again.returncode, "make an empty one" in again.stderr) == (1, True)


def test_a_backup_is_for_its_owner_alone_and_holds_no_plain_secret(
    transactional_db, uploads, tmp_path
) -> None:
    GoogleDriveSettings.objects.create(email="a@example.com", track123_api_key="top-key")
    made, manifest = services.make(tmp_path, NOON)
    assert made.stat().st_mode & 0o777 == 0o600
    assert manifest.rows["masterdata_googledrivesettings"] == 1
    archive.extract(made, tmp_path / "unpacked")
    assert b"top-key" not in (tmp_path / "unpacked" / "database").read_bytes()


# --- the file ---------------------------------------------------------------------------------------------
@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A backup of a database of four bytes, of no vendor that we know, and two uploads."""
    media = tmp_path / "two-uploads"
    media.mkdir()
    for name in ("one", "two"):
        (media / name).write_bytes(name.encode() * 5000)
    (tmp_path / "dump").write_bytes(b"rows")
    path = tmp_path / "ims-x.tar.gz"
    archive.write(path, Manifest("elsewhere", NOON.isoformat(), {}), tmp_path / "dump", media)
    return path


def test_a_whole_backup_verifies(made) -> None:
    assert set(archive.verify(made).checksums) == {"database", "media/one", "media/two"}


@pytest.mark.parametrize("place", [0.2, 0.5, 0.9])
def test_a_damaged_backup_is_refused(made, place) -> None:
    content = bytearray(made.read_bytes())
    content[int(len(content) * place)] ^= 0xFF
    made.write_bytes(content)
    with pytest.raises(BackupFailed, match="Take another backup"):
        archive.verify(made)


@pytest.mark.parametrize("share", [0, 0.3, 0.95])
def test_a_backup_that_was_cut_off_is_refused(made, share) -> None:
    made.write_bytes(made.read_bytes()[: int(made.stat().st_size * share)])
    with pytest.raises(BackupFailed, match="Take another backup"):
        archive.verify(made)


def test_a_failed_backup_leaves_no_file(tmp_path) -> None:
    with pytest.raises(FileNotFoundError):
        archive.write(tmp_path / "x", Manifest("sqlite", "", {}), tmp_path / "missing", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_newest_are_kept(tmp_path) -> None:
    for day in range(1, 6):
        (tmp_path / f"ims-2026110{day}T000000Z.tar.gz").touch()
    (tmp_path / "notes.txt").touch()
    services.prune(tmp_path, keep=2)
    kept = ["ims-20261104T000000Z.tar.gz", "ims-20261105T000000Z.tar.gz", "notes.txt"]
    assert sorted(path.name for path in tmp_path.iterdir()) == kept


def test_a_restore_over_people_is_refused(db, made, uploads) -> None:
    User.objects.create_user("somebody")
    with pytest.raises(CommandError, match="make an empty one"):
        call_command("restore", str(made))


def test_a_check_changes_nothing(made, capsys) -> None:
    call_command("restore", str(made), check=True)
    assert "is whole" in capsys.readouterr().out
