"""`jobs list|show|retry|run-again|cancel|purge`."""

from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from scheduling import actions, details, purge, search
from scheduling.details import JobDetails
from scheduling.exceptions import NotPossible, UnknownJob
from scheduling.management.tables import cell, write_json, write_table

NEEDS_A_JOB = ("show", "retry", "run-again", "cancel")


class Command(BaseCommand):
    help = "Look at jobs; retry, run again, cancel and purge them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["list", *NEEDS_A_JOB, "purge"])
        parser.add_argument("job", nargs="?", help="the job's id; not for list and purge")
        parser.add_argument("--state", default="", metavar="STATE", help=", ".join(search.STATES))
        parser.add_argument("--queue", default="", metavar="NAME")
        parser.add_argument("--task", default="", metavar="NAME", help="public name or dotted path")
        parser.add_argument("--text", default="", metavar="TEXT", help=f"looked for in {search.TEXT_FIELDS}")
        parser.add_argument("--limit", type=int, default=search.PAGE, metavar="N", help="list: jobs shown")
        parser.add_argument("--yes", action="store_true", help="purge: do not ask")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        action = options["action"]
        if action in NEEDS_A_JOB and not options["job"]:
            raise CommandError(f"jobs {action}: give the job's id; `jobs list` shows them.")
        try:
            getattr(self, action.replace("-", "_"))(options)
        except (UnknownJob, NotPossible, search.BadFilter) as error:
            raise CommandError(str(error)) from error

    def list(self, options: dict[str, Any]) -> None:
        page = search.find(_filter(options), limit=max(1, options["limit"]))
        if options["json"]:
            write_json(self.stdout, [asdict(row) for row in page.rows])
            return
        if not page.rows:
            self.stdout.write("No such job.")
            return
        rows = [
            [row.id, row.task, row.queue, _state(row), row.attempts, row.at, row.error[:60]]
            for row in page.rows
        ]
        write_table(self.stdout, ["JOB", "TASK", "QUEUE", "STATE", "ATTEMPTS", "AT (UTC)", "ERROR"], rows)
        if page.older:
            self.stdout.write("There are more: narrow the search, or give --limit.")

    def show(self, options: dict[str, Any]) -> None:
        job = details.of(options["job"])
        if options["json"]:
            write_json(self.stdout, _as_json(job))
            return
        for name, value in _facts(job).items():
            self.stdout.write(f"{name:<12} {cell(value)}")
        for name, value in job.arguments.items():
            self.stdout.write(f"  {name} = {value}")
        for attempt in job.attempts:
            self.stdout.write(
                f"\nAttempt {attempt.number} failed at {cell(attempt.stopped_at)}:\n{attempt.error}"
            )
        for log in job.logs:
            before = f", after {log.left_out} earlier lines" if log.left_out else ""
            self.stdout.write(f"\nAttempt {log.attempt} logged{before}:")
            for line in log.entries():
                self.stdout.write(f"{cell(line.at)} {line.level} {line.logger}: {line.text}")

    def retry(self, options: dict[str, Any]) -> None:
        self._tell(actions.retry(options["job"]).id, "waiting", "Queued for one more attempt", options)

    def run_again(self, options: dict[str, Any]) -> None:
        self._tell(actions.run_again(options["job"]).id, "waiting", "Queued as a new job", options)

    def cancel(self, options: dict[str, Any]) -> None:
        state = actions.cancel(options["job"])
        self._tell(options["job"], state, "Cancelled" if state == "cancelled" else "Asked to stop", options)

    def purge(self, options: dict[str, Any]) -> None:
        if options["task"] or options["text"]:
            raise CommandError("jobs purge takes --queue and --state only.")
        wanted = _filter(options)
        count = purge.count(wanted)
        what = f"{count} {wanted.state or 'unstarted'} jobs{f' of {wanted.queue}' if wanted.queue else ''}"
        if not options["yes"] and count and not self._is_sure(f"{purge.consequence(wanted)}: {what}"):
            raise CommandError("Nothing was purged.")
        purged = purge.run(wanted) if count else 0
        if options["json"]:
            write_json(self.stdout, {"purged": purged})
        else:
            self.stdout.write(f"Purged {purged} jobs.")

    def _is_sure(self, question: str) -> bool:
        self.stdout.write(f"{question}. Go on? [y/N] ", ending="")
        self.stdout.flush()
        try:
            return input().strip().lower() in {"y", "yes"}
        except EOFError:
            return False

    def _tell(self, job_id: str, state: str, words: str, options: dict[str, Any]) -> None:
        if options["json"]:
            write_json(self.stdout, {"job_id": job_id, "state": state})
        else:
            self.stdout.write(f"{words}: job {job_id}")


def _filter(options: dict[str, Any]) -> search.JobFilter:
    return search.JobFilter(options["state"], options["task"], options["queue"], options["text"])


def _state(row: search.JobRow) -> str:
    return f"{row.state}? cluster {row.cluster_state}" if row.cluster_state else row.state


def _facts(job: JobDetails) -> dict[str, object]:
    return {
        "job": job.id,
        "task": job.task,
        "queue": job.queue,
        "state": job.state,
        "cluster": job.cluster_state,
        "attempts": f"{job.started} of {job.attempts_allowed or '?'}",
        "group": job.group,
        "enqueued": job.enqueued_at,
        "due": job.due_at,
        "started": job.started_at,
        "ended": job.stopped_at,
        "progress": f"{job.progress.percent}% {job.progress.stage}" if job.progress else None,
        "result": job.result,
        "error": job.error,
    }


def _as_json(job: JobDetails) -> dict[str, Any]:
    told = ("number", "started_at", "stopped_at", "error", "retry_at")
    attempts = [{name: getattr(attempt, name) for name in told} for attempt in job.attempts]
    progress = job.progress and {
        "done": job.progress.done,
        "total": job.progress.total,
        "stage": job.progress.stage,
    }
    logs = [
        {
            "attempt": log.attempt,
            "left_out": log.left_out,
            "lines": [line._asdict() for line in log.entries()],
        }
        for log in job.logs
    ]
    return {
        **_facts(job),
        "progress": progress,
        "arguments": job.arguments,
        "failed_attempts": attempts,
        "logs": logs,
    }
