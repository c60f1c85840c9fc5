"""django-qraft on PostgreSQL: Django Q2's processes with durable tasks, attempts and leases."""

from bench import work
from bench.contenders.django_base import DjangoContender


class Contender(DjangoContender):
    packages = ("django-qraft", "django-q2", "django", "psycopg")
    settings = "bench.contenders.django_qraft_settings"
    tables = "django_q_ormq, django_q_task, qraft_qrafttask, qraft_qrafttaskattempt"

    def start(self) -> None:
        self.run("-m", "django", "qraftcluster")

    def enqueue(self) -> None:
        from qraft.tasks import async_task

        async_task(work.nothing)

    def enqueue_report(self, port: int) -> None:
        from qraft.tasks import async_task

        async_task(work.report, port)

    def count_done(self) -> int:
        return self.count("qraft_qrafttask", "status = 'succeeded'")
