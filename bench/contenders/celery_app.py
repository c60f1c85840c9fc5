"""Celery's application, for its workers and for who enqueues."""

import os

from celery import Celery

from bench import work

KEEPS = bool(os.environ.get("BENCH_CELERY_RESULTS"))
BROKER, BACKEND = (f"{os.environ['BENCH_REDIS']}/{number}" for number in (0, 1))

app = Celery("bench", broker=BROKER, backend=BACKEND if KEEPS else None)
app.conf.update(task_ignore_result=not KEEPS, broker_connection_retry_on_startup=True)
nothing = app.task(name="nothing")(work.nothing)
report = app.task(name="report")(work.report)
