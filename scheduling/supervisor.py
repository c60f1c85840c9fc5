"""The supervisor of one cluster: one loop that claims, hands out, records, renews and keeps time.

It runs no code of any task. Everything that it holds can be read from the database and from its workers'
sockets, so that whoever is killed, somebody knows what was being done. See docs/engine.md.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from django.conf import settings
from django.utils import timezone
from django_q.cluster import Sentinel
from django_q.conf import Conf
from django_q.humanhash import humanize
from django_q.signing import SignedPackage
from django_q.status import Stat

from scheduling import claims, database, endings, leases, results, systemd, wakeup
from scheduling.crew import Crew
from scheduling.due import Scheduler
from scheduling.models import Cancellation
from scheduling.rounds import Round
from scheduling.stopping import StopRequest

logger = logging.getLogger("django-q")

FULL_BATCH = 100  # results; then they are recorded at once
FLUSH = 0.01  # seconds that a result may wait for others
AT_ONCE = 100  # jobs in one claim
SAFETY_LOOK = 10.0  # seconds between looks at the queue when nobody tells of new jobs
AGAIN = 0.1  # seconds until the next look at a due job that cannot be claimed, because somebody has locked it
BEAT = 3.0  # seconds between heartbeats
SCHEDULES = 10.0  # seconds between looks at the schedules when none is due and nobody tells of a change
REST = 1.0  # seconds between looks at the schedules, or at the other clusters, when there is always something
TAKE_OVER = 10.0  # seconds between looks at the other clusters
WATCH = 0.25  # seconds between looks at timeouts and at jobs that wait behind others


class Supervisor(Sentinel):  # type: ignore[misc]
    """Django Q2's Sentinel, Pusher and Monitor in one process."""

    pulse: Any = None  # monotonic time of the last turn, in memory shared with the parent, which watches it

    def __init__(self, *args: Any, start: bool = True, **kwargs: Any) -> None:
        if multiprocessing.parent_process():
            database.after_fork()
        super().__init__(*args, start=False, **kwargs)
        self.queues: tuple[str, ...] = self.broker.queues
        self.lease = leases.Lease(self.cluster_id, self.queues, self.pool_size)
        self.crew = Crew(self.pool_size, self.lease.until, self.timeout)
        self.outage = database.Outage()
        self.wakeup = wakeup.source()
        self.others = leases.TakeOver()
        self.scheduler = Scheduler()
        self.stop_request = StopRequest(self.stop_event, self.parent_pid)
        self.claims_made = 0
        self.look_at = 0.0  # when the queue is looked at next
        self.results_since = 0.0
        self.schedules = Round(SCHEDULES, self._enqueue_due)
        self.rounds = [
            Round(min(BEAT, settings.Q_LEASE_SECONDS / 4), self._beat),
            self.schedules,
            Round(TAKE_OVER, self._take_over),
            Round(1.0, self._end_cancelled),
        ]
        if start:
            self.start()

    # --- what Django Q2 asks of a Sentinel ----------------------------------------------------------------

    @property
    def pool(self) -> list[Any]:
        return self.crew.workers if hasattr(self, "crew") else []

    @pool.setter
    def pool(self, _: list[Any]) -> None:
        """Sentinel's constructor sets an empty one."""

    def status(self) -> str:
        if not self.start_event.is_set():
            return str(Conf.STARTING)
        if self.stop_request.since:
            return str(Conf.STOPPING if self.pool else Conf.STOPPED)
        return str(Conf.WORKING if self.crew.is_busy else Conf.IDLE)

    def spawn_cluster(self) -> None:
        self.stop_request.hear(self.crew.selector)
        self.task_queue = SimpleNamespace(qsize=lambda: len(self.crew.held))  # for Stat
        self.result_queue = SimpleNamespace(qsize=lambda: len(self.crew.results))
        database.until_it_answers(self.lease.take)
        self.crew.fill()

    def guard(self) -> None:
        """The loop. Runs until it is asked to stop and nothing is left to do."""
        with self._riding_out_outages():
            self._beat()  # who hears that we have started finds us among the clusters
        self.start_event.set()
        logger.info("Q Cluster %s running, serving %s.", self._name, ", ".join(self.queues))
        systemd.notify(systemd.READY)
        try:
            while not self._has_stopped():
                for key, _ in self._events():
                    key.data()
                self._turn(time.monotonic())
        except BaseException:
            logger.exception("The supervisor failed; its workers end with it.")
            self._give_up()
            raise
        self._leave()

    # --- one turn -----------------------------------------------------------------------------------------

    def _turn(self, now: float) -> None:
        if self.pulse:
            self.pulse.value = now
        self._stop_if_asked(now)
        self.crew.hand_out()
        self.reincarnations = self.crew.replaced  # for Stat
        if not self.outage.rests(now):
            with self._riding_out_outages():
                self._settle_after_outage()
                self._write(now)
                self._watch(now)
                for each in self.rounds:  # before the claim: what cannot work takes no jobs along
                    each.run_if_due(now)
                self._claim(now)
                self.outage.is_over()

    def _events(self) -> list[Any]:
        now = time.monotonic()
        if self.outage.rests(now) or not self._wants_jobs:
            return self.crew.selector.select(self._pause(now))
        events, heard = self.wakeup.wait(self.crew.selector, self._pause(now))
        if heard:
            self.look_at = 0.0
            self.schedules.hasten(REST)
        return events

    @property
    def _wants_jobs(self) -> bool:
        return bool(self.crew.room) and not self.stop_request.since

    def _pause(self, now: float) -> float:
        """Seconds until something is due that no event tells of."""
        if self.outage.rests(now):
            return min(WATCH, self.outage.until - now)
        due = min(each.due_at for each in self.rounds)
        if self.crew.is_busy or self.crew.waiting or self.stop_request.since:
            due = min(due, now + WATCH)
        if self.crew.results or self.crew.losses or self.crew.returning:
            due = min(due, self.results_since + FLUSH)
        if self._wants_jobs:
            due = min(due, self.look_at)
        return max(0.0, due - now)

    def _write(self, now: float) -> None:
        """Record what has ended, successes in batches and losses one by one, and what shall go back."""
        crew = self.crew
        if crew.results and not self.results_since:
            self.results_since = now
        waited_enough = not crew.is_busy or now - self.results_since >= FLUSH
        if len(crew.results) >= FULL_BATCH or waited_enough:
            while batch := results.batch(crew.results, FULL_BATCH):
                results.write_down(self.lease.holder, batch)
                del crew.results[: len(batch)]
            self.results_since = 0.0
        if crew.returning:
            endings.give_back(self.lease.holder, crew.returning)
            crew.returning.clear()
        while crew.losses:
            job, reason, pause = crew.losses[0]
            endings.lost(job.fence, reason, pause=pause)
            crew.losses.popleft()
            self.look_at = 0.0

    def _claim(self, now: float) -> None:
        """Claim what the workers can begin soon."""
        room = min(self.crew.room, AT_ONCE)
        if not self._wants_jobs or now < self.look_at or now >= self.lease.until.value:
            return
        if self.look_at and not self._look_ahead():
            return  # nobody told of a job, and none is due
        self.claims_made += 1
        jobs = claims.claim(self.lease.holder, claims.in_turn(self.queues, self.claims_made), room)
        self.crew.waiting.extend(jobs)
        self.crew.hand_out()
        if len(jobs) == room:
            self.look_at = 0.0  # more may wait
        elif self._look_ahead() and not jobs:
            self.look_at += AGAIN

    def _look_ahead(self) -> bool:
        """Set the time of the next look; returns whether a job is due already."""
        wait = claims.seconds_until_due(self.queues)
        self.look_at = time.monotonic() + min(SAFETY_LOOK, SAFETY_LOOK if wait is None else wait)
        return wait == 0

    def _watch(self, now: float) -> None:
        self.crew.end_overdue(now)
        self.crew.free_the_stuck(now)

    # --- the lease ----------------------------------------------------------------------------------------

    def _beat(self) -> None:
        """Renew the lease, and show what runs; where the lease was taken from us, begin anew with nothing."""
        stat = SignedPackage.dumps(Stat(self), True)
        if not self.lease.renew(status=self.status(), running=self.crew.running(), stat=stat):
            logger.critical("Our lease was taken over: %d jobs are no longer ours.", len(self.crew.held))
            self.crew.forget("its cluster lost its lease")
            self.lease.take()
        systemd.notify(systemd.ALIVE)

    def _take_over(self) -> float | None:
        if not self.others.look():
            return None
        self.look_at = 0.0  # claim them before those do who cannot run them
        return REST

    def _enqueue_due(self) -> float | None:
        return None if self.stop_request.since else self.scheduler.run_round()

    def _end_cancelled(self) -> None:
        """Jobs that people cancelled: those that have not stopped within the grace are ended."""
        running = {job.job_id: job.pk for worker in self.pool if (job := worker.running)}
        if not running:
            return
        long_ago = timezone.now() - timedelta(seconds=settings.Q_CANCEL_GRACE_SECONDS)
        asked = Cancellation.objects.filter(job_id__in=running, requested_at__lte=long_ago)
        self.crew.interrupt(
            (running[job_id] for job_id in asked.values_list("job_id", flat=True)), time.monotonic()
        )

    # --- outages ------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _riding_out_outages(self) -> Iterator[None]:
        """Where the database does not answer, wait and ask again; what we hold stays ours until then."""
        with self.outage.ridden_out():
            yield
        if self.outage.pause:
            systemd.notify(systemd.ALIVE)  # a new process would not help

    def _settle_after_outage(self) -> None:
        """A claim whose answer was lost is given up, and others may have been away as we were."""
        if self.outage.pause:
            self.others.forget()
            claims.put_back_all_but(self.lease.holder, self.crew.held)

    # --- the end ------------------------------------------------------------------------------------------

    def _stop_if_asked(self, now: float) -> None:
        if self.stop_request.begins():
            self.crew.is_leaving = True
            logger.info("Q Cluster %s stopping: %d jobs run on.", self._name, len(self.crew.running()))
        if self.stop_request.since:
            self.crew.take_back()
        if self.stop_request.is_over_grace and self.crew.is_busy:
            self.crew.kill_all("the cluster was stopped while it ran")

    def _has_stopped(self) -> bool:
        crew = self.crew
        is_done = not (crew.is_busy or crew.returning or crew.results or crew.losses)
        return bool(self.stop_request.since) and (is_done or self.stop_request.gives_up)

    def _give_up(self) -> None:
        """What nobody has begun goes back uncounted, if the database still takes that."""
        self.crew.take_back()
        with contextlib.suppress(Exception):
            endings.give_back(self.lease.holder, self.crew.returning)
        self.crew.kill_all("its supervisor failed")  # else the process would wait for them for ever

    def _leave(self) -> None:
        self.crew.dismiss(within=2.0)
        self.wakeup.close()
        with self._riding_out_outages():
            self._settle_after_outage()
            self.lease.leave()
        signal.set_wakeup_fd(-1)
        logger.info("Q Cluster %s has stopped.", self._name)

    @property
    def _name(self) -> str:
        return str(humanize(self.cluster_id.hex))
