"""`qcluster`: register the schedules, then run the cluster."""

import os
from typing import Any

from django.core.checks import Tags, run_checks
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django_q.conf import Conf

from scheduling import checks, private, schedules
from scheduling.broker import SERVED_QUEUES
from scheduling.cluster import Cluster
from scheduling.declaration import QUEUES


class Command(BaseCommand):
    requires_system_checks = (checks.TAG,)  # without every page's address and view, which take half a second
    help = "Starts a cluster that runs jobs of all queues, most urgent first, and what schedules make due."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--queues", metavar="NAME,NAME", help=f"serve only these of {', '.join(QUEUES)}")
        parser.add_argument(
            "-n", "--name", metavar="QUEUE", help="serve only this queue (as Q_CLUSTER_NAME=QUEUE does)"
        )
        parser.add_argument(
            "--workers", type=int, metavar="N", help=f"worker processes (default {Conf.WORKERS})"
        )
        parser.add_argument("--run-once", action="store_true", help="start, then stop at once")

    def handle(self, *args: Any, **options: Any) -> None:
        private.check()
        self._choose_queues(options["queues"] or options["name"])
        self._choose_workers(options["workers"])
        schedules.sync()
        self._tell_of_this_machine()
        cluster = Cluster()
        if options["run_once"]:
            cluster.start()
            cluster.stop()
        else:
            cluster.run()

    def _tell_of_this_machine(self) -> None:
        """What checks that ask the database say; jobs run all the same."""
        for found in run_checks(tags=[Tags.database], databases=["default"]):
            self.stderr.write(str(found))

    def _choose_queues(self, chosen: str | None) -> None:
        """Hand the choice to the processes of the cluster through the environment."""
        if Conf.CLUSTER_NAME not in (Conf.PREFIX, *QUEUES):
            raise CommandError(f"Q_CLUSTER_NAME={Conf.CLUSTER_NAME}: the queues are {', '.join(QUEUES)}.")
        names = [name.strip() for name in (chosen or "").split(",") if name.strip()]
        unknown = [name for name in names if name not in QUEUES]
        if unknown:
            raise CommandError(f"--queues: unknown {', '.join(unknown)}; the queues are {', '.join(QUEUES)}.")
        if names and Conf.CLUSTER_NAME != Conf.PREFIX:
            raise CommandError(
                f"--queues: Q_CLUSTER_NAME={Conf.CLUSTER_NAME} has chosen already; give only one."
            )
        os.environ[SERVED_QUEUES] = ",".join(names)

    def _choose_workers(self, count: int | None) -> None:
        if count is None:
            return
        if count < 1:
            raise CommandError("--workers: give 1 or more.")
        Conf.WORKERS = count
        os.environ["Q_WORKERS"] = str(count)  # for a supervisor that is spawned, not forked
