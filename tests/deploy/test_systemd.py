"""The systemd units keep what they promise: user, restarts, and a stop that lets jobs finish."""

import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from scheduling.stopping import WITHOUT_DATABASE
from scheduling.supervisor import BEAT

ROOT = Path(__file__).resolve().parent.parent.parent
UNITS = ROOT / "deploy" / "systemd"
CLUSTERS = ("django-q.service", "django-q@.service")
ALL = (*CLUSTERS, "ims-web.service")


def options_of(unit: str) -> dict[str, list[str]]:
    """Every option of a unit with its values in order."""
    options: dict[str, list[str]] = defaultdict(list)
    for line in (UNITS / unit).read_text().replace("\\\n", " ").splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            options[name].append(value)
    return options


@pytest.mark.parametrize("unit", ALL)
@pytest.mark.parametrize(
    ("option", "value"), [("User", "www-data"), ("Restart", "always"), ("KillMode", "mixed")]
)
def test_each_unit_has(unit: str, option: str, value: str) -> None:
    assert options_of(unit)[option] == [value]


@pytest.mark.parametrize("unit", ALL)
def test_each_unit_reads_its_secrets_from_a_file(unit: str) -> None:
    assert options_of(unit)["EnvironmentFile"] == ["/etc/ims.env"]


@pytest.mark.parametrize("unit", ALL)
def test_each_unit_restarts_for_ever(unit: str) -> None:
    assert options_of(unit)["StartLimitIntervalSec"] == ["0"]


@pytest.mark.parametrize("unit", CLUSTERS)
def test_a_stop_waits_until_the_grace_of_running_jobs_is_over(unit: str, settings) -> None:
    assert int(options_of(unit)["TimeoutStopSec"][0]) > settings.Q_STOP_GRACE_SECONDS + WITHOUT_DATABASE


@pytest.mark.parametrize("unit", CLUSTERS)
def test_the_watchdog_waits_for_many_heartbeats(unit: str) -> None:
    assert options_of(unit)["Type"] == ["notify"]
    assert int(options_of(unit)["WatchdogSec"][0]) > 10 * BEAT


def test_the_timer_looks_from_outside_and_may_write_where_it_remembers() -> None:
    service, timer = options_of("ims-watch.service"), options_of("ims-watch.timer")
    assert timer["OnCalendar"] == ["minutely"]
    assert "manage.py check_health --alert --memory /var/lib/ims/" in service["ExecStart"][0]
    assert (service["StateDirectory"], service["EnvironmentFile"]) == (["ims"], ["/etc/ims.env"])


def test_an_instance_serves_the_queue_of_its_name() -> None:
    assert "Q_CLUSTER_NAME=%i" in options_of("django-q@.service")["Environment"]


def test_a_cluster_starts_by_the_command_of_the_manual() -> None:
    for unit in CLUSTERS:
        assert options_of(unit)["ExecStart"] == ["/srv/ims/.venv/bin/python manage.py qcluster"]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    """On copies with this machine's paths, because systemd looks whether the programs exist."""
    paths = {"/srv/ims/.venv/bin": str(Path(sys.executable).parent), "/srv/ims": str(ROOT)}
    for unit in ALL:
        text = (UNITS / unit).read_text()
        for there, here in paths.items():
            text = text.replace(there, here)
        (tmp_path / unit).write_text(text)
    names = [unit.replace("@.", "@normal.") for unit in ALL]
    shutil.copy(tmp_path / "django-q@.service", tmp_path / "django-q@normal.service")
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in names)],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [
        line
        for line in result.stderr.splitlines()
        if str(tmp_path) in line or "django-q" in line or "ims-web" in line
    ]
    assert (result.returncode, ours) == (0, [])
