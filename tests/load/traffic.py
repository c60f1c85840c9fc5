"""A steady stream of errands, offered whether or not the last ones are done: an open loop."""

import random
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.load.cast import Firm
from tests.load.visits import Spoiled, Visit, Web

HANDS = 64  # errands at once at most; one that finds no free hand waits, and its wait counts

Do = Callable[[Visit, Firm, random.Random], None]


@dataclass(frozen=True)
class Errand:
    do: Do
    role: str  # whose errand it is; empty: nobody's in particular
    weight: float


ERRANDS: list[Errand] = []


def errand(weight: float, role: str = "") -> Callable[[Do], Do]:
    """Declares what people do, and of all errands how many in relation to the others' weights."""

    def declare(do: Do) -> Do:
        ERRANDS.append(Errand(do, role, weight))
        return do

    return declare


class Traffic:
    def __init__(self, web: Web, firm: Firm, rate: float, seed: int) -> None:
        self.web = web
        self.firm = firm
        self.rate = rate  # errands a second
        self.chance = random.Random(seed)
        self.done: Counter[str] = Counter()
        self.broken: list[str] = []  # faults of the harness itself
        self.stopping = threading.Event()

    def run(self, until: float) -> None:
        """Offer errands until then (time.monotonic()), and wait for the last ones."""
        due = time.monotonic()
        with ThreadPoolExecutor(HANDS, thread_name_prefix="errand") as hands:
            while due < until and not self.stopping.is_set():
                self.stopping.wait(max(0.0, due - time.monotonic()))
                [chosen] = self.chance.choices(ERRANDS, [each.weight for each in ERRANDS])
                hands.submit(self.go, chosen, due, self.chance.random())
                due += self.chance.expovariate(self.rate)

    def go(self, chosen: Errand, planned: float, luck: float) -> None:
        chance = random.Random(luck)
        person = self.firm.one(chosen.role, chance) if chosen.role else None
        try:
            chosen.do(self.web.visit(person, planned), self.firm, chance)
            self.done[chosen.do.__name__] += 1
        except Spoiled:
            pass  # it is on record
        except Exception:
            self.broken.append(traceback.format_exc())
