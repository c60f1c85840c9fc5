"""Django Q2's shipped tests hold with our broker, Cluster, Supervisor and scheduler, but for those listed."""

import os
import subprocess
import sys

import pytest

from tests.django_q2.__main__ import ROOT
from tests.django_q2.exceptions import EXCEPTIONS, LEFT_OUT


def run(*arguments):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        [sys.executable, "-m", "tests.django_q2", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.programs
@pytest.mark.only("sqlite")  # make test-slow has them on both
def test_the_shipped_tests_hold():
    finished = run("-m", "not slow")
    assert finished.returncode == 0, finished.stdout + finished.stderr


@pytest.mark.slow
def test_the_shipped_tests_hold_the_long_ones_too():
    finished = run()
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_every_exception_has_a_reason():
    reasons = [*LEFT_OUT.values(), *(listed.reason for listed in EXCEPTIONS.values())]
    assert all(len(reason) > 40 for reason in reasons)
