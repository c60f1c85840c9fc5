"""Celery with Redis, with results kept in Redis."""

import os

from bench.contenders.base import WORKERS, Base


class Contender(Base):
    packages = ("celery", "redis")
    has_many = False
    results = "1"

    def prepare(self) -> None:
        os.environ.update(BENCH_REDIS=self.address, BENCH_CELERY_RESULTS=self.results)
        import redis

        from bench.contenders import celery_app

        self.tasks = celery_app
        self.broker = redis.Redis.from_url(celery_app.BROKER)
        self.backend = redis.Redis.from_url(celery_app.BACKEND)
        self.clear()

    def start(self) -> None:
        self.run(
            "-m", "celery", "-A", "bench.contenders.celery_app", "worker",
            "--concurrency", str(WORKERS), "--loglevel", "WARNING",
        )  # fmt: skip

    def clear(self) -> None:
        self.broker.flushall()
        self.enqueued = 0

    def enqueue(self) -> None:
        self.tasks.nothing.delay()
        self.enqueued += 1

    def enqueue_report(self, port: int) -> None:
        self.tasks.report.delay(port)
        self.enqueued += 1

    def count_done(self) -> int:
        """What is neither queued nor taken and unacknowledged, and has its result stored."""
        ended = self.enqueued - int(self.broker.llen("celery") + self.broker.hlen("unacked"))
        return min(ended, int(self.backend.dbsize())) if self.results else ended
