"""This project: PostgreSQL or SQLite by its address."""

import os
import statistics
import time

from bench.contenders.base import WORKERS, Base, count

AT_ONCE = 20  # jobs in a claim that is timed
CLAIMS = 40
NO_OPS = "func = 'bench.tasks.nothing'"  # the schedules of IMS run beside them


class Contender(Base):
    packages = ("django", "psycopg")
    can_claim = True
    has_queues = True
    clusters = 1

    def prepare(self) -> None:
        os.environ.update(
            DJANGO_SETTINGS_MODULE="bench.contenders.ims_settings",
            DATABASE_URL=self.address,
            DEBUG="0",
            HTTPS="0",
            ALLOWED_HOSTS="localhost",
            SECRET_KEY="a-key-for-the-bench-that-is-long-enough-to-be-accepted",
            LOG_LEVEL="WARNING",
        )
        os.environ.pop("TASKS_SYNC", None)
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)

    def start(self) -> None:
        for _ in range(self.clusters):
            self.run("manage.py", "qcluster", "--workers", str(WORKERS // self.clusters))

    def clear(self) -> None:
        from django.db import connection

        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("TRUNCATE django_q_ormq, django_q_task")
            else:
                cursor.execute("DELETE FROM django_q_ormq")
                cursor.execute("DELETE FROM django_q_task")

    def enqueue(self) -> None:
        from bench import tasks

        tasks.nothing.enqueue()

    def enqueue_many(self, count: int) -> None:
        from bench import tasks

        tasks.nothing.enqueue_many([{}] * count)

    def enqueue_many_low(self, count: int) -> None:
        from bench import tasks

        tasks.nothing_low.enqueue_many([{}] * count)

    def enqueue_report(self, port: int) -> None:
        from bench import tasks

        tasks.report.enqueue(port)

    def enqueue_urgent_report(self, port: int) -> None:
        from bench import tasks

        tasks.report_urgently.enqueue(port)

    def count_done(self) -> int:
        from django.db import connection

        with connection.cursor() as cursor:
            return count(cursor, "django_q_task", NO_OPS)

    def check(self, jobs: int) -> None:
        from django.db import connection

        with connection.cursor() as cursor:
            done = count(cursor, "django_q_task", f"{NO_OPS} AND success AND attempt_count = 1")
            left = count(cursor, "django_q_ormq", NO_OPS)
        if (done, left) != (jobs, 0):
            raise RuntimeError(f"Of {jobs} jobs {done} ran just once and well, and {left} are left.")

    # --- the claim by itself --------------------------------------------------------------------------------

    def fill(self, rows: int) -> None:
        """So many due jobs, all of one queue, copied from one row inside the database."""
        from django.db import connection

        self.clear()
        self.enqueue()
        columns = "key, payload, lock, job_id, func, state, attempts, enqueued_at, has_slot"
        with connection.cursor() as cursor:
            cursor.execute(
                "WITH RECURSIVE numbers (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < %s)"
                f" INSERT INTO django_q_ormq ({columns})"
                f" SELECT {columns.replace('job_id', 'CAST(n AS text)')} FROM django_q_ormq, numbers",
                [rows],
            )
            cursor.execute("VACUUM ANALYZE django_q_ormq" if connection.vendor == "postgresql" else "ANALYZE")

    def claim_ms(self) -> float:
        """The median of some claims of 20 jobs, as the supervisor makes them."""
        from scheduling import claims, leases
        from scheduling.declaration import QUEUES
        from scheduling.models import Heartbeat

        holder = leases.register(workers=0)
        seconds = []
        for _ in range(CLAIMS):
            began = time.perf_counter()
            claimed = claims.claim(holder, QUEUES, AT_ONCE)
            seconds.append(time.perf_counter() - began)
            if len(claimed) != AT_ONCE:
                raise RuntimeError(f"A claim of {AT_ONCE} jobs got {len(claimed)}.")
        Heartbeat.objects.filter(pk=holder).delete()
        return statistics.median(seconds) * 1000
