"""Huey on SQLite, with results."""

import os

from bench.contenders.base import WORKERS, Base


class Contender(Base):
    packages = ("huey",)
    has_many = False

    def prepare(self) -> None:
        os.environ["BENCH_HUEY"] = self.address
        from bench.contenders import huey_app

        self.tasks = huey_app
        self.clear()

    def start(self) -> None:
        consumer = "from huey.bin.huey_consumer import consumer_main; consumer_main()"
        self.run(
            "-c", consumer, "bench.contenders.huey_app.huey",
            "--workers", str(WORKERS), "--worker-type", "process", "--quiet",
        )  # fmt: skip

    def clear(self) -> None:
        self.tasks.huey.storage.flush_all()

    def enqueue(self) -> None:
        self.tasks.nothing()

    def enqueue_report(self, port: int) -> None:
        self.tasks.report(port)

    def count_done(self) -> int:
        return int(self.tasks.huey.storage.result_store_size())
