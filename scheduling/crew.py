"""The workers of one cluster: hand jobs out, hear how they ended, replace the dead, end the overdue."""

from __future__ import annotations

import logging
import selectors
import time
from collections import deque
from collections.abc import Iterable
from typing import Any

from scheduling.claims import Claimed
from scheduling.results import Result
from scheduling.workers import STOP, Worker

logger = logging.getLogger("django-q")

DEEPEST = 24  # jobs handed to one worker ahead of time, where they are quick
AHEAD = 0.05  # seconds of work that may wait at a worker
STUCK = 0.2  # seconds behind a slow job; then the jobs behind it are taken back
DEAF = 10.0  # seconds in which a worker takes none of the jobs that it was handed
KILL_MARGIN = 3.0  # seconds after a job's timeout, in which it may still end by itself
INTERRUPT_MARGIN = 5.0  # seconds between the exception and the kill, for a cancelled job


class Crew:
    def __init__(self, size: int, lease_until: Any, timeout: int) -> None:
        self.size = size
        self.lease_until = lease_until
        self.timeout = timeout
        self.workers: list[Worker] = []
        self.waiting: deque[Claimed] = deque()  # claimed, and not handed out
        self.returning: list[Claimed] = []  # to go back into the queue; nobody here may begin them any more
        self.results: list[Result] = []  # to be recorded
        self.losses: deque[tuple[Claimed, str, bool]] = (
            deque()
        )  # job, reason, whether it waits before its retry
        self.selector = selectors.DefaultSelector()
        self.replaced = 0
        self.is_leaving = False
        self._usual = 1.0  # seconds that jobs took lately; a first guess that hands out one at a time
        self._interrupted: dict[int, float] = {}  # job's row: when it was interrupted

    # --- people -----------------------------------------------------------------------------------------

    def fill(self) -> None:
        while len(self.workers) < self.size and not self.is_leaving:
            self._hire()

    def _hire(self) -> None:
        others = [channel for other in self.workers for channel in (other.channel, other.theirs)]
        worker = Worker(self.lease_until, self.timeout, others)
        self.workers.append(worker)
        self.selector.register(worker.channel, selectors.EVENT_READ, lambda: self._listen_to(worker))
        self.selector.register(worker.ended, selectors.EVENT_READ, lambda: self._part_with(worker))

    def _part_with(self, worker: Worker) -> None:
        """A worker has ended: by recycling, by a timeout, or killed in the middle of a job."""
        self._listen_to(worker)
        self.selector.unregister(worker.channel)
        self.selector.unregister(worker.ended)
        self.workers.remove(worker)
        self.waiting.extendleft(reversed(worker.bury()))
        if lost := worker.running:
            may_be_poison = lost.attempt > 1 or bool(worker.killed_because)
            self.losses.append((lost, worker.why_it_died(), may_be_poison))
        elif worker.process.exitcode:
            logger.critical("%s between two jobs", worker.why_it_died())
        self.replaced += 1
        self.fill()

    # --- jobs -------------------------------------------------------------------------------------------

    @property
    def room(self) -> int:
        """How many jobs more can be started soon."""
        places = sum(
            max(0, self._depth - len(worker.held)) for worker in self.workers if not worker.killed_because
        )
        return max(0, places - len(self.waiting))

    @property
    def held(self) -> set[tuple[int, int]]:
        """All that is ours until its end is recorded: the jobs' rows, each with its attempt."""
        at_work = (job for worker in self.workers for job in worker.held.values())
        lost = (job for job, _, _ in self.losses)
        jobs = (*at_work, *self.waiting, *self.returning, *lost)
        return {(job.pk, job.attempt) for job in jobs} | {(end.pk, end.attempt) for end in self.results}

    @property
    def is_busy(self) -> bool:
        return any(worker.held for worker in self.workers)

    def running(self) -> list[dict[str, Any]]:
        """What each busy worker runs, for people."""
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
            for worker in self.workers
            if (job := worker.running)
        ]

    def hand_out(self) -> None:
        """Give what waits to whoever has least, in order."""
        while self.waiting:
            free = [
                worker
                for worker in self.workers
                if len(worker.held) < self._depth and not worker.killed_because
            ]
            worker = min(free, key=lambda each: len(each.held), default=None)
            if worker is None or not worker.hand(self.waiting[0]):
                return
            self.waiting.popleft()

    def take_back(self) -> None:
        """Let what no worker has begun go back into the queue."""
        for worker in self.workers:
            self.returning += worker.take_back()
        self._return_waiting()

    def _return_waiting(self) -> None:
        self.returning += self.waiting
        self.waiting.clear()

    def free_the_stuck(self, now: float) -> None:
        """Let no job wait behind a slow one: to an idle worker, else back into the queue."""
        for worker in self.workers:
            if len(worker.held) > 1 and now - worker.quiet_since > STUCK:
                self._usual = max(self._usual, AHEAD)
                self.waiting.extendleft(reversed(worker.take_back()))
        self.hand_out()
        if all(worker.held for worker in self.workers):
            self._return_waiting()

    def forget(self, why: str) -> None:
        """Nothing we hold is ours any more: end who works on it, and record nothing."""
        for worker in self.workers:
            if worker.held:
                worker.take_back()
                worker.held.clear()
                worker.kill(why)
        self.waiting.clear()
        self.returning.clear()
        self.results.clear()
        self.losses.clear()

    @property
    def _depth(self) -> int:
        return max(1, min(DEEPEST, int(AHEAD / max(self._usual, 1e-5))))

    def _listen_to(self, worker: Worker) -> None:
        for _, seconds, result in worker.answers():
            self._usual += (seconds - self._usual) * (0.05 if seconds < self._usual else 0.3)
            if result:
                self.results.append(result)

    # --- time -------------------------------------------------------------------------------------------

    def end_overdue(self, now: float) -> None:
        """End who runs over the time of his job, and who takes no job at all."""
        for worker in self.workers:
            if worker.overtime(now) > KILL_MARGIN:
                worker.kill(f"killed: over its timeout of {worker.state.limit:.0f} s")
            is_idle = worker.held and not worker.running and now < self.lease_until.value
            if is_idle and now - worker.quiet_since > DEAF:
                worker.kill("killed: it took no job")

    def interrupt(self, cancelled: Iterable[int], now: float) -> None:
        """End cancelled jobs that did not stop by themselves: by an exception, later by a kill."""
        cancelled = set(cancelled)
        self._interrupted = {pk: at for pk, at in self._interrupted.items() if pk in cancelled}
        for worker in self.workers:
            job = worker.running
            if job is None or job.pk not in cancelled:
                continue
            if now - self._interrupted.setdefault(job.pk, now) > INTERRUPT_MARGIN:
                worker.kill("cancelled, and it did not stop")
            else:
                worker.interrupt(job.pk)

    def kill_all(self, why: str) -> None:
        for worker in self.workers:
            worker.kill(why)

    def dismiss(self, within: float) -> None:
        """Let idle workers go home; end who has not gone in time."""
        self.is_leaving = True
        for worker in self.workers:
            worker.channel.send(STOP, wait=False)
        deadline = time.monotonic() + within
        for worker in self.workers:
            worker.process.join(max(0.05, deadline - time.monotonic()))
            worker.kill("stopped")
            worker.bury()
        self.workers.clear()
        self.selector.close()
