"""Procrastinate on PostgreSQL: as many worker processes as the others have, finished jobs kept."""

import os

from bench.contenders.base import WORKERS, Base, count


class Contender(Base):
    packages = ("procrastinate", "psycopg")

    def prepare(self) -> None:
        os.environ["BENCH_PROCRASTINATE"] = self.address
        import psycopg

        from bench.contenders import procrastinate_app

        self.connection = psycopg.connect(self.address, autocommit=True)
        self.app = procrastinate_app.synchronous()
        self.app.open()
        self.app.schema_manager.apply_schema()

    def start(self) -> None:
        for _ in range(WORKERS):
            self.run("-m", "procrastinate", "--app", "bench.contenders.procrastinate_app.app", "worker")

    def clear(self) -> None:
        self.connection.execute("TRUNCATE procrastinate_jobs, procrastinate_events CASCADE")

    def enqueue(self) -> None:
        self.app.tasks["nothing"].defer()

    def enqueue_many(self, count: int) -> None:
        self.app.tasks["nothing"].batch_defer(*[{}] * count)

    def enqueue_report(self, port: int) -> None:
        self.app.tasks["report"].defer(port=port)

    def count_done(self) -> int:
        return count(self.connection.cursor(), "procrastinate_jobs", "status = 'succeeded'")
