"""Django Q2 1.11 as it comes, on PostgreSQL. It keeps the last 250 results, which is its default."""

from bench import work
from bench.contenders.django_base import DjangoContender


class Contender(DjangoContender):
    packages = ("django-q2", "django", "psycopg")
    settings = "bench.contenders.django_q2_settings"
    tables = "django_q_ormq, django_q_task"
    enqueued = 0

    def start(self) -> None:
        self.run("-m", "django", "qcluster")

    def clear(self) -> None:
        super().clear()
        self.enqueued = 0

    def enqueue(self) -> None:
        from django_q.tasks import async_task

        async_task(work.nothing)
        self.enqueued += 1

    def enqueue_report(self, port: int) -> None:
        from django_q.tasks import async_task

        async_task(work.report, port)
        self.enqueued += 1

    def count_done(self) -> int:
        """What has left the queue; a result is written before that."""
        return self.enqueued - self.count("django_q_ormq")
