"""`inspect active|registered|scheduled|stats`: what Celery's `inspect` tells; `figures`: what ended."""

from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from scheduling import declaration, figures, overview, search
from scheduling.management.tables import write_json, write_table


class Command(BaseCommand):
    help = (
        "Look at what runs (active), which tasks there are (registered), what waits for its time (scheduled),"
        " the clusters (stats), and what ended of each task (figures)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["active", "registered", "scheduled", "stats", "figures"])
        parser.add_argument(
            "--span", choices=list(figures.SPANS), default="hour", help="figures: how far back"
        )
        parser.add_argument(
            "--limit", type=int, default=search.PAGE, metavar="N", help="scheduled: jobs shown"
        )
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = getattr(self, options["what"])(options)
        if options["json"]:
            write_json(self.stdout, rows)
        elif rows:
            headers = [name.replace("_", " ").upper() for name in rows[0]]
            write_table(self.stdout, headers, [[_words(value) for value in row.values()] for row in rows])
        else:
            self.stdout.write(NOTHING[options["what"]])

    def active(self, options: dict[str, Any]) -> list[dict[str, Any]]:
        """What each worker runs; of a cluster that is silent, what it ran when it was last heard."""
        return [
            {"cluster": cluster.name, "state": cluster.state, **asdict(running)}
            for cluster in overview.look().clusters
            for running in cluster.running
        ]

    def registered(self, options: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            {
                "task": task.name,
                "queue": task.queue,
                "timeout": task.timeout,
                "attempts": task.retries.attempts,
                "schedule": task.cadence.name if task.cadence else None,
                "path": task.path,
            }
            for task in sorted(declaration.tasks(), key=lambda task: task.name)
        ]

    def scheduled(self, options: dict[str, Any]) -> list[dict[str, Any]]:
        """Jobs that wait for their time or their next attempt, and when that is."""
        limit = max(1, options["limit"])
        found = [
            row
            for state in ("scheduled", "retrying")
            for row in search.find(search.JobFilter(state=state), limit=limit).rows
        ]
        return [
            {"job": row.id, "task": row.task, "queue": row.queue, "state": row.state, "due_at": row.at}
            for row in found[:limit]
        ]

    def stats(self, options: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            {
                "cluster": each.name,
                "state": each.state,
                "status": each.status,
                "queues": list(each.queues),
                "workers": each.workers,
                "busy": len(each.running),
                "started_at": each.started_at,
                "seen_at": each.seen_at,
            }
            for each in overview.look().clusters
        ]

    def figures(self, options: dict[str, Any]) -> list[dict[str, Any]]:
        """What ended of each task, and how long it took and waited: seconds, p50 and p95."""
        return [asdict(each) for each in figures.by_task(options["span"])]


NOTHING = {
    "active": "No worker runs a job.",
    "registered": "No task is declared.",
    "scheduled": "No job waits for its time.",
    "figures": "Nothing ended.",
    "stats": "No cluster is known. Start one: python manage.py qcluster",
}


def _words(value: object) -> object:
    return ", ".join(value) if isinstance(value, list) else value
