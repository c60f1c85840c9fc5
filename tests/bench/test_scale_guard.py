"""What python -m bench.scale started ends with it."""

import subprocess
import sys

import psutil
import pytest

from tests.conftest import ROOT

BENCH = """
import subprocess, sys, time
from pathlib import Path
from bench.scale_guard import Guard

guard = Guard(Path(sys.argv[1]))
started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
guard.watch(started.pid)
print(started.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.once
def test_a_killed_bench_takes_along_what_it_started(tmp_path):
    folder = tmp_path / "bench"
    folder.mkdir()
    bench = subprocess.Popen([sys.executable, "-c", BENCH, str(folder)], cwd=ROOT, stdout=subprocess.PIPE)
    started = psutil.Process(int(bench.stdout.readline()))
    bench.kill()
    bench.communicate()
    psutil.wait_procs([started], timeout=20)
    assert not started.is_running()
