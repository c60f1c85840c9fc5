"""python -m bench.console [--finished 1000000] [--waiting 100000]: a long history.

The time until the first byte of each page, list and call, and of /metrics, over HTTP from a real web process,
in a database of its own in a temporary folder. The goals: 200 ms at p95 for each, 50 ms for /metrics.
"""

import argparse
import http.client
import os
import tempfile
import time
from pathlib import Path
from statistics import quantiles

from bench.trips import database, web

GOAL, GOAL_OF_METRICS = 200, 50  # ms, p95
TOKEN = "a-token-for-the-bench-of-metrics"
AS_SERVED = {
    "DEBUG": "0",
    "SECRET_KEY": "for-a-bench-alone-0123456789-abcdefghijklmnopqrstuvwxyz",
    "STATIC_HASHED": "0",
    "LOG_LEVEL": "CRITICAL",
    "METRICS_TOKEN": TOKEN,
}
PAGES = [
    "/",
    "/console/",
    "/console/jobs/",
    "/console/jobs/?state=waiting",
    "/console/jobs/?state=succeeded",
    "/console/jobs/?state=failed",
    "/console/jobs/?state=failed&q=refused",
    "/console/jobs/?task=masterdata.update_tracking&queue=normal",
    "/console/bulk/?action=retry&state=failed",
    "/console/bulk/?action=delete&state=succeeded",
    "/console/bulk/?action=cancel&state=waiting",
    "/console/failures/",
    "/console/schedules/",
    "/console/charts/",
    "/console/charts/?span=month",
    "/console/tasks/",
    "/console/alerts/",
    "/console/audit/",
    "/api/scheduling/jobs/",
    "/api/scheduling/jobs/?state=failed",
    "/api/scheduling/queues/",
    "/api/scheduling/clusters/",
    "/api/scheduling/failures/",
    "/api/scheduling/figures/?span=week",
    "/readyz",
    "/metrics",
]
FILL = {
    "postgresql": (
        "INSERT INTO django_q_ormq (key, func, state, lock, enqueued_at, job_id, payload, attempts, has_slot)"
        " SELECT (ARRAY['high_priority', 'normal', 'low_priority'])[1 + n %% 3], %s, 'waiting',"
        " now() - n * interval '1 ms', now(), md5('w' || n), repeat('x', 300), 0, false"
        " FROM generate_series(1, %s) AS n",
        "INSERT INTO django_q_task (id, name, func, started, stopped, success, attempt_count, result, due_at)"
        " SELECT md5('f' || n), 'n', (%s::text[])[1 + n %% 20], now() - n * interval '2.2 s',"
        " now() - n * interval '2 s', n %% 100 <> 0, 1, 'x', now() - n * interval '2 s' - interval '300 ms'"
        " FROM generate_series(1, %s) AS n",
        "INSERT INTO scheduling_attempt (job_id, number, func, started_at, stopped_at, error, gist)"
        " SELECT id, 1, func, started, stopped, 'Traceback', 'ValueError: refused ' || length(id) %% 7"
        " FROM django_q_task WHERE NOT success",
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.console", description=__doc__.splitlines()[0])
    parser.add_argument("--finished", type=int, default=1_000_000)
    parser.add_argument("--waiting", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=40, help="of each address")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ims-bench-") as folder, database(Path(folder), True):
        os.environ.update(AS_SERVED)
        cookie, bearer = prepare(options.finished, options.waiting)
        with web() as (port, _):
            figures = {page: measure(port, page, cookie, bearer, options.requests) for page in PAGES}
    show(figures, options.finished, options.waiting)


def prepare(finished: int, waiting: int) -> tuple[str, str]:
    """Fill the tables, roll up, and sign somebody in; returns the session's cookie and an API token."""
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client
    from knox.models import AuthToken

    from ims.accounts.models import User
    from scheduling import clock, declaration, rollups, samples, schedules

    call_command("migrate", verbosity=0)
    schedules.sync()
    paths = [task.path for task in declaration.tasks()][:20]
    jobs, history, attempts = FILL[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(jobs, [paths[0], waiting])
        cursor.execute(history, [paths, finished])
        cursor.execute(attempts.replace("%%", "%"))
        cursor.execute("VACUUM ANALYZE")
    begin = time.perf_counter()
    count = 0
    while counted := rollups.catch_up(clock.read()):
        count += counted
    print(f"Rolled up {count:,} ends at {count / (time.perf_counter() - begin):,.0f}/s")
    samples.take(clock.read())
    user = User.objects.create_superuser("bench", "bench@example.com")
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value, AuthToken.objects.create(user)[1]


def measure(port: int, page: str, cookie: str, bearer: str, count: int) -> list[float]:
    """Milliseconds until the answer begins; the first three, which find everything cold, do not count."""
    headers = {"Cookie": f"sessionid={cookie}", "Host": "localhost"}
    if page == "/metrics":
        headers = {"Authorization": f"Bearer {TOKEN}", "Host": "localhost"}
    elif page.startswith("/api/"):
        headers = {"Authorization": f"Bearer {bearer}", "Host": "localhost"}
    taken = []
    for _ in range(count + 3):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        begin = time.perf_counter()
        connection.request("GET", page, headers=headers)
        answer = connection.getresponse()
        taken.append((time.perf_counter() - begin) * 1000)
        assert answer.status in (200, 503), (page, answer.status, answer.read()[:300])
        answer.read()
        connection.close()
    return taken[3:]


def show(figures: dict[str, list[float]], finished: int, waiting: int) -> None:
    print(f"\n{finished:,} finished and {waiting:,} waiting jobs; ms until the first byte\n")
    print("| address | p50 | p95 | goal |\n|---|---|---|---|")
    for page, taken in figures.items():
        cuts = quantiles(taken, n=20)
        goal = GOAL_OF_METRICS if page == "/metrics" else GOAL
        verdict = "kept" if cuts[18] < goal else "MISSED"
        print(f"| `{page}` | {cuts[9]:.0f} | {cuts[18]:.0f} | {goal} {verdict} |")


if __name__ == "__main__":
    main()
