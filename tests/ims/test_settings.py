"""The settings explain themselves, and production refuses to start unsafely."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
READ_BY_DJANGO_Q = {"Q_CLUSTER_NAME"}
SAFE = {"DEBUG": "0", "HTTPS": "1", "SECRET_KEY": "0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLM"}


def variables_of_settings() -> set[str]:
    tree = ast.parse((ROOT / "ims" / "settings.py").read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    of_env = [call for call in calls if ast.unparse(call.func).startswith("env.")]
    names = [call.args[0].value for call in of_env if call.args and isinstance(call.args[0], ast.Constant)]
    return {name for name in names if name.isupper()}


def start(**changes: str) -> subprocess.CompletedProcess[str]:
    clean = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    command = [sys.executable, "-W", "error", "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    environment = clean | SAFE | {"DATABASE_URL": os.environ["DATABASE_URL"]} | changes
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_every_variable_is_explained_in_the_example_and_no_other() -> None:
    example = (ROOT / ".env.example").read_text()
    assert (
        set(re.findall(r"^# ([A-Z0-9_]+)=", example, re.MULTILINE)) - READ_BY_DJANGO_Q
        == variables_of_settings()
    )


def test_production_passes_djangos_deployment_check() -> None:
    result = start()
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is missing or too short"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY is missing or too short"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS=*"),
        (
            {"DATABASE_URL": "mysql://root@localhost/ims"},
            "DATABASE_URL: give sqlite:///path/to/file or postgres://",
        ),
        ({"DEBUG": "perhaps"}, "DEBUG='perhaps': give 1 or 0."),
        ({"OPERATIONS_TIME_ZONE": "Mars"}, "OPERATIONS_TIME_ZONE='Mars'"),
        ({"TRACKING_DIGEST_HOUR": "24"}, "TRACKING_DIGEST_HOUR='24': give 23 or less."),
        ({"FCM_BASE_URL": "http://127.0.0.1:8124"}, "FCM_BASE_URL is for DEBUG=1 only"),
        (
            {"DRIVER_ASSIGNMENT_TIMEOUT_SECONDS": "0"},
            "DRIVER_ASSIGNMENT_TIMEOUT_SECONDS='0': give 1 or more.",
        ),
        ({"INVOICE_CURRENCY": "dollars"}, "INVOICE_CURRENCY='dollars': give its three letters"),
        ({"INVOICE_BASE_FEE": "50.005"}, "INVOICE_BASE_FEE=50.005: give at most 2 decimal places."),
        ({"SITE_URL": "ims.example.com"}, "SITE_URL='ims.example.com': give an address"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_is_named(changes, message) -> None:
    result = start(**changes)
    assert result.returncode != 0
    assert message in result.stderr
