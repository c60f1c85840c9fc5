"""docs/deploy.md can be followed: its blocks are shell, and what they copy, set and start exists."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
GUIDE = (ROOT / "docs" / "deploy.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
SETTINGS = set(re.findall(r"^# ([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


@pytest.mark.parametrize("block", BLOCKS, ids=range(1, len(BLOCKS) + 1))
def test_each_block_is_shell(block: str) -> None:
    checked = subprocess.run(["sh", "-n"], input=block, text=True, capture_output=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_every_file_that_is_copied_exists() -> None:
    named = set(re.findall(r"\bdeploy/[\w./*-]+", GUIDE)) | set(re.findall(r"[\w.-]+\.yaml\b", GUIDE))
    assert named
    for name in named - {"my-secret.yaml"}:
        places = [ROOT, ROOT / "deploy" / "kubernetes"]
        assert any(list(place.glob(name.rstrip("."))) for place in places), name


def test_every_setting_that_is_written_exists() -> None:
    (settings,) = [block for block in BLOCKS if "/etc/ims.env <<END" in block]
    written = set(re.findall(r"^([A-Z_]+)=", settings, re.MULTILINE))
    assert {"SECRET_KEY", "ALLOWED_HOSTS", "DATABASE_URL"} <= written <= SETTINGS


def test_the_guides_web_answers_to_the_prometheus_of_the_page_on_monitoring() -> None:
    (target,) = re.findall(r'targets: \["([\d.]+):8000"\]', (ROOT / "docs" / "monitoring.md").read_text())
    (hosts,) = re.findall(r"^ALLOWED_HOSTS=(\S+)$", GUIDE, re.MULTILINE)
    assert target in hosts.split(",")


def test_the_guide_starts_the_units_that_there_are() -> None:
    (line,) = re.findall(r"systemctl enable --now (.+)", GUIDE)
    for unit in line.split():
        name = unit if "." in unit else f"{unit}.service"
        assert (ROOT / "deploy" / "systemd" / name).exists()


def test_the_connections_add_up() -> None:
    """clusters × (4 workers + 2), web processes × (8 threads + 5), and 20 to spare."""
    rows = re.findall(
        r"^\| .*?(\d+) clusters?, (\d+) web processes.*? \| (\d+) \| (\d+) \| (\d+)", GUIDE, re.M
    )
    assert len(rows) == 3
    for clusters, webs, of_clusters, of_webs, most in (map(int, row) for row in rows):
        assert (of_clusters, of_webs) == (clusters * 6, webs * 13)
        assert of_clusters + of_webs + 20 <= most
