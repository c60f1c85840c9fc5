"""Django Q2 1.11 as it comes, on PostgreSQL. It keeps the last 250 results, which is its default."""

import os

from bench import work
from bench.contenders.base import WORKERS, Base, count


class Contender(Base):
    packages = ("django-q2", "django", "psycopg")
    has_many = False

    def prepare(self) -> None:
        os.environ.update(
            DJANGO_SETTINGS_MODULE="bench.contenders.django_q2_settings",
            DATABASE_URL=self.address,
            BENCH_WORKERS=str(WORKERS),
        )
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        self.enqueued = 0

    def start(self) -> None:
        self.run("-m", "django", "qcluster")

    def clear(self) -> None:
        from django.db import connection

        self.enqueued = 0
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE django_q_ormq, django_q_task")

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
        from django.db import connection

        with connection.cursor() as cursor:
            return self.enqueued - count(cursor, "django_q_ormq")
