"""What soak and load do to clusters and to PostgreSQL."""

import random

import psutil


def kill_in_cluster(parent: psutil.Process, kind: str, chance: random.Random) -> None:
    """Kill a worker, the supervisor or the parent, where there is one just now."""
    family = parent.children()
    workers = [worker for each in family for worker in each.children()]
    match kind:
        case "worker" if workers:
            chance.choice(workers).kill()
        case "supervisor" if family:
            family[0].kill()
        case "parent":
            parent.kill()


def cut_connections() -> None:
    """All to this database but our own."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND datname = current_database()"
        )
