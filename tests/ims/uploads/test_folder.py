"""MEDIA_ROOT must be one storage for all machines; who has another one is told."""

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.db.models import FileField
from django.db.models.fields.files import FieldFile

from ims.uploads import folder
from ims.uploads.models import UploadFolder

pytestmark = pytest.mark.django_db


@pytest.fixture
def machine(settings, tmp_path):
    """Be on the machine of this name, with a MEDIA_ROOT of its own."""

    def be(name: str) -> None:
        settings.MEDIA_ROOT = str(tmp_path / name)

    UploadFolder.objects.all().delete()
    be("first")
    folder.mark()
    return be


def warnings() -> list[str]:
    return [each.id for each in run_checks(databases=["default"]) if each.id == "ims.W001"]


def test_the_machine_that_migrated_first_is_right(machine):
    assert warnings() == []


def test_a_machine_with_another_folder_is_told(machine):
    machine("second")
    folder.mark()  # it migrates, too
    assert warnings() == ["ims.W001"]
    assert "second" in folder.problem()


def test_a_machine_that_mounts_the_same_storage_is_right(machine, settings, tmp_path):
    (tmp_path / "mounted").symlink_to(tmp_path / "first")
    machine("mounted")
    assert warnings() == []


def test_a_folder_may_be_adopted_where_the_first_one_is_gone(machine, capsys):
    machine("second")
    call_command("adopt_uploads")
    assert warnings() == []


def test_nothing_is_said_without_the_database(machine):
    machine("second")
    assert not [each for each in run_checks() if each.id == "ims.W001"]


# --- an upload that cannot be opened ------------------------------------------------------------------------
def is_permanent() -> bool:
    with pytest.raises(folder.OutOfReach) as caught:
        folder.opened(FieldFile(UploadFolder(), FileField(), "upload"))
    return caught.value.permanent


def test_an_upload_that_is_gone_from_the_right_folder_is_gone_for_good(machine):
    assert is_permanent()


def test_an_upload_that_another_machine_may_have_is_tried_again(machine):
    machine("second")
    assert not is_permanent()


def test_an_upload_is_tried_again_where_the_storage_is_in_trouble(machine, tmp_path):
    (tmp_path / "first" / "upload").mkdir()  # any error but that the file is not there
    assert not is_permanent()
