"""The systemd units keep what they promise: user, restarts, a stop that lets jobs finish, a narrow cage."""

import os
import re
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
LASTING = (*CLUSTERS, "ims-web.service")
ALL = (*LASTING, "ims-backup.service", "ims-watch.service")
WORST_EXPOSURE = 1.5  # of 10, as `systemd-analyze security` counts
YES = (
    "LockPersonality",
    "MemoryDenyWriteExecute",
    "NoNewPrivileges",
    "PrivateDevices",
    "PrivateMounts",
    "PrivateTmp",
    "PrivateUsers",
    "ProtectClock",
    "ProtectControlGroups",
    "ProtectHome",
    "ProtectHostname",
    "ProtectKernelLogs",
    "ProtectKernelModules",
    "ProtectKernelTunables",
    "RestrictNamespaces",
    "RestrictRealtime",
    "RestrictSUIDSGID",
)
CAGE = {name: ["yes"] for name in YES} | {
    "ProtectSystem": ["strict"],
    "ProtectProc": ["invisible"],
    "SystemCallFilter": ["@system-service", "~@privileged @resources"],
    "SystemCallArchitectures": ["native"],
    "RestrictAddressFamilies": ["AF_UNIX AF_INET AF_INET6"],
    "CapabilityBoundingSet": [""],
    "AmbientCapabilities": [""],
    "UMask": ["0077"],
}


def options_of(unit: str) -> dict[str, list[str]]:
    """Every option of a unit with its values in order."""
    options: dict[str, list[str]] = defaultdict(list)
    for line in (UNITS / unit).read_text().replace("\\\n", " ").splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            options[name].append(value)
    return options


@pytest.mark.parametrize("unit", LASTING)
def test_a_lasting_unit_restarts_for_ever_and_stops_in_order(unit: str) -> None:
    options = options_of(unit)
    assert (options["Restart"], options["StartLimitIntervalSec"]) == (["always"], ["0"])
    assert options["KillMode"] == ["mixed"]


@pytest.mark.parametrize("unit", LASTING)
def test_a_lasting_unit_says_when_it_is_ready(unit: str) -> None:
    options = options_of(unit)
    assert (options["Type"], options["NotifyAccess"]) == (["notify"], ["all"])  # its children say so


@pytest.mark.parametrize("unit", ALL)
def test_each_unit_is_nobody_special_and_reads_its_secrets_from_a_file(unit: str) -> None:
    options = options_of(unit)
    assert (options["User"], options["EnvironmentFile"]) == (["www-data"], ["/etc/ims.env"])


@pytest.mark.parametrize("unit", ALL)
def test_each_unit_is_in_the_same_cage(unit: str) -> None:
    options = options_of(unit)
    assert {name: options[name] for name in CAGE} == CAGE


@pytest.mark.parametrize("unit", CLUSTERS)
def test_a_stop_waits_until_the_grace_of_running_jobs_is_over(unit: str, settings) -> None:
    assert int(options_of(unit)["TimeoutStopSec"][0]) > settings.Q_STOP_GRACE_SECONDS + WITHOUT_DATABASE


@pytest.mark.parametrize("unit", CLUSTERS)
def test_the_watchdog_waits_for_many_heartbeats(unit: str) -> None:
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


def test_a_command_by_hand_runs_where_as_whom_and_with_what_the_services_run() -> None:
    script, options = (ROOT / "deploy" / "manage").read_text(), options_of("django-q.service")
    program = (
        options["ExecStart"][0].removesuffix(" qcluster").removeprefix(f"{options['WorkingDirectory'][0]}/")
    )
    for part in (f"cd {options['WorkingDirectory'][0]}", f". {options['EnvironmentFile'][0]}"):
        assert f"\n{part}\n" in script
    assert f'runuser -u {options["User"][0]} -- {program} "$@"' in script
    assert os.access(ROOT / "deploy" / "manage", os.X_OK)


def test_a_backup_writes_where_the_folder_is_made() -> None:
    (folder,) = options_of("ims-backup.service")["ReadWritePaths"]
    assert f"BACKUP_DIR={folder}" in options_of("ims-backup.service")["Environment"]
    made = (ROOT / "deploy" / "tmpfiles.d" / "ims.conf").read_text()
    assert re.search(rf"^d\s+{folder}\s+0700 www-data www-data", made, re.MULTILINE)


def test_the_backup_of_a_night_that_was_slept_through_is_made_up_for() -> None:
    assert options_of("ims-backup.timer")["Persistent"] == ["yes"]


if shutil.which("systemd-analyze"):  # elsewhere the tests above must do

    def test_systemd_accepts_the_units_and_finds_little_exposed(tmp_path: Path) -> None:
        """On copies with this machine's paths, because systemd looks whether the programs exist."""
        paths = {"/srv/ims/.venv/bin": str(Path(sys.executable).parent), "/srv/ims": str(ROOT)}
        for unit in (*ALL, "ims-backup.timer", "ims-watch.timer"):
            text = (UNITS / unit).read_text()
            for there, here in paths.items():
                text = text.replace(there, here)
            (tmp_path / unit.replace("@.", "@normal.")).write_text(text)
        copies = sorted(str(path) for path in tmp_path.iterdir())
        result = analyze("verify", "--man=no", *copies)
        ours = [line for line in result.stderr.splitlines() if re.search(rf"{tmp_path}|django-q|ims-", line)]
        assert (result.returncode, ours) == (0, [])
        for copy in copies:
            if copy.endswith(".service"):
                told = analyze("security", "--offline=yes", copy).stdout
                assert float(re.search(r"exposure level for \S+: ([\d.]+)", told)[1]) <= WORST_EXPOSURE


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)
