"""python -m tests.load [--minutes 60] [--rate 8] [--clusters 2] [--pause 20] [--only KIND] [--report FILE]

The whole product under mixed load while it is broken at random: the real web server and clusters as deploy/
starts them, on a PostgreSQL and vendors of their own; people of all five systems over real HTTP, in an open
loop. Afterwards the database is asked whether all is as it must be, and a report in Markdown is written. It
exits with 1 where an error is not explained by a fault in progress, or something is not as it must be.
"""

import argparse
import os
import platform
import signal
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.load import errands_office, errands_roads, report, truth  # noqa: F401 - errands declare themselves
from tests.load.cast import Firm, found
from tests.load.harm import KINDS, Harm
from tests.load.house import ROOT, SECRETS, House
from tests.load.ledger import Ledger
from tests.load.samples import Samples, patiently, table_sizes
from tests.load.settling import settle
from tests.load.traffic import Traffic
from tests.load.visits import Web, sign_in_all
from tests.load.watching import Watcher

SAMPLE = 15.0  # seconds between two samples of memory
CALM = 20.0  # seconds at the end without faults, in which people go on


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.load", description="\n".join(__doc__.splitlines()[2:])
    )
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=8, help="errands a second; one is 1 to 6 requests")
    parser.add_argument("--clusters", type=int, default=2)
    parser.add_argument("--watchers", type=int, default=6, help="people with a live stream open")
    parser.add_argument("--pause", type=float, default=20, help="seconds between two faults; 0: none")
    parser.add_argument("--only", choices=KINDS, default="", help="break nothing else, but for vendors")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path, default=ROOT / "var" / "load.md")
    parser.add_argument("--lease", type=float, default=30, help="Q_LEASE_SECONDS of the clusters")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # with all of its processes
    with tempfile.TemporaryDirectory(prefix="ims-load-", ignore_cleanup_errors=True) as folder:
        sys.exit(Run(options, Path(folder)).run())


class Run:
    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options = options
        self.folder = folder
        self.samples = Samples()
        self.ledger = Ledger()
        self.stopping = threading.Event()
        self.problems: list[str] = []

    def run(self) -> int:
        with House(
            self.folder, self.options.clusters, {"Q_LEASE_SECONDS": f"{self.options.lease:g}"}
        ) as house:
            house.migrate()
            firm = found()
            firm.vendor, firm.secrets = house.track123, SECRETS
            house.start()
            web = Web(house.address, self.ledger)
            sign_in_all(web, firm)
            self.tell(f"It serves; {len(self.ledger.requests)} people are signed in.")
            self.ledger.requests.clear()
            self.live(house, web, firm)
            settle(house, self.problems)
            self.samples.last_tables = table_sizes()
            checked = truth.check(house, self.samples, self.watches)
            counts = self.counts()
            self.problems += house.stop()
            return self.conclude(checked, counts, house.crashes())

    def live(self, house: House, web: Web, firm: Firm) -> None:
        """The time in which people use it and things break."""
        options = self.options
        self.samples.first_tables = table_sizes()
        self.samples.begun = self.ledger.begun = time.monotonic()
        until = self.ledger.begun + options.minutes * 60
        traffic = Traffic(web, firm, options.rate, options.seed)
        people = threading.Thread(target=traffic.run, args=(until,), name="traffic")
        watchers = [Watcher(web, firm, number, self.stopping) for number in range(options.watchers)]
        harm = Harm(house, self.ledger, options.pause or 1, options.seed, options.only)
        for each in (people, *watchers, *([harm] if options.pause else [])):
            each.start()
        try:
            self.look_after(house, people, harm, until)
        finally:
            for each in (self.stopping, traffic.stopping, harm.stopping):
                each.set()
        for each in watchers:
            each.join(timeout=1)
        self.watches = [watch for each in watchers for watch in each.watches]
        self.errands = sum(traffic.done.values())
        self.problems += traffic.broken[:5] + harm.problems

    def look_after(self, house: House, people: threading.Thread, harm: Harm, until: float) -> None:
        next_sample = told = 0.0
        while people.is_alive():
            house.tend()
            if time.monotonic() > until - CALM:
                harm.stopping.set()
            if time.monotonic() >= next_sample:
                next_sample = time.monotonic() + SAMPLE
                self.samples.take(house)
            patiently(self.samples.see_jobs)
            if time.monotonic() > told + 60:
                told = time.monotonic()
                self.tell(
                    f"{len(self.ledger.requests):,} requests, {len(self.ledger.unexplained())} unexplained"
                )
            time.sleep(0.5)
        while harm.is_alive():
            house.tend()
            time.sleep(0.2)

    def counts(self) -> dict[str, int]:
        from django_q.models import Task

        from crossdock.models import CrossDockTask
        from ims.notices.models import Letter
        from logistics.billing.models import Invoice
        from logistics.trips.live_models import GpsPoint, TripEvent
        from scheduling.models import Attempt, Cancellation

        return {
            "errands done": self.errands,
            "jobs seen in a queue": len(self.samples.jobs),
            "jobs on record": Task.objects.count(),
            "attempts that failed or were lost": Attempt.objects.count(),
            "fixes": GpsPoint.objects.count(),
            "events of trips": TripEvent.objects.count(),
            "events that watchers got": sum(len(each.numbers) for each in self.watches),
            "invoices": Invoice.objects.count(),
            "letters": Letter.objects.count(),
            "letters of which nobody knows": Letter.objects.filter(state="unsure").count(),
            "jobs that people cancelled": Cancellation.objects.count(),
            "price requests": CrossDockTask.objects.count(),
        }

    def conclude(self, checked: dict[str, list[str]], counts: dict[str, int], crashes: list[str]) -> int:
        options = self.options
        heading = (
            f"## {options.minutes:g} minutes, {options.rate:g} errands a second, {options.clusters} clusters,"
            f" a fault about every {options.pause:g} s, seed {options.seed}\n\n"
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores,"
            f" Python {platform.python_version()}."
        )
        text = report.write(heading, self.ledger, self.samples, checked, counts, self.problems, crashes)
        options.report.parent.mkdir(parents=True, exist_ok=True)
        options.report.write_text(text)
        sys.stdout.write(text)
        return 0 if report.is_well(self.ledger, checked, self.problems) else 1

    def tell(self, words: str) -> None:
        sys.stderr.write(f"{time.monotonic() - self.ledger.begun:7.0f} s: {words}\n")


if __name__ == "__main__":
    main()
