"""A hundred thousand rows in one worker."""

import os
import subprocess
import sys

import pytest

from crossdock import view
from ims.lib.sheets import read_rows
from tests.conftest import ROOT, database_url_of_test
from tests.crossdock.conftest import GROUP
from tests.crossdock.sheets import many_rows, request_file

ROWS = 100_000
PEAK = 150  # MB
PROCESS = """
import sys
import django; django.setup()
from pathlib import Path
from crossdock import stages
source, group, target = sys.argv[1:]
stages.process(Path(source), "parts.xlsx", group, Path(target))
status = Path("/proc/self/status").read_text()  # ru_maxrss would count what the parent had before exec
print(next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.django_db(transaction=True)
def test_a_hundred_thousand_rows_need_less_than_150_mb(offer, tmp_path):
    """The normal run's twin is test_processing.test_memory_does_not_grow_with_the_rows."""
    offer("Brand0", "0000000", "10.50")
    view.refresh()
    source, target = tmp_path / "parts.xlsx", tmp_path / "result.xlsx"
    source.write_bytes(request_file(*many_rows(ROWS)).getvalue())
    environment = {"DATABASE_URL": database_url_of_test(), "DJANGO_SETTINGS_MODULE": "tests.site.settings"}
    done = subprocess.run(
        [sys.executable, "-c", PROCESS, str(source), GROUP, str(target)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(done.stdout) < PEAK
    assert sum(1 for _ in read_rows(target)) == ROWS + 1
