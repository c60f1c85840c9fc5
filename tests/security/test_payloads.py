"""A job that somebody wrote into the database, and that no key of ours signed, is never unpacked."""

import os
import pickle
from pathlib import Path

import pytest
from django.test import Client
from django_q import core_signing
from django_q.conf import Conf
from django_q.models import OrmQ

from scheduling.models import QueuedJob
from scheduling.packages import Packed
from scheduling.testing import drain
from tests.site import tasks

pytestmark = pytest.mark.django_db
SOMEBODYS_KEY = "a-key-of-somebody-who-can-write-into-the-database"


class Evil:
    """Whoever unpacks it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder),)


def signed(content: bytes) -> str:
    signer = core_signing.TimestampSigner(key=SOMEBODYS_KEY, salt=Conf.PREFIX)
    return str(signer.sign_object(content, Packed))


@pytest.mark.parametrize("wrap", [signed, lambda content: content.hex()], ids=["another key", "no signature"])
def test_neither_workers_nor_pages_unpack_what_we_did_not_sign(admin, tmp_path, wrap) -> None:
    trace = tmp_path / "unpacked"
    job = tasks.leave_effect.enqueue(name="x")
    QueuedJob.objects.update(payload=wrap(pickle.dumps(Evil(trace))))
    browser = Client(raise_request_exception=False)
    browser.force_login(admin)
    row = OrmQ.objects.get()
    for address in (
        "/admin/django_q/ormq/",
        f"/admin/django_q/ormq/{row.pk}/change/",
        "/console/",
        "/console/jobs/",
        f"/console/jobs/{job.id}/",
        f"/api/scheduling/jobs/{job.id}/",
    ):
        assert browser.get(address).status_code == 200, address
    drain()
    assert not trace.exists()
    pickle.loads(pickle.dumps(Evil(trace)))
    assert trace.exists()  # it would have told
