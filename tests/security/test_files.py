"""What people uploaded: served to those who may see it, and never a crash where the file itself is gone."""

import pytest
from django.core.files.storage import FileSystemStorage

from ims.accounts import roles
from licensing.models import Attachment
from logistics.trips.models import Trip


@pytest.mark.parametrize("address", ["/licences/papers/{pk}/", "/api/licensing/attachments/{pk}/file/"])
def test_a_paper_whose_file_is_gone_is_404_and_not_a_crash(client, world, address) -> None:
    paper = Attachment.objects.get()
    FileSystemStorage().delete(paper.file.name)
    client.force_login(world.people[roles.LICENCE_MANAGER])
    assert client.get(address.format(pk=paper.pk)).status_code == 404


def test_a_proof_whose_picture_is_gone_is_404_and_not_a_crash(client, world) -> None:
    trip = Trip.objects.get(proofs__isnull=False)
    proof = trip.proofs.get()
    FileSystemStorage().delete(proof.picture.name)
    client.force_login(world.people[roles.DISPATCHER])
    assert client.get(f"/trips/{trip.pk}/proofs/{proof.pk}/").status_code == 404
