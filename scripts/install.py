"""Make .venv and install one requirements file into it: `python3 scripts/install.py requirements-run.txt`.

Nothing is done when the file, and what it includes, has not changed since the last time.
"""

import hashlib
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, *(["Scripts", "python.exe"] if os.name == "nt" else ["bin", "python"]))
NEEDED = (3, 11)


def main(name):
    if sys.version_info < NEEDED:
        sys.exit(
            "IMS needs Python 3.11 or newer; %s is %d.%d. Name another one: make PYTHON=python3.11"
            % (sys.executable, *sys.version_info[:2])
        )
    stamp = os.path.join(VENV, "installed-" + name)
    wanted = digest(name)
    if os.path.exists(stamp) and open(stamp).read() == wanted:
        return
    if not os.path.exists(PYTHON):
        make_environment()
    print("Installing %s into .venv …" % name, flush=True)
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", name]
    if subprocess.call(pip, cwd=ROOT):
        sys.exit("pip could not install %s: see its message above." % name)
    with open(stamp, "w") as file:
        file.write(wanted)


def make_environment():
    print("Making the virtual environment .venv …", flush=True)
    if subprocess.call([sys.executable, "-m", "venv", VENV]):
        sys.exit("Python could not make .venv. On Debian and Ubuntu: apt-get install python3-venv")


def digest(name):
    """Of the file and of every file that it includes by -r."""
    text = open(os.path.join(ROOT, name)).read()
    included = [line[3:].strip() for line in text.splitlines() if line.startswith("-r ")]
    whole = text + "".join(digest(each) for each in included)
    return hashlib.sha256(whole.encode()).hexdigest()


if __name__ == "__main__":
    main(sys.argv[1])
