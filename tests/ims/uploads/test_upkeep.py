"""Files go with their rows, and what a process that died has left behind is swept."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.apps import apps
from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import FileField
from django.db.models.signals import post_delete
from django.utils.timezone import now

from ims.uploads import folder, upkeep
from ims.uploads.models import UploadFolder
from ims.uploads.tasks import sweep_uploads
from licensing.models import SheetImport
from masterdata.models import SlipImport

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings, tmp_path) -> Path:
    """A folder that bears the mark of all machines."""
    settings.MEDIA_ROOT = str(tmp_path)
    UploadFolder.objects.all().delete()
    folder.mark()
    return tmp_path


def kept(model: type = SlipImport) -> SlipImport | SheetImport:
    row = model()
    row.file.save("some-name", ContentFile(b"rows"))
    return row


def files(media: Path) -> set[str]:
    """All but the mark."""
    found = (path for path in media.rglob("*") if path.is_file() and path.name != folder.FILE)
    return {path.relative_to(media).as_posix() for path in found}


def left_behind(media: Path, name: str, *, hours: int) -> None:
    path = media / "imports" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"rows")
    moment = (now() - timedelta(hours=hours)).timestamp()
    os.utime(path, (moment, moment))


# --- with the row ---------------------------------------------------------------------------------------
def test_a_file_goes_when_its_row_goes(media, django_capture_on_commit_callbacks):
    row = kept()
    with django_capture_on_commit_callbacks(execute=True):
        SlipImport.objects.filter(pk=row.pk).delete()
    assert files(media) == set()


def test_a_file_stays_until_the_deletion_is_committed(media):
    row = kept()
    with transaction.atomic():
        row.delete()
        transaction.set_rollback(True)
    assert files(media) == {row.file.name}
    assert SlipImport.objects.exists()


def test_a_file_that_another_row_names_stays(media, django_capture_on_commit_callbacks):
    row = kept()
    SheetImport.objects.create(file=row.file.name)
    with django_capture_on_commit_callbacks(execute=True):
        row.delete()
    assert files(media) == {row.file.name}


def test_a_file_that_is_gone_already_is_no_error(media, django_capture_on_commit_callbacks):
    row = kept()
    (media / row.file.name).unlink()
    with django_capture_on_commit_callbacks(execute=True):
        row.delete()


# --- left behind ----------------------------------------------------------------------------------------
def test_what_no_row_has_named_for_a_day_is_swept(media):
    row, other = kept(), kept(SheetImport)
    for each in (row, other):
        os.utime(media / each.file.name, (0, 0))
    left_behind(media, "young", hours=23)
    left_behind(media, "old", hours=25)
    left_behind(media, ".nfs-old", hours=25)
    assert sweep_uploads() == 1
    assert files(media) == {row.file.name, other.file.name, "imports/young", "imports/.nfs-old"}


def test_a_large_folder_is_swept_in_portions(media, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(upkeep, "PORTION", 10)
    for number in range(25):
        left_behind(media, f"old-{number}", hours=25)
    with django_assert_max_num_queries(30):
        assert upkeep.sweep(now()) == 25


def test_nothing_is_swept_in_a_folder_that_is_not_ours(media, settings, tmp_path):
    left_behind(media, "old", hours=25)
    (media / folder.FILE).write_text("of another installation")
    with pytest.raises(folder.WrongFolder, match="is not the folder"):
        upkeep.sweep(now())
    assert files(media) == {"imports/old"}


def test_an_empty_folder_is_swept_without_a_word():
    assert upkeep.sweep(now()) == 0


def test_every_model_with_a_file_is_followed():
    files = {
        field.model
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, FileField)
    }
    assert {each for each in files if not post_delete.has_listeners(each)} == set(), (
        "call upkeep.follow in ready()"
    )
