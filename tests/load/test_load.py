"""The rules by which a fault explains an error; and the whole load for a minute."""

import subprocess
import sys

import pytest

from tests.load.house import ROOT
from tests.load.ledger import GRACE, Ledger, Request


def ledger_with(kind: str, began: float, ended: float | None) -> Ledger:
    ledger = Ledger()
    ledger.break_off(kind)
    ledger.faults[0].began, ledger.faults[0].ended = began, ended
    return ledger


@pytest.mark.parametrize(
    ("kind", "fault", "began", "seconds", "explained"),
    [
        ("trips: move", "web", 99, 2, True),  # in progress
        ("trips: move", "web", 110 + GRACE - 0.1, 1, True),  # just mended
        ("trips: move", "web", 110 + GRACE + 0.1, 1, False),
        ("trips: move", "web", 90, 5, False),  # answered before
        ("trips: move", "worker", 101, 1, False),  # no page needs a worker
        ("trips: move", "Track123", 101, 1, False),
        ("track: ask Track123 now", "Track123", 101, 1, True),
        ("monitor: readyz", "parent", 101, 1, True),
    ],
)
def test_a_fault_explains_the_errors_of_its_time_and_kind(kind, fault, began, seconds, explained):
    ledger = ledger_with(fault, 100, 110)
    ledger.note(Request(kind, began, seconds, "HTTP 503"))
    assert bool(ledger.explanation(ledger.requests[0])) == explained
    assert len(ledger.unexplained()) == (not explained)


def test_a_fault_that_goes_on_explains_what_comes():
    ledger = ledger_with("PostgreSQL", 100, None)
    assert ledger.explanation(Request("trips: move", 500, 1, "HTTP 503")) == "PostgreSQL"


def test_no_fault_excuses_a_crash():
    ledger = ledger_with("PostgreSQL", 100, None)
    ledger.note(Request("trips: move", 500, 1, "HTTP 500"))
    assert len(ledger.unexplained()) == 1


@pytest.mark.slow
def test_a_minute_of_load_and_faults_leaves_everything_as_it_must_be(tmp_path):
    command = [sys.executable, "-m", "tests.load", "--minutes", "1", "--pause", "5", "--lease", "6"]
    run = subprocess.run(
        [*command, "--report", str(tmp_path / "load.md")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
