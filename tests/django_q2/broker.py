"""Our broker for Django Q2's tests, which name queues at will and put the bare word "test" into them."""

from django.utils import timezone
from django_q.conf import Conf
from django_q.humanhash import uuid

from scheduling import packages
from scheduling.broker import DatabaseBroker
from scheduling.declaration import NORMAL, QUEUES

WORD = "test"  # no signed package, which is all that ours takes


class Broker(DatabaseBroker):
    """Every name that is no queue of ours means `normal`; the word travels in a package."""

    @property
    def list_key(self):
        return self._list_key

    @list_key.setter
    def list_key(self, name):
        self._list_key = name if name in (*QUEUES, Conf.PREFIX) else NORMAL

    def enqueue(self, task):
        return super().enqueue(_wrapped(task) if task == WORD else task)

    def dequeue(self):
        jobs = super().dequeue()
        return jobs and [(fence, _unwrapped(payload)) for fence, payload in jobs]


def _wrapped(word):
    name, job_id = uuid()
    call = {"func": "test.word", "args": (word,), "kwargs": {}}
    return packages.dumps({"id": job_id, "name": name, "started": timezone.now(), **call})


def _unwrapped(payload):
    package = packages.loads(payload)
    return package["args"][0] if package["func"] == "test.word" else payload
