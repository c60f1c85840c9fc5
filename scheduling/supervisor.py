"""The supervisor of one cluster: one loop that claims, hands out, records, renews and keeps time.

It runs no code of any task. Everything that it holds can be read from the database and from its workers'
sockets, so that whoever is killed, somebody knows what was being done. See docs/engine.md.
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, connections
from django.utils import timezone
from django_q.cluster import Sentinel, get_mp_context
from django_q.conf import Conf
from django_q.humanhash import humanize
from django_q.signing import SignedPackage
from django_q.status import Stat

from scheduling import claims, database, endings, leases, processes, results, systemd, wakeup
from scheduling.crew import Crew
from scheduling.due import enqueue_due
from scheduling.models import Cancellation

logger = logging.getLogger("django-q")

FULL_BATCH = 100  # results; then they are recorded at once
FLUSH = 0.01  # seconds that a result may wait for others
AT_ONCE = 100  # jobs in one claim
SAFETY_LOOK = 2.0  # seconds between looks at the queue when nobody tells of new jobs
BEAT = 2.0  # seconds between heartbeats
SCHEDULES = 1.5  # seconds between looks at the schedules
TAKE_OVER = 5.0  # seconds between looks at the other clusters
WATCH = 0.25  # seconds between looks at timeouts and at jobs that wait behind others
LOWER_SHARE = 10  # one claim in so many begins with a lower queue
STOP, STOP_AT_ONCE = signal.SIGUSR1, signal.SIGUSR2  # from the parent alone; SIGTERM may hit the whole group
LONGEST_OUTAGE_PAUSE = 2.0  # seconds


class Supervisor(Sentinel):  # type: ignore[misc]
    """Django Q2's Sentinel, Pusher and Monitor in one process."""

    def __init__(self, *args: Any, start: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, start=False, **kwargs)
        self.queues: tuple[str, ...] = self.broker.queues
        self.lease_until = get_mp_context().RawValue("d", 0.0)  # monotonic; shared with the workers
        self.crew = Crew(self.pool_size, self.lease_until, self.timeout)
        self.holder = 0
        self.wakeup = wakeup.source()
        self.others = leases.TakeOver()
        self.stops_asked = 0
        self.stopping_since = 0.0
        self.claims_made = 0
        self.outage_pause = 0.0
        self.answers_again_at = 0.0  # when the database is asked next, during an outage
        self.look_at = 0.0  # when the queue is looked at next
        self.results_since = 0.0
        self.rounds = [
            Round(BEAT, self._beat),
            Round(SCHEDULES, self._enqueue_due),
            Round(TAKE_OVER, self.others.look),
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
        if self.stopping_since:
            return str(Conf.STOPPING if self.pool else Conf.STOPPED)
        return str(Conf.WORKING if self.crew.is_busy else Conf.IDLE)

    def spawn_cluster(self) -> None:
        self._hear_signals()
        self.task_queue, self.result_queue = (
            Sized(lambda: len(self.crew.held)),
            Sized(lambda: len(self.crew.results)),
        )
        database.until_it_answers(self._register)
        self.crew.fill()

    def guard(self) -> None:
        """The loop. Runs until it is asked to stop and nothing is left to do."""
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
            self.crew.kill_all("its supervisor failed")  # else the process would wait for them for ever
            raise
        self._leave()

    # --- one turn -----------------------------------------------------------------------------------------

    def _turn(self, now: float) -> None:
        self._stop_if_asked(now)
        self.crew.hand_out()
        if now >= self.answers_again_at:
            with self._riding_out_outages():
                self._write(now)
                self._watch(now)
                self._claim(now)
                for each in self.rounds:
                    each.run_if_due(now)
                self.outage_pause = 0.0

    def _events(self) -> list[Any]:
        wakeup = self.wakeup.fileno() if self.crew.room else None
        if wakeup is not None:
            self.crew.selector.register(wakeup, selectors.EVENT_READ, self._hear)
        try:
            return self.crew.selector.select(self._pause(time.monotonic()))
        finally:
            if wakeup is not None:
                self.crew.selector.unregister(wakeup)

    def _pause(self, now: float) -> float:
        """Seconds until something is due that no event tells of."""
        if now < self.answers_again_at:
            return min(WATCH, self.answers_again_at - now)
        due = min(each.due_at for each in self.rounds)
        if self.crew.is_busy or self.crew.waiting or self.stopping_since:
            due = min(due, now + WATCH)
        if self.crew.results or self.crew.losses:
            due = min(due, self.results_since + FLUSH)
        if self.crew.room and not self.stopping_since:
            due = min(due, self.look_at, now + (self.wakeup.look_every or SAFETY_LOOK))
        return max(0.0, due - now)

    def _write(self, now: float) -> None:
        """Record what has ended: successes in batches, losses one by one."""
        crew = self.crew
        if crew.results and not self.results_since:
            self.results_since = now
        waited_enough = not crew.is_busy or now - self.results_since >= FLUSH
        if len(crew.results) >= FULL_BATCH or waited_enough:
            while batch := crew.results[:FULL_BATCH]:
                self._record(batch)
                del crew.results[: len(batch)]
            self.results_since = 0.0
        while crew.losses:
            job, reason, pause = crew.losses[0]
            endings.lost(job.fence, reason, pause=pause)
            crew.losses.popleft()
            self.look_at = 0.0

    def _record(self, batch: list[results.Result]) -> None:
        try:
            ours = results.record(self.holder, batch)
        except (DataError, IntegrityError) as error:
            self._record_one_by_one(batch, error)
            return
        for result in batch:
            if result.pk in ours:
                logger.info("Processed '%s' (%s)", *result.label)
            else:
                logger.warning("'%s' (%s) was taken over; its result here is not recorded.", *result.label)

    def _record_one_by_one(self, batch: list[results.Result], error: Exception) -> None:
        """A result that the database refuses spoils no other; its job has failed."""
        if len(batch) > 1:
            for result in batch:
                self._record([result])
        else:
            [result] = batch
            fence = claims.Fence(result.pk, self.holder, result.attempt)
            endings.lost(fence, f"its result cannot be stored: {error}", pause=True)

    def _claim(self, now: float) -> None:
        """Claim what the workers can begin soon."""
        room = min(self.crew.room, AT_ONCE)
        if self.stopping_since or not room:
            return
        if self.wakeup.look_every:
            self._hear()
        if now < self.look_at or now >= self.lease_until.value:
            return
        self.claims_made += 1
        jobs = claims.claim(self.holder, self._queues_in_turn(), room)
        self.crew.waiting.extend(jobs)
        self.crew.hand_out()
        if len(jobs) == room:
            self.look_at = 0.0  # more may wait
        else:
            wait = claims.seconds_until_due(self.queues)
            self.look_at = time.monotonic() + min(SAFETY_LOOK, SAFETY_LOOK if wait is None else wait)

    def _hear(self) -> None:
        if self.wakeup.heard():
            self.look_at = 0.0

    def _queues_in_turn(self) -> list[str]:
        """The queues by urgency; now and then a lower one comes first, so that none starves."""
        if len(self.queues) > 1 and self.claims_made % LOWER_SHARE == 0:
            lower = 1 + self.claims_made // LOWER_SHARE % (len(self.queues) - 1)
            return [self.queues[lower], *self.queues[:lower], *self.queues[lower + 1 :]]
        return list(self.queues)

    def _watch(self, now: float) -> None:
        self.crew.end_overdue(now)
        if stuck := self.crew.free_the_stuck(now):
            claims.put_back(self.holder, [job.pk for job in stuck])

    # --- the lease ----------------------------------------------------------------------------------------

    def _register(self) -> None:
        began = time.monotonic()
        self.holder = leases.register(
            cluster_id=self.cluster_id, pid=os.getpid(), queues=self.queues, workers=self.pool_size
        )
        self._lease_began(began)

    def _lease_began(self, at: float) -> None:
        self.lease_until.value = (
            at + leases.length().total_seconds() * 0.9
        )  # we stop sooner than others begin

    def _beat(self) -> None:
        """Renew the lease, and show what runs; where the lease was taken from us, begin anew with nothing."""
        began = time.monotonic()
        stat = SignedPackage.dumps(Stat(self), True)
        if leases.renew(self.holder, status=self.status(), running=self._running(), stat=stat):
            self._lease_began(began)
        else:
            logger.critical("Our lease was taken over: %d jobs are no longer ours.", len(self.crew.held))
            self.crew.forget("its cluster lost its lease")
            self._register()
        systemd.notify(systemd.ALIVE)

    def _running(self) -> list[dict[str, Any]]:
        now = time.monotonic()
        return [
            {
                "worker": worker.pid,
                "job": job.job_id,
                "func": job.func,
                "queue": job.queue,
                "attempt": job.attempt,
                "seconds": round(now - worker.state.since, 1),
            }
            for worker in self.pool
            if (job := worker.running)
        ]

    def _enqueue_due(self) -> None:
        if not self.stopping_since:
            enqueue_due(timezone.now())

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

    @contextmanager
    def _riding_out_outages(self) -> Iterator[None]:
        """Where the database does not answer, wait and ask again; what we hold stays ours until then."""
        was_out = self.outage_pause > 0
        try:
            if was_out:  # the answer to a claim may have been lost
                self.others.forget()
                claims.put_back_all_but(self.holder, self.crew.held)
            yield
        except (DatabaseError, InterfaceError) as error:
            logger.error("The database did not answer: %s", str(error).strip())
            connections.close_all()
            self.outage_pause = min(max(0.1, self.outage_pause * 2), LONGEST_OUTAGE_PAUSE)
            self.answers_again_at = time.monotonic() + self.outage_pause
            systemd.notify(systemd.ALIVE)  # a new process would not help

    # --- the end ------------------------------------------------------------------------------------------

    def _hear_signals(self) -> None:
        """Signals only count and wake the loop up."""
        reader, writer = os.pipe()
        for end in (reader, writer):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        self.crew.selector.register(reader, selectors.EVENT_READ, lambda: os.read(reader, 4096))
        signal.signal(signal.SIGTERM, lambda *_: None)  # the parent alone decides to stop
        signal.signal(STOP, lambda *_: self._ask_to_stop(1))
        signal.signal(STOP_AT_ONCE, lambda *_: self._ask_to_stop(2))
        if self.parent_pid and not Conf.TESTING:
            processes.die_with(self.parent_pid, STOP)

    def _ask_to_stop(self, urgency: int) -> None:
        self.stops_asked = max(self.stops_asked, urgency)

    def _stop_if_asked(self, now: float) -> None:
        if self.stop_event.is_set() or (self.parent_pid and os.getppid() != self.parent_pid):
            self._ask_to_stop(1)
        if not self.stops_asked:
            return
        if not self.stopping_since:
            self.stopping_since = now
            self.crew.is_leaving = True
            self.crew.take_back()
            systemd.notify(systemd.STOPPING)
            logger.info("Q Cluster %s stopping: %d jobs run on.", self._name, len(self.crew.held))
        if self.crew.waiting and now >= self.answers_again_at:
            with self._riding_out_outages():
                claims.put_back(self.holder, [job.pk for job in self.crew.waiting])
                self.crew.waiting.clear()
        if self.crew.is_busy and (
            self.stops_asked > 1 or now - self.stopping_since > settings.Q_STOP_GRACE_SECONDS
        ):
            self.crew.kill_all("the cluster was stopped while it ran")

    def _has_stopped(self) -> bool:
        crew = self.crew
        done = not (crew.is_busy or crew.waiting or crew.results or crew.losses)
        gives_up = time.monotonic() - self.stopping_since > settings.Q_STOP_GRACE_SECONDS + 20  # no database
        return bool(self.stopping_since) and (done or gives_up)

    def _leave(self) -> None:
        self.crew.dismiss(within=2.0)
        self.wakeup.close()
        with self._riding_out_outages():
            leases.leave(self.holder)
        signal.set_wakeup_fd(-1)
        logger.info("Q Cluster %s has stopped.", self._name)

    @property
    def _name(self) -> str:
        return str(humanize(self.cluster_id.hex))


class Round:
    """Something that is done every so many seconds."""

    def __init__(self, seconds: float, act: Callable[[], object]) -> None:
        self.seconds = seconds
        self.act = act
        self.due_at = 0.0

    def run_if_due(self, now: float) -> None:
        if now >= self.due_at:
            self.due_at = now + self.seconds
            self.act()


class Sized:
    """What Django Q2's Stat wants of a queue."""

    def __init__(self, size: Callable[[], int]) -> None:
        self.qsize = size
