"""A worker process, seen from its supervisor (Worker) and from inside (Desk).

Django Q2's own worker() runs the jobs. What it takes for its task queue and its result queue is the Desk.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import itertools
import logging
import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections.abc import Iterator
from functools import cache
from pydoc import locate
from typing import Any

from django.db import connection
from django_q.cluster import get_mp_context
from django_q.conf import Conf
from django_q.worker import worker as work

from scheduling import admission, database, endings, execution, processes, results
from scheduling.channel import Channel, pair
from scheduling.claims import Claimed
from scheduling.declaration import find
from scheduling.endings import Outcome
from scheduling.packages import Package

logger = logging.getLogger("django-q")

STOP = b"STOP"
NUMBERS = itertools.count(1)  # of the jobs that this process hands out
NEVER = float("inf")
PAUSE = 0.1  # seconds between looks at a lease that has ended
Answer = tuple[int, float, results.Result | None]  # number of the job, seconds that it ran, what to record


class State(ctypes.Structure):
    """What a worker is at, in memory shared with its supervisor: it outlives the worker.

    The worker writes all but `cancel`; each field is written by one side only and in one go.
    """

    _fields_ = (
        ("job", ctypes.c_longlong),  # the number of the job taken last; 0 between jobs
        ("since", ctypes.c_double),  # when it was taken, on the monotonic clock
        ("limit", ctypes.c_double),  # seconds that it may take; infinite while its end is recorded
        ("cancel", ctypes.c_longlong),  # the number of the job that SIGUSR1 is meant for
    )


class Worker:
    """A worker process and the jobs that it was handed.

    Each job handed out gets a number of its own: two attempts of one job may meet at one worker.
    """

    def __init__(self, lease_until: Any, timeout: int, inherited: list[Channel]) -> None:
        context = get_mp_context()
        self.channel, self.theirs = pair()
        self.state = context.RawValue(State)
        self.held: dict[int, Claimed] = {}  # by number, in order
        self.killed_because = ""
        self.quiet_since = time.monotonic()  # its last answer, or its first job after a pause
        desk = Desk(self.theirs, self.state, lease_until, os.getpid(), [*inherited, self.channel])
        self.timer = context.Value("f", -1)
        self.process = context.Process(
            target=desk.sit, args=(self.timer, timeout), daemon=Conf.DAEMONIZE_WORKERS
        )
        if connection.vendor == "sqlite":  # PostgreSQL's are left to us by the child, which is quicker
            database.before_fork()
        self.process.start()
        has_pidfd = hasattr(os, "pidfd_open")  # a sentinel stays open in programs that a job has started
        self.ended = os.pidfd_open(self.process.pid) if has_pidfd else os.dup(self.process.sentinel)

    @property
    def pid(self) -> int:
        return int(self.process.pid)

    @property
    def running(self) -> Claimed | None:
        return self.held.get(self.state.job)

    def hand(self, job: Claimed) -> bool:
        """Give it a job; False where it has too many already."""
        if not self.held:
            self.quiet_since = time.monotonic()
        number = next(NUMBERS)
        if not self.channel.send(pickle.dumps((number, tuple(job)), 5), wait=False):
            return False
        self.held[number] = job
        return True

    def answers(self) -> Iterator[Answer]:
        """What it has finished since the last look."""
        while message := self.channel.receive(wait=False):
            answer: Answer = pickle.loads(message)  # noqa: S301 - from our own process
            self.quiet_since = time.monotonic()
            self.held.pop(answer[0], None)
            yield answer

    def take_back(self) -> list[Claimed]:
        """The jobs that it was handed and has not taken, in order."""
        untaken = []
        while message := self.theirs.receive(wait=False):
            if message != STOP:
                number, _ = pickle.loads(message)  # noqa: S301 - from our own process
                if number in self.held:
                    untaken.append(self.held.pop(number))
        return untaken

    def bury(self) -> list[Claimed]:
        """After its end: close everything, and return the jobs that it never took. `running` was its last."""
        untaken = self.take_back()
        running = self.state.job
        untaken += [job for number, job in self.held.items() if number != running]  # taken, but not begun
        self.held = {number: job for number, job in self.held.items() if number == running}
        self.process.join()
        os.close(self.ended)
        self.channel.close()
        self.theirs.close()
        return untaken

    def overtime(self, now: float) -> float:
        """Seconds since the end of the time that its job was allowed; negative before."""
        number = self.state.job
        over = now - self.state.since - self.state.limit
        return over if number in self.held and number == self.state.job else -NEVER

    def interrupt(self, pk: int) -> None:
        """Raise JobCancelled inside this job, if it still runs."""
        number = self.state.job
        if number in self.held and self.held[number].pk == pk:
            self.state.cancel = number
            self.signal(signal.SIGUSR1)

    def kill(self, because: str) -> None:
        self.killed_because = self.killed_because or because
        self.signal(signal.SIGKILL)

    def signal(self, signum: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signum)

    def why_it_died(self) -> str:
        code = self.process.exitcode or 0
        return self.killed_because or (
            f"worker died: signal {-code}" if code < 0 else f"worker died: exit {code}"
        )


class Desk:
    """The worker's side: jobs come in, answers go out."""

    def __init__(
        self, channel: Channel, state: State, lease_until: Any, supervisor: int, inherited: list[Channel]
    ) -> None:
        self.channel = channel
        self.state = state
        self.lease_until = lease_until
        self.supervisor = supervisor
        self.inherited = inherited
        self.job: Claimed | None = None
        self.path = ""  # of the job's function

    def sit(self, timer: Any, timeout: int) -> None:
        """The life of a worker process."""
        gc.freeze()  # what it shares with its supervisor stays shared: no collection writes to those pages
        database.after_fork()
        for channel in self.inherited:
            channel.close()
        signal.set_wakeup_fd(-1)
        processes.die_with(self.supervisor, signal.SIGKILL)
        _watch(self.supervisor)
        # Handlers, not SIG_IGN, so that programs started by a job get the default back.
        signal.signal(signal.SIGTERM, lambda *_: None)
        signal.signal(signal.SIGINT, lambda *_: None)
        signal.signal(signal.SIGUSR1, self._cancel)
        work(self, self, timer, timeout)

    # --- what Django Q2's worker() asks of its queues ---------------------------------------------------

    def get(self) -> Package | str:
        """The next job that may run, as its package."""
        while True:
            message = self.channel.receive()
            if message is None or message == STOP:
                return "STOP"
            number, fields = pickle.loads(message)  # noqa: S301 - from our own process
            job = Claimed(*fields)
            while time.monotonic() > self.lease_until.value:
                time.sleep(
                    PAUSE
                )  # nothing starts under a lease that has ended; it is renewed, or we are killed
            self._begin(number, job)
            package = database.until_it_answers(lambda job=job: admission.admit(job))  # type: ignore[misc]
            if package:
                self.state.limit = package["allowed"]
                self.path = package["func"]
                return {**package, "func": _located(self.path) or self.path}
            self._answer(None)

    def put(self, package: Package) -> None:
        """How the job ended: recorded here, or sent on where a row is all there is to write."""
        self.state.limit = NEVER
        package["func"] = self.path
        outcome = outcome_of(package)
        result = results.of(package, outcome)
        if result is None and database.until_it_answers(lambda: endings.conclude(package, outcome)):
            endings.tell(package)
        self._answer(result)

    def _begin(self, number: int, job: Claimed) -> None:
        self.job = job
        self.state.since, self.state.limit = time.monotonic(), NEVER
        self.state.job = number

    def _answer(self, result: results.Result | None) -> None:
        answer: Answer = (self.state.job, time.monotonic() - self.state.since, result)
        self.channel.send(pickle.dumps(answer, 5))
        self.state.job = 0

    def _cancel(self, *_: object) -> None:
        if self.job and self.state.cancel == self.state.job:
            execution.cancel_running(self.job.job_id)


def outcome_of(package: Package) -> Outcome:
    """What execution.run noted of the call; an error where the call was never reached or was broken off."""
    outcome = package.pop("outcome", None) or Outcome(find(package["func"]), package.get("ack_id"))
    if not package["success"] and outcome.error is None:
        outcome.error = RuntimeError(str(package["result"]))
    package.pop("slot", None)
    return outcome


@cache
def _located(path: str) -> Any:
    """What Django Q2's worker would look up anew for every job."""
    return locate(path)


def _watch(supervisor: int) -> None:
    """End with the supervisor also where the kernel does not see to it."""

    def look() -> None:
        while os.getppid() == supervisor:
            time.sleep(1)
        os._exit(1)

    if multiprocessing.parent_process() is not None:
        threading.Thread(target=look, name="watch-supervisor", daemon=True).start()
