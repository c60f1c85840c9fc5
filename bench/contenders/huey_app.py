"""Huey's application on SQLite, for its workers and for who enqueues."""

import os

from huey import SqliteHuey

from bench import work

huey = SqliteHuey("bench", filename=os.environ["BENCH_HUEY"])
nothing = huey.task(name="nothing")(work.nothing)
report = huey.task(name="report")(work.report)
