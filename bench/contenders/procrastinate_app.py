"""Procrastinate's application, for its workers and for who enqueues."""

import os

from procrastinate import App, PsycopgConnector, SyncPsycopgConnector

from bench import work


def application(connector: type) -> App:
    app = App(connector=connector(conninfo=os.environ["BENCH_PROCRASTINATE"]))
    app.task(name="nothing")(work.nothing)
    app.task(name="report")(work.report)
    return app


app = application(PsycopgConnector)  # for its workers


def synchronous() -> App:
    return application(SyncPsycopgConnector)
