"""What goes wrong on purpose, at random: killed processes, cut connections, a crashed database, vendors."""

import os
import random
import signal
import threading
import time
import traceback
from collections.abc import Callable

import psutil

from tests.faults.harm import cut_connections, kill_in_cluster
from tests.load.house import House
from tests.load.ledger import Fault, Ledger
from tests.peers.peer import Peer

KINDS = {
    "worker": 6,
    "supervisor": 2,
    "parent": 2,
    "web process": 2,
    "web": 1,
    "connections": 2,
    "PostgreSQL": 1,
}
LONGEST = 90.0  # seconds until everything is well again after a fault; beyond it is a problem
WORKERS = 4  # of a cluster, unless Q_WORKERS says otherwise
NOTICED = 0.5  # seconds until a killed process is known to be gone
DOWN = (0.5, 4.0)  # seconds for which PostgreSQL is away
HANG = 6.0  # seconds for which a vendor does not answer: longer than its time-out
VENDORS: dict[str, list[dict[str, object]]] = {
    "Track123": [{"status": 500}, {"code": "A0706"}, {"delay": HANG}, {"damage": "disconnect"}],
    "FCM": [{"code": "UNAVAILABLE"}, {"code": "INTERNAL"}, {"delay": HANG}, {"damage": "disconnect"}],
}
MAIL = [("RCPT", "450 Mailbox busy"), ("BODY", "451 Try later"), ("CONNECT", "drop"), ("BODY", "drop")]


class Harm(threading.Thread):
    """One fault after the other, with a pause at random; a vendor errs beside it now and then."""

    def __init__(self, house: House, ledger: Ledger, pause: float, seed: int, only: str = "") -> None:
        super().__init__(name="harm", daemon=True)
        self.house = house
        self.ledger = ledger
        self.pause = pause  # seconds between two faults, on average
        self.kinds = {only: 1} if only else KINDS
        self.chance = random.Random(seed)
        self.stopping = threading.Event()
        self.problems: list[str] = []

    def run(self) -> None:
        while not self.stopping.wait(self.chance.uniform(0.5, 1.5) * self.pause):
            self.trouble_a_vendor()
            [kind] = self.chance.choices(list(self.kinds), self.kinds.values())
            fault = self.ledger.break_off(kind)
            try:
                self.wait_until(self.do(kind), fault)
            except psutil.NoSuchProcess:
                pass  # it had ended by itself
            except Exception:
                self.problems.append(traceback.format_exc())
            finally:
                fault.end()  # one that goes on would explain everything

    def do(self, kind: str) -> Callable[[], bool]:
        """Make the fault; returns what tells that it is over."""
        house = self.house
        match kind:
            case "web":
                house.web.kill_group()
                return house.web_answers
            case "web process":
                served = [each for each in house.web.children() if "spawn_main" in " ".join(each.cmdline())]
                if served:
                    self.chance.choice(served).kill()
                return house.web_answers
            case "connections":
                cut_connections()
                return house.is_well
            case "PostgreSQL":
                self.crash_postgres()
                return house.is_well
            case _:
                cluster = self.chance.choice(house.clusters)
                if cluster.process is not None:
                    kill_in_cluster(psutil.Process(cluster.process.pid), kind, self.chance)
                return self.clusters_are_whole

    def crash_postgres(self) -> None:
        """Shut down at once: as a crash, with recovery at the start after it."""
        from django.db import connections

        connections.close_all()
        server = self.house.postgres.server
        os.kill(server.get_pid(), signal.SIGQUIT)
        time.sleep(self.chance.uniform(*DOWN))
        server.ensure_postgres_running()

    def clusters_are_whole(self) -> bool:
        """Each with its supervisor and all of its workers, and known to live."""
        whole = all(len(each.workers()) >= WORKERS for each in self.house.clusters)
        return whole and self.house.is_well()

    def wait_until(self, mended: Callable[[], bool], fault: Fault) -> None:
        deadline = time.monotonic() + LONGEST
        time.sleep(NOTICED)
        while not mended():
            if time.monotonic() > deadline:
                self.problems.append(f"not well {LONGEST:g} s after: {fault.kind}")
                return
            time.sleep(0.25)

    # --- vendors ----------------------------------------------------------------------------------------

    def trouble_a_vendor(self) -> None:
        vendor = self.chance.choice(["Track123", "FCM", "mail"])
        fault = self.ledger.break_off(vendor)
        times = self.chance.randint(1, 4)
        if vendor == "mail":
            stage, reply = self.chance.choice(MAIL)
            self.house.smtp.fail(stage, reply, times=1 if reply == "drop" else times)
            fault.end()
        else:
            peer = self.house.track123 if vendor == "Track123" else self.house.fcm
            peer.fail(**self.chance.choice(VENDORS[vendor]), times=times)
            threading.Thread(target=self.heal_later, args=(peer, fault), daemon=True).start()

    def heal_later(self, peer: Peer, fault: Fault) -> None:
        """What nobody has run into within a while is forgotten, so that a window is short."""
        self.stopping.wait(2 * HANG)
        peer.heal()
        fault.end()
