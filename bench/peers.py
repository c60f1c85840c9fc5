"""The virtual environment of the peers: made from requirements-bench.txt, and again when that changes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "var" / "bench" / "peers"
WANTED = ROOT / "requirements-bench.txt"
PYTHON = FOLDER / "bin" / "python"


def python() -> str | None:
    """The Python that has the peers; None where they could not be installed."""
    stamp = FOLDER / "installed.txt"
    if stamp.exists() and stamp.read_text() == WANTED.read_text():
        return str(PYTHON)
    print("Installing the peers into var/bench/peers …", flush=True)
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(WANTED)]
    for command in ([sys.executable, "-m", "venv", str(FOLDER)], pip):
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            return None
    stamp.write_text(WANTED.read_text())
    return str(PYTHON)
