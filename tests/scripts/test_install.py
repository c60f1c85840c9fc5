"""scripts/install.py makes .venv once and installs only what has changed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parent.parent.parent / "scripts" / "install.py"


@pytest.fixture
def project(tmp_path) -> Path:
    """A folder with the script and requirements that ask for nothing, so that no network is needed."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(SCRIPT, tmp_path / "scripts")
    (tmp_path / "requirements.txt").write_text("# nothing\n")
    (tmp_path / "requirements-run.txt").write_text("-r requirements.txt\n")
    return tmp_path


def install(project: Path) -> str:
    command = [sys.executable, "scripts/install.py", "requirements-run.txt"]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=True).stdout


@pytest.mark.programs
def test_an_install_is_repeated_after_a_change_and_after_a_failure(project) -> None:
    first, second = install(project), install(project)
    (project / "requirements.txt").write_text("# something else\n")
    third = install(project)
    assert "Making the virtual environment" in first
    assert second == ""
    assert third == "Installing requirements-run.txt into .venv …\n"
    (project / "requirements.txt").write_text("./no-such-folder\n")
    with pytest.raises(subprocess.CalledProcessError):
        install(project)
    (project / "requirements.txt").write_text("# nothing\n")
    assert "Installing requirements-run.txt" in install(project)
