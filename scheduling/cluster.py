"""The cluster: Django Q2's Cluster and Sentinel, extended at their spawn and guard methods."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from django.db import DatabaseError, connections
from django.db.utils import InterfaceError
from django.utils import timezone
from django_q import cluster as stock
from django_q.conf import Conf
from django_q.humanhash import humanize
from django_q.pusher import pusher
from django_q.signals import post_spawn
from django_q.status import Stat

from scheduling.due import enqueue_due
from scheduling.models import Heartbeat
from scheduling.results import record_all

logger = logging.getLogger("django-q")


EXIT_GRACE = 1.0  # seconds in which a worker that timed out sends its result and ends by itself
PARENT_PAUSE = 1.0  # seconds between looks at the supervisor


class Supervisor(stock.Sentinel):  # type: ignore[misc]
    """Keeps workers, pusher and monitor alive, tells the database so, and enqueues what is due."""

    def __init__(self, *args: Any, start: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, start=False, **kwargs)
        # `kill` of the whole process group must not end running jobs: the parent alone decides to stop.
        # A handler, not SIG_IGN, so that programs started by a job get the default back.
        signal.signal(signal.SIGTERM, lambda *_: None)
        if start:
            self.start()

    def spawn_cluster(self) -> None:
        Heartbeat.objects.create(
            cluster_id=self.cluster_id,
            host=socket.gethostname(),
            pid=self.parent_pid or self.pid,
            queues=list(self.broker.queues),
            workers=self.pool_size,
            started_at=self.tob,
        )
        super().spawn_cluster()

    def spawn_monitor(self) -> Any:
        return self.spawn_process(_monitor, self.result_queue)

    def spawn_pusher(self) -> Any:
        return self.spawn_process(_pusher, self.task_queue, self.event_out, self.broker)

    def guard(self) -> None:
        self.start_event.set()
        logger.info(
            "Q Cluster %s running, serving %s.", humanize(self.cluster_id.hex), ", ".join(self.broker.queues)
        )
        while not self.stop_event.is_set() and os.getppid() == self.parent_pid:
            self.check_processes()
            with surviving_outages():
                Stat(self).save()
                enqueue_due(timezone.now())
            self.stop_event.wait(Conf.GUARD_CYCLE)
        self.stop_event.set()
        self.stop()
        with surviving_outages():
            Heartbeat.objects.filter(pk=self.cluster_id).delete()

    def check_processes(self) -> None:
        """Replace what died or ran over its time; count running timers down."""
        for process in list(self.pool):
            with process.timer.get_lock():
                over_time = process.timer.value == 0
                if over_time:
                    process.join(EXIT_GRACE)  # killed while it sends a result, it would take the queue along
                if over_time and process.is_alive():
                    process.kill()  # it no longer listens to SIGTERM
                if over_time or not process.is_alive():
                    self.reincarnate(process)
                elif process.timer.value > 0:
                    process.timer.value = max(0, process.timer.value - Conf.GUARD_CYCLE)
        for process in (self.monitor, self.pusher):
            if not process.is_alive():
                self.reincarnate(process)


class Cluster(stock.Cluster):  # type: ignore[misc]
    """A Django Q2 cluster that is guarded by our Supervisor."""

    def start(self) -> int:
        stock.Sentinel = Supervisor  # the name that Cluster.start looks up
        return int(super().start())


def end_with_supervisor(**_: object) -> None:
    """Let this process end when the supervisor is killed: nobody would count its time or replace it."""
    supervisor = multiprocessing.parent_process()
    if supervisor is None or any(thread.name == "end_with_supervisor" for thread in threading.enumerate()):
        return  # a job run inline; or all is set

    def watch() -> None:
        while supervisor.is_alive() and os.getppid() == supervisor.pid:
            time.sleep(PARENT_PAUSE)
        os._exit(1)

    threading.Thread(target=watch, name="end_with_supervisor", daemon=True).start()


def _monitor(results: Any) -> None:
    end_with_supervisor()
    record_all(results)


def _pusher(jobs: Any, stop: Any, broker: Any) -> None:
    end_with_supervisor()
    pusher(jobs, stop, broker)


post_spawn.connect(end_with_supervisor, dispatch_uid="scheduling.cluster")  # sent by each worker


@contextlib.contextmanager
def surviving_outages() -> Iterator[None]:
    """Log a database error and drop the connection, so that the next round makes a new one."""
    try:
        yield
    except (DatabaseError, InterfaceError) as error:
        logger.error("The database did not answer: %s", error)
        connections.close_all()
