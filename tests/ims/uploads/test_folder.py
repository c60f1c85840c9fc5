"""MEDIA_ROOT must be one storage for all machines; who has another one is told."""

import pytest
from django.core.checks import run_checks
from django.core.management import call_command

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
